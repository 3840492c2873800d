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
  /** Whether the source has digested this blob itself, in this run; it then vouches for every byte that it yields. */
  isVerified?(descriptor: Descriptor): boolean;
}

/**
 * The whole blob, failing with CHECKSUM_MISMATCH at its first byte too many or at its end. Constant memory. A blob that
 * its source has just digested is not digested again: that is a fifth of a warm build.
 */
export async function* openVerified(source: BlobSource, descriptor: Descriptor): AsyncGenerator<Uint8Array> {
  if (source.isVerified?.(descriptor)) {
    yield* source.open(descriptor);
    return;
  }
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
