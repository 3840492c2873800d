import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printJson } from './canonical-json.ts';

const table: readonly (readonly [value: unknown, text: string])[] = [
  [{}, '{}'],
  [{ b: 1, a: [true, null, 'x'] }, '{"b":1,"a":[true,null,"x"]}'],
  ['<a & b>', '"\\u003ca \\u0026 b\\u003e"'],
  [{ '<': 1 }, '{"\\u003c":1}'],
  ['\u2028\u2029', '"\\u2028\\u2029"'],
  ['"\\\n\t\u0001', '"\\"\\\\\\n\\t\\u0001"'],
  ['\ud800x', '"\ufffdx"'],
  [{ gone: undefined, kept: 0 }, '{"kept":0}'],
];

describe('JSON text', () => {
  it.each(table)('of %j', (value, text) => {
    expect(printJson(value)).toBe(text);
  });

  it('is indented on demand, without a final newline', () => {
    expect(printJson({ a: [1], b: {} }, 2)).toBe('{\n  "a": [\n    1\n  ],\n  "b": {}\n}');
  });

  it('reads back as what it was (property)', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(printJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
