// How the store writes down an expanded package: a line of JSON about it as a whole, one with its lists, an entry of the data tar
// as one array whose trailing defaults are left off, and its record in the installed database as it is. What is behind the first
// line is parsed when somebody asks for it: a lock never does, and 222 packages of 2.1 MB are 45 ms of its 290. A memory of this
// machine: another FORMAT reads as "not there". Sealed by its caller, so it is not checked again.

import type { ControlEntry, Package } from '../../formats/apk/package.ts';
import type { TarEntry } from '../../formats/tar/entry.ts';
import type { KeptPiece } from '../../planning/rootfs/kept-piece.ts';

export interface StoredPackage {
  readonly package: Package;
  readonly dataTarBytes: number;
  /** CRC-32 of the whole data tar: tells damage of the store. */
  readonly dataTarCrc: number;
  /** Where the last file of the control tar ends: bounds apply to stored packages too. */
  readonly controlTarBytes: number;
  /** In the order of the data tar. */
  readonly kept: readonly KeptPiece[];
}

const FORMAT = 5;

const NO_RECORDS: Readonly<Record<string, string>> = Object.freeze({});

/** An entry, fields that are often at their default last; in files of one package most of the tail is. */
type PackedEntry = [
  name: string,
  offset?: number,
  mtime?: number,
  mode?: number,
  type?: string,
  size?: number,
  pax?: Readonly<Record<string, string>>,
  linkname?: string,
  uname?: string,
  gname?: string,
  uid?: number,
  gid?: number,
  magic?: TarEntry['magic'],
  devmajor?: number,
  devminor?: number,
];
const DEFAULTS: PackedEntry = ['', 0, 0, 0o644, '0', 0, NO_RECORDS, '', 'root', 'root', 0, 0, 'ustar', 0, 0];

interface PackedLists {
  readonly control: readonly [content: string, entry: PackedEntry][];
  readonly entries: readonly PackedEntry[];
  readonly kept: readonly PackedKept[];
}

export function printStoredPackage(stored: StoredPackage): string {
  const { kept, package: whole, ...sizes } = stored;
  const { control, entries, record, ...described } = whole;
  const lists: PackedLists = {
    control: control.map(({ content, ...entry }) => [Buffer.from(content).toString('base64'), packEntry(entry)]),
    entries: entries.map(packEntry),
    kept: kept.map(packKept),
  };
  const text = `${JSON.stringify({ format: FORMAT, ...sizes, package: described })}\n${JSON.stringify(lists)}`;
  return record === undefined ? text : `${text}\n${record}`;
}

/** Undefined for another format. */
export function parseStoredPackage(payload: Uint8Array): StoredPackage | undefined {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  const end = text.indexOf('\n');
  const { format, ...stored } = JSON.parse(text.toString('utf8', 0, Math.max(end, 0)) || '{}');
  if (format !== FORMAT) return undefined;
  const lists = once(() => unpackLists(text, end + 1));
  return {
    ...stored,
    get kept() {
      return lists().kept;
    },
    package: {
      ...stored.package,
      get control() {
        return lists().control;
      },
      get entries() {
        return lists().entries;
      },
      get record() {
        return lists().record;
      },
    },
  };
}

function unpackLists(text: Buffer, start: number) {
  const newline = text.indexOf('\n', start);
  const end = newline < 0 ? text.length : newline;
  const { control, entries, kept }: PackedLists = JSON.parse(text.toString('utf8', start, end));
  return {
    record: newline < 0 ? undefined : text.toString('utf8', newline + 1),
    control: control.map(
      ([content, packed]): ControlEntry => ({ ...unpackEntry(packed), content: Buffer.from(content, 'base64') }),
    ),
    entries: entries.map(unpackEntry),
    kept: kept.map(unpackKept),
  };
}

/** Lets go of `make`, and of what it holds, when it has been called. */
function once<T>(make: () => T): () => T {
  let waiting: (() => T) | undefined = make;
  let made: T | undefined;
  return () => {
    if (waiting !== undefined) made = waiting();
    waiting = undefined;
    return made as T;
  };
}

type PackedKept = [
  offset: number,
  sizeBytes: number,
  crc: number,
  sum: number,
  at: number,
  deflatedBytes: number,
  seal: number,
];

function packKept({ offset, sizeBytes, crc, sum, at, deflatedBytes, seal }: KeptPiece): PackedKept {
  return [offset, sizeBytes, crc, sum, at, deflatedBytes, seal];
}

function unpackKept([offset, sizeBytes, crc, sum, at, deflatedBytes, seal]: PackedKept): KeptPiece {
  return { offset, sizeBytes, crc, sum, at, deflatedBytes, seal };
}

function packEntry(e: TarEntry): PackedEntry {
  const pax = Object.keys(e.pax).length === 0 ? NO_RECORDS : e.pax;
  const { name, offset, mtime, mode, type, size, linkname, uname, gname, uid, gid, magic, devmajor, devminor } = e;
  const packed: PackedEntry = [
    name,
    offset,
    mtime,
    mode,
    type,
    size,
    pax,
    linkname,
    uname,
    gname,
    uid,
    gid,
    magic,
    devmajor,
    devminor,
  ];
  while (packed.length > 1 && packed.at(-1) === DEFAULTS[packed.length - 1]) packed.pop();
  return packed;
}

/** By position: taking an array apart into names makes an object for every one of them. */
function unpackEntry(packed: PackedEntry): TarEntry {
  // Most files: all behind the records is at its default.
  if (packed.length === 7) {
    return {
      name: packed[0],
      type: packed[4] as string,
      mode: packed[3] as number,
      uid: 0,
      gid: 0,
      uname: 'root',
      gname: 'root',
      mtime: packed[2] as number,
      size: packed[5] as number,
      linkname: '',
      devmajor: 0,
      devminor: 0,
      pax: packed[6] as Readonly<Record<string, string>>,
      offset: packed[1] as number,
      magic: 'ustar',
    };
  }
  return {
    name: packed[0],
    type: packed[4] ?? '0',
    mode: packed[3] ?? 0o644,
    uid: packed[10] ?? 0,
    gid: packed[11] ?? 0,
    uname: packed[8] ?? 'root',
    gname: packed[9] ?? 'root',
    mtime: packed[2] ?? 0,
    size: packed[5] ?? 0,
    linkname: packed[7] ?? '',
    devmajor: packed[13] ?? 0,
    devminor: packed[14] ?? 0,
    pax: packed[6] ?? NO_RECORDS,
    offset: packed[1] ?? 0,
    magic: packed[12] ?? 'ustar',
  };
}
