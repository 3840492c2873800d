// SLSA provenance as a user meets it (issue 6; attestations-and-vex.md 3): every input with its digest, what was asked for, who
// built; the same text for the same build; and nothing that is secret or about one machine.

import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { systemClock } from '../../src/effects/http/retry.ts';
import { type FaultyRegistry, openFaultyRegistry } from '../support/faulty-registry.ts';
import { type LoopbackServer, openLoopbackServer, serveFiles } from '../support/loopback-server.ts';
import { type LoopbackSigstore, openLoopbackSigstore, TEST_IDENTITY } from '../support/loopback-sigstore.ts';
import { CONFIG, type Json, Place, warningsOf } from './place.ts';
import { smallRepository } from './small-repository.ts';

const repository = smallRepository();
const hex = (bytes: Uint8Array) => sha256(bytes).slice('sha256:'.length);
const hexOf = (path: string) => hex(repository.files.get(path) as Buffer);

let server: LoopbackServer;
let registry: FaultyRegistry;
let sigstore: LoopbackSigstore;
beforeAll(async () => {
  vi.spyOn(systemClock, 'sleep').mockImplementation(async () => {});
  const served = new Map([...repository.files].map(([path, bytes]) => [`/os/${path}`, bytes as Uint8Array]));
  server = await openLoopbackServer(serveFiles(served));
  registry = await openFaultyRegistry();
  sigstore = await openLoopbackSigstore();
});
afterAll(async () => {
  vi.restoreAllMocks();
  await server.close();
  await registry.close();
  await sigstore.close();
});

const remote = () => CONFIG.replace('./repository', `http://usr:canary0secret@${server.url.slice(7)}/os`);

const WITH = ['--provenance-path', 'provenance', '--reproducible-provenance'];

async function provenanceOf(place: Place, words: readonly string[] = [], env = {}): Promise<Json> {
  await place.build([...WITH, ...words], env);
  return place.json('provenance/provenance-x86_64.intoto.json');
}

const dependency = (statement: Json, name: string): Json =>
  statement.predicate.buildDefinition.resolvedDependencies.find((one: Json) => one.name === name || one.uri === name);

describe('of a build', () => {
  it('names every input with its digest', async () => {
    const place = new Place(remote(), repository);
    const statement = await provenanceOf(place);
    const index = place.json('layout/index.json');
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: index.manifests[0].digest.slice(7) } }],
      predicateType: 'https://slsa.dev/provenance/v1',
    });
    const { buildDefinition, runDetails } = statement.predicate;
    expect(buildDefinition.buildType).toBe('urn:stave:buildtype:apk-image:v1');
    expect(buildDefinition.externalParameters).toEqual({
      config: { path: 'image.yaml', digest: { sha256: hex(place.read('image.yaml')) } },
      archs: ['amd64', 'arm64'],
      tags: ['example.com/app:1'],
    });
    const root = `${server.url}/os/x86_64`;
    expect(buildDefinition.resolvedDependencies).toEqual([
      { uri: `${root}/APKINDEX.tar.gz`, digest: { sha256: hexOf('x86_64/APKINDEX.tar.gz') } },
      { name: 'small.rsa.pub', digest: { sha256: hex(place.read('small.rsa.pub')) } },
      ...['libsmall-1.5-r0', 'app-2.0-r1', 'layout-1.0-r0'].map((file) => ({
        name: file.split('-')[0],
        uri: `${root}/${file}.apk`,
        digest: { sha256: hexOf(`x86_64/${file}.apk`) },
        annotations: {
          purl: `pkg:apk/small/${file.replace('-', '@')}?arch=x86_64&distro=small-1`,
          checksum: expect.stringMatching(/^Q1/),
          origin: file.split('-')[0],
        },
      })),
    ]);
    expect(runDetails).toEqual({
      builder: { id: 'urn:stave:builder:unhosted', version: { stave: expect.any(String) } },
    });
    const whole = place.json('provenance/provenance-index.intoto.json');
    const uris = whole.predicate.buildDefinition.resolvedDependencies.map(({ uri }: Json) => uri);
    expect(uris).toContain(`${root}/app-2.0-r1.apk`);
    expect(uris).toContain(`${server.url}/os/aarch64/app-2.0-r1.apk`);
  });

  it('is the same in another folder, with another cache, by a known result, and with a cache that is older', async () => {
    const first = new Place(remote(), repository);
    const text = JSON.stringify(await provenanceOf(first));
    expect(JSON.stringify(await provenanceOf(first))).toBe(text);
    const second = new Place(remote(), repository);
    await second.build();
    expect(JSON.stringify(await provenanceOf(second))).toBe(text);
    expect(JSON.stringify(await provenanceOf(second, ['--offline']))).toBe(text);
  });

  it('says so where the cache does not know a file and must not ask', async () => {
    const place = new Place(remote(), repository);
    await place.build();
    const answer = await place.tryBuild([...WITH, '--offline']);
    expect(answer.exitCode, answer.stderr).toBe(0);
    expect(warningsOf(answer).map(({ code }) => code)).toContain('PROVENANCE_INCOMPLETE');
    const app = dependency(place.json('provenance/provenance-x86_64.intoto.json'), 'app');
    expect([app.digest, app.annotations.checksum]).toEqual([undefined, expect.stringMatching(/^Q1/)]);
  });

  it('keeps local paths and secrets to itself', async () => {
    const local = await provenanceOf(new Place());
    const app = dependency(local, 'app');
    expect([app.uri, app.digest.sha256]).toEqual([undefined, hexOf('x86_64/app-2.0-r1.apk')]);
    expect(JSON.stringify(local)).not.toMatch(/place-|\/tmp|\.\/repository/);
    const config = `${remote()}vars: {token: none}\nannotations: {a: '\${{vars.token}}'}\n`;
    const flags = ['--var', 'token=canary0secret', '-r', `http://usr:canary0secret@${server.url.slice(7)}/os`];
    const secret = await provenanceOf(new Place(config, repository), flags);
    expect(JSON.stringify(secret)).not.toContain('canary0secret');
    expect(secret.predicate.buildDefinition.externalParameters.vars.token).toMatch(/^sha256-[0-9a-f]{64}$/);
  });

  it('knows the lock file, the files of the user, and what the command line adds', async () => {
    const files = 'files:\n  - {name: shop, version: "1.2", files: [{from: shop.sh, to: /usr/bin/shop}]}\n';
    const place = new Place(CONFIG + files);
    place.write('shop.sh', '#!/bin/sh\n');
    await place.do(['lock', 'image.yaml', '--output', 'lock.json']);
    const flags = ['--lockfile', 'lock.json', '--annotations', 'a:b', '--build-date', '2024-02-02T00:00:00Z'];
    const statement = await provenanceOf(place, flags);
    expect(statement.predicate.buildDefinition.externalParameters).toMatchObject({
      lockfile: { path: 'lock.json', digest: { sha256: hex(place.read('lock.json')) } },
      annotations: ['a:b'],
      buildDate: '2024-02-02T00:00:00Z',
    });
    const shop = dependency(statement, 'files of shop');
    expect([shop.digest.sha256, shop.annotations.version]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), '1.2']);
    place.write('shop.sh', '#!/bin/sh\n# other\n');
    await place.do(['lock', 'image.yaml', '--output', 'lock.json']);
    expect(dependency(await provenanceOf(place, flags), 'files of shop').digest).not.toEqual(shop.digest);
    expect(JSON.stringify(statement)).not.toContain('APKINDEX');
  });

  it('has times and the run, unless it is to be reproducible', async () => {
    const place = new Place();
    await place.build(['--provenance-path', 'provenance']);
    const { metadata } = place.json('provenance/provenance-index.intoto.json').predicate.runDetails;
    expect(Object.keys(metadata)).toEqual(['startedOn', 'finishedOn']);
    expect(metadata.startedOn).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  const github = {
    GITHUB_ACTIONS: 'true',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_WORKFLOW_REF: 'org/app/.github/workflows/release.yml@refs/tags/v1',
    GITHUB_REPOSITORY: 'org/app',
    GITHUB_RUN_ID: '77',
    GITHUB_RUN_ATTEMPT: '2',
  };
  const gitlab = {
    GITLAB_CI: 'true',
    CI_SERVER_URL: 'https://gitlab.com',
    CI_PROJECT_PATH: 'org/app',
    CI_COMMIT_REF_NAME: 'main',
    CI_JOB_URL: 'https://gitlab.com/org/app/-/jobs/5',
  };
  it.each([
    [github, [], TEST_IDENTITY, 'https://github.com/org/app/actions/runs/77/attempts/2'],
    [gitlab, [], 'https://gitlab.com/org/app//.gitlab-ci.yml@refs/heads/main', gitlab.CI_JOB_URL],
    [{}, ['--builder-id', 'https://ci.example.test'], 'https://ci.example.test', undefined],
  ])('names the builder (%#)', async (env, flags, id, invocationId) => {
    const place = new Place();
    await place.build(['--provenance-path', 'provenance', ...flags], env);
    const { builder, metadata } = place.json('provenance/provenance-index.intoto.json').predicate.runDetails;
    expect([builder.id, metadata.invocationId]).toEqual([id, invocationId]);
  });
});

