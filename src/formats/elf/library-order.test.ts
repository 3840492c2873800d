// The loader's order of names, and the sort against answers recorded from Go's own.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareLibraryNames, sortPatternDefeating } from './library-order.ts';

describe('compareLibraryNames', () => {
  it.each([
    ['libz.so.1', 'libz.so.1', 0],
    ['libz.so.9', 'libz.so.10', -1],
    ['libz.so.010', 'libz.so.10', 0],
    ['libz.so.99999999999999999998', 'libz.so.99999999999999999999', -1],
    ['libz.so.1', 'libz.so', 1],
    ['lib2', 'libz', 1],
    ['lib2', 'lib-', 1],
    ['liba', 'libb', -1],
    ['libA', 'liba', -1],
    ['lib', '', 1],
    ['', '1', -1],
  ])('%s against %s', (a, b, sign) => {
    expect(Math.sign(compareLibraryNames(a, b))).toBe(sign);
    expect(Math.sign(compareLibraryNames(b, a))).toBe(sign === 0 ? 0 : -sign);
  });

  it('is a total order', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', '0', '1', '2'), maxLength: 5 });
    fc.assert(
      fc.property(name, name, name, (a, b, c) => {
        expect(Math.sign(compareLibraryNames(a, b)) + Math.sign(compareLibraryNames(b, a))).toBe(0);
        if (compareLibraryNames(a, b) <= 0 && compareLibraryNames(b, c) <= 0) {
          expect(compareLibraryNames(a, c)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });
});

/** Where the items of a sorted list of these keys came from. */
function origins(keys: readonly number[], patience?: number): number[] {
  const positions = keys.map((_, i) => i);
  return sortPatternDefeating(positions, (a, b) => (keys[a] ?? 0) < (keys[b] ?? 0), patience);
}

describe('sortPatternDefeating', () => {
  it('is stable up to twelve items', () => {
    expect(origins([3, 1, 2, 1, 3, 2, 1, 3, 2, 1, 1, 2])).toEqual([1, 3, 6, 9, 10, 2, 5, 8, 11, 0, 4, 7]);
  });

  it('leaves equal items where sort.Slice of Go leaves them', () => {
    const keys = Array.from({ length: 40 }, (_, i) => (i * 7) % 5);
    expect(origins(keys)).toEqual([
      20, 10, 35, 30, 0, 5, 25, 15, 28, 3, 8, 38, 33, 13, 18, 23, 26, 11, 1, 36, 6, 21, 16, 31, 34, 14, 24, 39, 19, 29,
      9, 4, 7, 12, 22, 2, 32, 37, 17, 27,
    ]);
  });

  // Digests of `sort.Slice`'s answers (Go 1.26) for the same keys: each shape takes another way through the algorithm.
  it.each([
    ['few values', 400, (i: number) => (i * i) % 7, '40951530605cd925'],
    ['twice ascending', 60, (i: number) => i % 30, '043a62017958145d'],
    ['descending pairs', 61, (i: number) => Math.floor((61 - i) / 2), '1084ba33af2894ee'],
    ['organ pipe', 200, (i: number) => (i < 100 ? i : 200 - i), '852fa98dd8037a58'],
    ['nearly sorted', 90, (i: number) => Math.floor(i % 40 === 7 ? i / 4 : i / 2), '8584cb1ab2ca0b80'],
    ['quadratic', 1000, (i: number) => (i * i * 31 + i * 17) % 211, '1f7b7ae39038bc1a'],
  ])('does so for %s (%i)', (_, length, key, digest) => {
    const sorted = origins(Array.from({ length }, (_, i) => key(i)));
    expect(createHash('sha256').update(sorted.join(',')).digest('hex').slice(0, 16)).toBe(digest);
  });

  it.each([undefined, 0, 1])('sorts, with patience %s', (patience) => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 300 }), (keys) => {
        const sorted = origins(keys, patience);
        expect(sorted.map((i) => keys[i])).toEqual(keys.toSorted((a, b) => a - b));
        expect(new Set(sorted).size).toBe(keys.length);
      }),
    );
  });

  it('does not change the list it is given', () => {
    const items = [3, 1, 2];
    sortPatternDefeating(items, (a, b) => a < b);
    expect(items).toEqual([3, 1, 2]);
  });
});
