// A layer's entries as a cpio archive in "newc" form (layer-and-oci.md 16): what a kernel takes as an initramfs.
// Every record has inode, owner, link count and time 0, so the bytes depend on names, modes and contents only.

import { assert } from '../../base/failure.ts';

/** What it needs of a tar header; `type` is the tar type flag, `mode` has permission bits only. */
interface CpioEntry {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  readonly linkname: string;
  readonly devmajor: number;
  readonly devminor: number;
}

const TYPE = { file: '0', symlink: '2', charDevice: '3', directory: '5', fifo: '6' } as const;

/**
 * Type bits of a mode for each tar type that the archive can hold. Block devices have no place in it. Nor have hard
 * links: the caller writes each name as a file with the content (so do the golden archives, whatever the spec says).
 */
const TYPE_BITS: ReadonlyMap<string, number> = new Map([
  [TYPE.file, 0o100000],
  [TYPE.symlink, 0o120000],
  [TYPE.charDevice, 0o020000],
  [TYPE.directory, 0o040000],
  [TYPE.fifo, 0o010000],
]);

const ALIGNMENT = 4;
/** File sizes are eight hex digits. */
const MAX_FILE_BYTES = 0xffff_ffff;

/** Whether cpio can hold the entry; others are left out, with a word to the user. */
export function fitsCpio(entry: CpioEntry): boolean {
  return TYPE_BITS.has(entry.type) && entry.size <= MAX_FILE_BYTES;
}

/** Header, name and, for a symlink, its target. The content of a file follows, then `cpioPadding(size)` zero bytes. */
export function printCpioHeader(entry: CpioEntry): Buffer {
  assert(fitsCpio(entry), `"${entry.name}" fits into a cpio archive`);
  const target = entry.type === TYPE.symlink ? Buffer.from(entry.linkname, 'utf8') : Buffer.alloc(0);
  const isDevice = entry.type === TYPE.charDevice;
  return Buffer.concat([
    printRecord({
      name: entry.name,
      mode: (TYPE_BITS.get(entry.type) as number) | entry.mode,
      fileBytes: entry.type === TYPE.file ? entry.size : target.length,
      devmajor: isDevice ? entry.devmajor : 0,
      devminor: isDevice ? entry.devminor : 0,
    }),
    target,
    Buffer.alloc(cpioPadding(target.length)),
  ]);
}

export function cpioPadding(size: number): number {
  return (ALIGNMENT - (size % ALIGNMENT)) % ALIGNMENT;
}

/** The root directory, first in the archive. */
export const CPIO_ROOT: Buffer = printRecord({ name: '.', mode: 0o040777, fileBytes: 0, devmajor: 0, devminor: 0 });

/** The last record; nothing follows it. */
export const CPIO_TRAILER: Buffer = printRecord({
  name: 'TRAILER!!!',
  mode: 0,
  fileBytes: 0,
  devmajor: 0,
  devminor: 0,
});

interface CpioFields {
  readonly name: string;
  readonly mode: number;
  readonly fileBytes: number;
  readonly devmajor: number;
  readonly devminor: number;
}

function printRecord({ name, mode, fileBytes, devmajor, devminor }: CpioFields): Buffer {
  const text = Buffer.from(`${name}\0`, 'utf8');
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [0, mode, 0, 0, 0, 0, fileBytes, 0, 0, devmajor, devminor, text.length, 0];
  const digits = fields.map((field) => field.toString(16).padStart(8, '0').toUpperCase()).join('');
  const header = Buffer.from(`070701${digits}`, 'latin1');
  return Buffer.concat([header, text, Buffer.alloc(cpioPadding(header.length + text.length))]);
}
