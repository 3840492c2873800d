// `stave publish --sign` as a user meets it (issue 6): what is signed and attested, in which order, and what a failure leaves
// behind. Keyed and keyless, with a private Sigstore in this process.

import { generateKeyPairSync } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/effects/http/retry.ts';
import { type FaultyRegistry, type FaultyRegistryOptions, openFaultyRegistry } from '../support/faulty-registry.ts';
import { type LoopbackSigstore, openLoopbackSigstore, TEST_IDENTITY } from '../support/loopback-sigstore.ts';
import { answering, on } from '../support/registry-faults.ts';
import { type Answer, failureOf, type Json, Place } from './place.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const pem = (key: typeof privateKey) => key.export({ type: 'pkcs8', format: 'pem' }).toString();

let sigstore: LoopbackSigstore;
const open: FaultyRegistry[] = [];
beforeAll(async () => {
  sigstore = await openLoopbackSigstore();
});
afterAll(() => sigstore.close());
beforeEach(() => {
  vi.spyOn(systemClock, 'sleep').mockImplementation(async () => {});
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const one of open.splice(0)) await one.close();
});

async function registry(options: FaultyRegistryOptions = {}): Promise<FaultyRegistry> {
  const made = await openFaultyRegistry(options);
  open.push(made);
  return made;
}

function signingPlace(): Place {
  const place = new Place();
  writeFileSync(place.path('key.pem'), pem(privateKey), { mode: 0o600 });
  writeFileSync(place.path('other.pem'), pem(other.privateKey), { mode: 0o600 });
  place.write('root.json', sigstore.trustedRoot);
  place.write('config.json', sigstore.config({ rekor: 1, tsa: true }));
  return place;
}

const publish = (place: Place, words: readonly string[], env = {}): Promise<Answer> =>
  place.stave(['publish', 'image.yaml', ...words], env);

const KEYED = ['--sign', '--key', 'key.pem'];
const KEYLESS = ['--sign', '--signing-config', 'config.json', '--trusted-root', 'root.json'];

const tagged = async (server: FaultyRegistry, tag: string): Promise<boolean> =>
  (await fetch(`${server.url}/v2/team/app/manifests/${tag}`)).status === 200;

/** Predicate types by subject, in the order of the report. */
function signedBy(report: Json, format: string): Record<string, string[]> {
  const signed: Json[] = report.repositories[0].signed.filter((one: Json) => one.format === format);
  const typesOf = (subject: string) => signed.filter((one) => one.subject === subject).map((one) => one.predicateType);
  return Object.fromEntries(signed.map(({ subject }) => [subject, typesOf(subject)]));
}

describe.each([true, false])('with a referrers API: %s', (referrersApi) => {
  it.each([
    ['a key', KEYED, {}],
    ['an identity', KEYLESS, { SIGSTORE_ID_TOKEN: 'of the test' }],
  ])('signs and attests index and platforms with %s, and verifies without flags', async (_with, flags, env) => {
    const server = await registry({ referrersApi });
    const place = signingPlace();
    const tag = `${server.host}/team/app:1`;
    const environment = 'SIGSTORE_ID_TOKEN' in env ? { SIGSTORE_ID_TOKEN: sigstore.token() } : {};
    const answer = await publish(place, [tag, ...flags, '--json'], environment);
    expect(answer.exitCode, answer.stderr).toBe(0);
    const report = JSON.parse(answer.stdout);
    const digests = [report.indexDigest, ...report.images.map(({ digest }: Json) => digest)];
    for (const format of ['bundle', 'legacy']) {
      const signed = signedBy(report, format);
      expect(Object.keys(signed).sort()).toEqual([...digests].sort());
      for (const types of Object.values(signed)) {
        expect(types).toEqual([
          'https://sigstore.dev/cosign/sign/v1',
          'https://spdx.dev/Document',
          'https://slsa.dev/provenance/v1',
        ]);
      }
    }
    expect(report.trust).toMatchObject({ outcome: 'written', path: place.path('stave.trust.yaml') });
    expect(place.text('stave.trust.yaml')).toContain(`match: ${server.host}/team/app`);
    for (const reference of [tag, ...digests.map((digest) => `${server.host}/team/app@${digest}`)]) {
      await place.do(['verify', reference]);
      await place.do(['verify-attestation', reference, '--type', 'spdxjson']);
    }
  });
});

it('tells people who signed what, and where it is written down', async () => {
  const server = await registry();
  const place = signingPlace();
  const { stdout, stderr } = await publish(place, [`${server.host}/team/app:1`, ...KEYLESS], {
    SIGSTORE_ID_TOKEN: sigstore.token(),
  });
  expect(stdout).toMatch(/^127\.0\.0\.1:\d+\/team\/app@sha256:[0-9a-f]{64}\n$/);
  expect(stderr).toContain('signed 3 manifests (bundle and legacy)');
  expect(stderr).toContain(`by ${TEST_IDENTITY}`);
  expect(stderr).toContain('stave.trust.yaml: the signer, for `stave verify`');
  expect(place.text('stave.trust.yaml')).toContain('trusted-root: root.json');
});

it('attests the result of the checks of every image with --attach-check', async () => {
  const server = await registry();
  const place = signingPlace();
  const tag = `${server.host}/team/app:1`;
  const report = JSON.parse((await publish(place, [tag, ...KEYED, '--attach-check', '--json'])).stdout);
  for (const { digest } of report.images) {
    const reference = `${server.host}/team/app@${digest}`;
    await place.do(['verify-attestation', reference, '--type', 'urn:stave:check:v1']);
  }
});

