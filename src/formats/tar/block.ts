// The 512-byte header block of a tar archive: where its fields lie and how they are read (layer-and-oci.md 9).
// Pure arithmetic on one block. Must never believe a number or a name before it has been checked.

import { Failure } from '../../base/failure.ts';

export const BLOCK_BYTES = 512;

/** [offset, length] of each field. `magic` spans magic and version. */
export const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkname: [157, 100],
  magic: [257, 8],
  uname: [265, 32],
  gname: [297, 32],
  devmajor: [329, 8],
  devminor: [337, 8],
  prefix: [345, 155],
} as const satisfies Record<string, readonly [number, number]>;

export const MAGIC = { ustar: 'ustar\x0000', gnu: 'ustar  \0' } as const;

/** Types whose names must not look like a directory's. */
export const NEVER_SLASHED: ReadonlySet<string> = new Set(['0', '3', '4', '6', '7']);

/** Device numbers are below this: their fields have seven octal digits, and no extended header speaks of them. */
export const DEVICE_NUMBERS = 8 ** 7;

/** The fields of one block; texts are byte strings, since an extended header may replace what was cut within a character. */
export interface HeaderBlock {
  readonly magic: 'ustar' | 'gnu' | 'v7';
  readonly type: string;
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly linkname: string;
  readonly uname: string;
  readonly gname: string;
  readonly devmajor: number;
  readonly devminor: number;
}

/** The block at `at`, or undefined for a block of zeros. `where` is its offset in the archive, for the sentence. */
export function parseHeaderBlock(bytes: Buffer, at: number, where: number): HeaderBlock | undefined {
  if (!checkSum(bytes, at, where)) return undefined;
  const magic = magicOf(bytes, at);
  const text = (field: keyof typeof FIELD) => readText(bytes, at, FIELD[field]);
  const number = (field: keyof typeof FIELD) => readNumber(bytes, at, field, where);
  const type = String.fromCharCode(bytes[at + FIELD.type[0]] as number);
  const isDevice = type === '3' || type === '4';
  const prefix = magic === 'ustar' ? readPrefix(bytes, at) : '';
  const name = text('name');
  return {
    magic,
    type,
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: number('mode') % 0o10000, // Some writers put the file type above the permission bits.
    uid: number('uid'),
    gid: number('gid'),
    size: number('size'),
    mtime: number('mtime'),
    linkname: text('linkname'),
    uname: magic === 'v7' ? '' : text('uname'),
    gname: magic === 'v7' ? '' : text('gname'),
    devmajor: isDevice && magic !== 'v7' ? number('devmajor') : 0,
    devminor: isDevice && magic !== 'v7' ? number('devminor') : 0,
  };
}

/** The text of a byte string. Names that are not UTF-8 are refused: nothing downstream could write them back. */
export function decodeByteString(text: string, what: string): string {
  if (!/[\x80-\xff]/.test(text)) return text;
  const bytes = Buffer.from(text, 'latin1');
  try {
    return STRICT_UTF8.decode(bytes);
  } catch {
    throw new Failure('ARCHIVE_INVALID', `the ${what} "${bytes.toString('utf8')}" in a tar archive is not UTF-8`);
  }
}

/** The byte string up to the first NUL. */
export function cutAtNul(text: string): string {
  const nul = text.indexOf('\0');
  return nul < 0 ? text : text.slice(0, nul);
}

const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readText(bytes: Buffer, at: number, [offset, length]: readonly [number, number]): string {
  if (bytes[at + offset] === 0) return '';
  return cutAtNul(bytes.toString('latin1', at + offset, at + offset + length));
}

/** The star variant of ustar ends its block in `tar\0` and keeps two times in the last 24 bytes of the prefix. */
function readPrefix(bytes: Buffer, at: number): string {
  const isStar = bytes.toString('latin1', at + 508, at + 512) === 'tar\0';
  return readText(bytes, at, isStar ? [FIELD.prefix[0], 131] : FIELD.prefix);
}

function magicOf(bytes: Buffer, at: number): HeaderBlock['magic'] {
  const magic = bytes.toString('latin1', at + FIELD.magic[0], at + FIELD.magic[0] + FIELD.magic[1]);
  if (magic === MAGIC.gnu) return 'gnu';
  return magic.startsWith('ustar\0') ? 'ustar' : 'v7';
}

/** False for a block of zeros; refuses a block whose sum is wrong. Old writers summed signed bytes. */
function checkSum(bytes: Buffer, at: number, where: number): boolean {
  let sum = 0;
  let high = 0;
  const [start, length] = FIELD.checksum;
  for (let i = at; i < at + BLOCK_BYTES; i++) {
    const byte = bytes[i] as number;
    sum += byte;
    high += byte >> 7;
  }
  if (sum === 0) return false;
  for (let i = at + start; i < at + start + length; i++) {
    const byte = bytes[i] as number;
    sum += 0x20 - byte;
    high -= byte >> 7;
  }
  const stored = parseNumber(bytes, at + start, length);
  if (stored === sum || stored === sum - 256 * high) return true;
  throw new Failure('ARCHIVE_INVALID', `the tar header at byte ${where} is damaged: its checksum is wrong`);
}

function readNumber(bytes: Buffer, at: number, field: keyof typeof FIELD, where: number): number {
  const [offset, length] = FIELD[field];
  const value = parseNumber(bytes, at + offset, length);
  if (value === undefined || (value < 0 && field !== 'mtime')) {
    throw new Failure('ARCHIVE_INVALID', `the tar header at byte ${where} has an impossible ${field}`);
  }
  return value;
}

/** Octal digits among blanks and NULs, or base-256 when the first bit is set. Undefined for anything else. */
function parseNumber(bytes: Buffer, start: number, length: number): number | undefined {
  const end = start + length;
  if ((bytes[start] as number) >= 0x80) return parseBase256(bytes, start, end);
  let i = start;
  while (i < end && isBlank(bytes[i])) i++;
  let value = 0;
  for (; i < end && !isBlank(bytes[i]); i++) {
    const digit = (bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 7) return undefined;
    value = value * 8 + digit;
  }
  // A NUL ends the field, whatever follows; after a space only blanks may.
  while (i < end && bytes[i] === 0x20) i++;
  return i === end || bytes[i] === 0 ? value : undefined;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0 || byte === 0x20;
}

/** Two's complement, big endian, the topmost bit being the mark. Undefined beyond exact integers. */
function parseBase256(bytes: Buffer, start: number, end: number): number | undefined {
  const inversion = ((bytes[start] as number) & 0x40) === 0 ? 0 : 0xff;
  let value = 0;
  for (let i = start; i < end; i++) {
    const byte = ((bytes[i] as number) ^ inversion) & (i === start ? 0x7f : 0xff);
    value = value * 256 + byte;
    if (value > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return inversion === 0 ? value : -1 - value;
}
