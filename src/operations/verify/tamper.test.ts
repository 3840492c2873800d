// What somebody can do who may write to the registry, and to the services' answers: every row is refused, for its reason.

import { generateKeyPairSync } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
import { digestHex } from '../../base/digest.ts';
import { systemClock } from '../../effects/http/retry.ts';
import { pushImageIndex } from '../../effects/registry/client/push-image.ts';
import type { RegistryClient } from '../../effects/registry/client/registry-client.ts';
import { type BundleSigner, keySigner } from '../../effects/signing/bundle-signer.ts';
import { keylessSigner } from '../../effects/signing/keyless-signer.ts';
import type { SignerExpectation } from '../../effects/signing/signer-expectation.ts';
import { parseSigningConfig } from '../../effects/signing/signing-config.ts';
import { signingKeyOf } from '../../effects/signing/signing-key.ts';
import { parseTrustedRoot, type TrustedRoot } from '../../effects/signing/trusted-root.ts';
import { verifyBundle } from '../../effects/signing/verify-bundle.ts';
import type { BundleJson } from '../../formats/attestation/bundle-json.ts';
import { IN_TOTO_TYPE } from '../../formats/attestation/dsse.ts';
import { ANNOTATION, signatureTag } from '../../formats/attestation/signature-storage.ts';
import { printStatement } from '../../formats/attestation/statement.ts';
import { signImage } from '../sign/sign-image.ts';
import { verifyAttestations, verifyImage } from './verify-image.ts';

type SignerName = 'key' | 'other-key' | 'logged' | 'logged-v2' | 'timed' | 'eve';

const [first, second] = [testImages(1), testImages(2)];
const image = first.index.descriptor;
const tag = signatureTag(image.digest);
const key = signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'key');
const otherKey = signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'other');
const byKey: SignerExpectation = { kind: 'key', key: key.publicKey };
const byIdentity: SignerExpectation = {
  kind: 'certificate',
  identity: { exact: TEST_IDENTITY },
  issuer: { exact: TEST_ISSUER },
};
const ANNOTATIONS = { team: 'core' };

let bench: ClientBench;
let registry: FaultyRegistry;
let sigstore: LoopbackSigstore;
let trustedRoot: TrustedRoot;
const stores = new Map<SignerName, { bundle: MemoryStore; legacy: MemoryStore }>();

beforeAll(async () => {
  bench = openBench();
  registry = await openFaultyRegistry();
  sigstore = await openLoopbackSigstore();
  trustedRoot = await parseTrustedRoot(sigstore.trustedRoot, 'the test root');
  const keyless = async (config: Parameters<LoopbackSigstore['config']>[0], claims?: Record<string, unknown>) =>
    await keylessSigner({
      services: await parseSigningConfig(sigstore.config(config), 'config', Date.now()),
      identityToken: async () => sigstore.token(claims),
      clock: systemClock,
    });
  const signers: Record<SignerName, BundleSigner> = {
    // First: its certificate is valid when the others sign.
    eve: await keyless({ rekor: 1, tsa: true }, { sub: 'https://github.com/eve/app', iss: TEST_ISSUER }),
    key: keySigner(key),
    'other-key': keySigner(otherKey),
    logged: await keyless({ rekor: 1, tsa: true }),
    'logged-v2': await keyless({ rekor: 2, tsa: true }),
    timed: await keyless({ tsa: true }),
  };
  for (const [name, signer] of Object.entries(signers) as [SignerName, BundleSigner][]) {
    const client = bench.open(`${registry.host}/team/${name}`);
    for (const [images, imageTag] of [
      [first, 'first'],
      [second, 'second'],
    ] as const) {
      await pushImageIndex(client, images.index, images.blobs, { tags: [imageTag] });
      await signImage({
        client,
        clock: bench.clock,
        signer,
        format: 'both',
        reference: imageTag,
        annotations: ANNOTATIONS,
      });
    }
    const images = [first, second].map(({ index }) => index.descriptor);
    const all = await takeStore(
      client,
      ['first', 'second', ...images.map(({ digest }) => signatureTag(digest))],
      images,
    );
    const [bundle, legacy] = [all.copy(), all.copy()];
    for (const { digest } of images) {
      bundle.tags.delete(signatureTag(digest));
      legacy.lists.delete(digest);
    }
    stores.set(name, { bundle, legacy });
  }
});
afterAll(async () => {
  await bench.close();
  await registry.close();
  await sigstore.close();
});

