// Image manifests: the value, its exact bytes, and tolerant reading of foreign ones (layer-and-oci.md 12).
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

export interface Manifest {
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations: TextMap;
  /** The manifest that this one says something about: a signature, an SBOM. */
  readonly subject?: Descriptor;
}

const MANIFEST_TYPES: readonly string[] = [MEDIA_TYPE.imageManifest, MEDIA_TYPE.dockerManifest];

export function isManifestType(mediaType: string): boolean {
  return MANIFEST_TYPES.includes(mediaType);
}

/** `document` names it in messages. Failure IMAGE_INVALID. */
export function parseManifest(bytes: Uint8Array, document = 'the image manifest'): Manifest {
  const object = parseJsonObject(bytes, document, LIMITS.imageManifestBytes);
  if (object.count('schemaVersion') !== 2) {
    throw object.invalid(
      'schemaVersion',
      'is not 2',
      'Images in the old schema 1 have to be pushed again by a current tool.',
    );
  }
  if (object.has('manifests')) throw object.invalid('manifests', 'belongs into an image index, not into a manifest');
  const mediaType = object.text('mediaType') ?? MEDIA_TYPE.imageManifest;
  if (!isManifestType(mediaType)) throw object.invalid('mediaType', `is "${mediaType}", not that of an image manifest`);
  const subject = object.object('subject');
  return {
    mediaType,
    config: parseDescriptor(object.requiredObject('config')),
    layers: object.objects('layers').map(parseDescriptor),
    annotations: object.textMap('annotations'),
    ...withoutAbsent({ artifactType: object.text('artifactType'), subject: subject && parseDescriptor(subject) }),
  };
}

export function printManifest(manifest: Manifest): string {
  return printFields([
    ['schemaVersion', '2'],
    ['mediaType', printJson(manifest.mediaType)],
    ['artifactType', printPresent(manifest.artifactType)],
    ['config', printDescriptor(manifest.config)],
    ['layers', printDescriptors(manifest.layers)],
    ['annotations', printTextMap(manifest.annotations)],
    ['subject', manifest.subject && printDescriptor(manifest.subject)],
  ]);
}
