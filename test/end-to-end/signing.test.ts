// `stave sign`, `attest`, `verify`, `verify-attestation`, `keys`, `trust init` and `download` as a user meets them (issue 6):
// what they answer, with which exit code, and in which words. Keyed and keyless, with a private Sigstore in this process.

import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImageIndex } from '../../src/effects/registry/client/push-image.ts';
import { describeBytes } from '../../src/formats/oci/descriptor.ts';
import { type FaultyRegistry, openFaultyRegistry } from '../support/faulty-registry.ts';
import { openLoopbackServer } from '../support/loopback-server.ts';
import {
  type LoopbackSigstore,
  openLoopbackSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from '../support/loopback-sigstore.ts';
import { type ClientBench, openBench, testImages } from '../support/registry-client.ts';
import { SECRET_CANARY } from '../support/signing-keys.ts';
import { type Answer, failureOf, type Json, Place } from './place.ts';

const { index, images, blobs } = testImages();
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const KEY = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const OTHER = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey;
const PASSWORD = { COSIGN_PASSWORD: SECRET_CANARY };
const IDENTITY = ['--certificate-identity', TEST_IDENTITY, '--certificate-oidc-issuer', TEST_ISSUER];
const ROOT = ['--trusted-root', 'root.json'];
const NO_LOG = '--insecure-ignore-tlog';
const spki = (key: typeof OTHER) => key.export({ type: 'spki', format: 'pem' }).toString();

let bench: ClientBench;
let registry: FaultyRegistry;
let sigstore: LoopbackSigstore;
let place: Place;
let runs = 0;

beforeAll(async () => {
  bench = openBench();
  registry = await openFaultyRegistry();
  sigstore = await openLoopbackSigstore();
  place = new Place('', undefined);
  place.write('key.pem', KEY);
  place.write('key.pub', spki(createPublicKey(KEY)));
  place.write('other.pub', spki(OTHER));
  place.write('root.json', sigstore.trustedRoot);
  place.write('config.json', sigstore.config({ rekor: 1, tsa: true }));
  place.write('vex.json', '{"statements":[{"status":"fixed","count":3}]}');
});
afterAll(async () => {
  await bench.close();
  await registry.close();
  await sigstore.close();
});

/** A new repository with the test image under `1.0`. */
async function published(): Promise<string> {
  const repository = `${registry.host}/team/app${runs++}`;
  await pushImageIndex(bench.open(repository), index, blobs, { tags: ['1.0'] });
  return `${repository}:1.0`;
}

/** In an environment with a key and a token. */
const stave = (...words: readonly string[]): Promise<Answer> =>
  place.stave(words, { KEY, SIGSTORE_ID_TOKEN: sigstore.token() });

async function ok(...words: readonly string[]): Promise<Answer> {
  const answer = await stave(...words);
  expect(answer.exitCode, answer.stderr + answer.stdout).toBe(0);
  return answer;
}

const json = async (...words: readonly string[]): Promise<Json> => JSON.parse((await stave(...words, '--json')).stdout);
const keyed = ['--key', 'env://KEY'];
const keyless = ['--signing-config', 'config.json'];

describe('verify', () => {
  let signed: string;
  let certified: string;
  let unsigned: string;
  beforeAll(async () => {
    [signed, certified, unsigned] = [await published(), await published(), await published()];
    await ok('sign', signed, ...keyed, '-a', 'team=core,build=42');
    await ok('sign', certified, ...keyless);
  });

  const rows: [string, () => string[], number, RegExp][] = [
    ['the key', () => [signed, '--key', 'key.pub', NO_LOG], 0, /is signed by whom it should be/],
    ['the key, which is in no log', () => [signed, '--key', 'key.pub'], 12, /--insecure-ignore-tlog/],
    ['another key', () => [signed, '--key', 'other.pub', NO_LOG], 12, /change the expected signer/],
    ['an annotation', () => [signed, '--key', 'key.pub', NO_LOG, '-a', 'team=core'], 0, /verified {2}.*annotations/],
    ['a wrong annotation', () => [signed, '--key', 'key.pub', NO_LOG, '-a', 'team=x'], 12, /team is "core", not "x"/],
    [
      'a platform',
      () => [`${signed.replace(':1.0', '')}@${images[1]!.descriptor.digest}`, '--key', 'key.pub', NO_LOG],
      0,
      /is signed/,
    ],
    ['the identity', () => [certified, ...IDENTITY, ...ROOT], 0, /verified {2}signature, certificate, log, timestamp/],
    ['an identity, for a key', () => [signed, ...IDENTITY, ...ROOT, NO_LOG], 13, /not by https:\/\/github/],
    [
      'another identity',
      () => [certified, '--certificate-identity', 'x', ...IDENTITY.slice(2), ...ROOT],
      12,
      /Expected x/,
    ],
    [
      'a part of the identity',
      () => [certified, '--certificate-identity-regexp', 'org/app', ...IDENTITY.slice(2), ...ROOT],
      12,
      /refused/,
    ],
    [
      'a pattern of it',
      () => [certified, '--certificate-identity-regexp', '.*org/app.*', ...IDENTITY.slice(2), ...ROOT],
      0,
      /counts/,
    ],
    ['what nobody signed', () => [unsigned, '--key', 'key.pub'], 10, /is not signed/],
    ['what is not there', () => [`${signed.replace(':1.0', ':2.0')}`, '--key', 'key.pub'], 11, /is not there/],
    ['what no registry has', () => [`${registry.host}/nobody/has:1`, '--key', 'key.pub'], 11, /is not there/],
  ];
  it.each(rows)('%s', async (_what, words, exitCode, says) => {
    const answer = await stave('verify', ...words());
    expect([answer.exitCode, answer.stdout]).toEqual([exitCode, expect.stringMatching(says)]);
    expect((await json('verify', ...words())).exitCode).toBe(exitCode);
  });

  it('takes a key from a URL, unless that is nobody in particular, or offline', async () => {
    const server = await openLoopbackServer((_request, response) => response.end(place.text('key.pub')));
    const url = `${server.url}/key.pub`;
    await ok('verify', signed, '--key', url, NO_LOG);
    const rows: [string[], string][] = [
      [['--key', 'http://keys.example.test/key.pub'], 'USAGE_FLAG'],
      [['--key', url, '--offline'], 'NETWORK_OFFLINE'],
    ];
    for (const [words, code] of rows) {
      expect(failureOf(await stave('verify', signed, ...words, '--json')).code).toBe(code);
    }
    await server.close();
  });

  it('tells what was skipped as skipped', async () => {
    const { stdout } = await stave('verify', signed, '--key', 'key.pub', NO_LOG);
    expect(stdout).toContain('skipped   log: it is in no log');
    expect(stdout.match(/verified {2}.*/g)?.every((line) => !line.includes('log'))).toBe(true);
  });

  it('has a stable report', async () => {
    const report = await json('verify', certified, ...IDENTITY, ...ROOT);
    expect(report).toEqual({
      reference: `${certified}@${index.descriptor.digest}`,
      expected: [`${TEST_IDENTITY} (by ${TEST_ISSUER})`],
      trustedBy: 'the flags',
      image: index.descriptor.digest,
      outcome: 'verified',
      signatures: ['bundle', 'legacy'].map((format) => ({
        place: expect.any(String),
        format,
        predicateType: 'https://sigstore.dev/cosign/sign/v1',
        signer: { kind: 'certificate', identity: TEST_IDENTITY, issuer: TEST_ISSUER },
        verified: ['signature', 'certificate', 'log', 'timestamp', 'digest'],
        skipped: [],
      })),
      attestations: [],
      advice: [],
      exitCode: 0,
    });
  });

  const usage: [string[], string][] = [
    [['--key', 'key.pub', ...IDENTITY], 'USAGE_FLAG'],
    [['--certificate-identity', 'x'], 'USAGE_FLAG'],
    [['-a', 'x', '--key', 'key.pub'], 'USAGE_FLAG'],
    [['--key', 'absent.pub'], 'FILE_UNREADABLE'],
    [['--trust-file', 'absent.yaml'], 'USAGE_FLAG'],
    [['--key', 'key.pub', '--offline'], 'NETWORK_OFFLINE'],
  ];
  it.each(usage)('refuses %j', async (words, code) => {
    expect(failureOf(await stave('verify', signed, ...words, '--json')).code).toBe(code);
  });

  it('needs no flags after trust init', async () => {
    const trust = ['--trust-file', 'own.trust.yaml'];
    const { stdout } = await ok('trust', 'init', certified, ...ROOT, ...trust);
    expect(stdout).toContain(`was signed by ${TEST_IDENTITY}`);
    expect(place.text('own.trust.yaml')).toContain('identity-regexp: https://github\\.com/org/app/');
    expect((await ok('verify', certified, ...trust)).stdout).toContain('(says own.trust.yaml)');
    expect((await ok('trust', 'init', certified, ...ROOT, ...trust)).stdout).toContain('has an entry');
    const more = await ok('trust', 'init', signed, '--key', 'key.pub', NO_LOG, ...trust);
    expect(more.stdout).toMatch(/has no entry for this image yet; add what fits of this:[\s\S]*BEGIN PUBLIC KEY/);
    rmSync(place.path('own.trust.yaml'));
    await ok('trust', 'init', signed, '--key', 'key.pub', NO_LOG, ...trust);
    await ok('verify', signed, ...trust);
  });

  it.each([
    ['a key, which signatures do not name', () => [signed], 'SIGNATURE_MISSING'],
    ['a signature of another Sigstore', () => [certified], 'SIGNATURE_MISSING'],
    ['half an identity', () => [signed, '--certificate-identity', 'x'], 'USAGE_FLAG'],
    ['a key and an identity', () => [signed, '--key', 'key.pub', ...IDENTITY], 'USAGE_FLAG'],
  ])('trust init writes nothing down for %s', async (_what, words, code) => {
    const answer = await stave('trust', 'init', ...words(), '--trust-file', 'never.yaml', '--json');
    expect(failureOf(answer).code).toBe(code);
    expect(() => place.text('never.yaml')).toThrow('ENOENT');
  });
});

it('signs as whoever logs in with a code on another device', async () => {
  let polls = 0;
  const provider = await openLoopbackServer((request, response) => {
    const path = request.url ?? '';
    const endpoint = (name: string) => `${provider.url}/${name}`;
    const answers: Record<string, object> = {
      '/.well-known/openid-configuration': {
        authorization_endpoint: endpoint('auth'),
        token_endpoint: endpoint('token'),
        device_authorization_endpoint: endpoint('device'),
      },
      '/device': { device_code: 'd', user_code: 'WXYZ', verification_uri: endpoint('here'), interval: 0.01 },
      '/token': polls < 1 ? { error: 'authorization_pending' } : { id_token: sigstore.token() },
    };
    if (path === '/token') polls += 1;
    response.end(JSON.stringify(answers[path] ?? {}));
  });
  const image = await published();
  const login = ['--fulcio-auth-flow', 'device'];
  place.write('login.json', sigstore.config({ rekor: 1, tsa: true, oidc: provider.url }));
  const rows = [
    ['--signing-config', 'login.json'],
    [...keyless, '--oidc-issuer', provider.url],
  ];
  for (const where of rows) {
    polls = 0;
    const signed = await place.stave(['sign', image, ...where, ...login]);
    expect(polls).toBe(2);
    expect(signed.exitCode, signed.stderr).toBe(0);
    expect(signed.stderr).toContain(`log in at ${provider.url}/here and look whether it shows the code WXYZ`);
  }
  await provider.close();
  await ok('verify', image, ...IDENTITY, ...ROOT);
  // Nobody is asked, or nobody says where.
  for (const flow of [
    ['--signing-config', 'login.json', '--fulcio-auth-flow', 'token'],
    [...keyless, ...login],
  ]) {
    const nobody = await place.stave(['sign', image, ...flow, '--json']);
    expect(failureOf(nobody)).toMatchObject({
      code: 'SIGNING_FAILED',
      message: 'there is no identity token to sign with',
    });
  }
});

describe('what GitHub said about the workflow', () => {
  const CLAIMS = { event_name: 'push', sha: 'c0ffee', workflow: 'Release', repository: 'org/app', ref: 'refs/tags/v1' };
  const flag = (claim: string, value: string) => [`--certificate-github-workflow-${claim}`, value];
  const right = [
    ...flag('trigger', 'push'),
    ...flag('sha', 'c0ffee'),
    ...flag('name', 'Release'),
    ...flag('repository', 'org/app'),
    ...flag('ref', 'refs/tags/v1'),
  ];
  let image: string;
  beforeAll(async () => {
    image = await published();
    const token = sigstore.token({ sub: TEST_IDENTITY, iss: TEST_ISSUER, ...CLAIMS });
    const attest = ['attest', image, '--type', 'openvex', '--predicate', 'vex.json', ...keyless];
    for (const words of [['sign', image, ...keyless], attest]) {
      const { exitCode, stderr } = await place.stave(words, { SIGSTORE_ID_TOKEN: token });
      expect(exitCode, stderr).toBe(0);
    }
  });

  it('counts where it is as wanted, in bundles and legacy signatures, for attestations, and as cosign sees it', async () => {
    const { signatures } = await json('verify', image, ...IDENTITY, ...ROOT, ...right);
    const verdicts = signatures.map((one: Json) => [one.format, one.refusal]);
    expect(verdicts.sort()).toEqual([
      ['bundle', undefined],
      ['legacy', undefined],
    ]);
    await ok('verify-attestation', image, '--type', 'openvex', ...IDENTITY, ...ROOT, ...right);
    await ok('verify', image, '--as', 'cosign3', ...IDENTITY, ...ROOT, ...right);
  });

  it.each(['trigger', 'sha', 'name', 'repository', 'ref'])('is refused with another %s', async (claim) => {
    const words = [...IDENTITY, ...ROOT, ...right, ...flag(claim, 'other')];
    const { exitCode, stdout } = await stave('verify', image, ...words);
    expect([exitCode, stdout]).toEqual([12, expect.stringContaining(`says the workflow ${claim} "`)]);
    expect(stdout).toContain('and "other" is expected');
    expect((await stave('verify-attestation', image, '--type', 'openvex', ...words)).exitCode).toBe(12);
    expect((await stave('verify', image, '--as', 'cosign3', ...words)).exitCode).toBe(12);
  });

  it('is refused where the certificate says nothing of it', async () => {
    const person = await published();
    await ok('sign', person, ...keyless);
    const { exitCode, stdout } = await stave('verify', person, ...IDENTITY, ...ROOT, ...flag('ref', 'refs/tags/v1'));
    expect([exitCode, stdout]).toEqual([12, expect.stringContaining('says no workflow ref')]);
  });

  it.each([
    [[], /says nothing about who signed/],
    [['--key', 'key.pub'], /exclude each other/],
    [[...IDENTITY, ...ROOT, '--as', 'kyverno'], /kyverno is not asked for/],
  ])('does not go with %j', async (words, message) => {
    const answer = await stave('verify', image, ...words, ...flag('ref', 'refs/tags/v1'), '--json');
    expect(failureOf(answer)).toMatchObject({ code: 'USAGE_FLAG', message: expect.stringMatching(message) });
  });
});

describe('with a log of version 2 alone', () => {
  beforeAll(() => place.write('config-v2.json', sigstore.config({ rekor: 2, tsa: true })));
  const v2 = ['--signing-config', 'config-v2.json'];

  it.each([
    ['sign', [], []],
    ['sign with a key', [], keyed],
    ['attest', ['--type', 'openvex', '--predicate', 'vex.json'], []],
  ])('%s refuses legacy signatures, and signs nothing', async (command, words, signer) => {
    const image = await published();
    const before = sigstore.asked.length;
    const all = [command.split(' ')[0]!, image, ...words, ...v2, ...signer, '--format', 'legacy', '--json'];
    expect(failureOf(await stave(...all))).toMatchObject({
      code: 'USAGE_FLAG',
      message: expect.stringContaining(`no place for an entry of ${sigstore.url}, a log of version 2`),
    });
    expect(sigstore.asked).toHaveLength(before);
    expect((await stave('verify', image, ...IDENTITY, ...ROOT)).exitCode).toBe(10);
  });

  it('publish --sign refuses them before it reads what to build', async () => {
    const words = ['publish', 'none.yaml', `${registry.host}/team/none:1`, '--sign', ...v2];
    const legacy = await stave(...words, '--signature-format', 'legacy', '--json');
    expect(failureOf(legacy)).toMatchObject({
      code: 'USAGE_FLAG',
      message: expect.stringContaining('a log of version 2'),
    });
    expect(failureOf(await stave(...words, '--json')).code).toMatch(/^(CONFIG|FILE)_/);
  });

  it('signs both with a warning, and bundles without; both verify', async () => {
    for (const format of ['both', 'bundle']) {
      const image = await published();
      const { stderr } = await ok('sign', image, ...v2, '--format', format);
      expect(stderr.includes('LEGACY_UNLOGGED')).toBe(format === 'both');
      await ok('verify', image, ...IDENTITY, ...ROOT);
    }
  });

  it('says nothing where a log of version 1 is there too', async () => {
    const config = JSON.parse(sigstore.config({ rekor: 2, tsa: true }));
    const [old] = JSON.parse(sigstore.config({ rekor: 1 })).rekorTlogUrls;
    const rekorTlogUrls = [...config.rekorTlogUrls, { ...old, operator: 'other' }];
    place.write('config-all.json', JSON.stringify({ ...config, rekorTlogUrls, rekorTlogConfig: { selector: 'ALL' } }));
    const image = await published();
    const { stderr } = await ok('sign', image, '--signing-config', 'config-all.json', '--format', 'legacy');
    expect(stderr).not.toContain('LEGACY_UNLOGGED');
    await ok('verify', image, ...IDENTITY, ...ROOT);
  });
});

describe('attestations', () => {
  let image: string;
  const verify = (...words: readonly string[]) =>
    stave('verify-attestation', image, '--type', 'openvex', '--key', 'key.pub', NO_LOG, ...words);
  beforeAll(async () => {
    image = await published();
    await ok('attest', image, '--type', 'openvex', '--predicate', 'vex.json', ...keyed);
  });

  it('are printed as envelopes, one a line, and told on stderr', async () => {
    const { exitCode, stdout, stderr } = await verify();
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('has a verified attestation')]);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(2);
    for (const { payload } of lines) {
      expect(JSON.parse(Buffer.from(payload, 'base64').toString())).toMatchObject({
        predicateType: 'https://openvex.dev/ns',
        subject: [{ digest: { sha256: index.descriptor.digest.slice('sha256:'.length) } }],
        predicate: { statements: [{ status: 'fixed', count: 3 }] },
      });
    }
  });

  it('do not make an image signed', async () => {
    const { exitCode, stdout } = await stave('verify', image, '--key', 'key.pub', NO_LOG);
    expect([exitCode, stdout]).toEqual([10, expect.stringContaining('an attestation is not a signature')]);
  });

  it.each([
    [['--type', 'slsaprovenance1'], 10, /there are: https:\/\/openvex\.dev\/ns/],
    [['--key', 'other.pub'], 12, /because {3}it was made with/],
  ])('with %j are not there or do not count', async (words, exitCode, says) => {
    const answer = await verify(...words);
    expect([answer.exitCode, answer.stdout, answer.stderr]).toEqual([exitCode, '', expect.stringMatching(says)]);
  });

  it.each([
    [
      'holds',
      "rules:\n- path: statements[*].status\n  equals: fixed\n- path: statements[0].count\n  matches: '[0-9]'",
      0,
    ],
    ['does not hold', 'rules:\n- path: statements[*].status\n  not-matches: fix.*', 7],
    ['is no YAML of ours', 'rules: [{path: a}]', 3],
    ['has no rules', '{}', 3],
  ])('with a policy that %s', async (_what, policy, exitCode) => {
    place.write('policy.yaml', policy);
    const answer = await verify('--policy', 'policy.yaml');
    expect([answer.exitCode, answer.stdout !== ''], answer.stderr).toEqual([exitCode, exitCode === 0]);
  });

  it('with a policy in another language', async () => {
    place.write('policy.rego', 'package sigstore');
    expect(failureOf(await verify('--policy', 'policy.rego', '--json'))).toMatchObject({
      code: 'FEATURE_UNSUPPORTED',
      message: expect.stringContaining('Rego'),
    });
  });

  it('of a predicate that is none are not made', async () => {
    place.write('broken.json', '{');
    const answer = await stave('attest', image, '--type', 'vuln', '--predicate', 'broken.json', ...keyed, '--json');
    expect(failureOf(answer).code).toBe('CONFIG_SYNTAX');
  });
});

