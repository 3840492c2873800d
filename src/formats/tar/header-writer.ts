// Tar headers in memory that is used again and again: what `printTarHeader` makes, without its strings. An image has some ten
// thousand headers, and neighbours differ in little more than name and size, often lie in one directory: what is the same stays.

import { BLOCK_BYTES, DEVICE_NUMBERS, FIELD, MAGIC, NEVER_SLASHED } from './block.ts';
import type { TarHeader } from './entry.ts';
import { printTarHeader } from './write.ts';

const ZERO = 0x30;
const SPACE = 0x20;
const MAGIC_BYTES = Buffer.from(MAGIC.ustar, 'latin1');
/** The magic, and the sum's own field as blanks. */
const FIXED_SUM = MAGIC_BYTES.reduce((sum, byte) => sum + byte, SPACE * FIELD.checksum[1]);

/** Unlike any. */
const NO_HEADER: TarHeader = {
  name: '',
  type: '',
  mode: -1,
  uid: -1,
  gid: -1,
  uname: '',
  gname: '',
  mtime: -1,
  size: 0,
  linkname: '',
  devmajor: 0,
  devminor: 0,
  pax: {},
};

export class TarHeaderWriter {
  /** The last plain header. */
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  /** What it says beside name, link name and size, and the sums of that. */
  #last: TarHeader = NO_HEADER;
  #typeSum = 0;
  #modeSum = 0;
  #timeSum = 0;
  #ownerSum = 0;
  /** What its name, link name and size are; the directory of the name ends in a slash. */
  #directory = '';
  #directorySum = 0;
  #nameLength = 0;
  #linkLength = 0;
  #size = -1;
  #sizeSum = 0;

  constructor() {
    const [checksum, length] = FIELD.checksum;
    // The sum is six digits and a NUL, and stands before a blank.
    this.#block[checksum + length - 1] = SPACE;
    this.#block.set(MAGIC_BYTES, FIELD.magic[0]);
  }

  /** The bytes of a header. They are good until the next one is asked for. */
  print(header: TarHeader): Buffer {
    return this.#writePlain(header) ? this.#block : printTarHeader(header);
  }

  /** False for what one ustar block without a prefix cannot say, or has to be refused. */
  #writePlain(header: TarHeader): boolean {
    const { name, linkname, size, pax, type } = header;
    if (pax !== this.#last.pax) for (const _ in pax) return false;
    if (name.length > FIELD.name[1] || linkname.length > FIELD.linkname[1] || !isBelow(size, 8 ** 11)) return false;
    if (name.endsWith('/') && NEVER_SLASHED.has(type)) return false;
    if (!this.#keep(header)) return false;
    const nameSum = this.#writeName(name);
    const linkSum = this.#writeLinkName(linkname);
    if (nameSum < 0 || linkSum < 0) return false;
    if (size !== this.#size) {
      this.#size = size;
      this.#sizeSum = writeOctal(this.#block, FIELD.size[0], FIELD.size[1], size);
    }
    const sum =
      FIXED_SUM + this.#typeSum + this.#modeSum + this.#timeSum + this.#ownerSum + nameSum + linkSum + this.#sizeSum;
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

  /** Type, mode, time and owner; false for what a block cannot say. Neighbours mostly have the same owner. */
  #keep(header: TarHeader): boolean {
    const { type, mode, mtime } = header;
    const block = this.#block;
    const last = this.#last;
    const hasSameOwner = isOfSameOwner(header, last);
    if (hasSameOwner && type === last.type && mode === last.mode && mtime === last.mtime) return true;
    if (!isBelow(mode, 0o10000) || !(mtime >= 0 && mtime < 8 ** 11 - 1) || !/^[\x21-\x7e]$/.test(type)) return false;
    if (!hasSameOwner && !isOwnerPlain(header)) return false;
    this.#last = header;
    if (type !== last.type) this.#typeSum = writeText(block, FIELD.type[0], type, 0, 1);
    if (mode !== last.mode) this.#modeSum = writeOctal(block, FIELD.mode[0], FIELD.mode[1], mode);
    if (mtime !== last.mtime) this.#timeSum = writeOctal(block, FIELD.mtime[0], FIELD.mtime[1], Math.round(mtime));
    if (!hasSameOwner) this.#ownerSum = this.#writeOwner(header);
    return true;
  }

  #writeOwner({ uid, gid, uname, gname, devmajor, devminor }: TarHeader): number {
    const block = this.#block.fill(0, FIELD.uname[0], FIELD.devmajor[0]);
    return (
      writeOctal(block, FIELD.uid[0], FIELD.uid[1], uid) +
      writeOctal(block, FIELD.gid[0], FIELD.gid[1], gid) +
      writeText(block, FIELD.uname[0], uname, 0, uname.length) +
      writeText(block, FIELD.gname[0], gname, 0, gname.length) +
      writeOctal(block, FIELD.devmajor[0], FIELD.devmajor[1], devmajor) +
      writeOctal(block, FIELD.devminor[0], FIELD.devminor[1], devminor)
    );
  }
}

function isOfSameOwner(a: TarHeader, b: TarHeader): boolean {
  return (
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.uname === b.uname &&
    a.gname === b.gname &&
    a.devmajor === b.devmajor &&
    a.devminor === b.devminor
  );
}

/** Whether a block can say them. */
function isOwnerPlain({ uname, gname, uid, gid, devmajor, devminor }: TarHeader): boolean {
  return (
    isShort(uname, FIELD.uname[1]) &&
    isShort(gname, FIELD.gname[1]) &&
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
  let i = at + length - 2;
  // What is too large for bit operations has no digits to spare.
  for (; rest > 0x7fff_ffff; i--) {
    const digit = ZERO + (rest % 8);
    into[i] = digit;
    sum += digit;
    rest = Math.floor(rest / 8);
  }
  for (; i >= at; i--) {
    const digit = ZERO | (rest & 7);
    into[i] = digit;
    sum += digit;
    rest >>>= 3;
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
