import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../../../test/support/faulty-registry.ts';
import { type ClientBench, failureOf, openBench, testImages } from '../../../test/support/registry-client.ts';
import { systemClock } from '../../effects/http/retry.ts';
import { pushImageIndex } from '../../effects/registry/client/push-image.ts';
import type { RegistryClient } from '../../effects/registry/client/registry-client.ts';
import { keySigner } from '../../effects/signing/bundle-signer.ts';
import type { SignerExpectation } from '../../effects/signing/signer-expectation.ts';
import { type SigningKey, signingKeyOf } from '../../effects/signing/signing-key.ts';
import { attestationTag, BUNDLE_TYPE, signatureTag } from '../../formats/attestation/signature-storage.ts';
import { parseManifest } from '../../formats/oci/manifest.ts';
import { verifyAttestations, verifyImage } from '../verify/verify-image.ts';
import { attestImage, type SigningFormat, signableBelow, signImage } from './sign-image.ts';

const KEYS: Readonly<Record<string, SigningKey>> = {
  p256: signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey, 'p256'),
  p384: signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey, 'p384'),
  rsa: signingKeyOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'rsa'),
  ed25519: signingKeyOf(generateKeyPairSync('ed25519').privateKey, 'ed25519'),
};
const [key, other] = [
  KEYS['p256']!,
  signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'other'),
];
const byKey = ({ publicKey }: SigningKey): SignerExpectation[] => [{ kind: 'key', key: publicKey }];
const { index, images, blobs } = testImages();
const digests = [index, ...images].map(({ descriptor }) => descriptor.digest);

let bench: ClientBench;
let registry: FaultyRegistry;
beforeEach(() => {
  bench = openBench();
});
afterEach(async () => {
  await bench.close();
  await registry.close();
});

async function published(referrersApi: boolean): Promise<RegistryClient> {
  registry = await openFaultyRegistry({ referrersApi });
  const client = bench.open(`${registry.host}/team/app`);
  await pushImageIndex(client, index, blobs, { tags: ['1.0'] });
  return client;
}

