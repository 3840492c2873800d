// How the store writes down an expanded package: JSON, an entry of the data tar as one array whose trailing defaults are
// left off. A memory of this machine: another FORMAT reads as "not there". Sealed by its caller, so it is not checked again.

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

const FORMAT = 2;

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

export function printStoredPackage(stored: StoredPackage): string {
  const { control, entries, ...rest } = stored.package;
  return JSON.stringify({
    format: FORMAT,
    ...stored,
    kept: stored.kept.map(packKept),
    package: {
      ...rest,
      control: control.map(({ content, ...entry }) => [Buffer.from(content).toString('base64'), packEntry(entry)]),
      entries: entries.map(packEntry),
    },
  });
}

/** Undefined for another format. */
export function parseStoredPackage(text: string): StoredPackage | undefined {
  const { format, ...stored } = JSON.parse(text);
  if (format !== FORMAT) return undefined;
  const control = (stored.package.control as [string, PackedEntry][]).map(
    ([content, packed]): ControlEntry => ({ ...unpackEntry(packed), content: Buffer.from(content, 'base64') }),
  );
  const entries = (stored.package.entries as PackedEntry[]).map(unpackEntry);
  const kept = (stored.kept as PackedKept[]).map(unpackKept);
  return { ...stored, kept, package: { ...stored.package, control, entries } };
}

type PackedKept = [offset: number, sizeBytes: number, crc: number, at: number, deflatedBytes: number, seal: number];

function packKept({ offset, sizeBytes, crc, at, deflatedBytes, seal }: KeptPiece): PackedKept {
  return [offset, sizeBytes, crc, at, deflatedBytes, seal];
}

function unpackKept([offset, sizeBytes, crc, at, deflatedBytes, seal]: PackedKept): KeptPiece {
  return { offset, sizeBytes, crc, at, deflatedBytes, seal };
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

function unpackEntry([
  name,
  offset = 0,
  mtime = 0,
  mode = 0o644,
  type = '0',
  size = 0,
  pax = NO_RECORDS,
  linkname = '',
  uname = 'root',
  gname = 'root',
  uid = 0,
  gid = 0,
  magic = 'ustar',
  devmajor = 0,
  devminor = 0,
]: PackedEntry): TarEntry {
  return { name, type, mode, uid, gid, uname, gname, mtime, size, linkname, devmajor, devminor, pax, offset, magic };
}
