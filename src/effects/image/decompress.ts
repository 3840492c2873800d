// A stream of bytes unpacked by what it is, not by what a media type says: gzip, zstd, or as it comes.

import { type Duplex, pipeline } from 'node:stream';
import * as zlib from 'node:zlib';
import { Failure } from '../../base/failure.ts';

const MAGIC_BYTES = 4;

/** Failures of the source pass; ARCHIVE_INVALID for damage, FEATURE_UNSUPPORTED for zstd where Node cannot read it. */
export async function* decompressed(source: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < MAGIC_BYTES) {
    const next = await chunks.next();
    if (next.done) break;
    head.push(next.value);
    bytes += next.value.length;
  }
  const whole = joined(head, chunks);
  const unpacker = unpackerFor(Buffer.concat(head).subarray(0, MAGIC_BYTES), what);
  if (unpacker === undefined) {
    yield* whole;
    return;
  }
  try {
    // Errors of the source reach the reader through the unpacker, which pipeline destroys with them.
    pipeline(whole, unpacker, () => {});
    yield* unpacker as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure('ARCHIVE_INVALID', `${what} cannot be decompressed (${(cause as Error).message})`, { cause });
  }
}

async function* joined(head: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* head;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

function unpackerFor(head: Buffer, what: string): Duplex | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return zlib.createGunzip({ chunkSize: 256 * 1024 });
  if (head.length < MAGIC_BYTES || head.readUInt32LE(0) !== 0xfd2fb528) return undefined;
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Duplex };
  if (createZstdDecompress !== undefined) return createZstdDecompress();
  throw new Failure('FEATURE_UNSUPPORTED', `${what} is compressed with zstd, which this version of Node cannot read`, {
    hint: 'use Node 22.15 or newer',
  });
}
