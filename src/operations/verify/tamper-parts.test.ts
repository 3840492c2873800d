// More of what somebody can do who may write to the registry: to the proofs of a log, to chains of certificates, to attestations,
// and to the labels that lists and manifests carry. Then every single bit of what is found by a name that may be moved.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../../../test/support/faulty-registry.ts';
import {
  type LoopbackSigstore,
  openLoopbackSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from '../../../test/support/loopback-sigstore.ts';
import { type LegacyContent, type MemoryStore, takeStore } from '../../../test/support/memory-store.ts';
import { type ClientBench, openBench, testImages } from '../../../test/support/registry-client.ts';
import { KEYS } from '../../../test/support/signed-states.ts';
import { systemClock } from '../../effects/http/retry.ts';
import { pushImageIndex } from '../../effects/registry/client/push-image.ts';
import { keySigner } from '../../effects/signing/bundle-signer.ts';
import { keylessSigner } from '../../effects/signing/keyless-signer.ts';
import type { SignerExpectation } from '../../effects/signing/signer-expectation.ts';
import { parseSigningConfig } from '../../effects/signing/signing-config.ts';
import { parseTrustedRoot, type TrustedRoot } from '../../effects/signing/trusted-root.ts';
import { SIGNATURE_PREDICATE } from '../../formats/attestation/predicate-type.ts';
import {
  ANNOTATION,
  attestationTag,
  planBundleManifest,
  signatureTag,
} from '../../formats/attestation/signature-storage.ts';
import { readSmallBlob } from '../../formats/oci/blob-source.ts';
import { parseManifest } from '../../formats/oci/manifest.ts';
import { attestImage, signImage } from '../sign/sign-image.ts';
import { verifyAttestations, verifyImage } from './verify-image.ts';

const [first, second] = [testImages(21), testImages(22)];
const [image, other] = [first.index.descriptor, second.index.descriptor];
const TYPE = 'https://example.test/checked/v1';
const byKey: SignerExpectation = { kind: 'key', key: KEYS.right.publicKey };
const byIdentity: SignerExpectation = {
  kind: 'certificate',
  identity: { exact: TEST_IDENTITY },
  issuer: { exact: TEST_ISSUER },
};

let bench: ClientBench;
let registry: FaultyRegistry;
let sigstore: LoopbackSigstore;
let trustedRoot: TrustedRoot;
/** Signed and attested in both forms. */
const stores: Record<'keyed' | 'keyless', MemoryStore> = {} as never;

beforeAll(async () => {
  bench = openBench();
  registry = await openFaultyRegistry();
  sigstore = await openLoopbackSigstore();
  trustedRoot = await parseTrustedRoot(sigstore.trustedRoot, 'the test root');
  const signers = {
    keyed: keySigner(KEYS.right),
    keyless: await keylessSigner({
      services: await parseSigningConfig(sigstore.config({ rekor: 1, tsa: true }), 'config', Date.now()),
      identityToken: async () => sigstore.token(),
      clock: systemClock,
    }),
  };
  for (const name of ['keyed', 'keyless'] as const) {
    const client = bench.open(`${registry.host}/team/${name}`);
    for (const [images, tag] of [
      [first, 'first'],
      [second, 'second'],
    ] as const) {
      await pushImageIndex(client, images.index, images.blobs, { tags: [tag] });
      const place = { client, clock: bench.clock, signer: signers[name], format: 'both' as const };
      await signImage({ ...place, reference: tag });
      const predicate = { about: tag };
      await attestImage(place, [{ subject: images.index.descriptor, predicateType: TYPE, predicate }]);
    }
    const tags = [image, other].flatMap(({ digest }) => [signatureTag(digest), attestationTag(digest)]);
    stores[name] = await takeStore(client, ['first', 'second', ...tags], [image, other]);
  }
});
afterAll(async () => {
  await bench.close();
  await registry.close();
  await sigstore.close();
});

const requestOf = (name: 'keyed' | 'keyless', store: MemoryStore) => ({
  store,
  reference: 'first',
  expected: [name === 'keyed' ? byKey : byIdentity],
  trustedRoot,
  ignoreTlog: name === 'keyed',
});

/** Only the bundles, or only the tags, of a store. */
function only(name: 'keyed' | 'keyless', form: 'bundle' | 'legacy'): MemoryStore {
  const store = stores[name].copy();
  if (form === 'legacy') store.lists.clear();
  else for (const tag of [...store.tags.keys()].filter((one) => /\.(?:sig|att)$/.test(one))) store.tags.delete(tag);
  return store;
}

// biome-ignore lint/suspicious/noExplicitAny: rows change foreign JSON in place
type Editable = any;

/** The bytes of the bundle of that type. */
async function bundleOf(store: MemoryStore, predicateType: string): Promise<Buffer> {
  for (const { digest } of store.lists.get(image.digest)!) {
    const [layer] = parseManifest((await store.getManifest(digest)).bytes).layers;
    const bytes = Buffer.from(await readSmallBlob(store.blobs, layer!, 1_000_000));
    const { dsseEnvelope } = JSON.parse(bytes.toString());
    const statement = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString());
    if (statement.predicateType === predicateType) return bytes;
  }
  throw new Error(`no bundle of ${predicateType}`);
}