describe('download', () => {
  it('gives signatures, attestations and SBOMs, and says that nobody verified them', async () => {
    const image = await published();
    place.write('sbom.json', '{ "spdxVersion": "SPDX-2.3" }');
    await ok('sign', image, ...keyed);
    for (const [type, file] of [
      ['openvex', 'vex.json'],
      ['spdxjson', 'sbom.json'],
    ]) {
      await ok('attest', image, '--type', type!, '--predicate', file!, ...keyed);
    }
    const signature = await ok('download', 'signature', image);
    expect(signature.stderr).toContain('not verified');
    const bundles = signature.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(bundles.map(({ mediaType }) => mediaType)).toEqual([
      'application/vnd.dev.sigstore.bundle.v0.3+json',
      'application/vnd.dev.sigstore.bundle+json;version=0.1',
    ]);
    const all = await json('download', 'attestation', image, '--arch', 'arm64');
    expect(all.documents.map(({ type }: Json) => type).sort()).toEqual([
      'https://openvex.dev/ns',
      'https://openvex.dev/ns',
      'https://spdx.dev/Document',
      'https://spdx.dev/Document',
    ]);
    expect(
      (await ok('download', 'attestation', image, '--type', 'spdxjson')).stdout.trimEnd().split('\n'),
    ).toHaveLength(2);
    expect((await ok('download', 'sbom', image)).stdout).toBe('{"spdxVersion":"SPDX-2.3"}\n');
  });

  it('gives the SBOM that lies under the tag of older tools', async () => {
    const image = await published();
    const client = bench.open(image);
    const sbom = Buffer.from('SPDXVersion: SPDX-2.3\n');
    const config = Buffer.from('{}');
    const [layer, configured] = [
      describeBytes(sbom, 'text/spdx'),
      describeBytes(config, 'application/vnd.oci.image.config.v1+json'),
    ];
    const source = {
      async *open({ digest }: { digest: string }) {
        yield digest === layer.digest ? sbom : config;
      },
    };
    for (const one of [layer, configured]) await client.pushBlob(one, source);
    const [plain, plainConfig] = [layer, configured].map(({ mediaType, digest, sizeBytes }) => ({
      mediaType,
      digest,
      size: sizeBytes,
    }));
    const type = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: type, config: plainConfig, layers: [plain] });
    await client.putManifest(`${index.descriptor.digest.replace(':', '-')}.sbom`, type, Buffer.from(manifest));
    expect((await ok('download', 'sbom', image, '--format', 'spdx')).stdout).toBe(sbom.toString());
    expect(failureOf(await stave('download', 'sbom', image, '--format', 'cyclonedx', '--json')).code).toBe(
      'SIGNATURE_MISSING',
    );
    expect(failureOf(await stave('download', 'sbom', image, '--format', 'x', '--json')).code).toBe('USAGE_FLAG');
  });

  it('fails where there is nothing', async () => {
    const image = await published();
    for (const what of ['signature', 'attestation', 'sbom']) {
      expect(failureOf(await stave('download', what, image, '--json')).code).toBe('SIGNATURE_MISSING');
    }
    expect(failureOf(await stave('download', 'sbom', `${image}0`, '--json')).code).toBe('IMAGE_NOT_FOUND');
    expect(failureOf(await stave('download', 'sbom', image, '--arch', 's390x', '--json')).code).toBe('IMAGE_NOT_FOUND');
  });
});

