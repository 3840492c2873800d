// States that a repository of a registry can be in, for models of consumers and for the consumers themselves: signed in one
// form, both or none, by the right key or another, with lists of referrers that are right, wrong or missing.

import { generateKeyPairSync } from 'node:crypto';
import { type RetryClock, systemClock } from '../../src/effects/http/retry.ts';
import { pushImageIndex } from '../../src/effects/registry/client/push-image.ts';
import { referrersTag } from '../../src/effects/registry/client/referrer-list.ts';
import type { RegistryClient } from '../../src/effects/registry/client/registry-client.ts';
import { type BundleSigner, keySigner } from '../../src/effects/signing/bundle-signer.ts';
import { keylessSigner } from '../../src/effects/signing/keyless-signer.ts';
import { parseSigningConfig } from '../../src/effects/signing/signing-config.ts';
import { type SigningKey, signingKeyOf } from '../../src/effects/signing/signing-key.ts';
import { IN_TOTO_TYPE } from '../../src/formats/attestation/dsse.ts';
import { SIGNATURE_PREDICATE } from '../../src/formats/attestation/predicate-type.ts';
import { planBundleManifest, signatureTag } from '../../src/formats/attestation/signature-storage.ts';
import { printStatement } from '../../src/formats/attestation/statement.ts';
import { type Descriptor, MEDIA_TYPE } from '../../src/formats/oci/descriptor.ts';
import { printIndexManifest } from '../../src/formats/oci/image-index.ts';
import { attestImage, type SigningFormat, signImage } from '../../src/operations/sign/sign-image.ts';
import { type LoopbackSigstore, TEST_IDENTITY, TEST_ISSUER } from './loopback-sigstore.ts';
import { memoryBlobs, testImages } from './registry-client.ts';

export const IMAGES = testImages(7);
const { index, images, blobs } = IMAGES;
const other = testImages(8);
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';
export const SPDX_TYPE = 'https://spdx.dev/Document';
export const SLSA_TYPE = 'https://slsa.dev/provenance/v1';

const ec = (namedCurve: string) => signingKeyOf(generateKeyPairSync('ec', { namedCurve }).privateKey, namedCurve);
export const KEYS: Readonly<Record<'right' | 'other' | 'p384' | 'rsa' | 'ed25519', SigningKey>> = {
  right: ec('P-256'),
  other: ec('P-256'),
  p384: ec('P-384'),
  rsa: signingKeyOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'rsa'),
  ed25519: signingKeyOf(generateKeyPairSync('ed25519').privateKey, 'ed25519'),
};

/** Claims of a GitHub workflow; the certificate gets its extensions from them. */
const WORKFLOW = { sub: TEST_IDENTITY, iss: TEST_ISSUER, repository: 'org/app', repository_owner: 'org' };

/** What a state may use. */
export interface Workshop {
  readonly client: RegistryClient;
  readonly sigstore: LoopbackSigstore;
  /** For the waits while lists settle. */
  readonly clock: RetryClock;
}

export interface State {
  /** How the verifier is to be told whom to expect. */
  readonly signer: keyof typeof KEYS | 'identity';
  /** The log is ignored. */
  readonly logIgnored: boolean;
  /** What is verified: the index, or its first image. */
  readonly of?: 'child';
  readonly annotations?: Readonly<Record<string, string>>;
  readonly make: (workshop: Workshop) => Promise<void>;
}

const signing = ({ client, clock }: Workshop, signer: BundleSigner, format: SigningFormat) => {
  return { client, clock, signer, format };
};
const signed =
  (key: keyof typeof KEYS, format: SigningFormat, annotations = {}) =>
  async (workshop: Workshop): Promise<void> => {
    const signer = keySigner(KEYS[key], { allowEd25519: true });
    await signImage({ ...signing(workshop, signer, format), reference: '1.0', annotations });
  };
const attested =
  (predicateType: string, format: SigningFormat) =>
  async (workshop: Workshop): Promise<void> => {
    const attestation = { subject: index.descriptor, predicateType, predicate: { spdxVersion: 'SPDX-2.3' } };
    await attestImage(signing(workshop, keySigner(KEYS.right), format), [attestation]);
  };
const keyless =
  (services: Parameters<LoopbackSigstore['config']>[0], format: SigningFormat, predicateType?: string) =>
  async (workshop: Workshop): Promise<void> => {
    const { sigstore } = workshop;
    const signer = await keylessSigner({
      services: await parseSigningConfig(sigstore.config(services), 'config', Date.now()),
      identityToken: async () => sigstore.token(WORKFLOW),
      clock: systemClock,
    });
    const place = signing(workshop, signer, format);
    if (predicateType === undefined) return void (await signImage({ ...place, reference: '1.0' }));
    await attestImage(place, [{ subject: index.descriptor, predicateType, predicate: {} }]);
  };
