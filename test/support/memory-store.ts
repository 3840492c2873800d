// An image store in memory that a test takes from a registry and then changes as somebody could who may write to it:
// every change keeps the digests of the store right, so that only signatures stand in the way.

import { type Digest, sha256 } from '../../src/base/digest.ts';
import { Failure } from '../../src/base/failure.ts';
import type { RegistryClient } from '../../src/effects/registry/client/registry-client.ts';
import type { BundleJson } from '../../src/formats/attestation/bundle-json.ts';
import { planBundleManifest, planLegacyManifest } from '../../src/formats/attestation/signature-storage.ts';
import { readSmallBlob } from '../../src/formats/oci/blob-source.ts';
import type { Descriptor } from '../../src/formats/oci/descriptor.ts';
import { describeBytes } from '../../src/formats/oci/descriptor.ts';
import { parseManifest } from '../../src/formats/oci/manifest.ts';
import type { ImageStore } from '../../src/operations/verify/image-store.ts';

interface Stored {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export class MemoryStore implements ImageStore {
  readonly manifests = new Map<string, Stored>();
  readonly tags = new Map<string, string>();
  readonly contents = new Map<string, Uint8Array>();
  readonly lists = new Map<string, Descriptor[]>();

  readonly blobs: ImageStore['blobs'] = {
    open: ({ digest }) => {
      const bytes = this.contents.get(digest);
      if (bytes === undefined) throw new Failure('IMAGE_INVALID', `there is no blob ${digest}`);
      return (async function* () {
        yield bytes;
      })();
    },
  };

  #find(tagOrDigest: string): Stored | undefined {
    return this.manifests.get(this.tags.get(tagOrDigest) ?? tagOrDigest);
  }

  async resolve(tagOrDigest: string): Promise<Descriptor | undefined> {
    return this.#find(tagOrDigest)?.descriptor;
  }

  async getManifest(tagOrDigest: string): Promise<Stored> {
    const found = this.#find(tagOrDigest);
    if (found === undefined) throw new Failure('IMAGE_NOT_FOUND', `${tagOrDigest} does not exist`);
    return found;
  }

  async referrers(digest: Digest): Promise<Descriptor[]> {
    return this.lists.get(digest) ?? [];
  }

  put(bytes: Uint8Array, mediaType: string, tag?: string): Descriptor {
    const descriptor = describeBytes(bytes, mediaType);
    this.manifests.set(descriptor.digest, { descriptor, bytes });
    if (tag !== undefined) this.tags.set(tag, descriptor.digest);
    return descriptor;
  }

  putBlob(bytes: Uint8Array): Digest {
    this.contents.set(sha256(bytes), bytes);
    return sha256(bytes);
  }

  copy(): MemoryStore {
    const copy = new MemoryStore();
    for (const key of ['manifests', 'tags', 'contents', 'lists'] as const) {
      for (const [name, value] of this[key]) (copy[key] as Map<string, unknown>).set(name, value);
    }
    return copy;
  }

  /** Attaches a bundle to an image as our signing does. */
  attach(bundle: BundleJson, subject: Descriptor): void {
    const manifest = planBundleManifest(Buffer.from(JSON.stringify(bundle)), 'https://example.test/any', subject);
    for (const { bytes } of manifest.blobs) this.putBlob(bytes);
    const { descriptor, bytes } = manifest;
    this.put(bytes, descriptor.mediaType);
    const listed = { ...descriptor, artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json' };
    this.lists.set(subject.digest, [...(this.lists.get(subject.digest) ?? []), listed]);
  }

  /** The first bundle of an image. */
  async bundleOf(subject: Digest): Promise<BundleJson> {
    const [referrer] = await this.referrers(subject);
    const layer = parseManifest((await this.getManifest(referrer!.digest)).bytes).layers[0]!;
    return JSON.parse(Buffer.from(await readSmallBlob(this.blobs, layer, 1_000_000)).toString());
  }

  /** Replaces the bundles of an image by this one. */
  replaceBundle(subject: Descriptor, bundle: BundleJson): void {
    this.lists.delete(subject.digest);
    this.attach(bundle, subject);
  }

  /** The first layer under a legacy tag. */
  async layerOf(tag: string): Promise<LegacyContent> {
    const layer = parseManifest((await this.getManifest(tag)).bytes).layers[0]!;
    const bytes = await readSmallBlob(this.blobs, layer, 1_000_000);
    return { bytes, mediaType: layer.mediaType, annotations: layer.annotations ?? {} };
  }

  /** Makes this the only layer under a legacy tag. */
  replaceLayer(tag: string, { bytes, mediaType, annotations }: LegacyContent): void {
    const layer = { descriptor: describeBytes(bytes, mediaType, { annotations }), bytes };
    const manifest = planLegacyManifest([layer.descriptor], layer);
    for (const blob of manifest.blobs) this.putBlob(blob.bytes);
    this.put(manifest.bytes, manifest.descriptor.mediaType, tag);
  }
}

export interface LegacyContent {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Images with these tags, and all that their referrers hold. */
export async function takeStore(
  client: RegistryClient,
  tags: readonly string[],
  images: readonly Descriptor[],
): Promise<MemoryStore> {
  const store = new MemoryStore();
  const take = async (tagOrDigest: string, tag?: string): Promise<void> => {
    const { bytes, descriptor } = await client.getManifest(tagOrDigest);
    store.put(bytes, descriptor.mediaType, tag);
    if (descriptor.mediaType.includes('index')) return;
    for (const layer of parseManifest(bytes).layers) store.putBlob(await readSmallBlob(client.blobs, layer, 1_000_000));
  };
  for (const tag of tags) if ((await client.resolve(tag)) !== undefined) await take(tag, tag);
  for (const { digest } of images) {
    await take(digest);
    const referrers = await client.referrers(digest);
    for (const referrer of referrers) await take(referrer.digest);
    store.lists.set(digest, referrers);
  }
  return store;
}