/** The base64 text with one bit flipped. */
function flipped(base64: string, at = 0.5): string {
  const bytes = Buffer.from(base64, 'base64');
  const i = Math.floor(bytes.length * at);
  bytes[i] = bytes[i]! ^ 1;
  return bytes.toString('base64');
}

describe('a proof of the log, changed', () => {
  const envelope = (proof: Editable, change: (text: string) => string) => {
    return { checkpoint: { envelope: change(proof.checkpoint.envelope) } };
  };
  /** What the proof has instead. */
  const rows: readonly [string, (proof: Editable, other: Editable) => object][] = [
    ['its root hash flipped', ({ rootHash }) => ({ rootHash: flipped(rootHash) })],
    ['its root hash of another entry', (_p, { rootHash }) => ({ rootHash })],
    ['its root hash missing', () => ({ rootHash: '' })],
    ['its hashes flipped', () => ({ hashes: [Buffer.alloc(32, 7).toString('base64')] })],
    ['its size changed', ({ treeSize }) => ({ treeSize: String(Number(treeSize) + 1) })],
    ['its index changed', ({ logIndex }) => ({ logIndex: String(Number(logIndex) + 1) })],
    ['its checkpoint missing', (p) => envelope(p, () => '')],
    ['its checkpoint of another size', (p) => envelope(p, (text) => text.replace(/\n\d+\n/, '\n999\n'))],
    [
      "its checkpoint's signature flipped",
      (p) => envelope(p, (text) => text.replace(/(— \S+ )(\S+)/, (_all, head, sig) => `${head}${flipped(sig, 0.9)}`)),
    ],
    ["its checkpoint's signature missing", (p) => envelope(p, (text) => text.replace(/— .*\n/, ''))],
    ['all of it of another entry', (_p, other) => other],
  ];
  it.each(rows)('%s, is refused', async (_what, change) => {
    const store = only('keyless', 'bundle');
    const proofOf = (bundle: Editable) => bundle.verificationMaterial.tlogEntries[0].inclusionProof;
    const bundle: Editable = JSON.parse((await bundleOf(store, SIGNATURE_PREDICATE)).toString());
    expect((await verifyImage(requestOf('keyless', store))).outcome).toBe('verified');
    const proof = proofOf(bundle);
    Object.assign(proof, change(proof, proofOf(await store.bundleOf(other.digest))));
    store.replaceBundle(image, bundle);
    const { outcome, signatures } = await verifyImage(requestOf('keyless', store));
    expect(outcome).toBe('refused');
    expect(['log-entry', 'malformed']).toContain(signatures[0]?.refusal?.reason);
  });
});

