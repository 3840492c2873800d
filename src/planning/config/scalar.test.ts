import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBoolean, parseInteger } from './scalar.ts';

describe('parseInteger', () => {
  const rows: [text: string, value: number | undefined][] = [
    ['0', 0],
    ['65532', 65532],
    ['+5', 5],
    ['-5', -5],
    ['-0', 0],
    ['1_000', 1000],
    ['0755', 0o755],
    ['0o755', 0o755],
    ['0O755', 0o755],
    ['0x1ed', 0o755],
    ['0X1ED', 0o755],
    ['0b111101101', 0o755],
    ['-0x10', -16],
    ['00', 0],
    ['08', undefined],
    ['0o8', undefined],
    ['0x', undefined],
    ['0x_', undefined],
    ['0b2', undefined],
    ['1.0', undefined],
    ['1e3', undefined],
    ['', undefined],
    ['-', undefined],
    ['_1', undefined],
    ['1 ', undefined],
    ['ten', undefined],
    ['Infinity', undefined],
  ];
  it.each(rows)('%j is %s', (text, value) => {
    expect(parseInteger(text)).toBe(value);
  });

  it('reads what was printed, in every base', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (value) => {
        expect(parseInteger(String(value))).toBe(value);
        expect(parseInteger(`0${value.toString(8)}`)).toBe(value);
        expect(parseInteger(`0o${value.toString(8)}`)).toBe(value);
        expect(parseInteger(`0x${value.toString(16)}`)).toBe(value);
        expect(parseInteger(`0b${value.toString(2)}`)).toBe(value);
      }),
    );
  });
});

describe('parseBoolean', () => {
  const rows: [text: string, plain: boolean, value: boolean | undefined][] = [
    ['true', true, true],
    ['TRUE', true, true],
    ['true', false, undefined],
    ['false', true, false],
    ['False', false, undefined],
    ['yes', true, true],
    ['yes', false, true],
    ['Off', true, false],
    ['tRue', true, undefined],
    ['1', true, undefined],
    ['', true, undefined],
  ];
  it.each(rows)('%j (plain: %s) is %s', (text, plain, value) => {
    expect(parseBoolean(text, plain)).toBe(value);
  });
});
