// Members laid end to end, cut short, damaged and exploding.

import { deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printGzipMember, readGzipMember } from './members.ts';

const MANY = 1_000_000;
const failing = (code: string) => expect.objectContaining({ name: 'Failure', code });

/** `gzipSync` output with header fields that it never writes. */
function withHeader(flags: number, extra: Buffer, content: string): Buffer {
  const plain = gzipSync(content);
  const header = Buffer.from(plain.subarray(0, 10));
  header[3] = flags;
  return Buffer.concat([header, extra, plain.subarray(10)]);
}

describe('readGzipMember', () => {
  it('finds the exact end of each of several members', () => {
    const [a, b] = [gzipSync('first'), gzipSync('second')];
    const file = Buffer.concat([a, b, Buffer.from('rest')]);
    const first = readGzipMember(file, 0, MANY);
    expect(first).toEqual({ content: Buffer.from('first'), end: a.length });
    expect(readGzipMember(file, a.length, MANY)).toEqual({ content: Buffer.from('second'), end: a.length + b.length });
  });

  it('is undefined for every proper beginning of a member', () => {
    const member = withHeader(4 + 8, Buffer.concat([Buffer.from([3, 0, 1, 2, 3]), Buffer.from('name\0')]), 'content');
    for (let length = 0; length < member.length; length++) {
      expect(readGzipMember(member.subarray(0, length), 0, MANY), `${length} bytes`).toBeUndefined();
    }
    expect(readGzipMember(member, 0, MANY)?.end).toBe(member.length);
  });

  it.each<[string, number, Buffer]>([
    ['a name', 8, Buffer.from('a name\0')],
    ['a comment', 16, Buffer.from('words\0')],
    ['an extra field', 4, Buffer.from([2, 0, 9, 9])],
    ['all of them', 4 + 8 + 16, Buffer.from('\x01\0xname\0comment\0')],
  ])('skips %s in the header', (_, flags, extra) => {
    const member = withHeader(flags, extra, 'content');
    expect(readGzipMember(member, 0, MANY)).toEqual({ content: Buffer.from('content'), end: member.length });
  });

  it('reads an empty member, and one of exactly the bound', () => {
    expect(readGzipMember(gzipSync(''), 0, 0)?.content.length).toBe(0);
    expect(readGzipMember(gzipSync('12345'), 0, 5)?.content.length).toBe(5);
  });

  it.each<[string, Buffer]>([
    ['something else', Buffer.from('PK\x03\x04 no gzip at all')],
    ['one wrong byte of magic', Buffer.from([0x1f, 0x8c])],
    ['another method', Buffer.from([0x1f, 0x8b, 7, 0])],
    ['reserved flags', withHeader(0x20, Buffer.alloc(0), 'x')],
    ['a wrong header checksum', withHeader(2, Buffer.from([1, 2]), 'x')],
    ['a stream that is not deflate', Buffer.concat([gzipSync('').subarray(0, 10), Buffer.alloc(20, 0xff)])],
    [
      'a wrong checksum',
      Buffer.from(gzipSync('content').map((byte, i, all) => (i === all.length - 8 ? byte ^ 1 : byte))),
    ],
    [
      'a wrong length',
      Buffer.from(gzipSync('content').map((byte, i, all) => (i === all.length - 4 ? byte ^ 1 : byte))),
    ],
  ])('refuses %s', (_, bytes) => {
    expect(() => readGzipMember(bytes, 0, MANY)).toThrow(failing('ARCHIVE_INVALID'));
  });

  it.each<[string, Buffer, number]>([
    ['content beyond the bound', gzipSync('123456'), 5],
    ['any content when none is allowed', gzipSync('1'), 0],
    ['a bomb', gzipSync(Buffer.alloc(50_000_000)), 1000],
    ['a bomb that is cut short', gzipSync(Buffer.alloc(50_000_000)).subarray(0, 20_000), 1000],
    [
      'an endless name',
      Buffer.concat([withHeader(8, Buffer.alloc(0), '').subarray(0, 10), Buffer.alloc(80_000, 'n')]),
      MANY,
    ],
  ])('stops at %s', (_, bytes, bound) => {
    expect(() => readGzipMember(bytes, 0, bound)).toThrow(failing('ARCHIVE_LIMIT'));
  });

  it('does not ask for more input than the bound can need', () => {
    const emptyBlocks = Buffer.alloc(2_000_000, Buffer.from([0, 0, 0, 0xff, 0xff]));
    const endless = Buffer.concat([gzipSync('').subarray(0, 10), emptyBlocks]);
    expect(() => readGzipMember(endless, 0, 1000)).toThrow(failing('ARCHIVE_LIMIT'));
    expect(readGzipMember(endless.subarray(0, 500_000), 0, 1000)).toBeUndefined();
  });
});

describe('printGzipMember', () => {
  it('is read back, by us and by others', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 0, max: 9 }), (content, level) => {
        const member = printGzipMember(content, level);
        expect(gunzipSync(member)).toEqual(Buffer.from(content));
        expect(readGzipMember(member, 0, content.length)).toEqual({
          content: Buffer.from(content),
          end: member.length,
        });
      }),
    );
  });

  it('has a header that says nothing', () => {
    expect(printGzipMember(Buffer.from('x')).subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff');
    expect(printGzipMember(Buffer.from('x')).subarray(10, -8)).toEqual(deflateRawSync('x', { level: 6 }));
  });
});
