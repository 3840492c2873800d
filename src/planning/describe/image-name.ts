// The name of an image in its purl (sbom-and-lock.md 2, "purl <name>").

import { Failure } from '../../base/failure.ts';
import { parseReference } from '../../formats/oci/reference.ts';

/**
 * The last path element of the repository of the first usable tag, or `otherwise`: `image` for an image, `index` for an
 * index. Unusable tags are skipped: an image need not have a tag to be described.
 */
export function imageNameOf(tags: readonly string[], otherwise: 'image' | 'index'): string {
  for (const tag of tags) {
    const name = repositoryName(tag);
    if (name !== undefined) return name;
  }
  return otherwise;
}

function repositoryName(tag: string): string | undefined {
  try {
    return parseReference(tag).repository.split('/').at(-1);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
