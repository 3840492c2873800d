// Signing against what cosign and the sigstore conformance suite made: everything reads and verifies as their README says,
// including what must be refused.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importKeyPair } from '../../src/effects/signing/key-pair.ts';
import { type PublicKey, parsePublicKey } from '../../src/effects/signing/public-key.ts';
import type { SignerExpectation } from '../../src/effects/signing/signer-expectation.ts';
import { readSigningKey } from '../../src/effects/signing/signing-key.ts';
import { parseTrustedRoot } from '../../src/effects/signing/trusted-root.ts';
import { verifyBundle } from '../../src/effects/signing/verify-bundle.ts';
import { parseEnvelope, preAuthEncoding } from '../../src/formats/attestation/dsse.ts';
import { parseSimpleSigning, printSimpleSigning } from '../../src/formats/attestation/simple-signing.ts';
import { parseStatement } from '../../src/formats/attestation/statement.ts';
import { SHARED_ABSENT, sharedDir } from '../support/shared.ts';
import { testSources } from '../support/signing-keys.ts';

const cosign = (path: string) => readFileSync(`${sharedDir}/golden/cosign/${path}`);
const text = (path: string) => cosign(path).toString('utf8');
const json = (path: string): unknown => JSON.parse(text(path));
const key = (name: string): PublicKey => parsePublicKey(text(`keys/${name}.pub`), name);
const byKey = (name: string): SignerExpectation => ({ kind: 'key', key: key(name) });

describe.skipIf(sharedDir === undefined)(`keys of cosign (skipped when ${SHARED_ABSENT})`, () => {
  const rows = [
    ['cosign', 'ecdsa-p256', 'cosign.password'],
    ['imported-ec1', 'ecdsa-p256', 'imported.password'],
    ['imported-ed', 'ed25519', 'imported.password'],
    ['imported-rsa1', 'rsa', 'imported.password'],
    ['imported-p384', 'ecdsa-p384', 'imported.password'],
  ] as const;
  it.each(rows)('%s opens, is the key of its .pub file, and signs', async (name, algorithm, passwordFile) => {
    const env = { COSIGN_PASSWORD: text(`keys/${passwordFile}`) };
    const path = `${sharedDir}/golden/cosign/keys/${name}.key`;
    const opened = await readSigningKey(path, testSources(env));
    expect(opened.publicKey.algorithm).toBe(algorithm);
    expect(opened.publicKey.pem).toBe(text(`keys/${name}.pub`));
    expect(key(name).verify(Buffer.from('x'), opened.sign(Buffer.from('x')))).toBe(true);
    const again = await importKeyPair(path, 'another', testSources(env));
    expect(again.publicPem).toBe(text(`keys/${name}.pub`));
    await expect(readSigningKey(path, testSources({ COSIGN_PASSWORD: 'wrong' }))).rejects.toThrow(/does not open/);
  });

  it('names a key in a bundle as cosign does', () => {
    const bundle = json('bundle-referrer/sign/0-sigstore.dev-cosign-sign-v1.bundle.json') as never;
    expect(bundle['verificationMaterial']['publicKey']['hint']).toBe(key('cosign').hint);
  });
});

