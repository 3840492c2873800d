// Walks a tar archive that arrives in pieces: v7, ustar, PAX and GNU (layer-and-oci.md 9, apk-format.md 1).
// Content is handed on as views of the caller's chunks, never copied. Must stay within its bounds on hostile input.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import {
  BLOCK_BYTES,
  cutAtNul,
  DEVICE_NUMBERS,
  decodeByteString,
  type HeaderBlock,
  NEVER_SLASHED,
  parseHeaderBlock,
} from './block.ts';
import type { TarEntry } from './entry.ts';
import { FIELD_KEYS, parsePaxRecords } from './pax.ts';

export interface TarLimits {
  readonly maxEntries?: number;
  /** One extended header or long name. */
  readonly maxPaxBytes?: number;
}

interface TarListener {
  entry(entry: TarEntry): void;
  /** Content of a regular file, in order; the chunk is a view that is only good during the call. */
  content?(entry: TarEntry, chunk: Uint8Array): void;
}

/** Types that have no content, whatever their size field says. */
const WITHOUT_CONTENT = new Set(['1', '2', '3', '4', '5', '6']);

/** Extended headers before one entry; real archives have one to three. */
const EXTENSIONS_IN_A_ROW = 16;

/** Global records apply to every later entry, so their size is a factor of the work: real ones stay below 100 bytes. */
const GLOBAL_PAX_BYTES = 4096;

const NO_RECORDS: Readonly<Record<string, string>> = Object.freeze({});

/**
 * Give it the archive in chunks of any size, then call `end`. Entries are told with all PAX and GNU extensions applied;
 * `pax` keeps the records that no field of the header expresses. A missing end-of-archive mark is fine, bytes after it
 * are ignored. Throws ARCHIVE_INVALID and ARCHIVE_LIMIT.
 */
export class TarScanner {
  readonly #on: TarListener;
  readonly #maxEntries: number;
  readonly #maxPaxBytes: number;

  #state: 'header' | 'extension' | 'content' | 'padding' | 'ended' = 'header';
  /** Offset in the archive of the next byte. */
  #position = 0;
  /** Bytes left of the extension, content or padding we are in. */
  #left = 0;
  #padding = 0;
  #entries = 0;
  #sawZeroBlock = false;

  /** A header block or an extension that lies across chunks. */
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  #blockBytes = 0;
  #extension: { type: string; pieces: Buffer[] } = { type: '', pieces: [] };
  #current: TarEntry | undefined;

  // What the extensions before the next entry say.
  #extensions = 0;
  readonly #global = new Map<string, string>();
  #local: ReadonlyMap<string, string> | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;

