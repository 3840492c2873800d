// Archives of every dialect, in pieces of any size, damaged in every way we know.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TarEntry, TarHeader } from './entry.ts';
import { printPaxRecords } from './pax.ts';
import { readTar } from './read.ts';
import { TarScanner } from './scan.ts';
import { printTarHeader, TAR_END, tarPadding } from './write.ts';

/** A header block with any field set to raw bytes, and a fitting checksum. */
function rawBlock(fields: Record<number, string>, magic = 'ustar\x0000'): Buffer {
  const block = Buffer.alloc(512);
  const defaults = {
    0: 'f',
    100: '0000644\0',
    108: '0000000\0',
    116: '0000000\0',
    124: '00000000000\0',
    136: '00000000000\0',
    156: '0',
  };
  for (const [offset, text] of Object.entries({ ...defaults, 257: magic, ...fields })) {
    block.write(text, Number(offset), 'latin1');
  }
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

const OWNER = { uid: 0, gid: 0, uname: 'root', gname: 'root', mtime: 7, linkname: '', devmajor: 0, devminor: 0 };

function member(name: string, content = '', changes: Partial<TarHeader> = {}): Buffer {
  const body = Buffer.from(content);
  const header = printTarHeader({ ...OWNER, name, type: '0', mode: 0o644, size: body.length, pax: {}, ...changes });
  return Buffer.concat([header, body, Buffer.alloc(tarPadding(body.length))]);
}

/** A member that describes the next one, its payload as it is. */
function extension(type: string, payload: Buffer | string): Buffer {
  const body = Buffer.from(payload);
  const size = `${body.length.toString(8).padStart(11, '0')}\0`;
  return Buffer.concat([rawBlock({ 0: 'ext', 124: size, 156: type }), body, Buffer.alloc(tarPadding(body.length))]);
}
const pax = (type: string, records: Record<string, string>) =>
  extension(type, printPaxRecords(new Map(Object.entries(records))));

function names(...parts: Buffer[]): string[] {
  return readTar(Buffer.concat(parts)).map((entry) => entry.name);
}
const only = (...parts: Buffer[]) => readTar(Buffer.concat(parts))[0] as TarEntry;
const failing = (code: string, text?: RegExp) =>
  expect.objectContaining({ code, ...(text && { message: expect.stringMatching(text) }) });

describe('what it understands', () => {
  it('plain members with and without an end mark, and ignores what follows the mark', () => {
    expect(names(member('a', 'x'), member('b'))).toEqual(['a', 'b']);
    expect(names(member('a', 'x'), TAR_END, Buffer.from('garbage'))).toEqual(['a']);
    expect(names(member('a'), Buffer.alloc(512))).toEqual(['a']);
    expect(names(Buffer.alloc(0))).toEqual([]);
  });

  it('where contents lie', () => {
    const bytes = Buffer.concat([member('a', 'first'), member('b', 'second'), TAR_END]);
    const texts = readTar(bytes).map((e) => bytes.toString('utf8', e.offset, e.offset + e.size));
    expect(texts).toEqual(['first', 'second']);
  });

  it('an archive whose last padding is missing', () => {
    expect(names(member('a', 'x').subarray(0, 513))).toEqual(['a']);
  });

  it.each<[string, Buffer, Partial<TarEntry>]>([
    ['ustar prefix', rawBlock({ 345: 'usr/share' }), { name: 'usr/share/f', magic: 'ustar' }],
    ['star prefix', rawBlock({ 345: 'usr', 476: '00000000001\0', 508: 'tar\0' }), { name: 'usr/f' }],
    ['no prefix in GNU headers', rawBlock({ 345: '00000000001\0' }, 'ustar  \0'), { name: 'f', magic: 'gnu' }],
    ['v7 without owners', rawBlock({ 265: 'garbage' }, ''), { name: 'f', uname: '', magic: 'v7' }],
    ['v7 files', rawBlock({ 156: '\0' }, ''), { type: '0' }],
    ['v7 directories', rawBlock({ 0: 'dir/', 156: '\0' }, ''), { type: '5', name: 'dir/' }],
    ['numbers with blanks', rawBlock({ 108: '  12 \0', 116: '17\0garb' }), { uid: 10, gid: 15 }],
    ['empty numbers', rawBlock({ 108: '\0'.repeat(8), 136: ' '.repeat(12) }), { uid: 0, mtime: 0 }],
    ['base-256 numbers', rawBlock({ 108: '\x80\0\0\0\x80\0\0\0' }), { uid: 2 ** 31 }],
    ['a negative time', rawBlock({ 136: `\xff${'\xff'.repeat(10)}\xfe` }), { mtime: -2 }],
    ['modes with type bits', rawBlock({ 100: '0100755\0' }), { mode: 0o755 }],
    ['sizes of what has no content', rawBlock({ 124: '00000000005\0', 156: '5' }), { size: 0 }],
    ['device numbers', rawBlock({ 156: '3', 329: '0000005\0', 337: '0000001\0' }), { devmajor: 5, devminor: 1 }],
  ])('%s', (_, block, expected) => {
    expect(only(block)).toMatchObject(expected);
  });

  it('signed checksums of old writers', () => {
    const block = rawBlock({ 0: 'h\xc3\xa9' });
    const signed = block.reduce(
      (total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte > 127 ? byte - 256 : byte),
      0,
    );
    block.write(`${signed.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    expect(only(block).name).toBe('hé');
  });

  it('PAX records, which win over fields; an empty value does not', () => {
    const records = {
      path: 'h\xc3\xa9',
      linkpath: 'l',
      uid: '3000000',
      mtime: '5.25',
      uname: '',
      'SCHILY.xattr.user.a': '\xff\0=',
      comment: '',
    };
    const entry = only(pax('x', records), member('f', '', { type: '2' }));
    expect(entry).toMatchObject({ name: 'hé', linkname: 'l', uid: 3000000, mtime: 5.25, uname: 'root' });
    expect(entry.pax).toEqual({ 'SCHILY.xattr.user.a': '\xff\0=', comment: '' });
  });

  it('PAX records for one entry only, global ones for all later entries', () => {
    const entries = readTar(
      Buffer.concat([pax('g', { uid: '5', comment: 'all' }), pax('x', { uid: '6' }), member('a'), member('b')]),
    );
    expect(entries.map((e) => [e.name, e.uid, e.pax['comment']])).toEqual([
      ['a', 6, 'all'],
      ['b', 5, 'all'],
    ]);
  });

  it('sizes in records', () => {
    const body = Buffer.alloc(1024, 'x');
    expect(names(pax('x', { size: '1000' }), rawBlock({}), body, member('b'))).toEqual(['f', 'b']);
  });

  it('GNU long names, which win over a field cut within a character', () => {
    const long = `${'n'.repeat(99)}é`;
    const cut = Buffer.from(long).toString('latin1').slice(0, 100);
    expect(names(extension('L', `${long}\0`), rawBlock({ 0: cut }, 'ustar  \0'))).toEqual([long]);
    expect(only(extension('K', 'target\0'), rawBlock({ 156: '2' }))).toMatchObject({ name: 'f', linkname: 'target' });
  });

  it('keys that are special to JavaScript', () => {
    expect(Object.keys(only(pax('x', { __proto__x: '1', ['__proto__']: 'v' }), member('f')).pax)).toContain(
      '__proto__',
    );
  });

  it.each([
    ['1600000006.499999999', 1600000006],
    ['1600000006.5', 1600000007],
    ['-0', 0],
    ['7.', 7],
  ])('a time of %s, which rounds to %d', (mtime, rounded) => {
    expect(Math.round(only(pax('x', { mtime }), member('f')).mtime)).toBe(rounded);
  });
});

describe('what it refuses', () => {
  const damaged = member('f', 'content');
  damaged[0] = 0x67;
  it.each<[string, Buffer]>([
    ['a wrong checksum', damaged],
    ['an archive that ends in a header', member('f').subarray(0, 500)],
    ['an archive that ends in content', member('f', 'content').subarray(0, 515)],
    ['an archive that ends after an extended header', pax('x', { path: 'f' })],
    ['an archive that ends in an extended header', pax('x', { path: 'f' }).subarray(0, 515)],
    ['a zero block between members', Buffer.concat([member('f'), Buffer.alloc(512), member('g')])],
    ['a number that is not octal', rawBlock({ 124: '0000000000x\0' })],
    ['a number with a gap', rawBlock({ 124: '000 0000001\0' })],
    ['a negative size', rawBlock({ 124: '\xff'.repeat(12) })],
    ['a size beyond exact numbers', rawBlock({ 124: `\x80${'\xff'.repeat(11)}` })],
    ['a negative owner', rawBlock({ 108: '\xff'.repeat(8) })],
    ['an impossible device', rawBlock({ 156: '3', 329: '\x80\0\0\0\x7f\xff\xff\xff' })],
    ['an empty name', rawBlock({ 0: '\0' })],
    ['a name that is not UTF-8', rawBlock({ 0: 'h\xe9' })],
    ['a record that is not UTF-8', Buffer.concat([pax('x', { path: 'h\xe9' }), member('f')])],
    ['a NUL in a path record', Buffer.concat([pax('x', { path: 'a\0b' }), member('f')])],
    ['a NUL in a key', Buffer.concat([pax('x', { 'a\0b': '' }), member('f')])],
    ['a negative size in a record', Buffer.concat([pax('x', { size: '-1' }), member('f')])],
    ['a fraction of a byte', Buffer.concat([pax('x', { size: '1.5' }), member('f')])],
    ['a huge size in a record', Buffer.concat([pax('x', { size: '9007199254740993' }), member('f')])],
    ['a time that is none', Buffer.concat([pax('x', { mtime: 'now' }), member('f')])],
    ['a file called like a directory', rawBlock({ 0: 'dir/', 156: '0' })],
    ['a type that is no letter', rawBlock({ 156: '\x07' })],
    ['GNU sparse files', rawBlock({ 156: 'S' })],
    ['PAX sparse files', Buffer.concat([pax('x', { 'GNU.sparse.major': '1' }), member('f')])],
    ...['5 a=b\n', '99 a=b\n', 'x a=b\n', '6 a=bb', '06 a=b\n', '5 ab\n', '5 =b\n', '6 a=b'].map(
      (text): [string, Buffer] => [
        `the record ${JSON.stringify(text)}`,
        Buffer.concat([extension('x', text), member('f')]),
      ],
    ),
  ])('%s', (_, bytes) => {
    expect(() => readTar(bytes)).toThrow(failing('ARCHIVE_INVALID'));
  });

  it.each<[string, Buffer]>([
    ['too many entries', Buffer.concat([member('a'), member('b'), member('c')])],
    ['a long extended header', Buffer.concat([pax('x', { a: 'x'.repeat(1000) }), member('a')])],
    ['a long name of more than the bound', Buffer.concat([extension('L', 'x'.repeat(1000)), member('a')])],
    ['many extended headers in a row', Buffer.concat([...Array<Buffer>(17).fill(pax('x', { a: '' })), member('a')])],
    [
      'global records that add up',
      Buffer.concat([...[...'abcdefghij'].map((k) => pax('g', { [k]: 'x'.repeat(450) })), member('a')]),
    ],
  ])('%s: a bound', (_, bytes) => {
    expect(() => readTar(bytes, { maxEntries: 2, maxPaxBytes: 512 })).toThrow(failing('ARCHIVE_LIMIT'));
  });

  it('says where', () => {
    expect(() => readTar(Buffer.concat([member('a'), damaged]))).toThrow(
      failing('ARCHIVE_INVALID', /at byte 512 .*checksum/),
    );
  });
});

describe('chunks', () => {
  const archive = Buffer.concat([
    pax('g', { comment: 'c' }),
    member('a', 'x'.repeat(700)),
    member('b'.repeat(120), 'y'.repeat(512), { pax: { 'SCHILY.xattr.user.a': '1' } }),
    extension('L', 'long\0'),
    member('short', 'z'),
    TAR_END,
  ]);

  function scan(chunks: readonly Uint8Array[]): unknown {
    const seen: { entry: TarEntry; text: string }[] = [];
    const scanner = new TarScanner({
      entry: (entry) => seen.push({ entry, text: '' }),
      content: (entry, chunk) => {
        const last = seen.at(-1) as (typeof seen)[number];
        expect(last.entry).toBe(entry);
        last.text += Buffer.from(chunk).toString();
      },
    });
    for (const chunk of chunks) scanner.push(chunk);
    scanner.end();
    return seen;
  }

  it('may have their borders anywhere', () => {
    const whole = scan([archive]);
    expect(whole).toMatchObject([
      { entry: { name: 'a' }, text: 'x'.repeat(700) },
      { entry: { name: 'b'.repeat(120) }, text: 'y'.repeat(512) },
      { entry: { name: 'long' }, text: 'z' },
    ]);
    fc.assert(
      fc.property(fc.array(fc.nat(archive.length), { maxLength: 12 }), (borders) => {
        const cuts = [0, ...borders.sort((a, b) => a - b), archive.length];
        const chunks = cuts.slice(1).map((end, i) => new Uint8Array(archive.subarray(cuts[i], end)));
        expect(scan(chunks)).toEqual(whole);
      }),
    );
  });

  it('belong to the caller again after push', () => {
    const seen: string[] = [];
    const scanner = new TarScanner({ entry: (e) => seen.push(e.name + JSON.stringify(e.pax)) });
    for (const byte of archive) {
      const chunk = Uint8Array.of(byte);
      scanner.push(chunk);
      chunk.fill(0xaa);
    }
    scanner.end();
    expect(seen).toEqual([
      'a{"comment":"c"}',
      `${'b'.repeat(120)}{"comment":"c","SCHILY.xattr.user.a":"1"}`,
      'long{"comment":"c"}',
    ]);
  });

  it('are handed on without a copy', () => {
    const bytes = member('a', 'content');
    let chunk: Uint8Array | undefined;
    const scanner = new TarScanner({ entry: () => {}, content: (_, piece) => (chunk = piece) });
    scanner.push(bytes);
    expect(chunk?.buffer).toBe(bytes.buffer);
  });

  it('never crash the scanner, whatever they hold', () => {
    fc.assert(
      fc.property(fc.nat(archive.length - 1), fc.nat(255), (at, byte) => {
        const bytes = Buffer.from(archive);
        bytes[at] = byte;
        try {
          readTar(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^ARCHIVE_/) });
        }
      }),
    );
  });
});
