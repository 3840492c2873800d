// The SPDX document that is attached to an image, where there is one: as a referrer, or under the tag of older tools. It is what
// somebody says about the image, signed or not; whether its author is to be believed, `stave verify` tells.

import type { EventSink } from '../../base/events.ts';
import { LIMITS } from '../../base/limits.ts';
import { readSmallBlob } from '../../formats/oci/blob-source.ts';
import type { Image } from '../../formats/oci/image.ts';
import { parseSpdxInventory, type SbomInventory } from '../../planning/hardening/sbom-inventory.ts';
import { readAttachments } from '../registry/attachments.ts';
import type { SourceImage } from '../registry/source-image.ts';

const SPDX_TYPES: ReadonlySet<string> = new Set(['application/spdx+json', 'text/spdx+json']);

/** The first that is one. Failures of the registry. */
export async function readAttachedSbom(
  source: SourceImage,
  image: Image,
  events: EventSink,
): Promise<SbomInventory | undefined> {
  const attachments = await readAttachments({ ...source, value: image }, events);
  for (const { value } of attachments) {
    if (value.kind === 'index') continue;
    for (const layer of value.manifest.layers) {
      if (!SPDX_TYPES.has(layer.mediaType) || layer.sizeBytes > LIMITS.attachedSbomBytes) continue;
      const bytes = await readSmallBlob(source.blobs, layer, LIMITS.attachedSbomBytes);
      const inventory = parseSpdxInventory(Buffer.from(bytes).toString());
      if (inventory !== undefined) return inventory;
    }
  }
  return undefined;
}
