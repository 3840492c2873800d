// The bytes of /etc/ld.so.cache: the loader's table of libraries (layer-and-oci.md 8). The new format alone, as the
// reference writes it: no old-format part in front, no extension section behind.

import { compareLibraryNames, sortPatternDefeating } from './library-order.ts';
import { ELF_MACHINE, type ElfFile } from './read-elf.ts';

export interface LdSoCacheEntry {
  /** Absolute path without trailing slash. */
  readonly path: string;
  /** See `libraryFlags`. */
  readonly flags: number;
}

const MAGIC = 'glibc-ld.so.cache1.1';
const HEADER_BYTES = 48;
const ENTRY_BYTES = 24;

/** The cache of these libraries. They are given in the order found and are sorted here. */
export function printLdSoCache(libraries: readonly LdSoCacheEntry[], littleEndian = true): Uint8Array {
  const entries = sortPatternDefeating(
    libraries.map((library) => ({ ...library, name: baseName(library.path) })),
    (a, b) => compareLibraryNames(a.name, b.name) > 0,
  );
  const paths = entries.map((entry) => Buffer.from(`${entry.path}\0`, 'utf8'));
  const pathBytes = paths.reduce((sum, path) => sum + path.length, 0);
  const pathsStart = HEADER_BYTES + ENTRY_BYTES * entries.length;
  // At least one byte of padding: an end that falls on a multiple of 16 still gets a whole row.
  const bytes = Buffer.alloc((Math.floor((pathsStart + pathBytes) / 16) + 1) * 16);
  const u32 = (value: number, at: number) =>
    littleEndian ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at);

  bytes.write(MAGIC, 0, 'latin1');
  u32(entries.length, 20);
  u32(pathBytes, 24);
  let pathAt = pathsStart;
  entries.forEach((entry, i) => {
    const at = HEADER_BYTES + ENTRY_BYTES * i;
    const path = paths[i] as Buffer;
    u32(entry.flags, at);
    u32(pathAt + path.length - 1 - Buffer.byteLength(entry.name), at + 4);
    u32(pathAt, at + 8);
    bytes.set(path, pathAt);
    pathAt += path.length;
  });
  return bytes;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

const LIBC6 = 0x0003;

type LibraryAbi = Pick<ElfFile, 'machine' | 'bits' | 'flags'>;

/** What the loader demands of a cache entry before it takes it: ELF for glibc, and the ABI. Undefined = a machine we do not know. */
export function libraryFlags(elf: LibraryAbi): number | undefined {
  const abi = abiFlags(elf);
  return abi === undefined ? undefined : LIBC6 | abi;
}

/** The reference knows x86_64 and aarch64 only; the others are glibc's published numbers. */
function abiFlags({ machine, bits, flags }: LibraryAbi): number | undefined {
  const hardFloatArm = 0x400;
  switch (machine) {
    case ELF_MACHINE.i386:
      return 0;
    case ELF_MACHINE.x86_64:
      return bits === 64 ? 0x0300 : 0x0800;
    case ELF_MACHINE.s390:
      return bits === 64 ? 0x0400 : 0;
    case ELF_MACHINE.ppc64:
      return 0x0500;
    case ELF_MACHINE.arm:
      return (flags & hardFloatArm) === 0 ? 0x0b00 : 0x0900;
    case ELF_MACHINE.aarch64:
      return 0x0a00;
    case ELF_MACHINE.riscv:
      // Float ABI in bits 1-2: none, single, double, quad; glibc has caches for none and double.
      return { 0: 0x0f00, 4: 0x1000 }[flags & 6];
    case ELF_MACHINE.loongarch:
      return { 1: 0x1100, 3: 0x1200 }[flags & 7];
    default:
      return undefined;
  }
}