const all =
  (...steps: readonly State['make'][]) =>
  async (workshop: Workshop): Promise<void> => {
    for (const step of steps) await step(workshop);
  };

/** Pushes a manifest with these layers, and lists it as it is or with another label. */
async function attachManifest(
  { client }: Workshop,
  bundle: unknown,
  change: (manifest: Record<string, unknown>) => void,
): Promise<void> {
  const planned = planBundleManifest(Buffer.from(JSON.stringify(bundle)), SIGNATURE_PREDICATE, index.descriptor);
  for (const { descriptor, bytes } of planned.blobs)
    await client.pushBlob(descriptor, memoryBlobs({ descriptor, bytes }));
  const manifest = JSON.parse(Buffer.from(planned.bytes).toString());
  change(manifest);
  await client.attachReferrer(index.descriptor, MEDIA_TYPE.imageManifest, Buffer.from(JSON.stringify(manifest)));
}

async function signatureBundle(): Promise<{ mediaType: string }> {
  const subjects = [{ digest: index.descriptor.digest, annotations: {} }];
  const statement = printStatement({ subjects, predicateType: SIGNATURE_PREDICATE, predicate: {} });
  return await keySigner(KEYS.right).signEnvelope(Buffer.from(statement), IN_TOTO_TYPE);
}

/** Writes the list under the tag anew, as another client might have. Only where the registry has no referrers API. */
const relisted =
  (change: (entry: Descriptor) => Descriptor | undefined) =>
  async ({ client }: Workshop): Promise<void> => {
    const { entries } = await client.listReferrers(index.descriptor.digest);
    const manifests = entries.flatMap((entry) => change(entry) ?? []);
    const list = printIndexManifest({ mediaType: MEDIA_TYPE.imageIndex, manifests, annotations: {} });
    await client.putManifest(referrersTag(index.descriptor.digest), MEDIA_TYPE.imageIndex, Buffer.from(list));
  };

const keyed = { signer: 'right', logIgnored: true } as const;
const byIdentity = { signer: 'identity', logIgnored: false } as const;

