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
    return printBlock({ ...whole, name: split?.suffix ?? whole.name }, MAGIC.ustar, 'utf8', split?.prefix);
  }
  for (const [key, value] of extras) records.set(key, value);
  return Buffer.concat([printExtendedHeader(whole.name, records), printBlock(whole, MAGIC.ustar, 'ascii')]);
}

/** The same as a GNU header, long names in entries of their own; PAX where GNU has no way to say it. */
export function printGnuTarHeader(header: TarHeader): Buffer {
  assertPrintable(header);
  const whole = { ...header, mtime: Math.round(header.mtime) + 0 };
  if (
    Object.keys(header.pax).length > 0 ||
    bytesOf(whole.uname) > FIELD.uname[1] ||
    bytesOf(whole.gname) > FIELD.gname[1]
  ) {
    return printTarHeader(header);
  }
  const blocks: Buffer[] = [];
  if (bytesOf(whole.name) > FIELD.name[1]) blocks.push(printLongName('L', whole.name));
  if (bytesOf(whole.linkname) > FIELD.linkname[1]) blocks.push(printLongName('K', whole.linkname));
  blocks.push(printBlock(whole, MAGIC.gnu, 'utf8'));
  return Buffer.concat(blocks);
}

type TextForm = 'utf8' | 'ascii';

function assertPrintable(header: TarHeader): void {
  const { name, linkname, uname, gname, type } = header;
  assert(![name, linkname, uname, gname].some((text) => text.includes('\0')), `no NUL in the tar header of "${name}"`);
  assert(/^[\x21-\x7e]$/.test(type), `"${name}" has a tar type of one character`);
  const slashed = name.endsWith('/') && NEVER_SLASHED.has(type);
  assert(!slashed, `"${name}" is no directory and does not end in a slash`);
  for (const number of [header.mode, header.uid, header.gid, header.size, header.devmajor, header.devminor]) {
    assert(Number.isSafeInteger(number) && number >= 0, `natural numbers in the tar header of "${name}"`);
  }
  assert(header.mode <= 0o7777, `"${name}" has permission bits only in its mode`);
  assert(Math.max(header.devmajor, header.devminor) < DEVICE_NUMBERS, `device numbers of "${name}" fit`);
  for (const key of Object.keys(header.pax))
    assert(/^[^=\0]+$/.test(key), `PAX key ${JSON.stringify(key)} can be written`);
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
    if (!isAscii(value) || value.length > FIELD[field][1])
      records.set(key, Buffer.from(value, 'utf8').toString('latin1'));
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
  const block = Buffer.alloc(BLOCK_BYTES);
  putText(block, 'name', name, 'utf8');
  putOctal(block, 'mode', 0);
  putOctal(block, 'uid', 0);
  putOctal(block, 'gid', 0);
  putOctal(block, 'size', payload.length);
  putOctal(block, 'mtime', 0);
  putText(block, 'type', type, 'utf8');
  return Buffer.concat([seal(block, magic), payload, Buffer.alloc(tarPadding(payload.length))]);
}

function printBlock(header: TarHeader, magic: string, form: TextForm, prefix = ''): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const number = magic === MAGIC.gnu ? putNumber : putOctal;
  putText(block, 'name', header.name, form);
  number(block, 'mode', header.mode);
  number(block, 'uid', header.uid);
  number(block, 'gid', header.gid);
  number(block, 'size', header.size);
  number(block, 'mtime', header.mtime);
  putText(block, 'type', header.type, form);
  putText(block, 'linkname', header.linkname, form);
  putText(block, 'uname', header.uname, form);
  putText(block, 'gname', header.gname, form);
  number(block, 'devmajor', header.devmajor);
  number(block, 'devminor', header.devminor);
  putText(block, 'prefix', prefix, form);
  return seal(block, magic);
}

/** Adds magic and checksum. */
function seal(block: Buffer, magic: string): Buffer {
  block.write(magic, FIELD.magic[0], 'latin1');
  block.fill(0x20, FIELD.checksum[0], FIELD.checksum[0] + FIELD.checksum[1]);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0`, FIELD.checksum[0], 'latin1');
  return block;
}

/** Cut to the field. A cut that would end in a slash ends before it, lest readers take a file for a directory. */
function putText(block: Buffer, field: keyof typeof FIELD, text: string, form: TextForm): void {
  if (text === '') return;
  const [offset, length] = FIELD[field];
  const bytes = Buffer.from(form === 'ascii' ? asciiOf(text) : text, 'utf8');
  bytes.copy(block, offset, 0, length);
  if (bytes.length > length && bytes[length - 1] === 0x2f) {
    let end = length;
    while (end > 0 && bytes[end - 1] === 0x2f) end--;
    block[offset + end] = 0;
  }
}

/** Octal digits and a NUL; 0 for what does not fit (an extended header says it then). */
function putOctal(block: Buffer, field: keyof typeof FIELD, value: number): void {
  const [offset, length] = FIELD[field];
  const digits = (fitsOctal(value, length) ? value : 0).toString(8).padStart(length - 1, '0');
  block.write(digits, offset, 'latin1');
}

/** Octal where it fits, else base-256, as GNU does. */
function putNumber(block: Buffer, field: keyof typeof FIELD, value: number): void {
  const [offset, length] = FIELD[field];
  if (fitsOctal(value, length)) {
    putOctal(block, field, value);
    return;
  }
  let rest = BigInt(value);
  for (let i = offset + length - 1; i >= offset; i--) {
    block[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  block[offset] = (block[offset] as number) | 0x80;
}

function fitsOctal(value: number, fieldBytes: number): boolean {
  return value >= 0 && value < 8 ** (fieldBytes - 1);
}

function isAscii(text: string): boolean {
  return /^[\x01-\x7f]*$/.test(text);
}

function asciiOf(text: string): string {
  return text.replace(/[^\x01-\x7f]+/g, '');
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}
