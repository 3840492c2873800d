// Tar headers straight into memory that is there already: what `printTarHeader` makes, without its strings. An image has some
// ten thousand headers, and neighbours differ in little more than name and size: those and the sum are written anew, the rest
// of the block is copied from the header before.

import { BLOCK_BYTES, DEVICE_NUMBERS, FIELD, MAGIC, NEVER_SLASHED } from './block.ts';
import type { TarHeader } from './entry.ts';
import { printTarHeader } from './write.ts';

const ZERO = 0x30;
const SPACE = 0x20;

/** Writes headers into buffers of the caller's. */
export class TarHeaderWriter {
  /** The block of the last plain header without name, link name, size and sum. */
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  /** The sum of its bytes, blanks for the sum's own field included. */
  #blockSum = 0;
  #last: TarHeader | undefined;

  /** The bytes of a header that is not plain; undefined when `writePlain` can write it. */
  other(header: TarHeader): Buffer | undefined {
    return isPlain(header) ? undefined : printTarHeader(header);
  }

  /** Writes the 512 bytes of a plain header to `at`. */
  writePlain(header: TarHeader, into: Buffer, at: number): void {
    const last = this.#last;
    if (last === undefined || !isAlike(last, header)) this.#keep(header);
    into.set(this.#block, at);
    let sum = this.#blockSum + writeOctal(into, at + FIELD.size[0], FIELD.size[1], header.size);
    sum += writeText(into, at, header.name);
    if (header.linkname !== '') sum += writeText(into, at + FIELD.linkname[0], header.linkname);
    // Six digits; the NUL and the blank behind them are in the block.
    writeOctal(into, at + FIELD.checksum[0], FIELD.checksum[1] - 1, sum);
  }

  #keep(header: TarHeader): void {
    const block = this.#block.fill(0);
    const octal = (field: 'mode' | 'uid' | 'gid' | 'devmajor' | 'devminor', value: number) =>
      writeOctal(block, FIELD[field][0], FIELD[field][1], value);
    block.fill(SPACE, FIELD.checksum[0], FIELD.checksum[0] + FIELD.checksum[1]);
    this.#blockSum =
      octal('mode', header.mode) +
      octal('uid', header.uid) +
      octal('gid', header.gid) +
      writeOctal(block, FIELD.mtime[0], FIELD.mtime[1], Math.round(header.mtime)) +
      SPACE * FIELD.checksum[1] +
      writeText(block, FIELD.type[0], header.type) +
      writeText(block, FIELD.magic[0], MAGIC.ustar) +
      writeText(block, FIELD.uname[0], header.uname) +
      writeText(block, FIELD.gname[0], header.gname) +
      octal('devmajor', header.devmajor) +
      octal('devminor', header.devminor);
    block[FIELD.checksum[0] + FIELD.checksum[1] - 2] = 0;
    this.#last = header;
  }
}

function isAlike(a: TarHeader, b: TarHeader): boolean {
  return (
    a.mtime === b.mtime &&
    a.mode === b.mode &&
    a.type === b.type &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.uname === b.uname &&
    a.gname === b.gname &&
    a.devmajor === b.devmajor &&
    a.devminor === b.devminor
  );
}

/** Whether one ustar block without a prefix says everything, and nothing has to be refused. */
function isPlain(header: TarHeader): boolean {
  const { name, linkname, uname, gname, type, mtime } = header;
  for (const _ in header.pax) return false;
  return (
    /^[\x21-\x7e]$/.test(type) &&
    isShort(name, FIELD.name[1]) &&
    isShort(linkname, FIELD.linkname[1]) &&
    isShort(uname, FIELD.uname[1]) &&
    isShort(gname, FIELD.gname[1]) &&
    !(name.endsWith('/') && NEVER_SLASHED.has(type)) &&
    isBelow(header.size, 8 ** 11) &&
    mtime >= 0 &&
    mtime < 8 ** 11 - 1 &&
    isBelow(header.mode, 0o10000) &&
    isBelow(header.uid, 8 ** 7) &&
    isBelow(header.gid, 8 ** 7) &&
    isBelow(header.devmajor, DEVICE_NUMBERS) &&
    isBelow(header.devminor, DEVICE_NUMBERS)
  );
}

function isBelow(value: number, bound: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < bound;
}

/** ASCII without NUL that fits the field. */
function isShort(text: string, length: number): boolean {
  if (text.length > length) return false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0 || unit > 0x7f) return false;
  }
  return true;
}

/** Digits of the whole field but its last byte, which stays NUL. Returns their sum. */
function writeOctal(into: Buffer, at: number, length: number, value: number): number {
  let sum = 0;
  let rest = value;
  for (let i = at + length - 2; i >= at; i--) {
    const digit = ZERO + (rest % 8);
    into[i] = digit;
    sum += digit;
    rest = Math.floor(rest / 8);
  }
  return sum;
}

/** Returns the sum of the bytes. */
function writeText(into: Buffer, at: number, text: string): number {
  let sum = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    into[at + i] = byte;
    sum += byte;
  }
  return sum;
}