/** States for registries with and without the referrers API. */
export const STATES: Readonly<Record<string, State>> = {
  'signed, bundle': { ...keyed, make: signed('right', 'bundle') },
  'signed, legacy': { ...keyed, make: signed('right', 'legacy') },
  'signed, both': { ...keyed, make: signed('right', 'both') },
  'signed, both, asked for the image of a platform': { ...keyed, of: 'child', make: signed('right', 'both') },
  'only the index signed, asked for the image of a platform': {
    ...keyed,
    of: 'child',
    make: async (workshop) => attachManifest(workshop, await signatureBundle(), () => {}),
  },
  unsigned: { ...keyed, make: async () => {} },
  'attested only, bundle': { ...keyed, make: attested(SPDX_TYPE, 'bundle') },
  'attested only, legacy': { ...keyed, make: attested(SPDX_TYPE, 'legacy') },
  'attested as a bundle, signed legacy': {
    ...keyed,
    make: all(attested(SPDX_TYPE, 'bundle'), signed('right', 'legacy')),
  },
  'signed by somebody else, bundle': { ...keyed, make: signed('other', 'bundle') },
  'signed by somebody else, legacy': { ...keyed, make: signed('other', 'legacy') },
  'bundle by somebody else, legacy right': {
    ...keyed,
    make: all(signed('other', 'bundle'), signed('right', 'legacy')),
  },
  'bundle right, legacy by somebody else': {
    ...keyed,
    make: all(signed('right', 'bundle'), signed('other', 'legacy')),
  },
  'both right and both by somebody else': { ...keyed, make: all(signed('other', 'both'), signed('right', 'both')) },
  'the .sig of another image': {
    ...keyed,
    make: async (workshop) => {
      const { client } = workshop;
      await pushImageIndex(client, other.index, other.blobs, { tags: ['other'] });
      await signImage({ ...signing(workshop, keySigner(KEYS.right), 'legacy'), reference: 'other' });
      const { bytes, descriptor } = await client.getManifest(signatureTag(other.index.descriptor.digest));
      await client.putManifest(signatureTag(index.descriptor.digest), descriptor.mediaType, bytes);
    },
  },
  'bundle with the annotation': {
    ...keyed,
    annotations: { team: 'core' },
    make: signed('right', 'bundle', { team: 'core' }),
  },
  'bundle with another annotation': {
    ...keyed,
    annotations: { team: 'core' },
    make: signed('right', 'bundle', { team: 'edge' }),
  },
  'legacy with the annotation': {
    ...keyed,
    annotations: { team: 'core' },
    make: signed('right', 'legacy', { team: 'core' }),
  },
  'legacy without the annotation': { ...keyed, annotations: { team: 'core' }, make: signed('right', 'legacy') },
  'a bundle of version 0.2, legacy right': {
    ...keyed,
    make: all(
      async (workshop) => {
        const mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
        await attachManifest(workshop, { ...(await signatureBundle()), mediaType }, () => {});
      },
      signed('right', 'legacy'),
    ),
  },
  'a bundle in a manifest of two layers': {
    ...keyed,
    make: async (workshop) =>
      attachManifest(workshop, await signatureBundle(), (manifest) => {
        const layers = manifest['layers'] as unknown[];
        manifest['layers'] = [layers[0], layers[0]];
      }),
  },
  'bundles that are made to break readers, legacy right': {
    ...keyed,
    make: all(
      async (workshop) => {
        const bundle = await signatureBundle();
        const materials = [null, 'text', { certificate: { rawBytes: 'AAAA' } }, { x509CertificateChain: {} }];
        for (const verificationMaterial of materials) {
          await attachManifest(workshop, { ...bundle, verificationMaterial }, () => {});
        }
        await attachManifest(workshop, null, () => {});
        await attachManifest(workshop, { ...bundle, mediaType: 7 }, () => {});
      },
      signed('right', 'legacy'),
    ),
  },
  'an SBOM beside, legacy right': {
    ...keyed,
    make: all(
      async (workshop) =>
        attachManifest(workshop, {}, (manifest) => {
          manifest['artifactType'] = 'application/spdx+json';
          const [layer] = manifest['layers'] as Record<string, unknown>[];
          manifest['layers'] = [{ ...layer, mediaType: 'application/spdx+json' }];
        }),
      signed('right', 'legacy'),
    ),
  },
  'P-384, bundle': { signer: 'p384', logIgnored: true, make: signed('p384', 'bundle') },
  'P-384, legacy': { signer: 'p384', logIgnored: true, make: signed('p384', 'legacy') },
  'RSA, both': { signer: 'rsa', logIgnored: true, make: signed('rsa', 'both') },
  'Ed25519, bundle': { signer: 'ed25519', logIgnored: true, make: signed('ed25519', 'bundle') },
  'Ed25519, legacy': { signer: 'ed25519', logIgnored: true, make: signed('ed25519', 'legacy') },
  'keyed, in no log, which is asked for': { signer: 'right', logIgnored: false, make: signed('right', 'bundle') },
  'keyless with a log, bundle': { ...byIdentity, make: keyless({ rekor: 1 }, 'bundle') },
  'keyless with a log, legacy': { ...byIdentity, make: keyless({ rekor: 1 }, 'legacy') },
  'keyless with log and timestamp, both': { ...byIdentity, make: keyless({ rekor: 1, tsa: true }, 'both') },
  'keyless with a timestamp, which a log is asked for': { ...byIdentity, make: keyless({ tsa: true }, 'bundle') },
  'keyless provenance, bundle': { ...byIdentity, make: keyless({ rekor: 1, tsa: true }, 'bundle', SLSA_TYPE) },
  'keyless provenance and signature, bundle': {
    ...byIdentity,
    make: all(keyless({ rekor: 1, tsa: true }, 'bundle', SLSA_TYPE), keyless({ rekor: 1, tsa: true }, 'bundle')),
  },
};

/** States that only a registry without the referrers API can be in. */
export const LIST_STATES: Readonly<Record<string, State>> = {
  'bundle, the list calls it the empty type': {
    ...keyed,
    make: all(
      signed('right', 'bundle'),
      relisted(({ annotations: _none, ...entry }) => ({ ...entry, artifactType: EMPTY_TYPE })),
    ),
  },
  'both, the list calls bundles the empty type': {
    ...keyed,
    make: all(
      signed('right', 'both'),
      relisted(({ annotations: _none, ...entry }) => ({ ...entry, artifactType: EMPTY_TYPE })),
    ),
  },
  'keyless provenance, the list calls it the empty type': {
    ...byIdentity,
    make: all(
      keyless({ rekor: 1, tsa: true }, 'bundle', SLSA_TYPE),
      relisted(({ annotations: _none, ...entry }) => ({ ...entry, artifactType: EMPTY_TYPE })),
    ),
  },
  'bundle, the list is empty': {
    ...keyed,
    make: all(
      signed('right', 'bundle'),
      relisted(() => undefined),
    ),
  },
  'bundle, listed and deleted': {
    ...keyed,
    make: all(signed('right', 'bundle'), async ({ client }) => {
      const { entries } = await client.listReferrers(index.descriptor.digest);
      for (const { digest } of entries) await client.deleteManifest(digest);
    }),
  },
};

/** The image and what the state adds to it, in a repository of its own. */
export async function makeState(state: State, workshop: Workshop): Promise<string> {
  const { client } = workshop;
  await pushImageIndex(client, index, blobs, { tags: ['1.0'] });
  await state.make(workshop);
  const { digest } = state.of === 'child' ? images[0]!.descriptor : index.descriptor;
  return `${client.registry}/${client.repository}@${digest}`;
}
