import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLoopbackServer } from '../../../test/support/loopback-server.ts';
import {
  type LoopbackSigstore,
  openLoopbackSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from '../../../test/support/loopback-sigstore.ts';
import { testClock } from '../../../test/support/registry-client.ts';
import { expectNoSecret, SECRET_CANARY, testSources } from '../../../test/support/signing-keys.ts';
import type { Failure } from '../../base/failure.ts';
import { IN_TOTO_TYPE } from '../../formats/attestation/dsse.ts';
import { createHttpClient } from '../http/client.ts';
import { systemClock } from '../http/retry.ts';
import { keySigner } from './bundle-signer.ts';
import { identityTokenSource } from './identity-token.ts';
import { generateKeyPair } from './key-pair.ts';
import { keylessSigner, witnessesOf } from './keyless-signer.ts';
import type { SignerExpectation } from './signer-expectation.ts';
import { parseSigningConfig } from './signing-config.ts';
import { readSigningKey } from './signing-key.ts';
import { parseTrustedRoot, type TrustedRoot } from './trusted-root.ts';
import { verifyBundle } from './verify-bundle.ts';

const PAYLOAD = Buffer.from('{"_type":"test"}');
const expected: SignerExpectation = {
  kind: 'certificate',
  identity: { exact: TEST_IDENTITY },
  issuer: { exact: TEST_ISSUER },
};

let sigstore: LoopbackSigstore;
let trustedRoot: TrustedRoot;
beforeAll(async () => {
  sigstore = await openLoopbackSigstore();
  trustedRoot = await parseTrustedRoot(sigstore.trustedRoot, 'the test root');
});
afterAll(() => sigstore.close());

async function failure(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expectNoSecret(error);
  return error as Failure;
}

const services = async (config: Parameters<LoopbackSigstore['config']>[0]) =>
  await parseSigningConfig(sigstore.config(config), 'the test config', Date.now());

describe('keylessSigner', () => {
  const rows = [
    [{ rekor: 1 }, ['signature', 'certificate', 'log', 'timestamp']],
    [{ rekor: 1, tsa: true }, ['signature', 'certificate', 'log', 'timestamp']],
    [{ rekor: 2, tsa: true }, ['signature', 'certificate', 'log', 'timestamp']],
    [{ tsa: true }, ['signature', 'certificate', 'timestamp']],
  ] as const;
  it.each(rows)('with %j signs envelopes and messages that verify', async (config, checks) => {
    const signer = await keylessSigner({
      services: await services(config),
      identityToken: async () => sigstore.token(),
      clock: systemClock,
    });
    const options = { trustedRoot, ignoreTlog: !('rekor' in config) };
    const envelope = await verifyBundle(await signer.signEnvelope(PAYLOAD, IN_TOTO_TYPE), expected, options);
    expect([envelope.refusal, envelope.verified]).toEqual([undefined, checks]);
    expect(envelope.signer).toEqual({ kind: 'certificate', identity: TEST_IDENTITY, issuer: TEST_ISSUER });
    // A message keeps its certificate in a list, as older bundles have it.
    const message = await verifyBundle(await signer.signMessage(PAYLOAD), expected, { ...options, artifact: PAYLOAD });
    expect([message.refusal, message.verified]).toEqual([undefined, checks]);
    expect(
      (await verifyBundle(await signer.signMessage(PAYLOAD), expected, { ...options, artifact: Buffer.from('x') }))
        .refusal?.reason,
    ).toBe('digest');
  });

  it('asks for one certificate in a run, and for another when it ends soon', async () => {
    const clock = testClock();
    clock.advance(Date.now() - clock.now());
    let tokens = 0;
    const identityToken = async () => {
      tokens += 1;
      return sigstore.token();
    };
    const signer = await keylessSigner({ services: await services({ rekor: 1 }), identityToken, clock });
    expect(tokens).toBe(0);
    await Promise.all([1, 2, 3].map(() => signer.signEnvelope(PAYLOAD, IN_TOTO_TYPE)));
    expect(tokens).toBe(1);
    clock.advance(9.5 * 60_000);
    await signer.signEnvelope(PAYLOAD, IN_TOTO_TYPE);
    expect(tokens).toBe(2);
  });

  const broken: [string, number, RegExp][] = [
    ['/api/v2/signingCert', 403, /the certificate authority gave no certificate: it answered with status 403$/],
    ['/api/v1/log/entries', 400, /the transparency log did not take the entry: it answered with status 400$/],
    ['/api/v1/timestamp', 404, /the timestamp authority gave no timestamp: it answered with status 404$/],
  ];
  it.each(broken)('says which service failed: %s', async (path, status, message) => {
    sigstore.broken.set(path, status);
    try {
      const signer = await keylessSigner({
        services: await services({ rekor: 1, tsa: true }),
        identityToken: async () => sigstore.token(),
        clock: systemClock,
      });
      const thrown = await failure(signer.signEnvelope(PAYLOAD, IN_TOTO_TYPE));
      expect([thrown.code, thrown.message]).toEqual(['SIGNING_FAILED', expect.stringMatching(message)]);
    } finally {
      sigstore.broken.delete(path);
    }
  });

  it('never says a token that the library cannot read', async () => {
    const signer = await keylessSigner({
      services: await services({ rekor: 1 }),
      identityToken: async () => `no.${SECRET_CANARY}.jwt`,
      clock: systemClock,
    });
    const thrown = await failure(signer.signEnvelope(PAYLOAD, IN_TOTO_TYPE));
    expect(thrown.message).toBe('the identity token cannot be used');
  });

  it('needs a certificate authority', async () => {
    const thrown = await failure(
      keylessSigner({
        services: await services({ rekor: 1, fulcio: false }),
        identityToken: async () => '',
        clock: systemClock,
      }),
    );
    expect(thrown.code).toBe('TRUST_ROOT_INVALID');
  });

  it('lets a key have a log entry and a timestamp too', async () => {
    const { privatePem } = await generateKeyPair('');
    const key = await readSigningKey('env://KEY', testSources({ KEY: privatePem, STAVE_PASSWORD: '' }));
    const signer = keySigner(key, { witnesses: await witnessesOf(await services({ rekor: 1, tsa: true })) });
    const bundle = await signer.signEnvelope(PAYLOAD, IN_TOTO_TYPE);
    const byKey: SignerExpectation = { kind: 'key', key: key.publicKey };
    const verdict = await verifyBundle(bundle, byKey, { trustedRoot });
    expect([verdict.refusal, verdict.verified, verdict.skipped]).toEqual([
      undefined,
      ['signature', 'log', 'timestamp'],
      [],
    ]);
    const [entry] = bundle.verificationMaterial.tlogEntries!;
    const { inclusionPromise: _promise, ...unpromised } = entry!;
    const material = { ...bundle.verificationMaterial, tlogEntries: [unpromised], timestampVerificationData: {} };
    const untimed = await verifyBundle({ ...bundle, verificationMaterial: material }, byKey, { trustedRoot });
    expect([untimed.refusal, untimed.verified]).toEqual([undefined, ['signature', 'log']]);
    const unread = await verifyBundle(bundle, byKey, { ignoreTlog: true });
    expect(unread.verified).toEqual(['signature']);
    expect(unread.skipped.map(({ check }) => check)).toEqual(['log', 'timestamp']);
  });
});

describe('identityTokenSource', () => {
  const offline = createHttpClient({ version: '1.0.0', offline: true });
  afterAll(() => offline.close());

  it('takes what is given before the environment, and the environment before GitHub', async () => {
    const [given, fromEnv] = [sigstore.token({ sub: 'given' }), sigstore.token({ sub: 'environment' })];
    const env = {
      SIGSTORE_ID_TOKEN: fromEnv,
      TOKEN: `${given}\n`,
      ACTIONS_ID_TOKEN_REQUEST_URL: 'https://x',
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x',
    };
    expect(await identityTokenSource(given, testSources(env), offline)()).toBe(given);
    expect(await identityTokenSource('env://TOKEN', testSources(env), offline)()).toBe(given);
    expect(await identityTokenSource(undefined, testSources(env), offline)()).toBe(fromEnv);
  });

  it('asks GitHub Actions for the audience of sigstore', async () => {
    const token = sigstore.token();
    const github = await openLoopbackServer((request, response) => {
      const allowed = request.headers.authorization === `bearer ${SECRET_CANARY}`;
      response.writeHead(allowed ? 200 : 403, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ value: token }));
    });
    const http = createHttpClient({ version: '1.0.0' });
    const env = {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${github.url}/token?api=1`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: SECRET_CANARY,
    };
    expect(await identityTokenSource(undefined, testSources(env), http)()).toBe(token);
    expect(github.requests[0]?.url).toBe('/token?api=1&audience=sigstore');
    const refused = await failure(
      identityTokenSource(undefined, testSources({ ...env, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'wrong' }), http)(),
    );
    expect(refused.code).toBe('HTTP_STATUS');
    await http.close();
    await github.close();
  });

  const jwt = (claims: unknown) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${SECRET_CANARY}`;
  const rows: [string, string | undefined, Record<string, string>, RegExp][] = [
    ['nothing', undefined, {}, /there is no identity token/],
    ['half of GitHub', undefined, { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://x' }, /there is no identity token/],
    [
      'plain http',
      undefined,
      { ACTIONS_ID_TOKEN_REQUEST_URL: 'http://x.test', ACTIONS_ID_TOKEN_REQUEST_TOKEN: SECRET_CANARY },
      /not an https URL/,
    ],
    [
      'no URL',
      undefined,
      { ACTIONS_ID_TOKEN_REQUEST_URL: 'x', ACTIONS_ID_TOKEN_REQUEST_TOKEN: SECRET_CANARY },
      /not an https URL/,
    ],
    ['no JWT', undefined, { SIGSTORE_ID_TOKEN: SECRET_CANARY }, /not the form of a JWT/],
    ['claims that are no JSON', `e30.${SECRET_CANARY}.x`, {}, /claims cannot be read/],
    ['nobody', jwt({}), {}, /names nobody/],
    ['an e-mail address that nobody checked', jwt({ email: 'a@b.test' }), {}, /not verified/],
  ];
  it.each(rows)('refuses %s', async (_what, given, env, message) => {
    const thrown = await failure((async () => identityTokenSource(given, testSources(env), offline)())());
    expect([thrown.code, thrown.message]).toEqual(['SIGNING_FAILED', expect.stringMatching(message)]);
  });
});

describe('parseSigningConfig', () => {
  const now = Date.UTC(2026, 5, 1);
  const service = (url: string, majorApiVersion: number, start: string, operator = url, end?: string) => ({
    url,
    majorApiVersion,
    operator,
    validFor: { start, ...(end && { end }) },
  });
  const config = (more: object) =>
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: [],
      oidcUrls: [],
      rekorTlogUrls: [],
      tsaUrls: [],
      ...more,
    });
  const logs = [
    service('https://old.test', 1, '2020-01-01T00:00:00Z', 'a'),
    service('https://gone.test', 2, '2020-01-01T00:00:00Z', 'a', '2026-01-01T00:00:00Z'),
    service('https://soon.test', 2, '2027-01-01T00:00:00Z', 'a'),
    service('https://unknown.test', 3, '2020-01-01T00:00:00Z', 'a'),
    service('https://b.test', 1, '2021-01-01T00:00:00Z', 'b'),
    service('https://b2.test', 1, '2022-01-01T00:00:00Z', 'b'),
  ];
  it.each([
    ['ANY', 0, ['https://b2.test']],
    ['ALL', 0, ['https://b2.test', 'https://old.test']],
    ['EXACT', 2, ['https://b2.test', 'https://old.test']],
  ])('chooses by version, validity and operator: %s %i', async (selector, count, urls) => {
    const parsed = await parseSigningConfig(
      config({ rekorTlogUrls: logs, rekorTlogConfig: { selector, count } }),
      'c',
      now,
    );
    expect(parsed.logs.map(({ url }) => url)).toEqual(urls);
    expect(parsed.certificateAuthority).toBeUndefined();
  });

  it.each([
    ['none', [], undefined],
    [
      'the latest that began',
      [
        ['https://a.test', 1, '2020'],
        ['https://b.test/auth', 1, '2021'],
      ],
      'https://b.test/auth',
    ],
    [
      'no unknown version',
      [
        ['https://a.test', 1, '2020'],
        ['https://b.test', 2, '2021'],
      ],
      'https://a.test',
    ],
    ['none that is not yet valid', [['https://a.test', 1, '2027']], undefined],
  ] as const)('chooses where to log in: %s', async (_what, providers, chosen) => {
    const oidcUrls = providers.map(([url, version, year]) => service(url, version, `${year}-01-01T00:00:00Z`));
    expect((await parseSigningConfig(config({ oidcUrls }), 'c', now)).identityProvider).toBe(chosen);
  });

  it.each([
    ['text', 'text', /not JSON/],
    ['another type', '{"mediaType":"application/json"}', /media type/],
    ['too few', config({ rekorTlogUrls: logs, rekorTlogConfig: { selector: 'EXACT', count: 3 } }), /too few/],
    ['nothing valid', config({ tsaUrls: [service('https://x.test', 1, '2030-01-01T00:00:00Z')] }), /too few/],
    [
      'a log without time',
      config({ rekorTlogUrls: [service('https://x.test', 2, '2020-01-01T00:00:00Z')] }),
      /keeps no time/,
    ],
    ['a strange URL', config({ caUrls: [service('file:///etc', 1, '2020-01-01T00:00:00Z')] }), /no usable URL/],
    ['a strange provider', config({ oidcUrls: [service('file:///etc', 1, '2020-01-01T00:00:00Z')] }), /no usable URL/],
    ['credentials', config({ caUrls: [service('https://u:p@x.test', 1, '2020-01-01T00:00:00Z')] }), /no usable URL/],
    ['too much', ' '.repeat(5_000_000), /more than/],
  ])('refuses %s', async (_what, text, message) => {
    const thrown = await failure(parseSigningConfig(text, 'signing_config.json', now));
    expect([thrown.code, thrown.message]).toEqual(['TRUST_ROOT_INVALID', expect.stringMatching(message)]);
  });

  it.each([
    ['text', 'text', /not JSON/],
    [
      'another type',
      '{"mediaType":"x","tlogs":[],"certificateAuthorities":[],"ctlogs":[],"timestampAuthorities":[]}',
      /media type/,
    ],
    ['too much', ' '.repeat(5_000_000), /more than/],
  ])('parseTrustedRoot refuses %s', async (_what, text, message) => {
    const thrown = await failure(parseTrustedRoot(text, 'trusted_root.json'));
    expect([thrown.code, thrown.message]).toEqual(['TRUST_ROOT_INVALID', expect.stringMatching(message)]);
  });

  it('parseTrustedRoot refuses a log without a start', async () => {
    const root = JSON.parse(sigstore.trustedRoot);
    delete root.tlogs[0].publicKey.validFor;
    const thrown = await failure(parseTrustedRoot(JSON.stringify(root), 'trusted_root.json'));
    expect(thrown.message).toMatch(/from when on/);
  });
});