const isKey = (name: SignerName) => name === 'key' || name === 'other-key';

async function verdictOn(
  store: MemoryStore,
  name: SignerName,
  more: { reference?: string; annotations?: object } = {},
) {
  return await verifyImage({
    store,
    reference: 'first',
    expected: [isKey(name) ? byKey : byIdentity],
    trustedRoot,
    ignoreTlog: isKey(name) || name === 'timed',
    ...(more as { annotations?: Record<string, string> }),
  });
}

/** The reason of the only signature, or the outcome where there is none or it is good. */
async function reasonOf(store: MemoryStore, name: SignerName, more = {}): Promise<string> {
  const verdict = await verdictOn(store, name, more);
  expect(verdict.outcome === 'verified').toBe(verdict.signatures.some(({ refusal }) => refusal === undefined));
  return verdict.signatures[0]?.refusal?.reason ?? verdict.outcome;
}

/** The base64 text with one bit in the middle flipped. */
function flipped(base64: string, at = 0.5): string {
  const bytes = Buffer.from(base64, 'base64');
  const i = Math.floor(bytes.length * at);
  bytes[i] = bytes[i]! ^ 1;
  return bytes.toString('base64');
}

// biome-ignore lint/suspicious/noExplicitAny: rows change foreign JSON in place
type Editable = any;

describe.each(['bundle', 'legacy'] as const)('an untouched %s', (format) => {
  it.each(['key', 'logged', 'timed'] as const)('by %s verifies, and says what was checked', async (name) => {
    const verdict = await verdictOn(stores.get(name)![format], name, { annotations: ANNOTATIONS });
    expect(verdict.outcome).toBe('verified');
    const { verified, skipped } = verdict.signatures[0]!;
    const checks = { key: [], logged: ['certificate', 'log', 'timestamp'], timed: ['certificate', 'timestamp'] }[name];
    expect(verified).toEqual(['signature', ...checks, 'digest', 'annotations']);
    expect(skipped.map(({ check }) => check)).toEqual(name === 'logged' ? [] : ['log']);
  });

  it.each([
    ['other-key', 'other-key'],
    ['eve', 'identity'],
  ] as const)('by %s is refused: %s', async (name, reason) => {
    expect(await reasonOf(stores.get(name)![format], name)).toBe(
      format === 'legacy' && name === 'other-key' ? 'signature' : reason,
    );
  });
});

it('verifies entries of a log of version 2 with a timestamp', async () => {
  const verdict = await verdictOn(stores.get('logged-v2')!.bundle, 'logged-v2');
  expect(verdict.signatures.map(({ refusal }) => refusal)).toEqual([undefined]);
});