  constructor(on: TarListener, limits: TarLimits = {}) {
    this.#on = on;
    this.#maxEntries = limits.maxEntries ?? LIMITS.archiveEntries;
    this.#maxPaxBytes = limits.maxPaxBytes ?? LIMITS.paxBytes;
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < bytes.length && this.#state !== 'ended'; ) {
      const used = this.#state === 'header' ? this.#takeHeader(bytes, at) : this.#takeBody(bytes, at);
      at += used;
      this.#position += used;
    }
  }

  end(): void {
    const inside = this.#state === 'content' || this.#state === 'extension' || this.#blockBytes > 0;
    if (inside || this.#extensions > 0) {
      throw new Failure('ARCHIVE_INVALID', `the tar archive breaks off after ${this.#position} bytes`);
    }
  }

  /** Takes what is there of one header block and returns how many bytes that was. */
  #takeHeader(bytes: Buffer, at: number): number {
    const used = Math.min(BLOCK_BYTES - this.#blockBytes, bytes.length - at);
    const where = this.#position - this.#blockBytes;
    if (used === BLOCK_BYTES) {
      this.#header(parseHeaderBlock(bytes, at, where), where);
      return used;
    }
    bytes.copy(this.#block, this.#blockBytes, at, at + used);
    this.#blockBytes += used;
    if (this.#blockBytes === BLOCK_BYTES) {
      this.#blockBytes = 0;
      this.#header(parseHeaderBlock(this.#block, 0, where), where);
    }
    return used;
  }

  #header(block: HeaderBlock | undefined, where: number): void {
    if (block === undefined) {
      if (this.#sawZeroBlock) this.#state = 'ended';
      this.#sawZeroBlock = true;
      return;
    }
    if (this.#sawZeroBlock)
      throw new Failure('ARCHIVE_INVALID', `the tar archive has a stray zero block before byte ${where}`);
    if (block.type === 'x' || block.type === 'g' || block.type === 'L' || block.type === 'K')
      this.#openExtension(block);
    else this.#openEntry(block, where);
  }

  #openExtension(block: HeaderBlock): void {
    const bound = block.type === 'g' ? Math.min(GLOBAL_PAX_BYTES, this.#maxPaxBytes) : this.#maxPaxBytes;
    if (block.size > bound) {
      throw new Failure('ARCHIVE_LIMIT', `an extended tar header has ${block.size} bytes; at most ${bound} are read`);
    }
    this.#extensions++;
    if (this.#extensions > EXTENSIONS_IN_A_ROW) {
      throw new Failure('ARCHIVE_LIMIT', `more than ${EXTENSIONS_IN_A_ROW} extended tar headers precede one entry`);
    }
    this.#extension = { type: block.type, pieces: [] };
    this.#openBody('extension', block.size);
    if (block.size === 0) this.#closeBody();
  }

  #openEntry(block: HeaderBlock, where: number): void {
    this.#entries++;
    if (this.#entries > this.#maxEntries) {
      throw new Failure('ARCHIVE_LIMIT', `the tar archive has more than ${this.#maxEntries} entries`);
    }
    const entry = this.#describe(block, where + BLOCK_BYTES);
    this.#extensions = 0;
    this.#local = this.#longName = this.#longLink = undefined;
    this.#current = entry;
    this.#on.entry(entry);
    this.#openBody('content', entry.size);
    if (entry.size === 0) this.#closeBody();
  }

  #openBody(state: 'extension' | 'content', size: number): void {
    this.#state = state;
    this.#left = size;
    this.#padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
  }

  /** Takes what is there of an extension, of content or of padding. */
  #takeBody(bytes: Buffer, at: number): number {
    const used = Math.min(this.#left, bytes.length - at);
    this.#left -= used;
    if (this.#state !== 'padding') {
      const piece = bytes.subarray(at, at + used);
      if (this.#state === 'content') this.#on.content?.(this.#current as TarEntry, piece);
      // The last piece is used at once; earlier ones must outlive the caller's chunk.
      else this.#extension.pieces.push(this.#left === 0 ? piece : Buffer.from(piece));
    }
    if (this.#left === 0) this.#closeBody();
    return used;
  }

  #closeBody(): void {
    if (this.#state === 'extension') this.#applyExtension();
    const toPadding = this.#state !== 'padding' && this.#padding > 0;
    this.#state = toPadding ? 'padding' : 'header';
    this.#left = toPadding ? this.#padding : 0;
  }

  #applyExtension(): void {
    const { type, pieces } = this.#extension;
    const payload = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
    this.#extension = { type: '', pieces: [] };
    if (type === 'L') this.#longName = cutAtNul(payload.toString('latin1'));
    else if (type === 'K') this.#longLink = cutAtNul(payload.toString('latin1'));
    else if (type === 'x') this.#local = parsePaxRecords(payload);
    else {
      for (const [key, value] of parsePaxRecords(payload)) this.#global.set(key, value);
      let total = 0;
      for (const [key, value] of this.#global) total += key.length + value.length;
      if (total > GLOBAL_PAX_BYTES) throw new Failure('ARCHIVE_LIMIT', 'the tar archive has too many global records');
    }
  }

  #describe(block: HeaderBlock, offset: number): TarEntry {
    const records = this.#records();
    const text = (key: string, plain: string, long = '') => decodeByteString(long || records?.get(key) || plain, key);
    const number = (key: string, plain: number) => {
      const value = records?.get(key) ?? '';
      return value === '' ? plain : parsePaxNumber(key, value);
    };
    const name = text('path', block.name, this.#longName);
    if (name === '') throw new Failure('ARCHIVE_INVALID', `the tar header at byte ${offset - BLOCK_BYTES} has no name`);
    const type = block.type === '\0' ? (name.endsWith('/') ? '5' : '0') : block.type;
    const size = number('size', block.size);
    if (type === 'S' || (records !== undefined && hasSparseRecord(records))) {
      throw new Failure('ARCHIVE_INVALID', `"${name}" is a sparse file, which we do not read`);
    }
    if (!/^[\x21-\x7e]$/.test(type) || (NEVER_SLASHED.has(type) && name.endsWith('/'))) {
      throw new Failure('ARCHIVE_INVALID', `"${name}" has a type that does not fit it: ${JSON.stringify(type)}`);
    }
    if (Math.max(block.devmajor, block.devminor) >= DEVICE_NUMBERS) {
      throw new Failure('ARCHIVE_INVALID', `"${name}" has an impossible device number`);
    }
    if (offset + size > Number.MAX_SAFE_INTEGER)
      throw new Failure('ARCHIVE_INVALID', `"${name}" has an impossible size`);
    return {
      name,
      type,
      mode: block.mode,
      uid: number('uid', block.uid),
      gid: number('gid', block.gid),
      uname: text('uname', block.uname),
      gname: text('gname', block.gname),
      mtime: number('mtime', block.mtime),
      size: WITHOUT_CONTENT.has(type) ? 0 : size,
      linkname: text('linkpath', block.linkname, this.#longLink),
      devmajor: block.devmajor,
      devminor: block.devminor,
      pax: records === undefined ? NO_RECORDS : recordsWithoutField(records),
      offset,
      magic: block.magic,
    };
  }

  #records(): ReadonlyMap<string, string> | undefined {
    if (this.#global.size === 0) return this.#local;
    return this.#local === undefined ? this.#global : new Map([...this.#global, ...this.#local]);
  }
}

function recordsWithoutField(records: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const kept = [...records].filter(([key]) => !FIELD_KEYS.has(key));
  return kept.length === 0 ? NO_RECORDS : Object.fromEntries(kept);
}

function hasSparseRecord(records: ReadonlyMap<string, string>): boolean {
  for (const key of records.keys()) if (key.startsWith('GNU.sparse.')) return true;
  return false;
}

/**
 * Times may be negative and have a fraction, cut to microseconds: that is what a double holds near today, and a cut
 * never crosses the half second that decides the rounding. Everything else is a natural number.
 */
function parsePaxNumber(key: string, text: string): number {
  const match = (key === 'mtime' ? /^(-?[0-9]{1,16})(?:\.([0-9]{0,6})[0-9]*)?$/ : /^([0-9]{1,16})$/).exec(text);
  const value = match === null ? Number.NaN : Number(`${match[1]}.${match[2] ?? ''}`);
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value + 0; // Never -0.
  throw new Failure('ARCHIVE_INVALID', `an extended tar header has the impossible ${key} ${JSON.stringify(text)}`);
}
