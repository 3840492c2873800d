import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseContentRange, parseRange } from './byte-range.ts';

describe('parseRange of ten bytes', () => {
  it.each([
    ['bytes=0-0', { start: 0, end: 1 }],
    ['bytes=2-5', { start: 2, end: 6 }],
    ['bytes=2-', { start: 2, end: 10 }],
    ['bytes=8-99', { start: 8, end: 10 }],
    ['bytes=-3', { start: 7, end: 10 }],
    ['bytes=-99', { start: 0, end: 10 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=5-2', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=0-1,4-5', undefined],
    ['items=0-1', undefined],
    ['bytes=-', undefined],
    ['bytes=a-b', undefined],
    [undefined, undefined],
  ] as const)('%s', (header, span) => {
    expect(parseRange(header, 10)).toEqual(span);
  });

  it('has nothing of an empty blob to give', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(parseRange('bytes=-1', 0)).toBe('unsatisfiable');
  });

  it('never leaves the content', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(1000), (first, last, size) => {
        const span = parseRange(`bytes=${first}-${last}`, size);
        if (typeof span !== 'object') return;
        expect(span.start).toBe(first);
        expect(span.start).toBeLessThan(span.end);
        expect(span.end).toBeLessThanOrEqual(size);
      }),
    );
  });
});

describe('parseContentRange', () => {
  it.each([
    ['0-9', { start: 0, end: 10 }],
    ['10-10', { start: 10, end: 11 }],
    ['bytes 5-6', { start: 5, end: 7 }],
    ['5-6/*', { start: 5, end: 7 }],
    ['9-5', undefined],
    ['-5', undefined],
    ['5-', undefined],
    ['', undefined],
    ['a-b', undefined],
    ['0-9999999999999999', undefined],
  ] as const)('%s', (header, span) => {
    expect(parseContentRange(header)).toEqual(span);
  });
});
