// How layers and other blobs are reached: one small interface for the store, layouts, archives and registries, and the
// check that every blob passes on its way. Pure: who opens files or sockets lives in effects and implements it.

import { createHash } from 'node:crypto';
import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { type Descriptor, digestMismatch, sizeMismatch } from './descriptor.ts';

/** Bytes `start` (included) to `end` (not included). */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface BlobSource {
  /**
   * The bytes of the blob, or of a range of it, unchecked. Chunks stay as they are: nobody writes into them later.
   * Failure IMAGE_INVALID where there is no such blob.
   */
  open(descriptor: Descriptor, range?: ByteRange): AsyncIterable<Uint8Array>;
  /** Whether a range costs no more than its bytes. Where this is left out it does not, as with files. */
  readsRanges?(descriptor: Descriptor): Promise<boolean>;
  /**
   * Hands the whole blob to `write`, verified, and waits for each call to end before the next. Buffers are used again then.
   * For sources that know a cheaper way than `openVerified`; see `copyVerified`.
   */
  copyVerified?(descriptor: Descriptor, write: (chunk: Uint8Array) => Promise<void>): Promise<void>;
}

/** The whole blob, failing with CHECKSUM_MISMATCH at its first byte too many or at its end. Constant memory. */
export async function* openVerified(source: BlobSource, descriptor: Descriptor): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of source.open(descriptor)) {
    sizeBytes += chunk.length;
    if (sizeBytes > descriptor.sizeBytes) throw sizeMismatch('the blob', descriptor, sizeBytes);
    hash.update(chunk);
    yield chunk;
  }
  if (sizeBytes < descriptor.sizeBytes) throw sizeMismatch('the blob', descriptor, sizeBytes);
  const digest: Digest = `sha256:${hash.digest('hex')}`;
  if (digest !== descriptor.digest) throw digestMismatch('the blob', descriptor, digest);
}

/** Hands the whole blob to `write`, which must be done with a chunk when its promise resolves. Failures of `openVerified`. */
export async function copyVerified(
  source: BlobSource,
  descriptor: Descriptor,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  if (source.copyVerified !== undefined) return await source.copyVerified(descriptor, write);
  for await (const chunk of openVerified(source, descriptor)) await write(chunk);
}

/** A whole small blob in memory. Failure IMAGE_INVALID where it promises more than `mostBytes`, CHECKSUM_MISMATCH. */
export async function readSmallBlob(
  source: BlobSource,
  descriptor: Descriptor,
  mostBytes: number,
): Promise<Uint8Array> {
  if (descriptor.sizeBytes > mostBytes) {
    throw new Failure(
      'IMAGE_INVALID',
      `${descriptor.digest} (${descriptor.mediaType}) has ${descriptor.sizeBytes} bytes; we read at most ${mostBytes}`,
    );
  }
  const bytes = new Uint8Array(descriptor.sizeBytes);
  let filled = 0;
  for await (const chunk of openVerified(source, descriptor)) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes;
}
