import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLdSoCache } from './parse-ld-so-cache.ts';
import { type LdSoCacheEntry, printLdSoCache } from './print-ld-so-cache.ts';

const LIBRARIES: readonly LdSoCacheEntry[] = [
  { path: '/usr/lib/libz.so.1', flags: 0x0303 },
  { path: '/lib/libc.so.6', flags: 0x0303 },
  { path: '/lib32/libc.so.6', flags: 0x0003 },
];

/** The old format in front of the new one, as distributions wrote it for long. */
function behindOldFormat(newFormat: Uint8Array, entries: number): Buffer {
  const old = Buffer.alloc(Math.ceil((16 + entries * 12) / 8) * 8);
  old.write('ld.so-1.7.0', 'latin1');
  old.writeUInt32LE(entries, 12);
  return Buffer.concat([old, newFormat]);
}

describe('a cache', () => {
  it.each([
    ['little-endian', printLdSoCache(LIBRARIES)],
    ['big-endian', printLdSoCache(LIBRARIES, false)],
    ['behind the old format', behindOldFormat(printLdSoCache(LIBRARIES), 3)],
    ['behind the old format, padded', behindOldFormat(printLdSoCache(LIBRARIES), 2)],
  ])('%s, is read', (_what, bytes) => {
    const entries = parseLdSoCache(bytes);
    expect(entries.map(({ name, path, flags }) => `${name} ${path} ${flags}`).sort()).toEqual([
      'libc.so.6 /lib/libc.so.6 771',
      'libc.so.6 /lib32/libc.so.6 3',
      'libz.so.1 /usr/lib/libz.so.1 771',
    ]);
  });

  it('that says its byte order is believed', () => {
    const bytes = Buffer.from(printLdSoCache(LIBRARIES, false));
    bytes[28] = 3;
    expect(parseLdSoCache(bytes)).toHaveLength(3);
  });

  it('keeps the order of equal names', () => {
    const paths = ['/a/libx.so.1', '/b/libx.so.1', '/c/libx.so.1'];
    const entries = parseLdSoCache(printLdSoCache(paths.map((path) => ({ path, flags: 3 }))));
    expect(entries.map(({ path }) => path)).toEqual(paths);
  });
});

describe('what is no cache holds nothing', () => {
  const good = printLdSoCache(LIBRARIES);
  const tooMany = Buffer.from(good);
  tooMany.writeUInt32LE(5000, 20);
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('libc.so.6 => /lib/libc.so.6\n'.repeat(9))],
    ['the first half', good.subarray(0, 80)],
    ['an old format alone', behindOldFormat(Buffer.alloc(0), 1)],
    ['an old format that is cut', Buffer.from('ld.so-1.7.0')],
    ['a count beyond the file', tooMany],
  ])('%s', (_what, bytes) => {
    expect(parseLdSoCache(bytes)).toEqual([]);
  });

  it('and damage never throws (property)', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const damaged = Buffer.from(good);
        damaged[at] = value;
        for (const { path } of parseLdSoCache(damaged)) expect(path.startsWith('/')).toBe(true);
      }),
    );
  });
});
