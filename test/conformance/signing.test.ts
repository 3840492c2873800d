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
import { parseIndexManifest } from '../../src/formats/oci/image-index.ts';
import { verifyAttestations, verifyImage } from '../../src/operations/verify/verify-image.ts';
import { MemoryStore } from '../support/memory-store.ts';
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

it.skipIf(sharedDir === undefined)(`what Fulcio writes of a workflow (skipped when ${SHARED_ABSENT})`, async () => {
  const repository = 'sigstore-conformance/extremely-dangerous-public-oidc-beacon';
  const path = `https://github.com/${repository}/.github/workflows/extremely-dangerous-oidc-beacon.yml`;
  const workflow = { name: 'Extremely dangerous OIDC beacon', ref: 'refs/heads/main', repository };
  const expected: SignerExpectation = {
    kind: 'certificate',
    identity: { exact: `${path}@refs/heads/main` },
    issuer: { exact: 'https://token.actions.githubusercontent.com' },
  };
  const production = text('sigstore-conformance/trusted_root-production.json');
  const options = {
    trustedRoot: await parseTrustedRoot(production, 'production'),
    artifact: cosign('sigstore-conformance/bundle-verify/a.txt'),
  };
  const bundle = json('sigstore-conformance/bundle-verify/happy-path-v0.3/bundle.sigstore.json');
  expect((await verifyBundle(bundle, { ...expected, workflow }, options)).refusal).toBeUndefined();
  for (const claim of ['name', 'ref', 'repository', 'sha', 'trigger'] as const) {
    const other = { ...expected, workflow: { ...workflow, [claim]: 'other' } };
    const { refusal } = await verifyBundle(bundle, other, options);
    expect(refusal).toMatchObject({ reason: 'identity', detail: expect.stringContaining(`the workflow ${claim} "`) });
  }
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

describe.skipIf(sharedDir === undefined)(`images signed by cosign (skipped when ${SHARED_ABSENT})`, () => {
  const INDEX = 'sha256:ae74e7b2680b0aa4e4daf65c49b3ecb9096248b299d72e65a0e7695a38c496b7';
  const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
  const hex = INDEX.slice('sha256:'.length);

  /** The image, and what the rows lay beside it; fallback indexes are read as registries without referrers API have them. */
  function storeWith(parts: {
    sig?: string;
    att?: string;
    referrers?: 'sign' | 'attest';
    oci11?: boolean;
  }): MemoryStore {
    const store = new MemoryStore();
    for (const name of readdirSync(`${sharedDir}/golden/cosign/image/blobs/sha256`)) {
      const bytes = cosign(`image/blobs/sha256/${name}`);
      store.putBlob(bytes);
      const { mediaType } = bytes.toString().startsWith('{') ? JSON.parse(bytes.toString()) : { mediaType: undefined };
      if (mediaType !== undefined) store.put(bytes, mediaType, name === hex ? '1.0' : undefined);
    }
    for (const [kind, tag] of [
      ['sig', parts.sig],
      ['att', parts.att],
    ] as const) {
      if (tag === undefined) continue;
      store.put(cosign(`legacy/${kind}/manifest.json`), MANIFEST, tag);
      const blobs = readdirSync(`${sharedDir}/golden/cosign/legacy/${kind}`).filter((name) => name.startsWith('blob-'));
      for (const name of blobs) store.putBlob(cosign(`legacy/${kind}/${name}`));
    }
    const folder = parts.oci11 ? 'oci11-legacy' : `bundle-referrer/${parts.referrers}`;
    if (parts.oci11 || parts.referrers) {
      store.lists.set(INDEX, [...parseIndexManifest(cosign(`${folder}/fallback-index.json`)).manifests]);
      for (const name of readdirSync(`${sharedDir}/golden/cosign/${folder}`)) {
        if (name.endsWith('manifest.json')) store.put(cosign(`${folder}/${name}`), MANIFEST);
        else store.putBlob(cosign(`${folder}/${name}`));
      }
    }
    return store;
  }

  const sigTag = `sha256-${hex}.sig`;
  const child = 'sha256:e97068082689b6e29a5462d5ac3ca68a1b14c8d8dcc2a4580bb8c16f333001f1';
  const rows: [string, Parameters<typeof storeWith>[0], string, string, object, string][] = [
    ['signed index, bundle', { referrers: 'sign' }, 'cosign', '1.0', {}, 'verified'],
    ['signed index, .sig', { sig: sigTag }, 'cosign', '1.0', {}, 'verified'],
    ['second signature of .sig', { sig: sigTag }, 'other', '1.0', {}, 'verified'],
    ['signed index, OCI 1.1', { oci11: true }, 'cosign', '1.0', {}, 'verified'],
    ['OCI 1.1, wrong key', { oci11: true }, 'other', '1.0', {}, 'signature'],
    ['unsigned child', { referrers: 'sign', sig: sigTag }, 'cosign', child, {}, 'unsigned'],
    ['.sig, wrong key', { sig: sigTag }, 'imported-rsa1', '1.0', {}, 'signature,signature'],
    ['.sig, right annotations', { sig: sigTag }, 'cosign', '1.0', { build: '42', team: 'core' }, 'verified'],
    ['.sig, wrong annotation', { sig: sigTag }, 'cosign', '1.0', { build: '43' }, 'annotation,signature'],
    [
      '.sig, annotation of the other signature',
      { sig: sigTag },
      'other',
      '1.0',
      { build: '42' },
      'signature,annotation',
    ],
    ['replayed .sig', { sig: `sha256-${child.slice(7)}.sig` }, 'cosign', child, {}, 'digest,signature'],
    ['bundle, wrong key', { referrers: 'sign' }, 'other', '1.0', {}, 'other-key'],
    ['bundle, missing annotation', { referrers: 'sign' }, 'cosign', '1.0', { build: '42' }, 'annotation'],
    ['only attestations, bundle', { referrers: 'attest' }, 'cosign', '1.0', {}, 'unsigned'],
    ['only attestations, .att', { att: `sha256-${hex}.att` }, 'cosign', '1.0', {}, 'unsigned'],
  ];
  it.each(rows)('%s', async (_what, parts, name, reference, annotations, expected) => {
    const verdict = await verifyImage({
      store: storeWith(parts),
      reference,
      expected: [byKey(name)],
      ignoreTlog: true,
      annotations: annotations as Record<string, string>,
    });
    const reasons = verdict.signatures.map(({ refusal }) => refusal?.reason).join(',');
    expect(verdict.outcome === 'refused' ? reasons : verdict.outcome).toBe(expected);
    expect(verdict.attestations).toHaveLength(parts.att ? 8 : parts.referrers === 'attest' ? 8 : 0);
  });

  it('fails for a tag that is not there', async () => {
    const request = { store: storeWith({}), reference: '2.0', expected: [byKey('cosign')] };
    await expect(verifyImage(request)).rejects.toThrow(/does not exist/);
  });

  const types = [
    'https://spdx.dev/Document',
    'https://cyclonedx.org/bom',
    'https://openvex.dev/ns',
    'https://slsa.dev/provenance/v1',
    'https://cosign.sigstore.dev/attestation/v1',
    'https://cosign.sigstore.dev/attestation/vuln/v1',
    'https://example.test/stig/v1',
  ];
  it.each(types)('attestation %s, in both forms', async (type) => {
    for (const parts of [{ referrers: 'attest' as const }, { att: `sha256-${hex}.att` }]) {
      const request = { store: storeWith(parts), reference: '1.0', expected: [byKey('cosign')], ignoreTlog: true };
      const verdict = await verifyAttestations(request, type);
      expect(verdict.outcome).toBe('verified');
      expect(verdict.attestations.every(({ statement }) => statement?.predicateType === type)).toBe(true);
      expect((await verifyAttestations({ ...request, expected: [byKey('other')] }, type)).outcome).toBe('refused');
      expect((await verifyAttestations(request, 'https://example.test/absent')).outcome).toBe('missing');
    }
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
