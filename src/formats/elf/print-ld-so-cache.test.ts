// The cache byte by byte once, then read back as the loader does for any libraries.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { libraryFlags, printLdSoCache } from './print-ld-so-cache.ts';
import type { ElfFile } from './read-elf.ts';

/** What the loader reads out of a cache. */
function decode(bytes: Uint8Array): { path: string; name: string; flags: number }[] {
  const cache = Buffer.from(bytes);
  const text = (at: number) => cache.toString('utf8', at, cache.indexOf(0, at));
  return Array.from({ length: cache.readUInt32LE(20) }, (_, i) => {
    const at = 48 + 24 * i;
    return {
      path: text(cache.readUInt32LE(at + 8)),
      name: text(cache.readUInt32LE(at + 4)),
      flags: cache.readUInt32LE(at),
    };
  });
}

describe('printLdSoCache', () => {
  it('writes header, entries, paths and padding', () => {
    const bytes = Buffer.from(printLdSoCache([{ path: '/usr/lib/libz.so.1', flags: 0x0303 }]));
    expect(bytes.toString('hex')).toBe(
      [
        Buffer.from('glibc-ld.so.cache1.1').toString('hex'),
        '01000000 13000000 00000000 00000000 000000000000000000000000',
        '03030000 51000000 48000000 00000000 0000000000000000',
        Buffer.from('/usr/lib/libz.so.1').toString('hex'),
        '00 0000000000',
      ]
        .join('')
        .replaceAll(' ', ''),
    );
  });

  it('pads an empty cache by a whole row', () => {
    expect(printLdSoCache([]).length).toBe(64);
  });

  it('writes the other byte order', () => {
    const bytes = Buffer.from(printLdSoCache([{ path: '/lib/liba.so', flags: 0x0403 }], false));
    expect([bytes.readUInt32BE(20), bytes.readUInt32BE(48), bytes.readUInt32BE(56)]).toEqual([1, 0x0403, 72]);
  });

  it('sorts descending by name, the first directory first', () => {
    const paths = ['/lib/liba.so.2', '/lib/liba.so.10', '/lib/libb.so', '/usr/lib/liba.so.2', '/usr/lib/libc.so'];
    const cache = printLdSoCache(paths.map((path) => ({ path, flags: 0 })));
    expect(decode(cache).map((e) => e.path)).toEqual([
      '/usr/lib/libc.so',
      '/lib/libb.so',
      '/lib/liba.so.10',
      '/lib/liba.so.2',
      '/usr/lib/liba.so.2',
    ]);
  });

  it('holds exactly the entries given, names pointing into paths', () => {
    const path = fc.stringMatching(/^(\/[a-zé0-9.]{1,4}){1,3}$/);
    fc.assert(
      fc.property(fc.array(fc.record({ path, flags: fc.nat(0xffff) }), { maxLength: 30 }), (entries) => {
        const bytes = printLdSoCache(entries);
        expect(bytes.length % 16).toBe(0);
        const decoded = decode(bytes);
        const key = (e: { path: string; flags: number }) => `${e.path} ${e.flags}`;
        expect(decoded.map(key).toSorted()).toEqual(entries.map(key).toSorted());
        for (const entry of decoded) expect(entry.path.endsWith(`/${entry.name}`)).toBe(true);
      }),
    );
  });
});

describe('libraryFlags', () => {
  const elf: ElfFile = {
    kind: 'elf',
    bits: 64,
    littleEndian: true,
    type: 3,
    machine: 62,
    flags: 0,
    interpreter: undefined,
    dynamic: undefined,
  };
  it.each([
    ['x86_64', 62, 64, 0, 0x0303],
    ['x32', 62, 32, 0, 0x0803],
    ['i386', 3, 32, 0, 0x0003],
    ['aarch64', 183, 64, 0, 0x0a03],
    ['arm hard float', 40, 32, 0x5000400, 0x0903],
    ['arm soft float', 40, 32, 0x5000200, 0x0b03],
    ['ppc64le', 21, 64, 2, 0x0503],
    ['s390x', 22, 64, 0, 0x0403],
    ['s390', 22, 32, 0, 0x0003],
    ['riscv double', 243, 64, 5, 0x1003],
    ['riscv soft', 243, 64, 1, 0x0f03],
    ['riscv quad', 243, 64, 6, undefined],
    ['loongarch double', 258, 64, 0x43, 0x1203],
    ['loongarch soft', 258, 64, 0x41, 0x1103],
    ['loongarch single', 258, 64, 0x42, undefined],
    ['an unknown machine', 9999, 64, 0, undefined],
  ] as const)('%s', (_, machine, bits, flags, expected) => {
    expect(libraryFlags({ ...elf, machine, bits, flags })).toBe(expected);
  });
});