describe.skipIf(sharedDir === undefined)(`documents of cosign (skipped when ${SHARED_ABSENT})`, () => {
  it.each([
    'legacy/sig/blob-21da88065c58104f56b38b39a5f9ef761b31a90efaf657971149d88a81f413e6',
    'legacy/sig/blob-72874549aa2cc876f0fe7c2f2feb63ef5d10be1d882999caa1565a804531a07e',
    'oci11-legacy/payload.json',
  ])('%s prints back to its bytes', (path) => {
    expect(printSimpleSigning(parseSimpleSigning(cosign(path), path))).toBe(text(path));
  });

  const attested = sharedDir === undefined ? [] : readdirSync(`${sharedDir}/golden/cosign/bundle-referrer/attest`);
  it.each(attested.filter((name) => name.endsWith('.bundle.json')))('%s holds its statement, signed', async (name) => {
    const bundle = json(`bundle-referrer/attest/${name}`) as { dsseEnvelope: unknown };
    const envelope = parseEnvelope(Buffer.from(JSON.stringify(bundle.dsseEnvelope)), name);
    const statement = parseStatement(envelope.payload, name);
    expect(JSON.parse(Buffer.from(envelope.payload).toString())).toEqual(
      json(`bundle-referrer/attest/${name.replace('.bundle.', '.statement.')}`),
    );
    expect(statement.subjects.map(({ digest }) => digest)).toEqual([
      'sha256:ae74e7b2680b0aa4e4daf65c49b3ecb9096248b299d72e65a0e7695a38c496b7',
    ]);
    expect(key('cosign').verify(preAuthEncoding(envelope.payloadType, envelope.payload), envelope.signatures[0]!)).toBe(
      true,
    );
    expect((await verifyBundle(bundle, byKey('cosign'), { ignoreTlog: true })).refusal).toBeUndefined();
    expect((await verifyBundle(bundle, byKey('other'), { ignoreTlog: true })).refusal?.reason).toBe('other-key');
  });
});

describe.skipIf(sharedDir === undefined)(`bundles of cosign (skipped when ${SHARED_ABSENT})`, () => {
  const blob = () => cosign('blob/blob.txt');
  const referrer = 'bundle-referrer/sign/0-sigstore.dev-cosign-sign-v1.bundle.json';
  const rows: [string, string, 'artifact' | undefined, string | undefined][] = [
    [referrer, 'cosign', undefined, undefined],
    [referrer, 'other', undefined, 'other-key'],
    ['bundle-referrer/node-made.bundle.json', 'cosign', undefined, undefined],
    // cosign refuses its own; with the hash that belongs to the curve it is right.
    ['bundle-referrer/p384-image-sign.bundle.json', 'imported-p384', undefined, undefined],
    // Ed25519ph, which nobody verifies.
    ['bundle-referrer/ed25519-image-sign.bundle.json', 'imported-ed', undefined, 'signature'],
    ['blob/ec1.bundle.json', 'imported-ec1', 'artifact', undefined],
    ['blob/ec1.bundle.json', 'imported-ec1', undefined, 'malformed'],
    ['blob/ec1.bundle.json', 'imported-rsa1', 'artifact', 'other-key'],
    ['blob/rsa1.bundle.json', 'imported-rsa1', 'artifact', undefined],
    ['blob/p384.bundle.json', 'imported-p384', 'artifact', undefined],
    ['blob/ed.bundle.json', 'imported-ed', 'artifact', 'malformed'],
  ];
  it.each(rows)('%s by %s (%s): %s', async (path, name, artifact, reason) => {
    const options = { ignoreTlog: true, ...(artifact && { artifact: blob() }) };
    const verdict = await verifyBundle(json(path), byKey(name), options);
    expect(verdict.refusal?.reason).toBe(reason);
    if (reason === undefined) {
      expect(verdict.verified).toEqual(['signature']);
      expect(verdict.skipped.map(({ check }) => check)).toEqual(['log']);
    }
    expect((await verifyBundle(json(path), byKey(name), { ...options, ignoreTlog: false })).refusal).toBeDefined();
  });

  const identity = 'dev@example.test';
  const issuer = 'https://issuer.example.test';
  const keyless = (more: object = {}): SignerExpectation => ({
    kind: 'certificate',
    identity: { exact: identity },
    issuer: { exact: issuer },
    ...more,
  });
  const keylessRows: [string, SignerExpectation, boolean, string | undefined][] = [
    ['rekor', keyless(), false, undefined],
    ['rekor-tsa', keyless(), false, undefined],
    ['tsa', keyless(), false, 'log-missing'],
    ['tsa', keyless(), true, undefined],
    ['rekor', keyless({ identity: { exact: 'eve@example.test' } }), false, 'identity'],
    ['rekor', keyless({ issuer: { exact: 'https://other.example.test' } }), false, 'identity'],
    ['rekor', keyless({ identity: { pattern: /^(?:dev)$/u, source: 'dev' } }), false, 'identity'],
    [
      'rekor',
      keyless({ identity: { pattern: /^(?:.*@example\.test)$/u, source: '.*@example\\.test' } }),
      false,
      undefined,
    ],
  ];
  it.each(keylessRows)('keyless %s as %j, log ignored %s: %s', async (name, expected, ignoreTlog, reason) => {
    const trustedRoot = await parseTrustedRoot(text('keyless-mock/trusted_root.json'), 'the mock');
    const bundle = json(`keyless-mock/${name}.bundle.json`);
    const verdict = await verifyBundle(bundle, expected, { trustedRoot, ignoreTlog });
    expect(verdict.refusal?.reason).toBe(reason);
    expect(verdict.signer).toEqual({ kind: 'certificate', identity, issuer });
    if (reason === undefined) {
      expect(verdict.verified).toContain('certificate');
      expect(verdict.verified.includes('log')).toBe(name !== 'tsa');
    }
    const production = await parseTrustedRoot(text('sigstore-conformance/trusted_root-production.json'), 'production');
    expect((await verifyBundle(bundle, expected, { trustedRoot: production, ignoreTlog })).refusal).toBeDefined();
    expect((await verifyBundle(bundle, byKey('cosign'), { trustedRoot, ignoreTlog: true })).refusal?.reason).toBe(
      'other-key',
    );
  });
});

