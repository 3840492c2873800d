// Blobs: GET with ranges, HEAD, DELETE (distribution spec, "Pulling blobs", "Deleting blobs").

import { parseRange } from './byte-range.ts';
import { type ContentDigest, isContentDigest } from './content-digest.ts';
import type { Answer, RegistryRequest } from './exchange.ts';
import { RegistryError } from './registry-error.ts';
import type { RegistryFolder, RepositoryFolder } from './registry-folder.ts';

export async function answerBlobGet(
  folder: RegistryFolder,
  repository: RepositoryFolder,
  digestText: string,
  request: RegistryRequest,
): Promise<Answer> {
  const digest = checkDigest(digestText);
  const sizeBytes = await repository.blobBytes(digest);
  if (sizeBytes === undefined) throw blobUnknown(digest);
  const etag = `"${digest}"`;
  const headers = {
    'accept-ranges': 'bytes',
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    etag,
  };
  const condition = request.headers['if-range'];
  const wanted = condition === undefined || condition === etag ? request.headers.range : undefined;
  const span = request.method === 'HEAD' ? undefined : parseRange(wanted, sizeBytes);
  if (span === 'unsatisfiable') {
    throw new RegistryError('SIZE_INVALID', `the blob has ${sizeBytes} bytes, and none in that range`, {
      status: 416,
      headers: { 'content-range': `bytes */${sizeBytes}` },
    });
  }
  const { start, end } = span ?? { start: 0, end: sizeBytes };
  return {
    status: span === undefined ? 200 : 206,
    headers: {
      ...headers,
      'content-length': String(end - start),
      ...(span && { 'content-range': `bytes ${start}-${end - 1}/${sizeBytes}` }),
    },
    body: folder.readBlob(digest, start, end),
  };
}

export async function answerBlobDelete(repository: RepositoryFolder, digestText: string): Promise<Answer> {
  const digest = checkDigest(digestText);
  if (!(await repository.unlinkBlob(digest))) throw blobUnknown(digest);
  return { status: 202, headers: { 'content-length': '0' } };
}

/** RegistryError DIGEST_INVALID. */
export function checkDigest(text: string): ContentDigest {
  if (isContentDigest(text)) return text;
  throw new RegistryError('DIGEST_INVALID', 'that is not a SHA-256 or SHA-512 digest', {
    detail: { digest: text.slice(0, 300) },
  });
}

function blobUnknown(digest: ContentDigest): RegistryError {
  return new RegistryError('BLOB_UNKNOWN', 'the repository has no such blob', { detail: { digest } });
}
