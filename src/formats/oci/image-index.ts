// Image indexes, the lists of images for several platforms: value, exact bytes, tolerant reading (layer-and-oci.md 12).
// Must never take a document that could be read both as a manifest and as an index.

import { printJson } from '../../base/canonical-json.ts';
import { LIMITS } from '../../base/limits.ts';
import { type Descriptor, MEDIA_TYPE, parseDescriptor, printDescriptor, printDescriptors } from './descriptor.ts';
import {
  parseJsonObject,
  printFields,
  printPresent,
  printTextMap,
  type TextMap,
  withoutAbsent,
} from './json-object.ts';

export interface IndexManifest {
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations: TextMap;
  readonly subject?: Descriptor;
}

const INDEX_TYPES: readonly string[] = [MEDIA_TYPE.imageIndex, MEDIA_TYPE.dockerIndex];

export function isIndexType(mediaType: string): boolean {
  return INDEX_TYPES.includes(mediaType);
}

/** `document` names it in messages. Failure IMAGE_INVALID. */
export function parseIndexManifest(bytes: Uint8Array, document = 'the image index'): IndexManifest {
  const object = parseJsonObject(bytes, document, LIMITS.imageManifestBytes);
  if (object.count('schemaVersion') !== 2) throw object.invalid('schemaVersion', 'is not 2');
  for (const key of ['layers', 'config']) {
    if (object.has(key)) throw object.invalid(key, 'belongs into an image manifest, not into an index');
  }
  const mediaType = object.text('mediaType') ?? MEDIA_TYPE.imageIndex;
  if (!isIndexType(mediaType)) throw object.invalid('mediaType', `is "${mediaType}", not that of an image index`);
  const subject = object.object('subject');
  return {
    mediaType,
    manifests: object.objects('manifests').map(parseDescriptor),
    annotations: object.textMap('annotations'),
    ...withoutAbsent({ artifactType: object.text('artifactType'), subject: subject && parseDescriptor(subject) }),
  };
}

export function printIndexManifest(index: IndexManifest): string {
  return printFields([
    ['schemaVersion', '2'],
    ['mediaType', printJson(index.mediaType)],
    ['artifactType', printPresent(index.artifactType)],
    ['manifests', printDescriptors(index.manifests)],
    ['annotations', printTextMap(index.annotations)],
    ['subject', index.subject && printDescriptor(index.subject)],
  ]);
}
