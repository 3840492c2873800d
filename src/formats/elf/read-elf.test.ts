// Files built by hand in both classes and byte orders, cut short, bent and circular: read rightly or refused with a reason.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildElf, rangeOf, type TinyElf } from '../../../test/support/tiny-elf.ts';
import { ElfWindow } from './elf-window.ts';
import { type ElfFile, readElf } from './read-elf.ts';
import { readElfVersions } from './read-elf-versions.ts';

const LIBRARY: TinyElf = {
  interpreter: '/lib/ld.so.1',
  needed: ['libc.so.6', 'libz.so.1'],
  soname: 'libdemo.so.2',
  rpath: '/opt/a:$ORIGIN/../lib',
  runpath: '/opt/b',
  needs: { 'libc.so.6': ['GLIBC_2.34', '?GLIBC_2.2.5'], 'libz.so.1': ['ZLIB_1.2.9'] },
  definitions: ['libdemo.so.2', 'DEMO_1.0', 'DEMO_1.1'],
};

function read(bytes: Uint8Array): ElfFile {
  const elf = readElf(rangeOf(bytes));
  if (elf.kind !== 'elf') throw new Error(elf.reason);
  return elf;
}

/** The reason why something is not read, or '' when it is. */
function reasonOf(bytes: Uint8Array): string {
  const elf = readElf(rangeOf(bytes));
  return elf.kind === 'elf' ? '' : elf.reason;
}

