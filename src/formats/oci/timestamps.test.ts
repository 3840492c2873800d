import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latestMoment, momentAt, parseBuildDate, parseSourceDateEpoch } from './timestamps.ts';

describe('momentAt', () => {
  it.each([
    [0, '1970-01-01T00:00:00Z'],
    [1_700_000_000, '2023-11-14T22:13:20Z'],
    [-1, '1969-12-31T23:59:59Z'],
    [253_402_300_799, '9999-12-31T23:59:59Z'],
    [-62_167_219_200, '0000-01-01T00:00:00Z'],
  ])('%d is %s', (epochSeconds, text) => {
    expect(momentAt(epochSeconds)).toEqual({ epochSeconds, text });
  });

  it.each([253_402_300_800, -62_167_219_201, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (seconds) => {
    expect(() => momentAt(seconds)).toThrow(
      expect.objectContaining({ code: 'IMAGE_INVALID', hint: expect.stringContaining('SOURCE_DATE_EPOCH') }),
    );
  });
});

describe('parseBuildDate', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0, '1970-01-01T00:00:00Z'],
    ['2024-02-03T04:05:06Z', 1_706_933_106, '2024-02-03T04:05:06Z'],
    ['2024-02-29T00:00:00Z', 1_709_164_800, '2024-02-29T00:00:00Z'],
    ['2030-01-02T03:04:05+02:00', 1_893_546_245, '2030-01-02T03:04:05+02:00'],
    ['2030-01-02T03:04:05-05:30', 1_893_573_245, '2030-01-02T03:04:05-05:30'],
    ['2030-01-02T03:04:05+00:00', 1_893_553_445, '2030-01-02T03:04:05Z'],
    ['2030-01-02T03:04:05-00:00', 1_893_553_445, '2030-01-02T03:04:05Z'],
    ['2030-01-02T03:04:05.999Z', 1_893_553_445, '2030-01-02T03:04:05Z'],
    ['2030-01-02T03:04:05.5+02:00', 1_893_546_245, '2030-01-02T03:04:05+02:00'],
    ['0001-01-01T00:00:00Z', -62_135_596_800, '0001-01-01T00:00:00Z'],
  ])('%s', (text, epochSeconds, printed) => {
    expect(parseBuildDate(text)).toEqual({ epochSeconds, text: printed });
  });

  it.each([
    'foo',
    '',
    '2024-02-03',
    '2024-02-03T04:05:06',
    '2024-02-03 04:05:06Z',
    '2024-02-03t04:05:06z',
    '2024-02-03T04:05Z',
    '2024-13-03T04:05:06Z',
    '2024-00-03T04:05:06Z',
    '2023-02-29T04:05:06Z',
    '2024-02-00T04:05:06Z',
    '2024-02-03T24:00:00Z',
    '2024-02-03T04:60:06Z',
    '2024-02-03T04:05:60Z',
    '2024-02-03T04:05:06+24:00',
    '2024-02-03T04:05:06+02:60',
    '2024-02-03T04:05:06+0200',
    ' 2024-02-03T04:05:06Z',
    '2024-02-03T04:05:06Z\n',
  ])('refuses %j', (text) => {
    expect(() => parseBuildDate(text)).toThrow(
      expect.objectContaining({ code: 'USAGE_FLAG', hint: expect.stringContaining('2024-02-03T04:05:06Z') }),
    );
  });

  it('reads every text of momentAt', () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }), (seconds) => {
        expect(parseBuildDate(momentAt(seconds).text)).toEqual(momentAt(seconds));
      }),
    );
  });
});

describe('parseSourceDateEpoch', () => {
  it.each([
    ['0', 0],
    ['-0', 0],
    ['1700000000', 1_700_000_000],
    ['+5', 5],
    ['-1', -1],
    ['007', 7],
  ])('%j is %d', (text, seconds) => {
    expect(parseSourceDateEpoch(text)).toEqual(momentAt(seconds));
  });

  it.each(['', ' ', '\n'])('%j means that it is not set', (text) => {
    expect(parseSourceDateEpoch(text)).toBeUndefined();
  });

  it.each(['abc', '1.5', '1e3', '0x10', ' 1', '1 ', '253402300800', '9'.repeat(15), '9'.repeat(400), '--1', '١'])(
    'refuses %j',
    (text) => {
      expect(() => parseSourceDateEpoch(text)).toThrow(
        expect.objectContaining({ code: 'USAGE_FLAG', hint: expect.stringContaining('date +%s') }),
      );
    },
  );
});

describe('latestMoment', () => {
  const given = parseBuildDate('2030-01-02T03:04:05+02:00');

  it('is the latest', () => {
    expect(latestMoment(momentAt(5), momentAt(7), momentAt(6))).toEqual(momentAt(7));
    expect(latestMoment(given, momentAt(7))).toBe(given);
  });

  it('keeps the offset of a given date among equal moments', () => {
    expect(latestMoment(given, momentAt(given.epochSeconds))).toBe(given);
    expect(latestMoment(given, momentAt(given.epochSeconds + 1)).text).toBe('2030-01-02T01:04:06Z');
  });
});