describe.skipIf(sharedDir === undefined)(`sigstore-conformance, bundle-verify (skipped when ${SHARED_ABSENT})`, () => {
  const base = 'sigstore-conformance/bundle-verify';
  const cases =
    sharedDir === undefined
      ? []
      : readdirSync(`${sharedDir}/golden/cosign/${base}`).filter((name) =>
          existsSync(`${sharedDir}/golden/cosign/${base}/${name}/bundle.sigstore.json`),
        );

  it('has all 70 cases', () => {
    expect(cases).toHaveLength(70);
  });

  it.each(cases)('%s', async (name) => {
    const file = (path: string) => `${base}/${name}/${path}`;
    const has = (path: string) => existsSync(`${sharedDir}/golden/cosign/${file(path)}`);
    const either = (path: string, fallback: string) => (has(path) ? text(file(path)).trim() : fallback);
    const verify = async () => {
      const root = has('trusted_root.json')
        ? file('trusted_root.json')
        : 'sigstore-conformance/trusted_root-production.json';
      const artifact = cosign(has('artifact') ? file('artifact') : `${base}/a.txt`);
      const expected: SignerExpectation = has('key.pub')
        ? { kind: 'key', key: parsePublicKey(text(file('key.pub')), 'key.pub') }
        : {
            kind: 'certificate',
            identity: {
              exact: either(
                'identity',
                'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main',
              ),
            },
            issuer: { exact: either('issuer', 'https://token.actions.githubusercontent.com') },
          };
      const bundle = json(file('bundle.sigstore.json')) as { dsseEnvelope?: object };
      const trustedRoot = await parseTrustedRoot(text(root), root);
      const verdict = await verifyBundle(bundle, expected, { trustedRoot, artifact });
      if (verdict.refusal !== undefined) throw new Error(`${verdict.refusal.reason}: ${verdict.refusal.detail}`);
      if (bundle.dsseEnvelope === undefined) return;
      const envelope = parseEnvelope(Buffer.from(JSON.stringify(bundle.dsseEnvelope)), 'envelope');
      const digest = `sha256:${createHash('sha256').update(artifact).digest('hex')}`;
      expect(parseStatement(envelope.payload, 'statement').subjects.map((subject) => subject.digest)).toContain(digest);
    };
    if (name.endsWith('_fail')) await expect(verify()).rejects.toThrow();
    else await verify();
  });
});
