// An image, artifact or index out of a repository, with everything its manifests name but no layer: layers are read when
// somebody opens them. Every document is checked against the digest that led to it, and all together are bounded.

import { mapBounded } from '../../../base/bounded.ts';
import type { Digest } from '../../../base/digest.ts';
import { assert, Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import { type BlobSource, readSmallBlob } from '../../../formats/oci/blob-source.ts';
import { type Descriptor, MEDIA_TYPE } from '../../../formats/oci/descriptor.ts';
import {
  type Artifact,
  type Image,
  type ImageIndex,
  parseImage,
  parseVerifiedIndex,
} from '../../../formats/oci/image.ts';
import { isIndexType } from '../../../formats/oci/image-index.ts';
import { isManifestType } from '../../../formats/oci/manifest.ts';
import type { RegistryClient } from './registry-client.ts';

type Value = Image | Artifact | ImageIndex;

export interface PulledImage {
  readonly value: Value;
  /** The repository's blobs, unchecked until they have been read to the end (`openVerified`). */
  readonly blobs: BlobSource;
}

/** Failures of `RegistryClient`, CHECKSUM_MISMATCH, and IMAGE_INVALID where it is no image or a bound is passed. */
export async function pullImage(client: RegistryClient, tagOrDigest: string): Promise<PulledImage> {
  const { descriptor, bytes } = await client.getManifest(tagOrDigest);
  const value = await new ImagePuller(client).valueOf(descriptor, bytes, 0);
  return { value, blobs: client.blobs };
}

/** Follows indexes downwards within the bounds on depth, number and bytes; each document is read once. */
class ImagePuller {
  readonly #client: RegistryClient;
  readonly #documentsRead = new Map<Digest, Promise<Uint8Array>>();
  #documents = 0;
  #documentBytes = 0;

  constructor(client: RegistryClient) {
    this.#client = client;
  }

  async valueOf(descriptor: Descriptor, manifestBytes: Uint8Array, depth: number): Promise<Value> {
    if (isManifestType(descriptor.mediaType)) {
      return await parseImage(descriptor, manifestBytes, (config) => this.#config(config));
    }
    assert(isIndexType(descriptor.mediaType), 'a manifest is an image manifest or an index');
    if (depth === LIMITS.imageIndexDepth) {
      throw new Failure('IMAGE_INVALID', `image indexes are nested deeper than ${LIMITS.imageIndexDepth} levels`);
    }
    const manifest = parseVerifiedIndex(descriptor, manifestBytes);
    const children = await mapBounded(manifest.manifests, LIMITS.parallelDownloads, async (child) => {
      if (!isManifestType(child.mediaType) && !isIndexType(child.mediaType)) {
        throw new Failure('IMAGE_INVALID', `the image index lists ${child.digest} as "${child.mediaType}"`, {
          hint: `We read indexes of manifests (${MEDIA_TYPE.imageManifest}) and of indexes.`,
        });
      }
      return await this.valueOf(child, await this.#manifest(child), depth + 1);
    });
    return { kind: 'index', descriptor, manifest, manifestBytes, children };
  }

  #manifest(descriptor: Descriptor): Promise<Uint8Array> {
    return this.#once(descriptor, async () => (await this.#client.getManifest(descriptor.digest)).bytes);
  }

  #config(descriptor: Descriptor): Promise<Uint8Array> {
    return this.#once(descriptor, () => readSmallBlob(this.#client.blobs, descriptor, LIMITS.imageManifestBytes));
  }

  #once(descriptor: Descriptor, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const known = this.#documentsRead.get(descriptor.digest);
    if (known !== undefined) return known;
    this.#documents += 1;
    this.#documentBytes += descriptor.sizeBytes;
    if (this.#documents > LIMITS.imageDocuments || this.#documentBytes > LIMITS.imageDocumentsBytes) {
      const bound = `${LIMITS.imageDocuments} manifests and configs, or ${LIMITS.imageDocumentsBytes} bytes of them`;
      throw new Failure('IMAGE_INVALID', `the image index leads to more than ${bound}`);
    }
    const reading = read();
    this.#documentsRead.set(descriptor.digest, reading);
    return reading;
  }
}
