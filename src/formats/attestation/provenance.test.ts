import { expect, it } from 'vitest';
import { printJson } from '../../base/canonical-json.ts';
import { sha256 } from '../../base/digest.ts';
import { PROVENANCE_PREDICATE, type Provenance, packageDependency, provenancePredicate } from './provenance.ts';
import { parseStatement, printStatement } from './statement.ts';

const bash = packageDependency({
  name: 'bash',
  url: 'https://repo.test/os/x86_64/bash-5.2-r0.apk',
  fileDigest: sha256('bash'),
  checksum: 'Q1abc=',
  purl: 'pkg:apk/wolfi/bash@5.2-r0?arch=x86_64',
  origin: 'bash',
});
const least: Provenance = {
  buildType: 'https://example.test/apk-image/v1',
  externalParameters: {
    config: { uri: 'git+https://example.test/app', digest: { gitCommit: 'ab' } },
    archs: ['amd64'],
  },
  resolvedDependencies: [bash],
  builder: { id: 'https://example.test/laptop', version: { stave: '1.0.0' } },
};

it('prints the keys of the specification, in its order', () => {
  const full = provenancePredicate({
    ...least,
    internalParameters: { layering: 'origin' },
    invocationId: 'https://ci.test/run/1',
    startedOn: '2026-01-01T00:00:00Z',
    finishedOn: '2026-01-01T00:00:01Z',
    byproducts: [{ name: 'sbom', digest: { sha256: '00' }, mediaType: 'application/spdx+json' }],
  });
  expect(printJson(full)).toBe(
    [
      '{"buildDefinition":{"buildType":"https://example.test/apk-image/v1",',
      '"externalParameters":{"config":{"uri":"git+https://example.test/app","digest":{"gitCommit":"ab"}},"archs":["amd64"]},',
      '"internalParameters":{"layering":"origin"},',
      '"resolvedDependencies":[{"name":"bash","uri":"https://repo.test/os/x86_64/bash-5.2-r0.apk",',
      `"digest":{"sha256":"${sha256('bash').slice(7)}"},`,
      '"annotations":{"purl":"pkg:apk/wolfi/bash@5.2-r0?arch=x86_64","checksum":"Q1abc=","origin":"bash"}}]},',
      '"runDetails":{"builder":{"id":"https://example.test/laptop","version":{"stave":"1.0.0"}},',
      '"metadata":{"invocationId":"https://ci.test/run/1","startedOn":"2026-01-01T00:00:00Z","finishedOn":"2026-01-01T00:00:01Z"},',
      '"byproducts":[{"name":"sbom","digest":{"sha256":"00"},"mediaType":"application/spdx+json"}]}}',
    ].join(''),
  );
});

it('says nothing of what it is not told: no times, no metadata', () => {
  const predicate = provenancePredicate(least);
  expect(predicate).toEqual({
    buildDefinition: {
      buildType: least.buildType,
      externalParameters: least.externalParameters,
      resolvedDependencies: [bash],
    },
    runDetails: { builder: least.builder },
  });
});

it('is the predicate of a statement', () => {
  const predicate = provenancePredicate(least);
  const subjects = [{ digest: sha256('image'), annotations: {} }];
  const printed = printStatement({ subjects, predicateType: PROVENANCE_PREDICATE, predicate });
  expect(parseStatement(Buffer.from(printed), 'it')).toEqual({
    subjects,
    predicateType: PROVENANCE_PREDICATE,
    predicate,
  });
});