describe('a changed bundle', () => {
  const material = (bundle: Editable) => bundle.verificationMaterial;
  const entry = (bundle: Editable) => material(bundle).tlogEntries[0];
  const rows: [string, SignerName, (bundle: Editable, other: Editable) => void, string][] = [
    [
      'payload flipped',
      'key',
      (b) => {
        const text = Buffer.from(b.dsseEnvelope.payload, 'base64').toString();
        b.dsseEnvelope.payload = Buffer.from(text.replace('core', 'cord')).toString('base64');
      },
      'signature',
    ],
    [
      'payload about another image',
      'key',
      (b, o) => {
        b.dsseEnvelope.payload = o.dsseEnvelope.payload;
      },
      'signature',
    ],
    [
      'payload missing',
      'key',
      (b) => {
        b.dsseEnvelope.payload = '';
      },
      'malformed',
    ],
    [
      'payload type changed',
      'key',
      (b) => {
        b.dsseEnvelope.payloadType = 'text/plain';
      },
      'malformed',
    ],
    [
      'signature flipped',
      'key',
      (b) => {
        b.dsseEnvelope.signatures[0].sig = flipped(b.dsseEnvelope.signatures[0].sig);
      },
      'signature',
    ],
    [
      'signature of another image',
      'key',
      (b, o) => {
        b.dsseEnvelope.signatures = o.dsseEnvelope.signatures;
      },
      'signature',
    ],
    [
      'signature missing',
      'key',
      (b) => {
        b.dsseEnvelope.signatures = [];
      },
      'malformed',
    ],
    [
      'signature empty',
      'key',
      (b) => {
        b.dsseEnvelope.signatures[0].sig = '';
      },
      'malformed',
    ],
    [
      'two signatures',
      'key',
      (b, o) => {
        b.dsseEnvelope.signatures.push(o.dsseEnvelope.signatures[0]);
      },
      'malformed',
    ],
    [
      'the whole bundle of another image',
      'key',
      (b, o) => {
        Object.assign(b, o);
      },
      'digest',
    ],
    [
      'material missing',
      'key',
      (b) => {
        b.verificationMaterial = {};
      },
      'malformed',
    ],
    [
      'version unknown',
      'key',
      (b) => {
        b.mediaType = 'application/vnd.dev.sigstore.bundle.v9+json';
      },
      'malformed',
    ],
    [
      'envelope missing',
      'key',
      (b) => {
        delete b.dsseEnvelope;
      },
      'malformed',
    ],
    [
      'certificate flipped',
      'logged',
      (b) => {
        material(b).certificate.rawBytes = flipped(material(b).certificate.rawBytes, 0.9);
      },
      'certificate',
    ],
    [
      'certificate of somebody else',
      'logged',
      (b) => {
        material(b).certificate = eve.verificationMaterial.certificate;
      },
      'signature',
    ],
    [
      'certificate missing',
      'logged',
      (b) => {
        delete material(b).certificate;
      },
      'malformed',
    ],
    [
      'certificate replaced by a key',
      'logged',
      (b) => {
        delete material(b).certificate;
        material(b).publicKey = { hint: 'x' };
      },
      'identity',
    ],
    [
      'a root that it brings itself',
      'logged',
      (b) => {
        b.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
        material(b).x509CertificateChain = {
          certificates: [
            material(b).certificate,
            JSON.parse(sigstore.trustedRoot).certificateAuthorities[0].certChain.certificates[0],
          ],
        };
        delete material(b).certificate;
      },
      'malformed',
    ],
    [
      'log entry missing',
      'logged',
      (b) => {
        material(b).tlogEntries = [];
      },
      'log-missing',
    ],
    [
      'log entry of another image',
      'logged',
      (b, o) => {
        material(b).tlogEntries = material(o).tlogEntries;
      },
      'log-entry',
    ],
    [
      'log entry of somebody else',
      'logged',
      (b) => {
        material(b).tlogEntries = eve.verificationMaterial.tlogEntries;
      },
      'log-entry|certificate',
    ],
    [
      'log entry flipped',
      'logged',
      (b) => {
        entry(b).canonicalizedBody = flipped(entry(b).canonicalizedBody);
      },
      'log-entry',
    ],
    [
      'promise flipped',
      'logged',
      (b) => {
        entry(b).inclusionPromise.signedEntryTimestamp = flipped(entry(b).inclusionPromise.signedEntryTimestamp);
      },
      'log-entry',
    ],
    [
      'time of the log changed',
      'logged',
      (b) => {
        entry(b).integratedTime = String(Number(entry(b).integratedTime) + 1);
      },
      'log-entry',
    ],
    [
      'time of the log beyond the certificate',
      'logged',
      (b) => {
        entry(b).integratedTime = '1';
      },
      'certificate',
    ],
    [
      'log unknown',
      'logged',
      (b) => {
        entry(b).logId.keyId = flipped(entry(b).logId.keyId);
      },
      'log-entry',
    ],
    [
      'kind of the entry changed',
      'logged',
      (b) => {
        entry(b).kindVersion.kind = 'hashedrekord';
      },
      'log-entry',
    ],
    [
      'checkpoint of another entry',
      'logged',
      (b, o) => {
        entry(b).inclusionProof.checkpoint = entry(o).inclusionProof.checkpoint;
      },
      'log-entry',
    ],
    [
      'proof missing',
      'logged',
      (b) => {
        delete entry(b).inclusionProof;
      },
      'malformed',
    ],
    [
      'timestamp flipped',
      'timed',
      (b) => {
        const t = material(b).timestampVerificationData.rfc3161Timestamps[0];
        t.signedTimestamp = flipped(t.signedTimestamp, 0.95);
      },
      'timestamp',
    ],
    [
      'timestamp of another image',
      'timed',
      (b, o) => {
        material(b).timestampVerificationData = material(o).timestampVerificationData;
      },
      'timestamp',
    ],
    [
      'timestamp missing',
      'timed',
      (b) => {
        delete material(b).timestampVerificationData;
      },
      'timestamp',
    ],
    [
      'timestamp missing beside an entry of version 2',
      'logged-v2',
      (b) => {
        delete material(b).timestampVerificationData;
      },
      'timestamp',
    ],
    [
      'timestamp that is none',
      'timed',
      (b) => {
        material(b).timestampVerificationData.rfc3161Timestamps[0].signedTimestamp = 'AAAA';
      },
      'malformed',
    ],
    [
      'entry of version 2 of another image',
      'logged-v2',
      (b, o) => {
        material(b).tlogEntries = material(o).tlogEntries;
      },
      'log-entry',
    ],
  ];
  let eve: BundleJson;
  beforeAll(async () => {
    eve = await stores.get('eve')!.bundle.bundleOf(image.digest);
  });
  it.each(rows)('with %s (by %s) is refused', async (_what, name, change, reason) => {
    const store = stores.get(name)!.bundle.copy();
    const bundle = await store.bundleOf(image.digest);
    change(bundle, structuredClone(await store.bundleOf(second.index.descriptor.digest)));
    store.replaceBundle(image, bundle);
    expect(reason.split('|')).toContain(await reasonOf(store, name));
  });
});