describe('of a publication', () => {
  it('is attested about the index and every platform, and verifies', async () => {
    const place = new Place();
    const key = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    });
    const tag = `${registry.host}/team/app:1`;
    const words = ['publish', 'image.yaml', tag, '--sign', '--key', 'env://KEY', '--json'];
    const report = JSON.parse((await place.do(words, { KEY: key as string })).stdout);
    place.write(
      'policy.yaml',
      'rules:\n- path: buildDefinition.buildType\n  matches: urn:stave:.*\n- path: buildDefinition.resolvedDependencies[*].digest\n  exists: true\n',
    );
    for (const digest of [report.indexDigest, ...report.images.map((one: Json) => one.digest)]) {
      const type = ['--type', 'slsaprovenance1', '--policy', 'policy.yaml'];
      const { stdout } = await place.do(['verify-attestation', `${registry.host}/team/app@${digest}`, ...type]);
      const [envelope] = stdout.split('\n');
      const statement = JSON.parse(Buffer.from(JSON.parse(envelope!).payload, 'base64').toString());
      expect(statement.predicate.runDetails.byproducts).toMatchObject([{ mediaType: 'application/spdx+json' }]);
      expect(statement.predicate.buildDefinition.externalParameters.tags).toEqual([tag]);
    }
  });

  it('names the workflow that signed it as the builder', async () => {
    const place = new Place();
    place.write('config.json', sigstore.config({ rekor: 1 }));
    place.write('root.json', sigstore.trustedRoot);
    const tag = `${registry.host}/team/keyless:1`;
    const flags = ['--sign', '--signing-config', 'config.json', '--trusted-root', 'root.json'];
    await place.do(['publish', 'image.yaml', tag, ...flags], { SIGSTORE_ID_TOKEN: sigstore.token() });
    const [envelope] = (await place.do(['download', 'attestation', tag, '--type', 'slsaprovenance1'])).stdout.split(
      '\n',
    );
    const statement = JSON.parse(Buffer.from(JSON.parse(envelope!).payload, 'base64').toString());
    expect(statement.predicate.runDetails.builder.id).toBe(TEST_IDENTITY);
  });
});
