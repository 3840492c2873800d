import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeSpdxId } from './spdx-id.ts';

describe('encodeSpdxId', () => {
  it.each([
    ['', ''],
    ['sha256:ab', 'sha256-ab'],
    ['https://github.com/o/r@deadbeef', 'https-C47C47github.comC47oC47rC64deadbeef'],
    ['libstdc++6', 'libstdcC43C436'],
    ['2.0_rc1', '2.0C95rc1'],
    ['é', 'C195C169'],
  ])('%j -> %j', (text, id) => {
    expect(encodeSpdxId(text)).toBe(id);
  });

  it('gives only valid characters, and leaves valid ids alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const id = encodeSpdxId(text);
        expect(id).toMatch(/^[a-zA-Z0-9.-]*$/);
        expect(encodeSpdxId(id)).toBe(id);
      }),
    );
  });
});
