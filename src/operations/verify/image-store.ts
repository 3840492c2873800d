// Where an image and what is said about it lie: a repository of a registry, or an OCI layout (signing.md 4, 11).

import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import type { OciLayout } from '../../effects/output/oci-layout.ts';
import type { RegistryClient } from '../../effects/registry/client/registry-client.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
import type { Artifact, Image, ImageIndex } from '../../formats/oci/image.ts';

/** What a RegistryClient is, as far as verifying needs it. */
export interface ImageStore extends Pick<RegistryClient, 'resolve' | 'referrers' | 'blobs'> {
  getManifest(tagOrDigest: string): Promise<{ readonly descriptor: Descriptor; readonly bytes: Uint8Array }>;
}

const REF_NAME = 'org.opencontainers.image.ref.name';

/** The layout's images by digest, or by the name its index gives them; referrers by their subject. Opens no socket. */
export function layoutStore({ index, blobs }: OciLayout): ImageStore {
  const known = new Map<Digest, Image | Artifact | ImageIndex>();
  const visit = (value: Image | Artifact | ImageIndex): void => {
    known.set(value.descriptor.digest, value);
    if (value.kind === 'index') value.children.forEach(visit);
  };
  index.children.forEach(visit);
  const find = (tagOrDigest: string) => {
    const named = index.manifest.manifests.find(({ annotations }) => annotations?.[REF_NAME] === tagOrDigest);
    return known.get(named?.digest ?? (tagOrDigest as Digest));
  };
  return {
    blobs,
    resolve: async (tagOrDigest) => find(tagOrDigest)?.descriptor,
    getManifest: async (tagOrDigest) => {
      const found = find(tagOrDigest);
      if (found !== undefined) return { descriptor: found.descriptor, bytes: found.manifestBytes };
      throw new Failure('IMAGE_NOT_FOUND', `the layout has no image ${tagOrDigest}`, {
        hint: `Name a digest, or what the annotation ${REF_NAME} of its index says.`,
      });
    },
    referrers: async (digest) =>
      [...known.values()]
        .filter(({ manifest }) => manifest.subject?.digest === digest)
        .map(({ descriptor, manifest }) => {
          const { artifactType } = manifest;
          return artifactType === undefined ? descriptor : { ...descriptor, artifactType };
        }),
  };
}
