// Manifests: GET, HEAD, PUT, DELETE by tag or digest (distribution spec, "Pulling manifests", "Pushing manifests",
// "Deleting"). A manifest is taken only when all that it names is here: a tag never shows half an image.

import { LIMITS } from '../../../base/limits.ts';
import { checkDigest } from './blob-requests.ts';
import { type ContentDigest, digestAlgorithm, digestOf } from './content-digest.ts';
import { type Answer, type RegistryRequest, readBody } from './exchange.ts';
import { type ManifestDocument, parseManifestDocument } from './manifest-document.ts';
import type { Manifests, StoredManifest } from './manifests.ts';
import { RegistryError } from './registry-error.ts';
import type { RepositoryFolder } from './registry-folder.ts';
import { isTag } from './route.ts';

export async function answerManifestGet(
  manifests: Manifests,
  reference: string,
  request: RegistryRequest,
): Promise<Answer> {
  // What cannot be a tag names no manifest: the specification's own tests ask for such a one, and want a 404.
  const found = isTag(reference) || reference.includes(':') ? await findManifest(manifests, reference) : undefined;
  if (found === undefined) throw manifestUnknown(reference);
  const etag = `"${found.digest}"`;
  const headers = { 'docker-content-digest': found.digest, etag };
  if (request.headers['if-none-match'] === etag) return { status: 304, headers };
  return {
    status: 200,
    headers: { ...headers, 'content-type': found.mediaType, 'content-length': String(found.bytes.length) },
    body: found.bytes,
  };
}

/** What pushing a manifest needs of its repository. */
export interface ManifestPlace {
  readonly repository: RepositoryFolder;
  readonly manifests: Manifests;
  /** Runs work while nothing else changes the repository. */
  readonly locked: <T>(work: () => Promise<T>) => Promise<T>;
}

/** `referrersApi`: whether we say that referrers are looked after. */
export async function answerManifestPut(
  { repository, manifests, locked }: ManifestPlace,
  reference: string,
  referrersApi: boolean,
  request: RegistryRequest,
): Promise<Answer> {
  const promised = parseReference(reference);
  // `?tag=` with a digest pushes under several tags at once (what comes after version 1.1 of the specification).
  const extraTags = promised.tag === undefined ? request.query.getAll('tag').map(checkTag) : [];
  const bytes = await readBody(request, LIMITS.imageManifestBytes);
  if (bytes === undefined) {
    throw new RegistryError('SIZE_INVALID', `manifests may have ${LIMITS.imageManifestBytes} bytes`, { status: 413 });
  }
  const digest = digestOf(promised.digest === undefined ? 'sha256' : digestAlgorithm(promised.digest), bytes);
  if (promised.digest !== undefined && promised.digest !== digest) {
    throw new RegistryError('DIGEST_INVALID', `the manifest has the digest ${digest}`, { detail: promised });
  }
  const document = parseManifestDocument(bytes, request.headers['content-type']);
  const tags = promised.tag === undefined ? extraTags : [promised.tag];
  await locked(async () => {
    await checkNamed(repository, manifests, document);
    await checkConditions(manifests, reference, request);
    await manifests.write({ digest, mediaType: document.mediaType, bytes }, document, tags);
  });
  return {
    status: 201,
    headers: {
      location: `/v2/${repository.name}/manifests/${digest}`,
      'docker-content-digest': digest,
      etag: `"${digest}"`,
      'content-length': '0',
      ...(extraTags.length > 0 && { 'oci-tag': extraTags.join(', ') }),
      ...(referrersApi && document.subject !== undefined && { 'oci-subject': document.subject }),
    },
  };
}

/** Call it with the repository locked. */
export async function answerManifestDelete(manifests: Manifests, reference: string): Promise<Answer> {
  const { tag, digest } = parseReference(reference);
  const found = await findManifest(manifests, reference);
  if (found === undefined) throw manifestUnknown(reference);
  if (tag !== undefined) await manifests.removeTag(tag);
  else if (digest !== undefined) await manifests.remove(digest, subjectOf(found));
  return { status: 202, headers: { 'content-length': '0' } };
}

function parseReference(reference: string): { readonly tag?: string; readonly digest?: ContentDigest } {
  if (reference.includes(':')) return { digest: checkDigest(reference) };
  return { tag: checkTag(reference) };
}

/** RegistryError MANIFEST_INVALID. */
function checkTag(text: string): string {
  if (isTag(text)) return text;
  throw new RegistryError('MANIFEST_INVALID', 'that is neither a tag nor a digest', {
    detail: { reference: text.slice(0, 300) },
  });
}

async function findManifest(manifests: Manifests, reference: string): Promise<StoredManifest | undefined> {
  const { tag, digest = await manifests.resolveTag(tag ?? '') } = parseReference(reference);
  return digest && (await manifests.read(digest));
}

function subjectOf(found: StoredManifest): ContentDigest | undefined {
  return parseManifestDocument(found.bytes, found.mediaType).subject;
}

/** RegistryError MANIFEST_BLOB_UNKNOWN, SIZE_INVALID. The subject may come later, or never. */
async function checkNamed(
  repository: RepositoryFolder,
  manifests: Manifests,
  document: ManifestDocument,
): Promise<void> {
  for (const { digest, sizeBytes } of document.blobs) {
    checkSize(digest, sizeBytes, await repository.blobBytes(digest));
  }
  for (const { digest, sizeBytes } of document.manifests) {
    checkSize(digest, sizeBytes, await manifests.manifestBytes(digest));
  }
}

function checkSize(digest: ContentDigest, promised: number, actual: number | undefined): void {
  if (actual === undefined) {
    throw new RegistryError(
      'MANIFEST_BLOB_UNKNOWN',
      `the manifest names ${digest}, which the repository does not have`,
      {
        detail: { digest },
      },
    );
  }
  if (actual !== promised) {
    throw new RegistryError('SIZE_INVALID', `${digest} has ${actual} bytes, but the manifest says ${promised}`, {
      detail: { digest },
    });
  }
}

/** `If-Match` and `If-None-Match` (RFC 9110, 13): clients that change a fallback tag see when another one was faster. */
async function checkConditions(manifests: Manifests, reference: string, request: RegistryRequest): Promise<void> {
  const wanted = request.headers['if-match'];
  const unwanted = request.headers['if-none-match'];
  if (wanted === undefined && unwanted === undefined) return;
  const found = await findManifest(manifests, reference);
  const matches = (header: string) =>
    found !== undefined &&
    (header.trim() === '*' || header.split(',').some((tag) => tag.trim() === `"${found.digest}"`));
  if ((wanted === undefined || matches(wanted)) && (unwanted === undefined || !matches(unwanted))) return;
  throw new RegistryError('DENIED', `${reference} has changed, or is not what the request expects`, { status: 412 });
}

function manifestUnknown(reference: string): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', 'the repository has no such manifest', { detail: { reference } });
}
