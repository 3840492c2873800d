import { describe, expect, it } from 'vitest';
import { parseSize } from './cache.ts';

describe('parseSize', () => {
  it.each([
    ['0', 0],
    ['1234', 1234],
    ['5GB', 5e9],
    ['5 gb', 5e9],
    ['1.5MiB', 1.5 * 2 ** 20],
    ['2TiB', 2 ** 41],
  ])('%s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([[undefined], [''], ['GB'], ['-1'], ['5 apples'], ['1e9'], ['5GB!'], ['1..5GB']])('refuses %j', (text) => {
    expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'USAGE_FLAG' }));
  });
});
