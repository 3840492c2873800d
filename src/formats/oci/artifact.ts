// Artifacts: manifests that say something about another one, such as an SBOM of an image (OCI image spec 1.1, "Guidelines for
// artifact usage"). Every byte follows from what is given: the same statement has the same digest, wherever it is made.

import { type Descriptor, describeBytes, MEDIA_TYPE } from './descriptor.ts';
import type { Artifact } from './image.ts';
import type { TextMap } from './json-object.ts';
import { type Manifest, printManifest } from './manifest.ts';

/** The config of an artifact that needs none, and its only possible content. */
export const EMPTY_CONFIG = {
  descriptor: describeBytes(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json'),
  bytes: new Uint8Array(Buffer.from('{}')),
} as const;

export interface ArtifactInput {
  readonly artifactType: string;
  readonly layers: readonly Descriptor[];
  /** The manifest that it is about. */
  readonly subject: Descriptor;
  readonly annotations: TextMap;
}

export function makeArtifact({ artifactType, layers, subject, annotations }: ArtifactInput): Artifact {
  const { mediaType, sizeBytes, digest } = subject;
  const manifest: Manifest = {
    mediaType: MEDIA_TYPE.imageManifest,
    artifactType,
    config: EMPTY_CONFIG.descriptor,
    layers,
    annotations,
    // What an index says besides (platform, type) belongs to the index.
    subject: { mediaType, sizeBytes, digest },
  };
  const manifestBytes = new TextEncoder().encode(printManifest(manifest));
  const descriptor = describeBytes(manifestBytes, manifest.mediaType, { annotations, artifactType });
  return { kind: 'artifact', descriptor, manifest, manifestBytes };
}
