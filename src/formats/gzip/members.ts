// One gzip member at a time, with its exact end: package files are members laid end to end (apk-format.md 1).
// node:zlib joins members by itself, so header and trailer are read here and only the deflate stream is left to it.
// Must never let an error of zlib out, nor inflate beyond the bound.

import { constants as bufferConstants } from 'node:buffer';
import { crc32, deflateRawSync, type Inflate, inflateRawSync } from 'node:zlib';
import { Failure } from '../../base/failure.ts';

export interface GzipMember {
  readonly content: Buffer;
  /** Offset just after the member, in the bytes given. */
  readonly end: number;
}

const FLAG = { headerCrc: 2, extra: 4, name: 8, comment: 16 } as const;
const FIXED_HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
/** Extra field, name and comment together; real headers have a few dozen bytes. */
const HEADER_BYTES = 64 * 1024 + 8 * 1024;
/** How much longer than its content a member may be: deflate adds 5 bytes in 16 KiB, sync marks a little more. */
const OVERHEAD_BYTES = 1024 * 1024;

/**
 * The member that starts at `start`. Undefined when `bytes` ends before the member does: read more and ask again.
 * ARCHIVE_INVALID when it is damaged or no gzip, ARCHIVE_LIMIT as soon as the content exceeds `maxBytes`.
 */
export function readGzipMember(bytes: Uint8Array, start: number, maxBytes: number): GzipMember | undefined {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bodyStart = gzipBodyStart(input, start);
  if (bodyStart === undefined) return undefined;
  const inflated = inflate(input.subarray(bodyStart), start, maxBytes);
  if (inflated === undefined) {
    if (input.length - bodyStart > maxBytes + OVERHEAD_BYTES) throw tooLarge(start, maxBytes);
    return undefined;
  }
  const trailer = bodyStart + inflated.consumedBytes;
  const end = trailer + TRAILER_BYTES;
  if (end > input.length) return undefined;
  const { content } = inflated;
  if (input.readUInt32LE(trailer) !== crc32(content) || input.readUInt32LE(trailer + 4) !== content.length % 2 ** 32) {
    throw new Failure('ARCHIVE_INVALID', `the gzip member at byte ${start} is damaged: its checksum is wrong`);
  }
  return { content, end };
}

/**
 * A gzip member whose bytes depend on the content only: no time, no name, "unknown" as the system. The deflate stream
 * is the same on every Node that we support.
 */
export function printGzipMember(content: Uint8Array, level = 6): Buffer {
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(crc32(content), 0);
  trailer.writeUInt32LE(content.length % 2 ** 32, 4);
  return Buffer.concat([header, deflateRawSync(content, { level }), trailer]);
}

/** Offset of the deflate stream, or undefined when the header is not complete. ARCHIVE_INVALID for no gzip, ARCHIVE_LIMIT. */
export function gzipBodyStart(input: Buffer, start: number): number | undefined {
  const magic = [0x1f, 0x8b, 8];
  for (let i = 0; i < magic.length && start + i < input.length; i++) {
    if (input[start + i] !== magic[i]) throw notGzip(start);
  }
  if (start + FIXED_HEADER_BYTES > input.length) return undefined;
  const flags = input[start + 3] as number;
  if ((flags & 0xe0) !== 0) throw notGzip(start);
  let at: number | undefined = start + FIXED_HEADER_BYTES;
  if ((flags & FLAG.extra) !== 0) {
    if (at + 2 > input.length) return undefined;
    at += 2 + input.readUInt16LE(at);
  }
  if ((flags & FLAG.name) !== 0) at = skipText(input, at, start);
  if (at !== undefined && (flags & FLAG.comment) !== 0) at = skipText(input, at, start);
  if (at !== undefined && (flags & FLAG.headerCrc) !== 0) {
    if (at + 2 > input.length) return undefined;
    if (input.readUInt16LE(at) !== crc32(input.subarray(start, at)) % 2 ** 16) throw notGzip(start);
    at += 2;
  }
  return at !== undefined && at <= input.length ? at : undefined;
}

function skipText(input: Buffer, at: number, start: number): number | undefined {
  const nul = input.indexOf(0, at);
  if ((nul < 0 ? input.length : nul) - start > HEADER_BYTES) {
    throw new Failure(
      'ARCHIVE_LIMIT',
      `the header of the gzip member at byte ${start} is longer than ${HEADER_BYTES} bytes`,
    );
  }
  return nul < 0 ? undefined : nul + 1;
}

/** Inflates one raw deflate stream; undefined when it does not end within the input. */
function inflate(
  body: Buffer,
  start: number,
  maxBytes: number,
): { content: Buffer; consumedBytes: number } | undefined {
  try {
    const { buffer, engine } = inflateRawSync(body, {
      // zlib refuses a bound of 0; one byte more is seen by the caller's comparison below.
      maxOutputLength: Math.min(Math.max(maxBytes, 1), bufferConstants.MAX_LENGTH),
      chunkSize: 64 * 1024,
      info: true,
    }) as unknown as { buffer: Buffer; engine: Inflate };
    if (buffer.length > maxBytes) throw tooLarge(start, maxBytes);
    return { content: buffer, consumedBytes: engine.bytesWritten };
  } catch (error) {
    if (error instanceof Failure) throw error;
    const code = (error as { code?: string }).code;
    if (code === 'Z_BUF_ERROR') return undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(start, maxBytes);
    throw new Failure('ARCHIVE_INVALID', `the gzip member at byte ${start} is damaged`, { cause: error });
  }
}

function notGzip(start: number): Failure {
  return new Failure('ARCHIVE_INVALID', `there is no gzip member at byte ${start}`);
}

function tooLarge(start: number, maxBytes: number): Failure {
  return new Failure('ARCHIVE_LIMIT', `the gzip member at byte ${start} has more than ${maxBytes} bytes of content`);
}
