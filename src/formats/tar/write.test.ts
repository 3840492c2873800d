// The writer byte by byte, and print-then-scan for any header. Expected blocks come from the spec's checked examples and
// from the field layout; nothing is compared with the writer's own output alone.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TarEntry, TarHeader } from './entry.ts';
import { TarScanner } from './scan.ts';
import { printGnuTarHeader, printTarHeader, TAR_END, tarPadding } from './write.ts';

const PLAIN: TarHeader = {
  name: 'usr/bin/cap',
  type: '0',
  mode: 0o755,
  uid: 0,
  gid: 0,
  uname: 'root',
  gname: 'root',
  mtime: 0,
  size: 0,
  linkname: '',
  devmajor: 0,
  devminor: 0,
  pax: {},
};

const field = (block: Buffer, offset: number, length: number) =>
  block.toString('latin1', offset, offset + length).replace(/\0+$/, '');
const fields = (block: Buffer) => ({
  name: field(block, 0, 100),
  mode: field(block, 100, 8),
  uid: field(block, 108, 8),
  size: field(block, 124, 12),
  mtime: field(block, 136, 12),
  type: field(block, 156, 1),
  linkname: field(block, 157, 100),
  magic: block.toString('latin1', 257, 265),
  uname: field(block, 265, 32),
  dev: block.toString('latin1', 329, 345),
  prefix: field(block, 345, 155),
});
const print = (changes: Partial<TarHeader>) => printTarHeader({ ...PLAIN, ...changes });

function scan(...chunks: Uint8Array[]): TarEntry[] {
  const seen: TarEntry[] = [];
  const scanner = new TarScanner({ entry: (entry) => seen.push(entry) });
  for (const chunk of chunks) scanner.push(chunk);
  return seen;
}

describe('printTarHeader', () => {
  it('writes one ustar block where it says everything', () => {
    const block = print({ mtime: 1700000000, size: 8, uid: 10, mode: 0o4755 });
    expect(block.length).toBe(512);
    expect(fields(block)).toEqual({
      name: 'usr/bin/cap',
      mode: '0004755',
      uid: '0000012',
      size: '00000000010',
      mtime: '14524770400',
      type: '0',
      linkname: '',
      magic: 'ustar\x0000',
      uname: 'root',
      dev: '0000000\x000000000\0',
      prefix: '',
    });
  });

  it('ends the checksum in NUL and space, counting its own field as spaces', () => {
    const block = print({});
    const stored = block.toString('latin1', 148, 156);
    const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
    expect(stored).toBe(`${sum.toString(8).padStart(6, '0')}\0 `);
  });

  it('reproduces the extended header of the spec (three attributes)', () => {
    const pax = {
      'SCHILY.xattr.user.b': '2',
      'SCHILY.xattr.security.capability': 'AAA',
      'SCHILY.xattr.user.a': '1',
    };
    const blocks = print({ pax });
    expect(blocks.length).toBe(3 * 512);
    expect(fields(blocks)).toMatchObject({
      name: 'usr/bin/PaxHeaders.0/cap',
      mode: '0000000',
      size: '00000000132',
      type: 'x',
      uname: '',
      dev: '\0'.repeat(16),
    });
    expect(field(blocks.subarray(512), 0, 512)).toBe(
      '40 SCHILY.xattr.security.capability=AAA\n25 SCHILY.xattr.user.a=1\n25 SCHILY.xattr.user.b=2\n',
    );
    expect(fields(blocks.subarray(1024))).toMatchObject({ name: 'usr/bin/cap', type: '0', uname: 'root' });
  });

  it('drops non-ASCII bytes from the main header and keeps them in a record', () => {
    const blocks = print({ name: 'usr/bin/hé' });
    expect(fields(blocks).name).toBe('usr/bin/PaxHeaders.0/h');
    expect(field(blocks.subarray(512), 0, 512)).toBe('20 path=usr/bin/h\xc3\xa9\n');
    expect(fields(blocks.subarray(1024)).name).toBe('usr/bin/h');
  });

  const d = 'd'.repeat(60);
  it.each<[string, Partial<TarHeader>, { name: string; prefix?: string; record?: RegExp }]>([
    ['100 bytes fit', { name: 'n'.repeat(100) }, { name: 'n'.repeat(100) }],
    ['101 bytes without a slash', { name: 'n'.repeat(101) }, { name: 'n'.repeat(100), record: /^\d+ path=n{101}\n$/ }],
    ['a split at the last usable slash', { name: `${d}/${d}/f` }, { prefix: `${d}/${d}`, name: 'f' }],
    [
      'a name too long for any split',
      { name: `${d}/${d}/${'e'.repeat(101)}` },
      { name: `${d}/${'d'.repeat(39)}`, record: /^\d+ path=/ },
    ],
    [
      'no split once something else needs records',
      { name: `${d}/${d}/f`, uid: 3000000 },
      { name: `${d}/${'d'.repeat(39)}`, record: /^\d+ path=d+\/d+\/f\n15 uid=3000000\n$/ },
    ],
    [
      'a cut that would end in a slash',
      { name: `${'e'.repeat(99)}/${'f'.repeat(160)}` },
      { name: 'e'.repeat(99), record: /path=/ },
    ],
    [
      'a long target',
      { type: '2', linkname: 't'.repeat(120) },
      { name: 'usr/bin/cap', record: /^134 linkpath=t{120}\n$/ },
    ],
    ['a long owner', { uname: 'u'.repeat(33) }, { name: 'usr/bin/cap', record: /^43 uname=u{33}\n$/ }],
    ['a huge size', { size: 8 ** 11 }, { name: 'usr/bin/cap', record: /^19 size=8589934592\n$/ }],
    ['a time before 1970', { mtime: -1 }, { name: 'usr/bin/cap', record: /^12 mtime=-1\n$/ }],
  ])('%s', (_, changes, expected) => {
    const blocks = print(changes);
    const main = fields(blocks.subarray(blocks.length - 512));
    expect(main.name).toBe(expected.name);
    expect(main.prefix).toBe(expected.prefix ?? '');
    if (expected.record === undefined) expect(blocks.length).toBe(512);
    else expect(field(blocks.subarray(512), 0, 512)).toMatch(expected.record);
  });

  it('writes 0 where a number does not fit its field', () => {
    const blocks = print({ uid: 2097152 });
    expect(fields(blocks.subarray(1024)).uid).toBe('0000000');
    expect(fields(print({ uid: 2097151 })).uid).toBe('7777777');
  });

  it.each([
    [1600000006.7, 1600000007],
    [1600000006.5, 1600000007],
    [1600000006.4, 1600000006],
    [-0.4, 0],
    [-1.5, -1],
  ])('rounds the time %d to %d', (mtime, expected) => {
    expect(scan(print({ mtime }))[0]?.mtime).toBe(expected);
  });

  it('makes the records of fields itself, whatever the caller passes', () => {
    expect(print({ pax: { path: 'elsewhere', mtime: '5' } })).toEqual(print({}));
  });

  it.each<[string, Partial<TarHeader>]>([
    ['a NUL in a name', { name: 'a\0b' }],
    ['a file that ends in a slash', { name: 'a/' }],
    ['a negative size', { size: -1 }],
    ['a mode with type bits', { mode: 0o100644 }],
    ['a key with =', { pax: { 'a=b': '' } }],
    ['a device number that does not fit', { type: '3', devminor: 8 ** 7 }],
  ])('calls %s our own mistake', (_, changes) => {
    expect(() => print(changes)).toThrow(/internal error/);
  });
});

