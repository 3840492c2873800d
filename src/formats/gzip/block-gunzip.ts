// Gunzip for bytes that arrive in pieces (RFC 1952): members laid end to end are one text, zeros behind them are padding. As
// node:zlib's gunzip, but it tells where deflate blocks begin. Checksums and lengths of members are held against their bytes.

import { crc32 } from 'node:zlib';
import { Failure } from '../../base/failure.ts';
import { BlockInflater, type InflateListener } from './block-inflater.ts';
import { combineCrc32 } from './crc32-combine.ts';
import { gzipBodyStart } from './members.ts';

const TRAILER_BYTES = 8;

export class BlockGunzip {
  readonly #on: InflateListener;
  #inflater: BlockInflater | undefined;
  #state: 'header' | 'body' | 'trailer' | 'padding' = 'header';
  /** Of a header or trailer that lies across pieces. */
  #begun: Buffer = Buffer.alloc(0);
  #members = 0;
  /** Of the member at hand. */
  #crc = 0;
  #sizeBytes = 0;
  #wholeCrc = 0;

  constructor(on: InflateListener) {
    this.#on = on;
  }

  /** Failure ARCHIVE_INVALID, with `data.cut` where only the end is missing; and whatever the listener throws. */
  push(piece: Uint8Array): void {
    let rest: Buffer = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    while (rest.length > 0 && this.#state !== 'padding') {
      if (this.#state === 'header') rest = this.#header(rest);
      else if (this.#state === 'body') rest = this.#body(rest, false);
      else rest = this.#trailer(rest);
    }
  }

  /** Nothing follows. Failures as for `push`. */
  finish(): void {
    // What follows a short member may have waited with its last bytes.
    while (this.#state === 'body') this.push(this.#body(Buffer.alloc(0), true));
    const isWhole = this.#state === 'padding' || (this.#state === 'header' && this.#begun.length === 0);
    if (!isWhole || this.#members === 0) throw damaged('unexpected end of file', true);
  }

  /** CRC-32 of all that came out of whole members. */
  get crc(): number {
    return this.#wholeCrc;
  }

  get inflater(): BlockInflater {
    this.#inflater ??= new BlockInflater({
      block: (start) => this.#on.block(start),
      blockEnd: () => this.#on.blockEnd(),
      output: (bytes) => {
        this.#crc = crc32(bytes, this.#crc);
        this.#sizeBytes += bytes.length;
        this.#on.output(bytes);
      },
    });
    return this.#inflater;
  }

  /** Gives its memory back; nothing may be called then. */
  close(): void {
    this.#inflater?.close();
  }

  #header(rest: Buffer): Buffer {
    // As other programs do: zeros are padding, such as of tapes.
    if (this.#members > 0 && this.#begun.length === 0 && rest[0] === 0) {
      this.#state = 'padding';
      return rest;
    }
    const bytes = Buffer.concat([this.#begun, rest]);
    const bodyStart = gzipBodyStart(bytes, 0);
    this.#begun = bodyStart === undefined ? bytes : Buffer.alloc(0);
    if (bodyStart === undefined) return Buffer.alloc(0);
    this.#state = 'body';
    this.#crc = 0;
    this.#sizeBytes = 0;
    return bytes.subarray(bodyStart);
  }

  #body(rest: Buffer, isLast: boolean): Buffer {
    const { state, unused } = this.inflater.push(rest, isLast);
    if (state === 'damaged') throw damaged('invalid deflate data', false);
    if (state === 'cut') throw damaged('unexpected end of file', true);
    if (state === 'ended') this.#state = 'trailer';
    return Buffer.from(unused.buffer, unused.byteOffset, unused.byteLength);
  }

  #trailer(rest: Buffer): Buffer {
    const bytes = Buffer.concat([this.#begun, rest]);
    if (bytes.length < TRAILER_BYTES) {
      this.#begun = bytes;
      return Buffer.alloc(0);
    }
    this.#begun = Buffer.alloc(0);
    if (bytes.readUInt32LE(0) !== this.#crc) throw damaged('incorrect data check', false);
    if (bytes.readUInt32LE(4) !== this.#sizeBytes % 2 ** 32) throw damaged('incorrect length check', false);
    this.#wholeCrc = combineCrc32(this.#wholeCrc, this.#crc, this.#sizeBytes);
    this.#members++;
    this.#state = 'header';
    return bytes.subarray(TRAILER_BYTES);
  }
}

function damaged(what: string, cut: boolean): Failure {
  return new Failure('ARCHIVE_INVALID', `its data cannot be decompressed (${what})`, { data: { cut } });
}
