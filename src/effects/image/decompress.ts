// A stream of bytes unpacked by what it is, not by what a media type says: gzip, zstd, or as it comes.

import { type Duplex, pipeline } from 'node:stream';
import * as zlib from 'node:zlib';
import { Failure } from '../../base/failure.ts';
import { ZSTD_MAGIC, ZstdFrames } from '../../formats/zstd/frames.ts';
import { unzstd } from './unzstd.ts';

const MAGIC_BYTES = 4;

/** Node's own, where it has one (22.15 and newer); it refuses larger windows than its own bound, which is ours. */
const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Duplex };

/** Failures of the source pass; ARCHIVE_INVALID for damage, ARCHIVE_LIMIT for a zstd window beyond its bound. */
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
  const start = Buffer.concat(head).subarray(0, MAGIC_BYTES);
  const isZstd = start.length === MAGIC_BYTES && start.readUInt32LE(0) === ZSTD_MAGIC;
  const unpacker = isZstd ? createZstdDecompress?.() : gunzipFor(start);
  if (unpacker === undefined) {
    yield* isZstd ? unzstd(whole, what) : whole;
    return;
  }
  try {
    // Errors of the source reach the reader through the unpacker, which pipeline destroys with them.
    pipeline(isZstd ? frameByFrame(whole) : whole, unpacker, () => {});
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

function gunzipFor(start: Buffer): Duplex | undefined {
  return start[0] === 0x1f && start[1] === 0x8b ? zlib.createGunzip({ chunkSize: 256 * 1024 }) : undefined;
}

/** No chunk goes beyond a frame: Node's unpacker would leave out the rest. */
async function* frameByFrame(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames();
  for await (const chunk of chunks) yield* frames.cut(chunk);
}
