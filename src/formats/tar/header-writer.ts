// Tar headers in memory that is used again and again: what `printTarHeader` makes, without its strings. An image has some ten
// thousand headers, and neighbours differ in little more than name and size, often lie in one directory: what is the same stays.

import { BLOCK_BYTES, DEVICE_NUMBERS, FIELD, MAGIC, NEVER_SLASHED } from './block.ts';
import type { TarHeader } from './entry.ts';
import { printTarHeader } from './write.ts';

const ZERO = 0x30;
const SPACE = 0x20;
const MAGIC_BYTES = Buffer.from(MAGIC.ustar, 'latin1');
const MAGIC_SUM = MAGIC_BYTES.reduce((sum, byte) => sum + byte);

export class TarHeaderWriter {
  /** The last plain header. */
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  /** What it says beside name, link name and size, and the sum of that, blanks for the sum's own field included. */
  #last: TarHeader | undefined;
  #lastSum = 0;
  /** What its name, link name and size are; the directory of the name ends in a slash. */
  #directory = '';
  #directorySum = 0;
  #nameLength = 0;
  #linkLength = 0;
  #size = -1;
  #sizeSum = 0;

  /** The bytes of a header. They are good until the next one is asked for. */
  print(header: TarHeader): Buffer {
    return this.#writePlain(header) ? this.#block : printTarHeader(header);
  }

  /** False for what one ustar block without a prefix cannot say, or has to be refused. */
  #writePlain(header: TarHeader): boolean {
    const { name, linkname, size, pax, type } = header;
    for (const _ in pax) return false;
    if (name.length > FIELD.name[1] || linkname.length > FIELD.linkname[1] || !isBelow(size, 8 ** 11)) return false;
    if (name.endsWith('/') && NEVER_SLASHED.has(type)) return false;
    if (this.#last === undefined || !isAlike(this.#last, header)) {
      if (!isPlain(header)) return false;
      this.#keep(header);
    }
    const nameSum = this.#writeName(name);
    const linkSum = this.#writeLinkName(linkname);
    if (nameSum < 0 || linkSum < 0) return false;
    if (size !== this.#size) {
      this.#size = size;
      this.#sizeSum = writeOctal(this.#block, FIELD.size[0], FIELD.size[1], size);
    }
    // Six digits; the NUL and the blank behind them are in the block.
    const sum = this.#lastSum + nameSum + linkSum + this.#sizeSum;
    writeOctal(this.#block, FIELD.checksum[0], FIELD.checksum[1] - 1, sum);
    return true;
  }

  /** The sum of its bytes, negative for what is no ASCII text. */
  #writeName(name: string): number {
    let start = this.#directory.length;
    if (start === 0 || !name.startsWith(this.#directory)) {
      this.#directorySum = 0;
      start = 0;
    }
    const slash = name.lastIndexOf('/') + 1;
    if (slash !== start) {
      this.#directorySum += writeText(this.#block, start, name, start, slash);
      start = slash;
    }
    this.#directory = name.slice(0, slash);
    const sum = this.#directorySum + writeText(this.#block, start, name, start, name.length);
    if (this.#nameLength > name.length) this.#block.fill(0, name.length, this.#nameLength);
    this.#nameLength = name.length;
    if (!(this.#directorySum >= 0)) this.#directory = '';
    return sum;
  }

  #writeLinkName(linkname: string): number {
    if (linkname === '' && this.#linkLength === 0) return 0;
    const [at] = FIELD.linkname;
    const sum = writeText(this.#block, at, linkname, 0, linkname.length);
    if (this.#linkLength > linkname.length) this.#block.fill(0, at + linkname.length, at + this.#linkLength);
    this.#linkLength = linkname.length;
    return sum;
  }

  #keep(header: TarHeader): void {
    const block = this.#block.fill(0, FIELD.mode[0], FIELD.size[0]).fill(0, FIELD.mtime[0], FIELD.linkname[0]);
    block.fill(0, FIELD.magic[0]).set(MAGIC_BYTES, FIELD.magic[0]);
    const octal = (field: 'mode' | 'uid' | 'gid' | 'devmajor' | 'devminor', value: number) =>
      writeOctal(block, FIELD[field][0], FIELD[field][1], value);
    const text = (field: 'type' | 'uname' | 'gname', value: string) =>
      writeText(block, FIELD[field][0], value, 0, value.length);
    block.fill(SPACE, FIELD.checksum[0], FIELD.checksum[0] + FIELD.checksum[1]);
    this.#lastSum =
      octal('mode', header.mode) +
      octal('uid', header.uid) +
      octal('gid', header.gid) +
      writeOctal(block, FIELD.mtime[0], FIELD.mtime[1], Math.round(header.mtime)) +
      SPACE * FIELD.checksum[1] +
      text('type', header.type) +
      MAGIC_SUM +
      text('uname', header.uname) +
      text('gname', header.gname) +
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

/** Whether a block can say everything but name, link name and size. */
function isPlain({ uname, gname, type, mtime, mode, uid, gid, devmajor, devminor }: TarHeader): boolean {
  return (
    /^[\x21-\x7e]$/.test(type) &&
    isShort(uname, FIELD.uname[1]) &&
    isShort(gname, FIELD.gname[1]) &&
    mtime >= 0 &&
    mtime < 8 ** 11 - 1 &&
    isBelow(mode, 0o10000) &&
    isBelow(uid, 8 ** 7) &&
    isBelow(gid, 8 ** 7) &&
    isBelow(devmajor, DEVICE_NUMBERS) &&
    isBelow(devminor, DEVICE_NUMBERS)
  );
}

function isBelow(value: number, bound: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < bound;
}

/** ASCII without NUL that fits the field. */
function isShort(text: string, length: number): boolean {
  return text.length <= length && /^[\x01-\x7f]*$/.test(text);
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

/** Writes `text` from `start` to `end`. Returns the sum of the bytes; -Infinity for what is not ASCII without NUL. */
function writeText(into: Buffer, at: number, text: string, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0 || unit > 0x7f) return -Infinity;
    into[at + i - start] = unit;
    sum += unit;
  }
  return sum;
}
