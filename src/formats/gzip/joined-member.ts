// One gzip member of parts that were deflated apart (RFC 1951, RFC 1952): each part ends on a byte border without ending the
// stream and refers to nothing before it, so that parts can be laid end to end in any combination.

import { combineCrc32 } from './crc32-combine.ts';

/** No name, no time, no flags, "unknown" system. */
export const GZIP_HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);

/** An empty final block: ends the deflate stream after any number of parts. */
const DEFLATE_END = Uint8Array.of(0x03, 0x00);

/** Counts the parts of a member; the member is GZIP_HEADER, their deflated bytes, and `end()`. */
export class JoinedMember {
  #crc = 0;
  #uncompressedBytes = 0;

  get uncompressedBytes(): number {
    return this.#uncompressedBytes;
  }

  /** Takes note of the next part: CRC-32 and number of its bytes before they were deflated. */
  add(crc: number, uncompressedBytes: number): void {
    this.#crc = combineCrc32(this.#crc, crc, uncompressedBytes);
    this.#uncompressedBytes += uncompressedBytes;
  }

  /** What follows the last part. */
  end(): Uint8Array {
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.#crc, 0);
    trailer.writeUInt32LE(this.#uncompressedBytes % 2 ** 32, 4);
    return Buffer.concat([DEFLATE_END, trailer]);
  }
}
