import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combineCrc32 } from './crc32-combine.ts';

describe('combining CRC-32s', () => {
  it('gives the checksum of the whole for any two parts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
        expect(combineCrc32(crc32(a), crc32(b), b.length)).toBe(crc32(Buffer.concat([a, b])));
      }),
    );
  });

  it('does so for parts of many megabytes', () => {
    const [a, b] = [Buffer.alloc(1_000_003, 'abc'), Buffer.alloc(17 * 1024 * 1024 + 5, 'xyz1')];
    expect(combineCrc32(crc32(a), crc32(b), b.length)).toBe(crc32(b, crc32(a)));
  });

  it('is associative where lengths pass 2^32 bits and 2^32 bytes', () => {
    const [a, b, c] = [0x12345678, 0x9abcdef0, 0x0badcafe];
    for (const [m, n] of [
      [2 ** 29, 1],
      [2 ** 32, 2 ** 33 + 7],
      [3 * 2 ** 40 + 1, 2 ** 32 - 1],
    ] as const) {
      const left = combineCrc32(combineCrc32(a, b, m), c, n);
      expect(combineCrc32(a, combineCrc32(b, c, n), m + n)).toBe(left);
    }
  });

  it.each([
    ['an empty end', 0xcafebabe, 0, 0, 0xcafebabe],
    ['an empty start', 0, 0xcafebabe, 12, 0xcafebabe],
  ])('leaves %s as it is', (_what, a, b, length, whole) => {
    expect(combineCrc32(a, b, length)).toBe(whole);
  });
});
