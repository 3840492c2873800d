import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TarHeader } from './entry.ts';
import { TarHeaderWriter } from './header-writer.ts';
import { printTarHeader } from './write.ts';

const PLAIN: TarHeader = {
  name: 'usr/bin/cap',
  type: '0',
  mode: 0o755,
  uid: 0,
  gid: 0,
  uname: 'root',
  gname: 'root',
  mtime: 1_700_000_000,
  size: 8,
  linkname: '',
  devmajor: 0,
  devminor: 0,
  pax: {},
};

/** All headers by one writer. */
function written(headers: readonly TarHeader[]): Buffer[] {
  const writer = new TarHeaderWriter();
  return headers.map((header) => Buffer.from(writer.print(header)));
}

const few = <T>(...values: T[]) => fc.constantFrom(...values);
const header: fc.Arbitrary<TarHeader> = fc.record({
  name: fc.oneof(
    few(
      'a',
      'usr/bin/cap',
      'usr/bin/grüße',
      'usr/grüße/a',
      'usr/lib/x',
      'usr/lib',
      'usr',
      'usr/lib/y/z',
      'x'.repeat(100),
      'x'.repeat(101),
      `${'d/'.repeat(60)}file`,
      'grüße',
      '\x7f',
    ),
    fc.string({ unit: 'grapheme-ascii', maxLength: 110 }).filter((name) => !name.endsWith('/')),
  ),
  type: few('0', '1', '2', '3', '5', '6'),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: few(0, 1, 65_534, 8 ** 7 - 1, 8 ** 7, 2 ** 40),
  gid: few(0, 10, 8 ** 7),
  uname: few('', 'root', 'u'.repeat(32), 'u'.repeat(33), 'größe'),
  gname: few('', 'root', 'g'.repeat(33)),
  mtime: few(0, 0.4, 0.5, 1_700_000_000, -1, 8 ** 11 - 1, 8 ** 11 - 0.6, 8 ** 11),
  size: few(0, 1, 511, 1_234_567, 8 ** 11 - 1, 8 ** 11),
  linkname: few('', '../there', 'l'.repeat(100), 'l'.repeat(101), 'ö'),
  devmajor: few(0, 5, 8 ** 7 - 1),
  devminor: few(0, 1),
  pax: few({}, {}, {}, { 'SCHILY.xattr.user.a': 'b' }),
});

describe('TarHeaderWriter', () => {
  it('writes what printTarHeader prints, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(header, { minLength: 1, maxLength: 6 }), (headers) => {
        const whole = Buffer.concat(headers.map(printTarHeader));
        expect(Buffer.concat(written(headers)).equals(whole)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[string, Partial<TarHeader>]>([
    ['a name', { name: 'usr/bin/other' }],
    ['a shorter name', { name: 'u' }],
    ['a size', { size: 8 ** 10 }],
    ['a link', { type: '2', linkname: 'there' }],
    ['an owner', { uid: 7, uname: 'seven' }],
    ['a time', { mtime: 5 }],
    ['a directory', { type: '5', name: 'usr/bin/' }],
    ['a device', { type: '3', devmajor: 1, devminor: 3 }],
  ])('writes %s after another header, and that one again', (_what, change) => {
    const headers = [PLAIN, { ...PLAIN, ...change }, PLAIN];
    expect(written(headers)).toEqual(headers.map(printTarHeader));
  });

  it.each<[string, Partial<TarHeader>, RegExp]>([
    ['a NUL', { name: 'a\0b' }, /NUL/],
    ['a file like a directory', { name: 'a/' }, /slash/],
    ['half a byte', { size: 1.5 }, /natural/],
    ['too large a mode', { mode: 0o10000 }, /mode/],
    ['a type of two characters', { type: '00' }, /type/],
  ])('refuses %s', (_what, change, message) => {
    expect(() => written([{ ...PLAIN, ...change }])).toThrow(message);
  });
});