function edited(bytes: Buffer, edit: (bytes: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  edit(copy);
  return copy;
}

const FORMS = [
  { bits: 64, littleEndian: true },
  { bits: 64, littleEndian: false },
  { bits: 32, littleEndian: true },
  { bits: 32, littleEndian: false },
] as const;

describe.each(FORMS)('an ELF file of $bits bits, little endian: $littleEndian', (form) => {
  const bytes = buildElf({ ...LIBRARY, ...form, machine: 183, flags: 0x400 });

  it('is read', () => {
    const elf = read(bytes);
    expect(elf).toMatchObject({ ...form, type: 3, machine: 183, flags: 0x400, interpreter: '/lib/ld.so.1' });
    expect(elf.dynamic).toMatchObject({
      needed: ['libc.so.6', 'libz.so.1'],
      soname: 'libdemo.so.2',
      rpath: ['/opt/a', '$ORIGIN/../lib'],
      runpath: ['/opt/b'],
    });
  });

  it('tells its symbol versions', () => {
    expect(readElfVersions(rangeOf(bytes), read(bytes))).toEqual({
      kind: 'versions',
      needs: [
        {
          library: 'libc.so.6',
          versions: [
            { name: 'GLIBC_2.34', weak: false },
            { name: 'GLIBC_2.2.5', weak: true },
          ],
        },
        { library: 'libz.so.1', versions: [{ name: 'ZLIB_1.2.9', weak: false }] },
      ],
      definitions: ['DEMO_1.0', 'DEMO_1.1'],
    });
  });

  it('is not read when any end of it is missing, and never throws', () => {
    // The last word, the value of the closing tag, says nothing.
    for (let length = 0; length <= bytes.length - form.bits / 8 - 1; length++) {
      const elf = readElf(rangeOf(bytes.subarray(0, length)));
      expect([length, elf.kind]).toEqual([length, 'not-elf']);
    }
  });
});

describe('a static program', () => {
  const elf = read(buildElf({ type: 2, dynamic: false }));

  it('has neither interpreter nor dynamic section', () => {
    expect(elf).toMatchObject({ type: 2, interpreter: undefined, dynamic: undefined });
  });

  it('has no symbol versions', () => {
    expect(readElfVersions(() => new Uint8Array(0), elf)).toEqual({ kind: 'versions', needs: [], definitions: [] });
  });
});

describe('what is no ELF file, or a damaged one, is an answer with a reason', () => {
  const bytes = buildElf(LIBRARY);
  const huge = edited(bytes, (b) => b.writeBigUInt64LE(2n ** 60n, 32));
  // The program headers follow the 64 bytes of the header: interpreter, loaded, dynamic.
  const unloaded = edited(bytes, (b) => b.writeUInt32LE(9, 64 + 56));
  it.each([
    ['empty', Buffer.alloc(0), 'it does not begin as ELF files do'],
    ['a linker script', Buffer.from('/* GNU ld script */ INPUT(libc.so.6)'), 'it does not begin as ELF files do'],
    ['class 3', edited(bytes, (b) => b.writeUInt8(3, 4)), 'it is neither a 32-bit nor a 64-bit file'],
    ['byte order 0', edited(bytes, (b) => b.writeUInt8(0, 5)), 'its byte order is unknown'],
    ['65535 segments', edited(bytes, (b) => b.writeUInt16LE(65535, 56)), 'it claims 65535 segments'],
    ['segments of 8 bytes', edited(bytes, (b) => b.writeUInt16LE(8, 54)), 'its program headers are too short'],
    ['a huge offset', huge, 'the number at byte 32 is too large'],
    ['an unloaded string table', unloaded, /^nothing is loaded at address 0x10[0-9a-f]+$/],
  ])('%s', (_, damaged, reason) => {
    expect(reasonOf(damaged)).toMatch(reason);
  });

  it('a dynamic section without string table', () => {
    const at = bytes.lastIndexOf(Buffer.from([5, 0, 0, 0, 0, 0, 0, 0]));
    expect(reasonOf(edited(bytes, (b) => b.writeUInt8(6, at)))).toBe('its dynamic section has no string table');
  });

  it('a dynamic section without end', () => {
    const many = buildElf({ needed: Array.from({ length: 9000 }, () => 'a') });
    expect(reasonOf(many)).toBe('its dynamic section is too long');
  });

  it('names that never end are read only so far', () => {
    const endless = (offset: number, length: number) =>
      offset === 0
        ? Buffer.concat([bytes, Buffer.alloc(length, 0x41)]).subarray(0, length)
        : Buffer.alloc(length, 0x41);
    const window = new ElfWindow(endless, 8, true);
    expect(() => window.text(100_000)).toThrow('its names are too long');
  });

  it('version records in a circle end', () => {
    const elf = read(bytes);
    const at = elf.dynamic?.tables.versionNeeds?.offset ?? 0;
    const tables = { strings: 0, versionDefinitions: undefined, versionNeeds: { offset: at, count: 2 ** 31 } };
    // `next` of the first need becomes 1: a chain of two thousand million records, each a byte further.
    const circle = edited(bytes, (b) => b.writeUInt32LE(1, at + 12));
    const endless = (offset: number, length: number) =>
      offset === 0 ? Buffer.concat([circle, Buffer.alloc(length)]).subarray(0, length) : Buffer.alloc(length, 1);
    const versions = readElfVersions(endless, { ...elf, dynamic: { ...elf.dynamic!, tables } });
    expect(versions.kind).toBe('not-elf');
  });

  it('damaged version records do not make the file unreadable', () => {
    const elf = read(bytes);
    const at = elf.dynamic?.tables.versionNeeds?.offset ?? 0;
    const damaged = edited(bytes, (b) => b.writeUInt32LE(0x7fffffff, at + 8));
    expect(readElfVersions(rangeOf(damaged), read(damaged)).kind).toBe('not-elf');
  });

  it('any change of one byte is read or refused, never an exception', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = edited(bytes, (b) => b.writeUInt8(value, at));
        const elf = readElf(rangeOf(changed));
        if (elf.kind === 'elf') readElfVersions(rangeOf(changed), elf);
      }),
    );
  });
});

describe('ElfWindow', () => {
  it('reads numbers and names across its pages', () => {
    const bytes = Buffer.alloc(10_000);
    bytes.writeUInt32LE(0xdeadbeef, 4094);
    bytes.write('a name that crosses', 8185);
    const reads: number[] = [];
    const window = new ElfWindow(
      (offset, length) => {
        reads.push(offset);
        return bytes.subarray(offset, offset + length);
      },
      8,
      true,
    );
    expect(window.u32(4094)).toBe(0xdeadbeef);
    expect(window.text(8185)).toBe('a name that crosses');
    expect(window.text(9999)).toBe('');
    expect(reads).toEqual([0, 4096, 8192]);
    expect(() => window.u32(9998)).toThrow('it ends before byte 10002');
    expect(() => window.text(10_000)).toThrow('has no end');
  });

  it('keeps at most 1 MiB of the file', () => {
    const reads: number[] = [];
    const window = new ElfWindow(
      (offset, length) => {
        reads.push(offset);
        return Buffer.alloc(length);
      },
      8,
      true,
    );
    for (let page = 0; page <= 256; page++) window.u16(page * 4096);
    window.u16(0);
    expect(reads.filter((offset) => offset === 0)).toHaveLength(2);
  });
});
