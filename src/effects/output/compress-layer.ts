// Any stream of bytes in gzip: pieces deflated alone, in parallel on zlib's thread pool, joined into one member. Layers, whose pieces
// may come from a cache, are made by compress-pieces.ts (layer-and-oci.md 9, "Compression").
// The bytes depend on the input and the level only: not on how the input is cut into chunks, on cores, or on the Node version
// (but see deflate-check.ts). A change here changes every digest: see the golden digests in the tests.
//
// Pieces share no dictionary and end on a byte border, so that each can come from a cache (bench/compress.ts: dictionaries of
// 32 KiB would save 0.2 % of the size).

import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, type ZlibOptions } from 'node:zlib';
import type { Digest } from '../../base/digest.ts';
import { assert } from '../../base/failure.ts';
import { GZIP_HEADER, JoinedMember } from '../../formats/gzip/joined-member.ts';

export interface CompressedLayer {
  /** Of the tar. */
  readonly diffId: Digest;
  /** Of the gzip file. */
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly uncompressedBytes: number;
}

export interface CompressionOptions {
  /** zlib's 1 (quick) to 9 (small). */
  readonly level?: number;
}

/** Level 4 is about as quick as the reference's compressor, and smaller; 6 takes 1.6 times as long for 2 % less. */
export const DEFAULT_LEVEL = 4;

/** Input bytes of one piece. */
const PIECE_BYTES = 1024 * 1024;

/** Pieces being deflated at once: twice the thread pool's usual size keeps it busy while we hash and write. */
const PIECES_IN_FLIGHT = 8;

/** A piece ends on a byte border without ending the stream. Memory level 9 is 10 % quicker than 8, for 0.5 % more size. */
export function deflateOptions(level: number): ZlibOptions {
  return { level, memLevel: 9, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: PIECE_BYTES / 4 };
}

const deflatePiece = promisify(deflateRaw) as (bytes: Uint8Array, options: ZlibOptions) => Promise<Uint8Array>;

/**
 * Compresses the chunks of a tar into `sink`, which is never called again before its promise resolves. Memory stays the
 * same for any size. What the chunks or the sink throw passes through.
 */
export async function compressLayer(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  sink: (chunk: Uint8Array) => Promise<void> | void,
  { level = DEFAULT_LEVEL }: CompressionOptions = {},
): Promise<CompressedLayer> {
  assert(Number.isInteger(level) && level >= 1 && level <= 9, `a compression level from 1 to 9, not ${level}`);
  const options = deflateOptions(level);
  const diff = createHash('sha256');
  const hash = createHash('sha256');
  const member = new JoinedMember();
  let sizeBytes = 0;

  const emit = async (bytes: Uint8Array): Promise<void> => {
    hash.update(bytes);
    sizeBytes += bytes.length;
    await sink(bytes);
  };

  await emit(GZIP_HEADER);
  const inFlight: Promise<Uint8Array>[] = [];
  for await (const piece of cutIntoPieces(chunks)) {
    const deflated = deflatePiece(piece, options);
    deflated.catch(() => {}); // Reported where it is awaited, if nothing else has failed before.
    inFlight.push(deflated);
    diff.update(piece);
    member.add(crc32(piece), piece.length);
    if (inFlight.length === PIECES_IN_FLIGHT) await emit(await (inFlight.shift() as Promise<Uint8Array>));
  }
  for (const deflated of inFlight) await emit(await deflated);
  await emit(member.end());
  return {
    diffId: `sha256:${diff.digest('hex')}`,
    digest: `sha256:${hash.digest('hex')}`,
    sizeBytes,
    uncompressedBytes: member.uncompressedBytes,
  };
}

/**
 * The same bytes in pieces of PIECE_BYTES, the last one shorter. The buffers go round: a piece is overwritten when
 * PIECES_IN_FLIGHT further ones have been asked for, and by then it has been deflated.
 */
async function* cutIntoPieces(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const buffers = Array.from({ length: PIECES_IN_FLIGHT }, () => new Uint8Array(0));
  let turn = 0;
  let filled = 0;
  for await (const chunk of chunks) {
    for (let taken = 0; taken < chunk.length; ) {
      if (buffers[turn]?.length === 0) buffers[turn] = new Uint8Array(PIECE_BYTES); // Small layers need only one.
      const buffer = buffers[turn] as Uint8Array;
      const part = chunk.subarray(taken, taken + PIECE_BYTES - filled);
      buffer.set(part, filled);
      taken += part.length;
      filled += part.length;
      if (filled === PIECE_BYTES) {
        yield buffer;
        filled = 0;
        turn = (turn + 1) % PIECES_IN_FLIGHT;
      }
    }
  }
  if (filled > 0) yield (buffers[turn] as Uint8Array).subarray(0, filled);
}
