// A whole image or index into a repository: blobs first, then manifests by digest, what is named before what names it, and
// the tags last (layer-and-oci.md 14). So whoever sees a tag finds everything below it. Nothing is sent that is there.

import { mapBounded } from '../../../base/bounded.ts';
import { type EventSink, noEvents } from '../../../base/events.ts';
import { LIMITS } from '../../../base/limits.ts';
import type { BlobSource } from '../../../formats/oci/blob-source.ts';
import type { RegistryClient } from './registry-client.ts';
import { blobsOf, type SourcedBlob, storeManifest, type Value } from './store-manifest.ts';

export interface PushImageOptions {
  /** They move when everything else is there; [] pushes by digest alone. */
  readonly tags: readonly string[];
  /** Blobs, and then manifests, under way at once. Default `LIMITS.parallelDownloads`. */
  readonly concurrency?: number;
  readonly events?: EventSink;
  /** A repository of the same registry that may have the blobs: they are mounted from there. */
  readonly mountFrom?: string;
}

export interface PushImageReport {
  readonly blobs: { readonly present: number; readonly mounted: number; readonly sent: number };
  /** Of the blobs that were sent. */
  readonly sentBytes: number;
  /** Stored by digest or under a tag; those that were there already are not among them. */
  readonly manifests: number;
}

/** `blobs` has the layers, and the configs of artifacts. Failures of `RegistryClient` and of `blobs`. */
export async function pushImageIndex(
  client: RegistryClient,
  value: Value,
  blobs: BlobSource,
  options: PushImageOptions,
): Promise<PushImageReport> {
  const concurrency = options.concurrency ?? LIMITS.parallelDownloads;
  const missing = await missingBelow(client, value, concurrency);
  const pushed = await pushBlobs(client, blobsOf(missing, blobs), { ...options, concurrency });
  let manifests = 0;
  // Children before parents: an index is only stored when all it lists is there.
  for (const level of levelsOf(missing)) {
    await mapBounded(level, concurrency, async (one) => {
      const { digest, mediaType } = one.descriptor;
      await storeManifest(client, one, blobs, () => client.putManifest(digest, mediaType, one.manifestBytes));
      manifests += 1;
    });
  }
  await mapBounded([...new Set(options.tags)], concurrency, async (tag) => {
    if (await moveTag(client, tag, value, blobs)) manifests += 1;
  });
  return { ...pushed, manifests };
}

/** Puts the manifest of `value`, which is there by its digest, under the tag, unless it is there. Whether it was not. */
export async function moveTag(client: RegistryClient, tag: string, value: Value, blobs: BlobSource): Promise<boolean> {
  const { digest, mediaType } = value.descriptor;
  if ((await client.resolve(tag))?.digest === digest) return false;
  await storeManifest(client, value, blobs, () => client.putManifest(tag, mediaType, value.manifestBytes));
  return true;
}

/** The values that the repository does not have, each once, children before parents. What it has is complete below. */
async function missingBelow(client: RegistryClient, root: Value, concurrency: number): Promise<Value[]> {
  const missing = new Map<string, Value>();
  let level: Value[] = [root];
  while (level.length > 0) {
    const unseen = level.filter((value) => !missing.has(value.descriptor.digest));
    const known = await mapBounded(unseen, concurrency, (value) => client.resolve(value.descriptor.digest));
    const absent = unseen.filter((_value, i) => known[i] === undefined);
    for (const value of absent) missing.set(value.descriptor.digest, value);
    const children = absent.flatMap((value) => (value.kind === 'index' ? value.children : []));
    level = [...new Map(children.map((child) => [child.descriptor.digest, child])).values()];
  }
  return [...missing.values()].reverse();
}

/** Manifests that may be stored at the same time: first those that name no other missing one, then what names only them. */
function levelsOf(missing: readonly Value[]): Value[][] {
  const heights = new Map<string, number>();
  const heightOf = (value: Value): number => {
    const known = heights.get(value.descriptor.digest);
    if (known !== undefined) return known;
    const height = value.kind === 'index' ? 1 + Math.max(0, ...value.children.map(heightOf)) : 0;
    heights.set(value.descriptor.digest, height);
    return height;
  };
  const highest = Math.max(-1, ...missing.map(heightOf));
  return Array.from({ length: highest + 1 }, (_, height) => missing.filter((value) => heightOf(value) === height));
}

async function pushBlobs(
  client: RegistryClient,
  blobs: readonly SourcedBlob[],
  options: PushImageOptions & { readonly concurrency: number },
): Promise<Omit<PushImageReport, 'manifests'>> {
  const { events = noEvents, mountFrom, concurrency } = options;
  const counts = { present: 0, mounted: 0, sent: 0 };
  const total = blobs.reduce((sum, { descriptor }) => sum + descriptor.sizeBytes, 0);
  let done = 0;
  let sentBytes = 0;
  await mapBounded(blobs, concurrency, async ({ descriptor, source }) => {
    const { sizeBytes, digest } = descriptor;
    let counted = 0;
    // Bytes that are sent again are no progress.
    const count = (more: number) => {
      const news = Math.min(more, sizeBytes - counted);
      counted += news;
      done += news;
      if (news > 0) events({ type: 'progress', phase: 'push', done, total, unit: 'bytes', item: digest });
    };
    const outcome = await client.pushBlob(descriptor, source, { mountFrom, onSent: count });
    counts[outcome] += 1;
    if (outcome === 'sent') sentBytes += sizeBytes;
    count(sizeBytes);
  });
  return { blobs: counts, sentBytes };
}
