// Tar headers byte for byte as the reference's layers have them (layer-and-oci.md 9): plain ustar whenever it can say
// everything, else a PAX extended header in front. GNU headers exist only for scripts.tar (apk-format.md 5).
// Must never truncate silently: what a field cannot hold stands in an extended header.

import { posix } from 'node:path';
import { assert } from '../../base/failure.ts';
import { BLOCK_BYTES, DEVICE_NUMBERS, FIELD, MAGIC, NEVER_SLASHED } from './block.ts';
import type { TarHeader } from './entry.ts';
import { FIELD_KEYS, printPaxRecords } from './pax.ts';

/** The end-of-archive mark. */
export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK_BYTES);

/** Zero bytes that follow `size` bytes of content. */
export function tarPadding(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

/**
 * The header block, with an extended header in front if one is needed. `mtime` is rounded to the nearest second, a half
 * upwards. Records in `header.pax` force an extended header; those that repeat a field are made here, not taken.
 */
export function printTarHeader(header: TarHeader): Buffer {
  assertPrintable(header);
  const whole = { ...header, mtime: Math.round(header.mtime) + 0 };
  const extras = Object.entries(header.pax).filter(([key]) => !FIELD_KEYS.has(key));
  const split = splitName(whole.name);
  const records = unstorableFields(whole);
  if (
    extras.length === 0 &&
    (records.size === 0 || (records.size === 1 && records.has('path') && split !== undefined))
  ) {
    return printBlock({ ...whole, name: split?.suffix ?? whole.name }, MAGIC.ustar, utf8Of, split?.prefix);
  }
  for (const [key, value] of extras) records.set(key, value);
  return Buffer.concat([printExtendedHeader(whole.name, records), printBlock(whole, MAGIC.ustar, asciiOf)]);
}

/** The same as a GNU header, long names in entries of their own; PAX where GNU has no way to say it. */
export function printGnuTarHeader(header: TarHeader): Buffer {
  assertPrintable(header);
  const whole = { ...header, mtime: Math.round(header.mtime) + 0 };
  if (
    Object.keys(header.pax).length > 0 ||
    utf8Of(whole.uname).length > FIELD.uname[1] ||
    utf8Of(whole.gname).length > FIELD.gname[1]
  ) {
    return printTarHeader(header);
  }
  const blocks: Buffer[] = [];
  if (utf8Of(whole.name).length > FIELD.name[1]) blocks.push(printLongName('L', whole.name));
  if (utf8Of(whole.linkname).length > FIELD.linkname[1]) blocks.push(printLongName('K', whole.linkname));
  blocks.push(printBlock(whole, MAGIC.gnu, utf8Of));
  return Buffer.concat(blocks);
}

/** Refuses what would come out damaged; whoever scans or builds archives has checked it before. */
function assertPrintable(header: TarHeader): void {
  const { name, linkname, uname, gname, type, mode, uid, gid, size, devmajor, devminor } = header;
  const isNatural = (value: number) => Number.isSafeInteger(value) && value >= 0;
  assert(!`${name}${linkname}${uname}${gname}`.includes('\0'), 'the texts of a tar header have no NUL');
  assert(/^[\x21-\x7e]$/.test(type), 'a tar type is one character');
  assert(!name.endsWith('/') || !NEVER_SLASHED.has(type), 'only directories end in a slash');
  assert(isNatural(uid) && isNatural(gid) && isNatural(size), 'owners and sizes are natural numbers');
  assert(isNatural(mode) && mode <= 0o7777, 'a mode has permission bits only');
  assert(isNatural(devmajor) && devmajor < DEVICE_NUMBERS, 'a major device number fits its field');
  assert(isNatural(devminor) && devminor < DEVICE_NUMBERS, 'a minor device number fits its field');
  for (const key of Object.keys(header.pax)) assert(/^[^=\0]+$/.test(key), 'a PAX key has no "=" and no NUL');
}

/** Where ustar can cut a long ASCII name in two: at the last slash of the first 156 bytes that leaves both parts short. */
function splitName(name: string): { prefix: string; suffix: string } | undefined {
  if (name.length <= FIELD.name[1] || !isAscii(name)) return undefined;
  const window = Math.min(name.length - (name.endsWith('/') ? 1 : 0), FIELD.prefix[1] + 1);
  const slash = name.lastIndexOf('/', window - 1);
  const suffix = name.slice(slash + 1);
  if (slash <= 0 || suffix.length === 0 || suffix.length > FIELD.name[1]) return undefined;
  return { prefix: name.slice(0, slash), suffix };
}

/** The PAX records for whatever does not fit its field of the header block. */
function unstorableFields(header: TarHeader): Map<string, string> {
  const records = new Map<string, string>();
  const text = (key: string, value: string, field: 'name' | 'linkname' | 'uname' | 'gname') => {
    if (!isAscii(value) || value.length > FIELD[field][1]) records.set(key, utf8Of(value));
  };
  const number = (key: string, value: number, field: 'size' | 'uid' | 'gid' | 'mtime') => {
    if (!fitsOctal(value, FIELD[field][1])) records.set(key, String(value));
  };
  text('path', header.name, 'name');
  text('linkpath', header.linkname, 'linkname');
  text('uname', header.uname, 'uname');
  text('gname', header.gname, 'gname');
  number('size', header.size, 'size');
  number('uid', header.uid, 'uid');
  number('gid', header.gid, 'gid');
  number('mtime', header.mtime, 'mtime');
  return records;
}

function printExtendedHeader(name: string, records: ReadonlyMap<string, string>): Buffer {
  const slash = name.lastIndexOf('/') + 1;
  const path = posix.join(name.slice(0, slash), 'PaxHeaders.0', name.slice(slash));
  return printMember(
    'x',
    asciiOf(path).slice(0, FIELD.name[1]).replace(/\/+$/, ''),
    printPaxRecords(records),
    MAGIC.ustar,
  );
}

function printLongName(type: 'L' | 'K', text: string): Buffer {
  return printMember(type, '././@LongLink', Buffer.from(`${text}\0`, 'utf8'), MAGIC.gnu);
}

/** A member that describes the next one: owner names and device fields stay NUL. */
function printMember(type: string, name: string, payload: Buffer, magic: string): Buffer {
  const zero = octal(0, FIELD.mode[1]);
  const block = joinFields({
    names: padded(name, FIELD.name[1]),
    numbers: `${zero}${zero}${zero}${octal(payload.length, FIELD.size[1])}${octal(0, FIELD.mtime[1])}`,
    link: `${type}${padded('', FIELD.linkname[1])}`,
    magic,
    rest: '',
  });
  return Buffer.concat([block, payload, Buffer.alloc(tarPadding(payload.length))]);
}

/** `bytesOf` turns a text into the byte string that its field gets. */
function printBlock(header: TarHeader, magic: string, bytesOf: (text: string) => string, prefix = ''): Buffer {
  const number = magic === MAGIC.gnu ? octalOrBase256 : octal;
  return joinFields({
    names: padded(bytesOf(header.name), FIELD.name[1]),
    numbers:
      number(header.mode, FIELD.mode[1]) +
      number(header.uid, FIELD.uid[1]) +
      number(header.gid, FIELD.gid[1]) +
      number(header.size, FIELD.size[1]) +
      number(header.mtime, FIELD.mtime[1]),
    link: header.type + padded(bytesOf(header.linkname), FIELD.linkname[1]),
    magic,
    rest:
      padded(bytesOf(header.uname), FIELD.uname[1]) +
      padded(bytesOf(header.gname), FIELD.gname[1]) +
      number(header.devmajor, FIELD.devmajor[1]) +
      number(header.devminor, FIELD.devminor[1]) +
      padded(bytesOf(prefix), FIELD.prefix[1]),
  });
}

/** Byte strings of fields that lie together. */
interface Fields {
  readonly names: string;
  readonly numbers: string;
  readonly link: string;
  readonly magic: string;
  readonly rest: string;
}

/** One string written once: three times as fast as a write for every field. */
function joinFields({ names, numbers, link, magic, rest }: Fields): Buffer {
  const blank = ' '.repeat(FIELD.checksum[1]); // The sum counts its own field as spaces.
  const text = `${names}${numbers}${blank}${link}${magic}${rest}`.padEnd(BLOCK_BYTES, '\0');
  const block = Buffer.from(text, 'latin1');
  let sum = 0;
  for (let i = 0; i < BLOCK_BYTES; i++) sum += block[i] as number;
  block.write(`${sum.toString(8).padStart(6, '0')}\0`, FIELD.checksum[0], 'latin1');
  return block;
}

/** Cut or padded to the field. A cut that would end in a slash ends before it, lest readers take a file for a directory. */
function padded(bytes: string, length: number): string {
  if (bytes.length <= length) return bytes.padEnd(length, '\0');
  const cut = bytes.slice(0, length);
  const trimmed = cut.replace(/\/+$/, '');
  return trimmed === cut ? cut : `${trimmed}\0${cut.slice(trimmed.length + 1)}`;
}

/** Octal digits and a NUL; 0 for what does not fit (an extended header says it then). */
function octal(value: number, length: number): string {
  return `${(fitsOctal(value, length) ? value : 0).toString(8).padStart(length - 1, '0')}\0`;
}

/** Octal where it fits, else two's complement with the first bit set, as GNU does. */
function octalOrBase256(value: number, length: number): string {
  if (fitsOctal(value, length)) return octal(value, length);
  const bytes = Buffer.alloc(length, value < 0 ? 0xff : 0);
  bytes.writeBigInt64BE(BigInt(value), length - 8);
  bytes[0] = (bytes[0] as number) | 0x80;
  return bytes.toString('latin1');
}

function fitsOctal(value: number, fieldBytes: number): boolean {
  return value >= 0 && value < (fieldBytes === 8 ? 8 ** 7 : 8 ** 11);
}

function isAscii(text: string): boolean {
  return /^[\x01-\x7f]*$/.test(text);
}

function asciiOf(text: string): string {
  return isAscii(text) ? text : text.replace(/[^\x01-\x7f]+/g, '');
}

/** The UTF-8 form as a byte string. */
function utf8Of(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}
