// How signatures and attestations lie in a registry: media types, annotations and tags of cosign and sigstore
// (signing.md 2 to 4), and the manifests that hold them.

import { printJson } from '../../base/canonical-json.ts';
import { type Digest, digestHex } from '../../base/digest.ts';
import { type Descriptor, describeBytes, MEDIA_TYPE } from '../oci/descriptor.ts';
import type { TextMap } from '../oci/json-object.ts';
import { type Manifest, printManifest } from '../oci/manifest.ts';

export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const OLD_BUNDLE_TYPE = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v0\.\d+\+json|\+json;version=0\.\d+)$/;
export const SIMPLE_SIGNING_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';
export const DSSE_TYPE = 'application/vnd.dsse.envelope.v1+json';
/** A legacy manifest that refers to its image as OCI 1.1 has it, instead of being found by a tag. */
export const OCI11_SIGNATURE_TYPE = 'application/vnd.dev.cosign.artifact.sig.v1+json';
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';

export const ANNOTATION = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  chain: 'dev.sigstore.cosign/chain',
  logEntry: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
  predicateType: 'predicateType',
  bundleContent: 'dev.sigstore.bundle.content',
  bundlePredicateType: 'dev.sigstore.bundle.predicateType',
} as const;

/** A manifest of ours, with the blobs it names. */
export interface StoredManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly blobs: readonly { readonly descriptor: Descriptor; readonly bytes: Uint8Array }[];
}

export function isBundleType(mediaType: string): boolean {
  return OLD_BUNDLE_TYPE.test(mediaType);
}

export function signatureTag(image: Digest): string {
  return `sha256-${digestHex(image)}.sig`;
}

export function attestationTag(image: Digest): string {
  return `sha256-${digestHex(image)}.att`;
}

/** The manifest of one bundle about `subject`. Without a time: the same bundle is the same manifest. */
export function planBundleManifest(bundle: Uint8Array, predicateType: string, subject: Descriptor): StoredManifest {
  const empty = Buffer.from('{}');
  const config = describeBytes(empty, EMPTY_TYPE);
  const layer = describeBytes(bundle, BUNDLE_TYPE);
  const { mediaType, sizeBytes, digest } = subject;
  const bytes = utf8(
    printManifest({
      mediaType: MEDIA_TYPE.imageManifest,
      artifactType: BUNDLE_TYPE,
      config,
      layers: [layer],
      annotations: { [ANNOTATION.bundleContent]: 'dsse-envelope', [ANNOTATION.bundlePredicateType]: predicateType },
      subject: { mediaType, sizeBytes, digest },
    }),
  );
  return {
    descriptor: describeBytes(bytes, MEDIA_TYPE.imageManifest),
    bytes,
    blobs: [
      { descriptor: config, bytes: empty },
      { descriptor: layer, bytes: bundle },
    ],
  };
}

/** A legacy layer: a payload or envelope with its signature and proofs in annotations. */
export interface LegacyLayer {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export function planLegacyLayer(bytes: Uint8Array, mediaType: string, annotations: TextMap): LegacyLayer {
  return { descriptor: describeBytes(bytes, mediaType, { annotations }), bytes };
}

/** The manifest of a `.sig` or `.att` tag with these layers; `layer` is the one whose blob has to be pushed. */
export function planLegacyManifest(layers: readonly Descriptor[], layer: LegacyLayer): StoredManifest {
  const configBytes = utf8(
    printJson({
      architecture: '',
      created: '0001-01-01T00:00:00Z',
      history: layers.map(() => ({ created: '0001-01-01T00:00:00Z' })),
      os: '',
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
      config: {},
    }),
  );
  const config = describeBytes(configBytes, MEDIA_TYPE.imageConfig);
  const manifest: Manifest = { mediaType: MEDIA_TYPE.imageManifest, config, layers, annotations: {} };
  const bytes = utf8(printManifest(manifest));
  return {
    descriptor: describeBytes(bytes, MEDIA_TYPE.imageManifest),
    bytes,
    blobs: [{ descriptor: config, bytes: configBytes }, layer],
  };
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
