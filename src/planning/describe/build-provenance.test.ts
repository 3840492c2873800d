import { expect, it } from 'vitest';
import { sha256 } from '../../base/digest.ts';
import type { ResourceDescriptor } from '../../formats/attestation/provenance.ts';
import { type BuildFacts, type BuiltPlatform, planProvenance } from './build-provenance.ts';

const HEX = '0'.repeat(64);
const COMMIT = 'a'.repeat(40);
const RUN = { builderId: 'https://ci.example.test', toolVersion: '1.0.0' };

function platform(arch: string, name: string): BuiltPlatform {
  const source = { name, url: `https://r.test/${arch}/${name}.apk`, fileDigest: sha256(arch, name) };
  return {
    arch,
    packages: [
      { ...source, checksum: 'Q1', purl: 'pkg:apk/x', origin: name },
      { ...source, name: 'docs', url: '', fileDigest: sha256('docs'), checksum: 'Q1', purl: '', origin: 'docs' },
    ],
    indexes: [{ name: `https://r.test/${arch}/APKINDEX.tar.gz`, sha256: HEX }],
    sboms: [{ name: `sbom-${arch}`, mediaType: 'application/spdx+json', sha256: HEX }],
    baseImage: undefined,
  };
}

const FACTS: BuildFacts = {
  configFiles: [
    { name: 'image.yaml', sha256: HEX },
    { name: 'base.yaml', sha256: HEX },
  ],
  lockFile: undefined,
  vcsUrl: `https://git.example.test/app@${COMMIT}`,
  tags: ['example/app:1'],
  flags: { variant: '', vars: {}, packageAppend: [], annotations: ['a:b'], ignoreSignatures: false, level: null },
  internal: {},
  platforms: [platform('amd64', 'bash'), platform('arm64', 'bash')],
  keys: [{ name: 'key.rsa.pub', sha256: HEX }],
  groups: [],
  indexSboms: [{ name: 'sbom-index', mediaType: 'application/spdx+json', sha256: HEX }],
};

const namesOf = (facts: BuildFacts, arch?: string) =>
  planProvenance(facts, RUN, arch).resolvedDependencies.map(({ uri, name }: ResourceDescriptor) => uri ?? name);

it('of a platform names its own inputs, that of the index all of them once', () => {
  expect(namesOf(FACTS, 'arm64')).toEqual([
    `git+https://git.example.test/app@${COMMIT}`,
    'https://r.test/arm64/APKINDEX.tar.gz',
    'key.rsa.pub',
    'https://r.test/arm64/bash.apk',
    'docs',
  ]);
  expect(namesOf(FACTS)).toEqual([
    `git+https://git.example.test/app@${COMMIT}`,
    'https://r.test/amd64/APKINDEX.tar.gz',
    'https://r.test/arm64/APKINDEX.tar.gz',
    'key.rsa.pub',
    'https://r.test/amd64/bash.apk',
    'docs',
    'https://r.test/arm64/bash.apk',
  ]);
});

it('tells what was asked for, and nothing that was not', () => {
  expect(planProvenance(FACTS, RUN).externalParameters).toEqual({
    config: { path: 'image.yaml', digest: { sha256: HEX } },
    includes: [{ path: 'base.yaml', digest: { sha256: HEX } }],
    archs: ['amd64', 'arm64'],
    tags: ['example/app:1'],
    annotations: ['a:b'],
  });
  expect(planProvenance(FACTS, RUN, 'amd64').byproducts).toEqual([
    { name: 'sbom-amd64', mediaType: 'application/spdx+json', digest: { sha256: HEX } },
  ]);
});

it('names base image, groups of files, the image they came from, and downloads', () => {
  const baseImage = { name: 'r.test/base:1', digest: sha256('base') };
  const group = {
    name: 'shop',
    version: '1.2',
    sha256: HEX,
    image: `r.test/shop@sha256:${HEX}`,
    downloads: [{ url: 'https://d.test/x', sha256: HEX }],
  };
  const facts = {
    ...FACTS,
    vcsUrl: 'no commit',
    platforms: [{ ...platform('amd64', 'bash'), baseImage }],
    groups: [group],
  };
  const resources = planProvenance(facts, RUN).resolvedDependencies;
  expect([resources[0], ...resources.slice(-3)]).toEqual([
    { name: 'r.test/base:1', digest: { sha256: baseImage.digest.slice('sha256:'.length) } },
    { name: 'files of shop', digest: { sha256: HEX }, annotations: { version: '1.2' } },
    { name: 'r.test/shop', digest: { sha256: HEX } },
    { uri: 'https://d.test/x', digest: { sha256: HEX } },
  ]);
});