describe('printGnuTarHeader', () => {
  it('keeps the GNU magic and puts long names into entries of their own', () => {
    const long = `${'n'.repeat(100)}é`;
    const blocks = printGnuTarHeader({ ...PLAIN, name: long, uid: 2 ** 31 });
    expect(fields(blocks)).toMatchObject({
      name: '././@LongLink',
      type: 'L',
      size: '00000000147',
      magic: 'ustar  \0',
      uname: '',
    });
    expect(field(blocks.subarray(512), 0, 512)).toBe(Buffer.from(long).toString('latin1'));
    expect(fields(blocks.subarray(1024))).toMatchObject({
      name: 'n'.repeat(100),
      uid: '\x80\0\0\0\x80',
      magic: 'ustar  \0',
    });
    expect(scan(blocks)[0]).toMatchObject({ name: long, uid: 2 ** 31, magic: 'gnu' });
  });

  it('has a K entry for a long target', () => {
    const blocks = printGnuTarHeader({ ...PLAIN, type: '2', linkname: 't'.repeat(101) });
    expect(fields(blocks).type).toBe('K');
    expect(scan(blocks)[0]?.linkname).toBe('t'.repeat(101));
  });

  it('falls back to PAX for records and long owners', () => {
    for (const changes of [{ pax: { comment: 'x' } }, { gname: 'g'.repeat(33) }]) {
      expect(printGnuTarHeader({ ...PLAIN, ...changes })).toEqual(print(changes));
    }
  });
});

it('pads to the next block', () => {
  expect([0, 1, 511, 512, 513].map(tarPadding)).toEqual([0, 511, 1, 0, 511]);
  expect(TAR_END.equals(Buffer.alloc(1024))).toBe(true);
});

const segment = fc.oneof(
  fc.constantFrom('usr', 'é', '文件', 'a b', '.x'),
  fc.integer({ min: 1, max: 160 }).map((n) => 'd'.repeat(n)),
);
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
const id = fc.oneof(fc.nat(70000), fc.nat(2 ** 31 - 1));
const owner = fc.oneof(fc.constantFrom('', 'root', 'ünïx'), fc.constantFrom('u'.repeat(32), 'u'.repeat(33)));
const value = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
const anyHeader: fc.Arbitrary<TarHeader> = fc
  .record({
    name: path,
    type: fc.constantFrom('0', '1', '2', '3', '4', '5', '6'),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: id,
    gid: id,
    uname: owner,
    gname: owner,
    mtime: fc.integer({ min: -(2 ** 33), max: 2 ** 34 }),
    size: fc.oneof(fc.nat(1000), fc.nat(2 ** 40)),
    linkname: fc.oneof(fc.constant(''), path),
    devmajor: fc.nat(8 ** 7 - 1),
    devminor: fc.nat(8 ** 7 - 1),
    pax: fc.dictionary(fc.constantFrom('SCHILY.xattr.user.a', 'comment', '__proto__', 'é'), value, { maxKeys: 2 }),
  })
  .map((h) => ({
    ...h,
    size: h.type === '0' ? h.size : 0,
    devmajor: h.type === '3' || h.type === '4' ? h.devmajor : 0,
    devminor: h.type === '3' || h.type === '4' ? h.devminor : 0,
  }));

it('is understood by the scanner: print, then scan, gives the same header', () => {
  fc.assert(
    fc.property(anyHeader, fc.boolean(), (header, gnu) => {
      const bytes = gnu ? printGnuTarHeader(header) : printTarHeader(header);
      expect(bytes.length % 512).toBe(0);
      const [entry, ...others] = scan(bytes);
      const { offset, magic, ...back } = entry as TarEntry;
      expect(others).toEqual([]);
      expect(offset).toBe(bytes.length);
      expect({ ...back, pax: Object.entries(back.pax).sort() }).toEqual({
        ...header,
        pax: Object.entries(header.pax).sort(),
      });
    }),
  );
});
