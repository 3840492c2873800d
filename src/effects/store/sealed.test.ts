import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seal, unseal } from './sealed.ts';

describe('seal', () => {
  it('comes off unchanged', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect([...(unseal(seal(bytes)) ?? ['nothing'])]).toEqual([...bytes]);
      }),
    );
    expect(Buffer.from(unseal(seal('täxt')) ?? []).toString()).toBe('täxt');
  });

  it('breaks with any flipped bit, and with any cut', () => {
    const sealed = seal('some payload');
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const flipped = Buffer.from(sealed);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(unseal(flipped)).toBeUndefined();
    }
    for (let size = 0; size < sealed.length; size++) expect(unseal(sealed.subarray(0, size))).toBeUndefined();
    expect(unseal(Buffer.concat([sealed, Buffer.from('x')]))).toBeUndefined();
  });
});