describe('a changed legacy signature', () => {
  const withAnnotation = (layer: LegacyContent, name: string, value: string | undefined): LegacyContent => {
    const { [name]: _old, ...rest } = layer.annotations;
    return { ...layer, annotations: value === undefined ? rest : { ...rest, [name]: value } };
  };
  const inJson = (text: string, change: (value: Editable) => void): string => {
    const value = JSON.parse(text);
    change(value);
    return JSON.stringify(value);
  };
  const set =
    (name: string, of: (own: string, other: string) => string | undefined) =>
    (layer: LegacyContent, other: LegacyContent) =>
      withAnnotation(layer, name, of(layer.annotations[name] ?? '', other.annotations[name] ?? ''));
  const text = (layer: LegacyContent) => Buffer.from(layer.bytes).toString();
  const rows: [string, SignerName, (layer: LegacyContent, other: LegacyContent) => LegacyContent, string][] = [
    ['payload flipped', 'key', (l) => ({ ...l, bytes: Buffer.from(text(l).replace('core', 'cord')) }), 'signature'],
    ['payload about another image', 'key', (l, o) => ({ ...l, bytes: o.bytes }), 'signature'],
    [
      'payload of another type',
      'key',
      (l) => ({ ...l, bytes: Buffer.from(text(l).replace('container', 'composer')) }),
      'malformed',
    ],
    [
      'payload printed again',
      'key',
      (l) => ({ ...l, bytes: Buffer.from(JSON.stringify(JSON.parse(text(l)), null, 1)) }),
      'signature',
    ],
    ['signature flipped', 'key', set(ANNOTATION.signature, (own) => flipped(own)), 'signature'],
    ['signature of another image', 'key', set(ANNOTATION.signature, (_own, other) => other), 'signature'],
    ['signature missing', 'key', set(ANNOTATION.signature, () => undefined), 'malformed'],
    ['signature in another spelling', 'key', set(ANNOTATION.signature, (own) => `${own}\n`), 'malformed'],
    ['the whole layer of another image', 'key', (_l, o) => o, 'digest'],
    ['another media type', 'key', (l) => ({ ...l, mediaType: 'text/plain' }), 'malformed'],
    [
      'certificate flipped',
      'logged',
      set(ANNOTATION.certificate, (own) =>
        own.replace(/(.{40})\n-----END/, (_m, tail: string) => `${flipped(`${tail}`).padEnd(40, 'A')}\n-----END`),
      ),
      'certificate',
    ],
    [
      'certificate of somebody else',
      'logged',
      (l) => withAnnotation(l, ANNOTATION.certificate, eve.annotations[ANNOTATION.certificate]),
      'signature',
    ],
    ['certificate missing', 'logged', set(ANNOTATION.certificate, () => undefined), 'identity'],
    ['certificate that is none', 'logged', set(ANNOTATION.certificate, () => 'text'), 'malformed'],
    ['log entry missing', 'logged', set(ANNOTATION.logEntry, () => undefined), 'log-missing'],
    ['log entry of another image', 'logged', set(ANNOTATION.logEntry, (_own, other) => other), 'log-entry'],
    [
      'log entry of somebody else',
      'logged',
      (l) => withAnnotation(l, ANNOTATION.logEntry, eve.annotations[ANNOTATION.logEntry]),
      'log-entry|certificate',
    ],
    [
      'promise flipped',
      'logged',
      set(ANNOTATION.logEntry, (own) =>
        inJson(own, (e) => {
          e.SignedEntryTimestamp = flipped(e.SignedEntryTimestamp);
        }),
      ),
      'log-entry',
    ],
    [
      'time of the log changed',
      'logged',
      set(ANNOTATION.logEntry, (own) =>
        inJson(own, (e) => {
          e.Payload.integratedTime += 1;
        }),
      ),
      'log-entry',
    ],
    [
      'timestamp flipped',
      'timed',
      set(ANNOTATION.timestamp, (own) =>
        inJson(own, (t) => {
          t.SignedRFC3161Timestamp = flipped(t.SignedRFC3161Timestamp, 0.95);
        }),
      ),
      'timestamp',
    ],
    ['timestamp of another image', 'timed', set(ANNOTATION.timestamp, (_own, other) => other), 'timestamp'],
    ['timestamp missing', 'timed', set(ANNOTATION.timestamp, () => undefined), 'timestamp'],
  ];
  let eve: LegacyContent;
  beforeAll(async () => {
    eve = await stores.get('eve')!.legacy.layerOf(tag);
  });
  it.each(rows)('with %s (by %s) is refused', async (_what, name, change, reason) => {
    const store = stores.get(name)!.legacy.copy();
    const other = await store.layerOf(signatureTag(second.index.descriptor.digest));
    store.replaceLayer(tag, change(await store.layerOf(tag), other));
    expect(reason.split('|')).toContain(await reasonOf(store, name));
  });
});

