// One manifest into a repository that should have everything it names. Registries may not have it all the same: a mount was
// promised and not made, somebody deletes, a cache is wrong; docker-registry 2.8 writes its links in place, and whoever reads one
// while another client pushes the same blob finds it empty. So where a registry says that a part is missing, we look for all
// parts again, send what is not there, and ask once more. Must never ask more than twice: then it is not a matter of time.

import type { BlobSource } from '../../../formats/oci/blob-source.ts';
import { type Descriptor, MEDIA_TYPE } from '../../../formats/oci/descriptor.ts';
import type { Artifact, Image, ImageIndex } from '../../../formats/oci/image.ts';
import type { RegistryClient } from './registry-client.ts';
import { refusalOf } from './registry-failure.ts';

export type Value = Image | Artifact | ImageIndex;

/** `store` sends the manifest of `value`, somehow. Its failures, and those of looking for the parts and of `blobs`. */
export async function storeManifest<T>(
  client: RegistryClient,
  value: Value,
  blobs: BlobSource,
  store: () => Promise<T>,
): Promise<T> {
  try {
    return await store();
  } catch (error) {
    if (refusalOf(error).missesPart !== true) throw error;
    await sendMissingParts(client, value, blobs);
    return await store();
  }
}

/** One after the other: this is rare, and there is no hurry. Nothing is mounted, since a mount may be what went wrong. */
async function sendMissingParts(client: RegistryClient, value: Value, blobs: BlobSource): Promise<void> {
  for (const { descriptor, source } of blobsOf([value], blobs)) await client.pushBlob(descriptor, source);
  if (value.kind !== 'index') return;
  for (const child of value.children) {
    const { digest, mediaType } = child.descriptor;
    if ((await client.resolve(digest)) !== undefined) continue;
    await sendMissingParts(client, child, blobs);
    await client.putManifest(digest, mediaType, child.manifestBytes);
  }
}

export interface SourcedBlob {
  readonly descriptor: Descriptor;
  readonly source: BlobSource;
}

/** Every blob that these manifests name, each once. Layers that registries do not keep are left out. */
export function blobsOf(values: readonly Value[], blobs: BlobSource): SourcedBlob[] {
  const found = new Map<string, SourcedBlob>();
  const add = (descriptor: Descriptor, source: BlobSource): void => {
    if (!found.has(descriptor.digest)) found.set(descriptor.digest, { descriptor, source });
  };
  for (const value of values) {
    if (value.kind === 'index') continue;
    for (const layer of value.manifest.layers) if (!isKeptElsewhere(layer)) add(layer, blobs);
    add(value.manifest.config, value.kind === 'image' ? sourceOf(value.configBytes) : blobs);
  }
  return [...found.values()];
}

function isKeptElsewhere({ mediaType, urls }: Descriptor): boolean {
  const foreign = mediaType === MEDIA_TYPE.layerNonDistributable || mediaType === MEDIA_TYPE.dockerLayerForeign;
  return foreign && urls !== undefined;
}

function sourceOf(bytes: Uint8Array): BlobSource {
  return {
    async *open(_descriptor, range) {
      yield range === undefined ? bytes : bytes.subarray(range.start, range.end);
    },
  };
}