describe.each([true, false])('with a referrers API: %s', (referrersApi) => {
  it.each(['bundle', 'legacy', 'both'] as const)('signs the index and every platform, as %s', async (format) => {
    const client = await published(referrersApi);
    const annotations = { team: 'core', build: '42' };
    const report = await signImage({
      client,
      clock: bench.clock,
      signer: keySigner(key),
      format,
      reference: '1.0',
      annotations,
    });
    expect(report.image).toBe(index.descriptor.digest);
    const formats = format === 'both' ? ['bundle', 'legacy'] : [format];
    expect(report.signed.map(({ subject, format: one, added }) => [subject, one, added])).toEqual(
      digests.flatMap((digest) => formats.map((one) => [digest, one, true])),
    );
    for (const reference of ['1.0', ...digests]) {
      const verdict = await verifyImage({
        store: client,
        reference,
        expected: byKey(key),
        ignoreTlog: true,
        annotations,
      });
      expect(verdict.outcome).toBe('verified');
      expect(verdict.advice).toEqual([]);
      expect(verdict.signatures.map((one) => one.format)).toEqual(formats);
      for (const { verified, skipped, signer } of verdict.signatures) {
        expect(verified).toEqual(['signature', 'digest', 'annotations']);
        expect(skipped).toEqual([{ check: 'log', why: 'it is in no log' }]);
        expect(signer).toEqual({ kind: 'key', hint: key.publicKey.hint });
      }
    }
  });

  it('adds nothing when the same is signed again, and keeps what others signed', async () => {
    const client = await published(referrersApi);
    const sign = (by: SigningKey, annotations = {}) =>
      signImage({ client, clock: bench.clock, signer: keySigner(by), format: 'both', reference: '1.0', annotations });
    const added = async (signing: ReturnType<typeof sign>) => (await signing).signed.filter((one) => one.added).length;
    expect(await added(sign(key))).toBe(6);
    expect(await added(sign(key))).toBe(0);
    expect(await added(sign(other))).toBe(6);
    expect(await added(sign(key, { a: 'b' }))).toBe(6);
    const layers = parseManifest((await client.getManifest(signatureTag(index.descriptor.digest))).bytes).layers;
    expect(layers).toHaveLength(3);
    expect(await client.referrers(index.descriptor.digest, BUNDLE_TYPE)).toHaveLength(3);
    for (const by of [key, other]) {
      const verdict = await verifyImage({ store: client, reference: '1.0', expected: byKey(by), ignoreTlog: true });
      expect(verdict.outcome).toBe('verified');
    }
  });

  it('attests, and an attestation is no signature', async () => {
    const client = await published(referrersApi);
    const predicateType = 'https://spdx.dev/Document';
    const subjects = await signableBelow(client, '1.0');
    const attestations = subjects.map((subject, i) => ({
      subject,
      predicateType,
      predicate: { spdxVersion: 'SPDX-2.3', i },
    }));
    const place = { client, clock: bench.clock, signer: keySigner(key), format: 'both' as const };
    expect(await attestImage(place, attestations)).toHaveLength(6);
    expect((await attestImage(place, attestations)).filter((one) => one.added)).toEqual([]);
    for (const [i, reference] of digests.entries()) {
      const request = { store: client, reference, expected: byKey(key), ignoreTlog: true };
      const verdict = await verifyAttestations(request, predicateType);
      expect(verdict.outcome).toBe('verified');
      expect(verdict.attestations.map(({ statement }) => statement?.predicate)).toEqual([
        { spdxVersion: 'SPDX-2.3', i },
        { spdxVersion: 'SPDX-2.3', i },
      ]);
      const none = await verifyAttestations(request, 'https://slsa.dev/provenance/v1');
      expect([none.outcome, none.others]).toEqual(['missing', [predicateType, predicateType]]);
      const refused = await verifyAttestations({ ...request, expected: byKey(other) }, predicateType);
      expect(refused.outcome).toBe('refused');
      expect(refused.attestations.map(({ statement, envelope }) => [statement, envelope])).toEqual([
        [undefined, undefined],
        [undefined, undefined],
      ]);
      const unsigned = await verifyImage(request);
      expect([unsigned.outcome, unsigned.attestations]).toEqual(['unsigned', [predicateType, predicateType]]);
      expect(unsigned.advice.join(' ')).toContain('an attestation is not a signature');
    }
    expect(await client.resolve(attestationTag(index.descriptor.digest))).toBeDefined();
  });

  it('labels what it stores in a list of referrers', async () => {
    const client = await published(referrersApi);
    await signImage({ client, clock: bench.clock, signer: keySigner(key), format: 'bundle', reference: '1.0' });
    const [listed] = await client.referrers(index.descriptor.digest);
    expect(listed).toMatchObject({
      artifactType: BUNDLE_TYPE,
      annotations: {
        'dev.sigstore.bundle.content': 'dsse-envelope',
        'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
      },
    });
  });
});

it.each(['p384', 'rsa', 'ed25519'])('signs with %s', async (name) => {
  const client = await published(true);
  const signer = keySigner(KEYS[name]!, { allowEd25519: true });
  await signImage({ client, clock: bench.clock, signer, format: 'both', reference: '1.0' });
  const verdict = await verifyImage({
    store: client,
    reference: '1.0',
    expected: byKey(KEYS[name]!),
    ignoreTlog: true,
  });
  expect(verdict.signatures.map(({ refusal }) => refusal)).toEqual([undefined, undefined]);
});

it('asks before it signs with Ed25519', async () => {
  registry = await openFaultyRegistry();
  const failure = await failureOf((async () => keySigner(KEYS['ed25519']!))());
  expect([failure.code, failure.hint]).toEqual(['KEY_INVALID', expect.stringContaining('--allow-ed25519')]);
});

it('signs when two do so at once, and loses neither', async () => {
  const client = await published(false);
  const both = [key, other].map((by) =>
    signImage({ client, clock: systemClock, signer: keySigner(by), format: 'legacy', reference: '1.0' }),
  );
  await Promise.all(both);
  for (const by of [key, other]) {
    const verdict = await verifyImage({ store: client, reference: '1.0', expected: byKey(by), ignoreTlog: true });
    expect(verdict.outcome).toBe('verified');
  }
});

it.each<SigningFormat>(['bundle', 'legacy'])('fails for an image that is not there, as %s', async (format) => {
  const client = await published(true);
  const failure = await failureOf(
    signImage({ client, clock: bench.clock, signer: keySigner(key), format, reference: 'absent' }),
  );
  expect(failure.code).toBe('IMAGE_NOT_FOUND');
});
