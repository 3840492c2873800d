// `stave tag`: further tags for an image that is in a registry. Only the manifest's bytes travel.

import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { parseReference, printReference } from '../../formats/oci/reference.ts';
import type { Host } from '../host.ts';
import { withRegistries } from './registries.ts';
import type { RegistryAccess } from './registry-request.ts';

export interface TagRequest extends RegistryAccess {
  readonly reference: string;
  /** Tags alone: the repository is that of the reference. */
  readonly tags: readonly string[];
}

export interface TagReport {
  readonly reference: string;
  readonly digest: Digest;
  readonly tags: readonly {
    readonly reference: string /** False where it was there already. */;
    readonly moved: boolean;
  }[];
}

/** One tag after the other. Failures USAGE_ARGUMENTS, IMAGE_NOT_FOUND, and those of the registry. */
export async function tagImage(request: TagRequest, host: Host): Promise<TagReport> {
  const reference = parseReference(request.reference);
  for (const tag of request.tags) refuseUnusable(tag);
  return await withRegistries(request, host, async (registries) => {
    const client = registries.client(reference);
    const { descriptor, bytes } = await client.getManifest(reference.digest ?? reference.tag ?? 'latest');
    const { digest, mediaType } = descriptor;
    const tags: { reference: string; moved: boolean }[] = [];
    for (const tag of new Set(request.tags)) {
      const moved = (await client.resolve(tag))?.digest !== digest;
      if (moved) await client.putManifest(tag, mediaType, bytes);
      tags.push({ reference: printReference({ ...reference, tag, digest: undefined }), moved });
    }
    return { reference: printReference(reference), digest, tags };
  });
}

function refuseUnusable(tag: string): void {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(tag)) return;
  const isReference = /[/:@]/.test(tag);
  throw new Failure('USAGE_ARGUMENTS', `"${tag}" is not a tag`, {
    hint: isReference
      ? 'give the tag alone; to bring an image to another repository, use `stave copy`'
      : 'a tag has 1 to 128 letters, digits, ".", "_" and "-", and does not begin with "." or "-"',
  });
}