describe('a changed store', () => {
  const target = second.index.descriptor;
  const rows: [string, 'bundle' | 'legacy', (store: MemoryStore) => Promise<void> | void, object, string][] = [
    [
      'the tag moved to an unsigned image',
      'bundle',
      (s) => {
        s.tags.set('first', s.put(first.images[0]!.manifestBytes, first.images[0]!.descriptor.mediaType).digest);
      },
      {},
      'unsigned',
    ],
    [
      'the list of referrers removed',
      'bundle',
      (s) => {
        s.lists.clear();
      },
      {},
      'unsigned',
    ],
    [
      'the list leads to the signature of another image',
      'bundle',
      (s) => {
        s.lists.set(image.digest, s.lists.get(target.digest)!);
      },
      {},
      'malformed',
    ],
    [
      'the list leads to nothing',
      'bundle',
      (s) => {
        s.lists.set(
          image.digest,
          s.lists.get(image.digest)!.map((d) => ({ ...d, digest: `sha256:${'0'.repeat(64)}` })),
        );
      },
      {},
      'malformed',
    ],
    [
      'the list calls the bundle something else',
      'bundle',
      (s) => {
        s.lists.set(
          image.digest,
          s.lists.get(image.digest)!.map((d) => ({ ...d, artifactType: 'text/plain' })),
        );
      },
      {},
      'unsigned',
    ],
    [
      'the bundle is gone',
      'bundle',
      (s) => {
        s.contents.clear();
      },
      {},
      'malformed',
    ],
    [
      'the .sig tag removed',
      'legacy',
      (s) => {
        s.tags.delete(tag);
      },
      {},
      'unsigned',
    ],
    [
      'the .sig tag of another image',
      'legacy',
      (s) => {
        s.tags.set(tag, s.tags.get(signatureTag(target.digest))!);
      },
      {},
      'digest',
    ],
    [
      'the .sig tag leads to an image',
      'legacy',
      (s) => {
        s.tags.set(tag, image.digest);
      },
      {},
      'malformed',
    ],
    [
      'the payload is gone',
      'legacy',
      (s) => {
        s.contents.clear();
      },
      {},
      'malformed',
    ],
    ['nothing, but another annotation is wanted', 'bundle', () => {}, { annotations: { team: 'other' } }, 'annotation'],
    [
      'nothing, but one more annotation is wanted',
      'bundle',
      () => {},
      { annotations: { ...ANNOTATIONS, toString: 'x' } },
      'annotation',
    ],
    ['nothing, but another annotation is wanted', 'legacy', () => {}, { annotations: { team: 'other' } }, 'annotation'],
  ];
  it.each(rows)('%s (%s)', async (_what, format, change, more, reason) => {
    const store = stores.get('key')![format].copy();
    await change(store);
    expect(await reasonOf(store, 'key', more)).toBe(reason);
  });

  it('fails where the image is gone', async () => {
    const store = stores.get('key')!.bundle.copy();
    store.tags.delete('first');
    await expect(verdictOn(store, 'key')).rejects.toThrow(/does not exist/);
  });

  it('with an attestation of another image is refused, and one of another type not found', async () => {
    const store = stores.get('key')!.bundle.copy();
    const predicateType = 'https://example.test/x';
    const subjects = [{ digest: target.digest, annotations: {} }];
    const statement = printStatement({ subjects, predicateType, predicate: {} });
    const bundle = await keySigner(key).signEnvelope(Buffer.from(statement), IN_TOTO_TYPE);
    store.attach(bundle, target);
    store.attach(bundle, image);
    const request = { store, expected: [byKey], ignoreTlog: true };
    const on = async (reference: string, type = predicateType) => {
      const { outcome, attestations } = await verifyAttestations({ ...request, reference }, type);
      return [outcome, ...attestations.map(({ refusal, statement: held }) => refusal?.reason ?? held?.predicateType)];
    };
    expect(await on('second')).toEqual(['verified', predicateType]);
    expect(await on('first')).toEqual(['refused', 'digest']);
    expect(await on('second', 'https://example.test/any')).toEqual(['missing']);
  });

  it('is refused without a trusted root, and with another one', async () => {
    const { bundle } = stores.get('logged')!;
    const request = { store: bundle, reference: 'first', expected: [byIdentity] };
    expect((await verifyImage(request)).signatures[0]?.refusal?.reason).toBe('trusted-root-missing');
    const elsewhere = await openLoopbackSigstore();
    await elsewhere.close();
    const foreign = await parseTrustedRoot(elsewhere.trustedRoot, 'another');
    expect((await verifyImage({ ...request, trustedRoot: foreign })).signatures[0]?.refusal?.reason).toBe('timestamp');
  });
});