describe('a chain of certificates, changed', () => {
  const pem = (base64: string) => `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
  const rootOf = (text: string): string =>
    JSON.parse(text).certificateAuthorities[0].certChain.certificates[0].rawBytes;
  const rows: readonly [string, (layer: LegacyContent, foreign: string) => string | undefined][] = [
    ['that somebody else made', (_layer, foreign) => pem(foreign)],
    ['that is no chain', () => 'text'],
    ['that is the leaf again', ({ annotations }) => annotations[ANNOTATION.certificate]],
  ];
  // Chains that a signature brings along are never trusted: only what the trusted root says counts.
  it.each(rows)('beside a legacy signature, %s, adds no trust', async (_what, change) => {
    const elsewhere = await openLoopbackSigstore();
    await elsewhere.close();
    const store = only('keyless', 'legacy');
    const tag = signatureTag(image.digest);
    const layer = await store.layerOf(tag);
    const chain = change(layer, rootOf(elsewhere.trustedRoot)) ?? '';
    store.replaceLayer(tag, { ...layer, annotations: { ...layer.annotations, [ANNOTATION.chain]: chain } });
    expect((await verifyImage(requestOf('keyless', store))).outcome).toBe('verified');
    const foreign = await parseTrustedRoot(elsewhere.trustedRoot, 'another');
    const elsewhereTrusted = await verifyImage({ ...requestOf('keyless', store), trustedRoot: foreign });
    expect(elsewhereTrusted.outcome).toBe('refused');
  });

  it.each([
    ['of somebody else before the leaf', (leaf: string, foreign: string) => [foreign, leaf]],
    ['of somebody else in place of the leaf', (_leaf: string, foreign: string) => [foreign]],
    ['that is empty', () => []],
  ])('in a bundle, %s, is refused', async (_what, chain) => {
    const elsewhere = await openLoopbackSigstore();
    await elsewhere.close();
    const store = only('keyless', 'bundle');
    const bundle: Editable = JSON.parse((await bundleOf(store, SIGNATURE_PREDICATE)).toString());
    const { certificate, ...material } = bundle.verificationMaterial;
    const certificates = chain(certificate.rawBytes, rootOf(elsewhere.trustedRoot)).map((rawBytes) => ({ rawBytes }));
    const mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
    const verificationMaterial = { ...material, x509CertificateChain: { certificates } };
    store.replaceBundle(image, { ...bundle, mediaType, verificationMaterial });
    const { outcome, signatures } = await verifyImage(requestOf('keyless', store));
    expect([outcome, ['malformed', 'certificate', 'signature', 'timestamp', 'identity']]).toEqual([
      'refused',
      expect.arrayContaining([signatures[0]?.refusal?.reason]),
    ]);
  });
});

describe('an attestation, changed', () => {
  const json = (layer: LegacyContent, change: (envelope: Editable) => void): LegacyContent => {
    const envelope = JSON.parse(Buffer.from(layer.bytes).toString());
    change(envelope);
    return { ...layer, bytes: Buffer.from(JSON.stringify(envelope)) };
  };
  const payload = (envelope: Editable, change: (text: string) => string): void => {
    envelope.payload = Buffer.from(change(Buffer.from(envelope.payload, 'base64').toString())).toString('base64');
  };
  type Change = (layer: LegacyContent, other: LegacyContent) => LegacyContent;
  const rows: readonly [string, Change, string][] = [
    ['its predicate', (l) => json(l, (e) => payload(e, (text) => text.replace('"first"', '"frist"'))), 'signature'],
    [
      'its subject',
      (l) => json(l, (e) => payload(e, (text) => text.replace(image.digest.slice(7), other.digest.slice(7)))),
      'signature',
    ],
    [
      'its signature flipped',
      (l) => json(l, ({ signatures: [one] }) => Object.assign(one, { sig: flipped(one.sig) })),
      'signature',
    ],
    ['its signature missing', (l) => json(l, (e) => Object.assign(e, { signatures: [] })), 'missing'],
    ['its payload type', (l) => json(l, (e) => Object.assign(e, { payloadType: 'text/plain' })), 'missing'],
    ['all of it, that of another image', (_l, o) => o, 'digest'],
    [
      'its type in the payload',
      (l) => json(l, (e) => payload(e, (text) => text.replace('/checked/', '/chucked/'))),
      'missing',
    ],
  ];
  it.each(rows)('%s, under the .att tag', async (_what, change, reason) => {
    const store = only('keyed', 'legacy');
    const before = await verifyAttestations(requestOf('keyed', store), TYPE);
    expect(before.outcome).toBe('verified');
    const [tag, otherTag] = [attestationTag(image.digest), attestationTag(other.digest)];
    store.replaceLayer(tag, change(await store.layerOf(tag), await store.layerOf(otherTag)));
    const { outcome, attestations } = await verifyAttestations(requestOf('keyed', store), TYPE);
    expect(attestations[0]?.refusal?.reason ?? outcome).toBe(reason);
    expect(attestations.map(({ statement }) => statement)).toEqual(attestations.map(() => undefined));
  });

  it('by its annotation alone, is found by what is signed', async () => {
    const store = only('keyed', 'legacy');
    const tag = attestationTag(image.digest);
    const layer = await store.layerOf(tag);
    store.replaceLayer(tag, {
      ...layer,
      annotations: { ...layer.annotations, [ANNOTATION.predicateType]: SIGNATURE_PREDICATE },
    });
    store.tags.delete(signatureTag(image.digest));
    expect((await verifyImage(requestOf('keyed', store))).outcome).toBe('unsigned');
    expect((await verifyAttestations(requestOf('keyed', store), TYPE)).outcome).toBe('verified');
  });
});

describe('a label, changed', () => {
  it.each(['signature', 'attestation'] as const)(
    'of a bundle that is a %s, in list and manifest, deceives nobody',
    async (what) => {
      const store = only('keyed', 'bundle');
      const listed = store.lists.get(image.digest)!;
      const bytes = await bundleOf(store, what === 'signature' ? SIGNATURE_PREDICATE : TYPE);
      const label = what === 'signature' ? TYPE : SIGNATURE_PREDICATE;
      const manifest = planBundleManifest(bytes, label, image);
      for (const blob of manifest.blobs) store.putBlob(blob.bytes);
      store.put(manifest.bytes, manifest.descriptor.mediaType);
      const annotations = { [ANNOTATION.bundlePredicateType]: label };
      store.lists.set(image.digest, [{ ...listed[0]!, ...manifest.descriptor, annotations }]);
      expect((await verifyImage(requestOf('keyed', store))).outcome).toBe(
        what === 'signature' ? 'verified' : 'unsigned',
      );
      const attested = await verifyAttestations(requestOf('keyed', store), TYPE);
      expect(attested.outcome).toBe(what === 'signature' ? 'missing' : 'verified');
    },
  );
});

describe('every bit of what a name leads to', () => {
  const bits = (bytes: Uint8Array, i: number, bit: number): Buffer => {
    const changed = Buffer.from(bytes);
    changed[i] = changed[i]! ^ (1 << bit);
    return changed;
  };
  /** Digests are made right again, as whoever writes to a registry can: what is verified has to be what was signed. */
  async function expectSigned(
    name: 'keyed' | 'keyless',
    store: MemoryStore,
    form: 'bundle' | 'legacy',
  ): Promise<boolean> {
    const { outcome } = await verifyImage(requestOf(name, store)).catch(() => ({ outcome: 'failed' }));
    if (outcome !== 'verified') return false;
    expect(await partsOf(store, form)).toEqual(await partsOf(only(name, form), form));
    return true;
  }
  async function partsOf(store: MemoryStore, form: 'bundle' | 'legacy'): Promise<Buffer[]> {
    if (form === 'legacy') {
      const { bytes, annotations } = await store.layerOf(signatureTag(image.digest));
      return [Buffer.from(bytes), Buffer.from(annotations[ANNOTATION.signature] ?? '', 'base64')];
    }
    const { dsseEnvelope } = JSON.parse((await bundleOf(store, SIGNATURE_PREDICATE)).toString());
    return [dsseEnvelope.payload, dsseEnvelope.signatures[0].sig].map((text: string) => Buffer.from(text, 'base64'));
  }
  const signatureBundle = (name: 'keyed' | 'keyless') => bundleOf(stores[name], SIGNATURE_PREDICATE);
  const withBundle = (name: 'keyed' | 'keyless', bytes: Uint8Array): MemoryStore => {
    const store = only(name, 'bundle');
    const manifest = planBundleManifest(bytes, SIGNATURE_PREDICATE, image);
    for (const blob of manifest.blobs) store.putBlob(blob.bytes);
    store.put(manifest.bytes, manifest.descriptor.mediaType);
    store.lists.set(image.digest, [{ ...store.lists.get(image.digest)![0]!, ...manifest.descriptor }]);
    return store;
  };

  it('flipped in a bundle by a key', { timeout: 60_000 }, async () => {
    const bytes = await signatureBundle('keyed');
    expect(await expectSigned('keyed', withBundle('keyed', bytes), 'bundle')).toBe(true);
    for (let i = 0; i < bytes.length; i++) {
      for (let bit = 0; bit < 8; bit++) await expectSigned('keyed', withBundle('keyed', bits(bytes, i, bit)), 'bundle');
    }
  });

  it('flipped in the manifest of the .sig tag, and in its payload', { timeout: 60_000 }, async () => {
    const tag = signatureTag(image.digest);
    const { bytes, descriptor } = await only('keyed', 'legacy').getManifest(tag);
    for (let i = 0; i < bytes.length; i++) {
      for (let bit = 0; bit < 8; bit++) {
        const store = only('keyed', 'legacy');
        store.put(bits(bytes, i, bit), descriptor.mediaType, tag);
        await expectSigned('keyed', store, 'legacy');
      }
    }
    const layer = await only('keyed', 'legacy').layerOf(tag);
    for (let i = 0; i < layer.bytes.length; i++) {
      const store = only('keyed', 'legacy');
      store.replaceLayer(tag, { ...layer, bytes: bits(layer.bytes, i, i % 8) });
      expect((await verifyImage(requestOf('keyed', store)).catch(() => ({ outcome: 'failed' }))).outcome).not.toBe(
        'verified',
      );
    }
  });

  it('flipped in the index that the tag of the image leads to', async () => {
    const { bytes, descriptor } = await only('keyed', 'bundle').getManifest('first');
    for (let i = 0; i < bytes.length; i++) {
      const store = stores.keyed.copy();
      store.put(bits(bytes, i, i % 8), descriptor.mediaType, 'first');
      expect((await verifyImage(requestOf('keyed', store)).catch(() => ({ outcome: 'failed' }))).outcome).not.toBe(
        'verified',
      );
    }
  });

  it('flipped in a keyless bundle, by chance', { timeout: 60_000 }, async () => {
    const bytes = await signatureBundle('keyless');
    const at = fc.nat(bytes.length - 1);
    const flip = async (i: number, bit: number): Promise<void> =>
      void (await expectSigned('keyless', withBundle('keyless', bits(bytes, i, bit)), 'bundle'));
    await fc.assert(fc.asyncProperty(at, fc.nat(7), flip), { numRuns: 400 });
  });
});
