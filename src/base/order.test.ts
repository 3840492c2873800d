import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareBytes, sortedUnique } from './order.ts';

const table: readonly (readonly [a: string, b: string, order: number])[] = [
  ['', '', 0],
  ['', 'a', -1],
  ['a', 'B', 1],
  ['a', 'ab', -1],
  ['z', 'é', -1],
  ['é', 'z', 1],
  // UTF-16 order would say the opposite: U+FFFD is one unit above the surrogates of U+1F600.
  ['\u{fffd}', '\u{1f600}', -1],
  ['\u{1f600}', '\u{fffd}', 1],
  ['\u{d7ff}', '\u{1f600}', -1],
  ['\u{1f600}', '\u{1f601}', -1],
  ['a\u{1f600}', 'a', 1],
];

describe('byte order', () => {
  it.each(table)('%j against %j', (a, b, order) => {
    expect(Math.sign(compareBytes(a, b))).toBe(order);
  });

  it('is that of the UTF-8 bytes (property)', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('sorts and drops repetitions', () => {
    expect(sortedUnique(['b', 'a', 'é', 'b', 'Z'])).toEqual(['Z', 'a', 'b', 'é']);
  });
});