describe('keys', () => {
  it('are made, signed with, shown and imported, with the password of the environment', async () => {
    const made = await place.do(['keys', 'generate'], PASSWORD);
    expect(made.stdout).toMatch(/^cosign\.key: the private key, sealed.*\ncosign\.pub: the public key\n$/);
    expect(statSync(place.path('cosign.key')).mode & 0o777).toBe(0o600);
    const image = await published();
    await place.do(['sign', image, '--key', 'cosign.key'], PASSWORD);
    await ok('verify', image, '--key', 'cosign.pub', NO_LOG);
    const shown = await place.do(['keys', 'public', 'cosign.key'], PASSWORD);
    expect(shown.stdout).toBe(place.text('cosign.pub'));
    const again = await place.stave(['keys', 'generate', '--json'], PASSWORD);
    expect(failureOf(again)).toMatchObject({ code: 'FILE_UNWRITABLE', message: expect.stringContaining('cosign.key') });
    const wrong = await place.stave(['sign', image, '--key', 'cosign.key', '--json'], { STAVE_PASSWORD: 'x' });
    expect(failureOf(wrong).code).toBe('KEY_PASSWORD');
    const nobody = await place.stave(['sign', image, '--key', 'cosign.key', '--json']);
    expect(failureOf(nobody).code).toBe('KEY_PASSWORD');
    await place.do(['keys', 'import', 'key.pem', '--output-key-prefix', 'mine'], PASSWORD);
    expect(place.text('mine.pub')).toBe(place.text('key.pub'));
  });

  it('of standard input sign, and so does its password', async () => {
    const image = await published();
    const input = (stdin: string) => ({ stdin: async () => stdin });
    const signed = await place.stave(['sign', image, '--key', '-'], {}, input(KEY));
    expect(signed.exitCode, signed.stderr).toBe(0);
    const made = await place.stave(
      ['keys', 'generate', '--output-key-prefix', 'piped', '--password-stdin'],
      {},
      input('pw\n'),
    );
    expect(made.exitCode, made.stderr).toBe(0);
    expect((await place.do(['keys', 'public', 'piped.key'], { COSIGN_PASSWORD: 'pw' })).stdout).toContain('PUBLIC KEY');
    const both = await place.stave(['sign', image, '--key', '-', '--password-stdin', '--json'], {}, input(KEY));
    expect(failureOf(both).code).toBe('USAGE_FLAG');
  });

  it('ask for a new password twice', async () => {
    const asked: string[] = [];
    const answers = ['one', 'other'];
    const askSecret = async (question: string) => {
      asked.push(question);
      return answers[asked.length - 1] ?? '';
    };
    const answer = await place.stave(['keys', 'generate', '--output-key-prefix', 'asked', '--json'], {}, { askSecret });
    expect(failureOf(answer)).toMatchObject({ code: 'KEY_PASSWORD', message: 'the two passwords differ' });
    expect(asked).toEqual([`Password for ${place.path('asked.key')}: `, 'The same again: ']);
    expect(() => statSync(place.path('asked.key'))).toThrow('ENOENT');
  });
});