it('adds nothing when the same is published again', async () => {
  const server = await registry();
  const place = signingPlace();
  const words = [`${server.host}/team/app:1`, ...KEYED, '--reproducible-provenance', '--json'];
  await publish(place, words);
  const again = JSON.parse((await publish(place, words)).stdout);
  expect(again.repositories[0].signed.filter(({ added }: Json) => added)).toEqual([]);
  expect(again.trust.outcome).toBe('known');
});

it('signs alone with --attest=false, and writes one format alone', async () => {
  const server = await registry();
  const words = [`${server.host}/team/app:1`, ...KEYED, '--attest=false', '--signature-format', 'legacy', '--json'];
  const report = JSON.parse((await publish(signingPlace(), words)).stdout);
  expect(signedBy(report, 'bundle')).toEqual({});
  expect(Object.values(signedBy(report, 'legacy'))).toEqual(
    [1, 2, 3].map(() => ['https://sigstore.dev/cosign/sign/v1']),
  );
});

describe('what a failure leaves', () => {
  it('no tag where a service of signing refuses', async () => {
    const server = await registry();
    sigstore.broken.set('/api/v1/log/entries', 400);
    try {
      const answer = await publish(signingPlace(), [`${server.host}/team/app:1`, ...KEYLESS, '--json'], {
        SIGSTORE_ID_TOKEN: sigstore.token(),
      });
      expect(failureOf(answer)).toMatchObject({
        code: 'SIGNING_FAILED',
        hint: 'the image is there, but has no tag yet',
        message: expect.stringContaining('the transparency log did not take the entry'),
      });
      expect(await tagged(server, '1')).toBe(false);
    } finally {
      sigstore.broken.clear();
    }
  });

  it('no tag where the registry does not take signatures', async () => {
    const server = await registry({ faults: [on({ method: 'PUT', path: '.sig' }, answering(403))] });
    const answer = await publish(signingPlace(), [`${server.host}/team/app:1`, ...KEYED, '--json']);
    expect(failureOf(answer).message).toContain('the image cannot be signed in');
    expect(await tagged(server, '1')).toBe(false);
  });

  it('no tag where somebody else signs than the trust file says', async () => {
    const server = await registry();
    const place = signingPlace();
    await publish(place, [`${server.host}/team/app:1`, ...KEYED]);
    const answer = await publish(place, [`${server.host}/team/app:2`, '--sign', '--key', 'other.pem', '--json']);
    expect(failureOf(answer)).toMatchObject({ code: 'SIGNATURE_UNEXPECTED', exitCode: 6 });
    expect([await tagged(server, '1'), await tagged(server, '2')]).toEqual([true, false]);
  });

  it('no tag where the trust file wants a log, and there is none', async () => {
    const server = await registry();
    const place = signingPlace();
    await publish(place, [`${server.host}/team/app:1`, ...KEYED]);
    place.write('stave.trust.yaml', place.text('stave.trust.yaml').replace('log: ignored', 'log: required'));
    const answer = await publish(place, [`${server.host}/team/app:2`, ...KEYED, '--json']);
    expect(failureOf(answer)).toMatchObject({ code: 'SIGNATURE_UNEXPECTED', message: expect.stringContaining('log') });
    expect(await tagged(server, '2')).toBe(false);
    const logged = await publish(place, [`${server.host}/team/app:2`, ...KEYED, '--signing-config', 'config.json']);
    expect(logged.exitCode, logged.stderr).toBe(0);
  });

  it('nothing at all where the signer cannot be had', async () => {
    const server = await registry();
    const rows: [string[], string][] = [
      [['--sign'], 'SIGNING_FAILED'],
      [['--sign', '--key', 'absent.pem'], 'FILE_UNREADABLE'],
      [['--sign', '--key', 'image.yaml'], 'KEY_INVALID'],
      [['--key', 'key.pem'], 'USAGE_FLAG'],
      [['--sign', '--key', 'key.pem', '--local'], 'USAGE_FLAG'],
      [['--sign', '--signing-config', 'config.json', '--rekor-url', 'http://x.test'], 'USAGE_FLAG'],
      [['--sign', '--fulcio-url', 'x'], 'USAGE_FLAG'],
      [['--sign', '--key', 'key.pem', '--signature-format', 'x'], 'USAGE_FLAG'],
    ];
    for (const [flags, code] of rows) {
      const answer = await publish(signingPlace(), [`${server.host}/team/app:1`, ...flags, '--json']);
      expect([flags, failureOf(answer).code]).toEqual([flags, code]);
    }
    expect(server.requests).toEqual([]);
  });
});

it('asks for no key and no token with --dry-run', async () => {
  const server = await registry();
  const place = signingPlace();
  const answer = await publish(place, [`${server.host}/team/app:1`, '--sign', '--dry-run']);
  expect(answer.exitCode, answer.stderr).toBe(0);
  expect([server.requests, existsSync(place.path('stave.trust.yaml'))]).toEqual([[], false]);
});

it('moves tags last', async () => {
  const server = await registry();
  await publish(signingPlace(), [`${server.host}/team/app:1`, ...KEYED]);
  const puts = server.requests.filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/'));
  expect(puts.at(-1)?.path).toBe('/v2/team/app/manifests/1');
  expect(puts.filter(({ path }) => path.endsWith('/1'))).toHaveLength(1);
});