describe('one flipped bit', () => {
  it.each(['bundle', 'legacy'] as const)('in any stored object of a %s is never verified', async (format) => {
    const own = await openFaultyRegistry();
    const client: RegistryClient = bench.open(`${own.host}/team/app`);
    await pushImageIndex(client, first.index, first.blobs, { tags: ['first'] });
    await signImage({ client, clock: bench.clock, signer: keySigner(key), format, reference: image.digest });
    const verify = () =>
      verifyImage({ store: client, reference: image.digest, expected: [byKey], ignoreTlog: true }).then(
        ({ outcome }) => outcome,
        () => 'failed',
      );
    expect(await verify()).toBe('verified');
    const signature =
      format === 'legacy' ? (await client.getManifest(tag)).descriptor : (await client.referrers(image.digest))[0]!;
    const manifest = JSON.parse(Buffer.from((await client.getManifest(signature.digest)).bytes).toString());
    const digests = [image.digest, signature.digest, manifest.layers[0].digest] as const;
    const files = (await readdir(own.directory, { recursive: true, withFileTypes: true }))
      .filter(
        (file) =>
          file.isFile() &&
          file.parentPath.includes('blobs') &&
          digests.some((digest) => file.name.includes(digestHex(digest))),
      )
      .map((file) => join(file.parentPath, file.name));
    expect(files.length).toBeGreaterThanOrEqual(3);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.double({ min: 0, max: 0.9999, noNaN: true }),
        fc.nat(7),
        async (file, at, bit) => {
          const bytes = await readFile(file);
          if (bytes.length === 0) return;
          const changed = Buffer.from(bytes);
          const i = Math.floor(bytes.length * at);
          changed[i] = changed[i]! ^ (1 << bit);
          await writeFile(file, changed);
          try {
            expect(await verify()).not.toBe('verified');
          } finally {
            await writeFile(file, bytes);
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(await verify()).toBe('verified');
    await own.close();
  });

  it('in what a keyless bundle is made of is never verified', async () => {
    const bundle = await stores.get('logged')!.bundle.bundleOf(image.digest);
    const parts: ((b: Editable) => [Editable, string])[] = [
      (b) => [b.dsseEnvelope, 'payload'],
      (b) => [b.dsseEnvelope.signatures[0], 'sig'],
      (b) => [b.verificationMaterial.certificate, 'rawBytes'],
      (b) => [b.verificationMaterial.tlogEntries[0], 'canonicalizedBody'],
      (b) => [b.verificationMaterial.tlogEntries[0].inclusionPromise, 'signedEntryTimestamp'],
      (b) => [b.verificationMaterial.tlogEntries[0].logId, 'keyId'],
    ];
    expect((await verifyBundle(bundle, byIdentity, { trustedRoot })).refusal).toBeUndefined();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...parts),
        fc.double({ min: 0, max: 0.9999, noNaN: true }),
        fc.nat(7),
        async (part, at, bit) => {
          const changed = structuredClone(bundle);
          const [holder, name] = part(changed);
          const bytes = Buffer.from(holder[name], 'base64');
          const i = Math.floor(bytes.length * at);
          bytes[i] = bytes[i]! ^ (1 << bit);
          holder[name] = bytes.toString('base64');
          expect((await verifyBundle(changed, byIdentity, { trustedRoot })).refusal).toBeDefined();
        },
      ),
      { numRuns: 300 },
    );
  });
});
