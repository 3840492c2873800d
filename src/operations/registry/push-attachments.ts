// Puts into a repository what is attached to an image, subjects first. What the repository lists already stays as it is.
// The image's own tag is none of our business here: it moves when all of this is done.

import { mapBounded } from '../../base/bounded.ts';
import type { Digest } from '../../base/digest.ts';
import type { EventSink } from '../../base/events.ts';
import { LIMITS } from '../../base/limits.ts';
import { pushImageIndex } from '../../effects/registry/client/push-image.ts';
import type { RegistryClient } from '../../effects/registry/client/registry-client.ts';
import { blobsOf, storeManifest } from '../../effects/registry/client/store-manifest.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import type { Attachment } from './attachments.ts';

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
    await mapBounded(blobsOf([value], blobs), LIMITS.parallelDownloads, ({ descriptor, source }) =>
      client.pushBlob(descriptor, source, mount),
    );
  } else {
    await pushImageIndex(client, value, blobs, { tags: [], events, ...mount });
  }
  await storeManifest(client, value, blobs, () =>
    client.attachReferrer(subject, value.descriptor.mediaType, value.manifestBytes),
  );
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
