// Puts into a repository what is attached to an image, subjects first. What the repository lists already stays as it is.
// The image's own tag is none of our business here: it moves when all of this is done.

import { mapBounded } from '../../base/bounded.ts';
import type { Digest } from '../../base/digest.ts';
import type { EventSink } from '../../base/events.ts';
import { LIMITS } from '../../base/limits.ts';
import { pushImageIndex } from '../../effects/registry/client/push-image.ts';
import type { RegistryClient } from '../../effects/registry/client/registry-client.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
import type { Attachment } from './attachments.ts';
import type { ImageValue } from './source-image.ts';

export interface PushAttachmentsOptions {
  readonly events: EventSink;
  readonly mountFrom?: string | undefined;
}

/** How many were new there. `blobs` has their contents, and their configs. */
export async function pushAttachments(
  client: RegistryClient,
  attachments: readonly Attachment[],
  blobs: BlobSource,
  options: PushAttachmentsOptions,
): Promise<number> {
  const known = await knownReferrers(client, attachments);
  const pushed = await mapBounded(attachments, LIMITS.parallelDownloads, async (attachment): Promise<number> => {
    const { subject, value, tag, attached } = attachment;
    const isKnown = tag === undefined && known.get(subject.digest)?.has(value.descriptor.digest) === true;
    const added = !isKnown && (await pushOne(client, attachment, blobs, options)) ? 1 : 0;
    return added + (attached.length === 0 ? 0 : await pushAttachments(client, attached, blobs, options));
  });
  return pushed.reduce((sum, count) => sum + count, 0);
}

/** Puts the manifest of `value` under the tag, unless it is there. Whether it was not. */
export async function moveTag(client: RegistryClient, tag: string, value: ImageValue): Promise<boolean> {
  const { digest, mediaType } = value.descriptor;
  if ((await client.resolve(tag))?.digest === digest) return false;
  await client.putManifest(tag, mediaType, value.manifestBytes);
  return true;
}

async function pushOne(
  client: RegistryClient,
  { subject, value, tag }: Attachment,
  blobs: BlobSource,
  { events, mountFrom }: PushAttachmentsOptions,
): Promise<boolean> {
  const mount = mountFrom === undefined ? {} : { mountFrom };
  if (tag !== undefined) {
    const { manifests } = await pushImageIndex(client, value, blobs, { tags: [tag], events, ...mount });
    return manifests > 0;
  }
  if (value.kind === 'artifact') {
    // The manifest goes over once, in `attachReferrer`.
    const { config, layers } = value.manifest;
    await mapBounded(distinct([config, ...layers]), LIMITS.parallelDownloads, (one) =>
      client.pushBlob(one, blobs, mount),
    );
  } else {
    await pushImageIndex(client, value, blobs, { tags: [], events, ...mount });
  }
  await client.attachReferrer(subject, value.descriptor.mediaType, value.manifestBytes);
  return true;
}

/** What the repository lists already for each subject. */
async function knownReferrers(
  client: RegistryClient,
  attachments: readonly Attachment[],
): Promise<Map<Digest, ReadonlySet<Digest>>> {
  const referrers = attachments.filter(({ tag }) => tag === undefined);
  const subjects = [...new Set(referrers.map(({ subject }) => subject.digest))];
  const lists = await mapBounded(subjects, LIMITS.parallelDownloads, async (subject) => {
    const list = await client.referrers(subject);
    return [subject, new Set(list.map(({ digest }) => digest))] as const;
  });
  return new Map(lists);
}

function distinct(descriptors: readonly Descriptor[]): Descriptor[] {
  return [...new Map(descriptors.map((one) => [one.digest, one])).values()];
}
