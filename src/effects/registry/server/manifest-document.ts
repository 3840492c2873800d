// What the registry has to know of a manifest that is pushed: its type, what it names, and what it says it belongs to
// (image spec: manifest, index; Docker's schema 2). The bytes are kept as they came.

import { Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import { MEDIA_TYPE } from '../../../formats/oci/descriptor.ts';
import { type JsonObject, parseJsonObject, type TextMap } from '../../../formats/oci/json-object.ts';
import { type ContentDigest, isContentDigest } from './content-digest.ts';
import { RegistryError } from './registry-error.ts';

const IMAGE_TYPES: readonly string[] = [MEDIA_TYPE.imageManifest, MEDIA_TYPE.dockerManifest];
const INDEX_TYPES: readonly string[] = [MEDIA_TYPE.imageIndex, MEDIA_TYPE.dockerIndex];

/** A descriptor, as far as the registry looks into it. */
interface Named {
  readonly digest: ContentDigest;
  readonly sizeBytes: number;
}

export interface ManifestDocument {
  readonly mediaType: string;
  /** Config and layers, without those that may not be redistributed and so may lie elsewhere. */
  readonly blobs: readonly Named[];
  readonly manifests: readonly Named[];
  readonly subject: ContentDigest | undefined;
  /** Of an image without one: the media type of its config, as the referrers API wants it. */
  readonly artifactType: string | undefined;
  readonly annotations: TextMap;
}

/** `contentType`: the request's header. RegistryError MANIFEST_INVALID, DIGEST_INVALID. */
export function parseManifestDocument(bytes: Uint8Array, contentType: string | undefined): ManifestDocument {
  try {
    return readDocument(parseJsonObject(bytes, 'the manifest', LIMITS.imageManifestBytes), contentType);
  } catch (error) {
    if (error instanceof Failure) throw invalid(error.message);
    throw error;
  }
}

function readDocument(document: JsonObject, contentType: string | undefined): ManifestDocument {
  const mediaType = mediaTypeOf(document, contentType);
  const isImage = IMAGE_TYPES.includes(mediaType);
  if (!isImage && !INDEX_TYPES.includes(mediaType))
    throw invalid(`manifests of the type ${mediaType} are not kept here`);
  if (document.count('schemaVersion') !== 2) throw invalid('the manifest does not have schemaVersion 2');
  const wrong = isImage ? 'manifests' : 'layers';
  if (document.has(wrong)) throw invalid(`the manifest is ${mediaType}, but has ${wrong}`);
  const config = isImage ? document.requiredObject('config') : undefined;
  const layers = document.objects('layers').filter((layer) => !mayLieElsewhere(layer));
  const subject = document.object('subject');
  return {
    mediaType,
    blobs: [...(config ? [config] : []), ...layers].map(readNamed),
    manifests: document.objects('manifests').map(readNamed),
    subject: subject && readNamed(subject).digest,
    artifactType: document.text('artifactType') ?? config?.requiredText('mediaType'),
    annotations: document.textMap('annotations'),
  };
}

/** The header counts; a field that contradicts it is refused, since clients would reject what they pull. */
function mediaTypeOf(document: JsonObject, contentType: string | undefined): string {
  const header = contentType?.split(';')[0]?.trim() || undefined;
  const field = document.text('mediaType');
  if (header !== undefined && field !== undefined && header !== field) {
    throw invalid(`the manifest says that it is ${field}, but was sent as ${header}`);
  }
  const mediaType = header ?? field;
  if (mediaType === undefined) throw invalid('neither Content-Type nor the manifest says of which type it is');
  return mediaType;
}

function mayLieElsewhere(layer: JsonObject): boolean {
  return /\.(?:nondistributable|foreign)\./.test(layer.requiredText('mediaType')) || layer.texts('urls').length > 0;
}

function readNamed(descriptor: JsonObject): Named {
  descriptor.requiredText('mediaType');
  const digest = descriptor.requiredText('digest');
  if (!isContentDigest(digest)) throw invalid(`the manifest names "${digest.slice(0, 300)}", which is not a digest`);
  return { digest, sizeBytes: descriptor.count('size') };
}

function invalid(sentence: string): RegistryError {
  return new RegistryError('MANIFEST_INVALID', sentence);
}
