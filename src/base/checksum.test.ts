import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksum, checksumRoom, RunningChecksum } from './checksum.ts';

/** Bytes of which no two stretches are alike. */
function sample(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let i = 0, state = 1; i < sizeBytes; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

describe('checksum', () => {
  // A promise: what one machine or version has put into a cache is read by another.
  it.each([
    [0, 830_502_415],
    [1, 2_752_387_099],
    [127, 4_129_101_654],
    [128, 2_889_071_355],
    [129, 1_221_782_889],
    [100_000, 4_044_493_132],
  ])('of %i bytes has its golden value', (sizeBytes, golden) => {
    expect(checksum(sample(sizeBytes))).toBe(golden);
  });

  it('is the same wherever the bytes lie', () => {
    const bytes = sample(200_000);
    const room = checksumRoom(200_000);
    room.set(bytes);
    expect(checksum(room)).toBe(checksum(bytes));
    expect(checksum(room.subarray(3, 1000))).toBe(checksum(bytes.subarray(3, 1000)));
    const shared = new Uint8Array(new SharedArrayBuffer(1000));
    shared.set(bytes.subarray(0, 1000));
    expect(checksum(shared)).toBe(checksum(bytes.subarray(0, 1000)));
  });

  it('sees every single bit', () => {
    const bytes = sample(300);
    const sums = new Set([checksum(bytes)]);
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const at = bit >> 3;
      const kept = bytes[at] as number;
      bytes[at] = kept ^ (1 << (bit & 7));
      sums.add(checksum(bytes));
      bytes[at] = kept;
    }
    expect(sums.size).toBe(8 * bytes.length + 1);
  });

  it('sees the same bit flipped in words that share a lane', () => {
    const bytes = sample(128 * 40);
    const sums = new Set([checksum(bytes)]);
    let count = 1;
    for (let bit = 0; bit < 32; bit++) {
      for (let stripe = 1; stripe < 40; stripe++) {
        for (const at of [0, 128 * stripe])
          bytes[at + (bit >> 3)] = (bytes[at + (bit >> 3)] as number) ^ (1 << (bit & 7));
        sums.add(checksum(bytes));
        count++;
        for (const at of [0, 128 * stripe])
          bytes[at + (bit >> 3)] = (bytes[at + (bit >> 3)] as number) ^ (1 << (bit & 7));
      }
    }
    expect(sums.size).toBe(count);
  });

  it('sees what was cut, lengthened by zeros, or swapped', () => {
    const bytes = sample(1024);
    const zeros = Array.from({ length: 300 }, (_, size) => Buffer.alloc(size));
    const cut = Array.from({ length: 300 }, (_, size) => bytes.subarray(0, size + 1));
    const swapped = [
      [bytes.subarray(128, 256), bytes.subarray(0, 128)],
      [bytes.subarray(16, 32), bytes.subarray(0, 16), bytes.subarray(32, 256)],
    ].map((parts) => Buffer.concat(parts));
    const all = [...zeros, ...cut, ...swapped];
    expect(new Set(all.map(checksum)).size).toBe(all.length);
  });
});

describe('RunningChecksum', () => {
  it('does not depend on how the bytes are cut', () => {
    const bytes = sample(70_000);
    const cuts = fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 80 });
    const running = new RunningChecksum();
    fc.assert(
      fc.property(cuts, (sizes) => {
        running.begin();
        let at = 0;
        for (const size of sizes) {
          running.add(bytes.subarray(at, at + size));
          at += size;
        }
        expect(running.value).toBe(checksum(bytes.subarray(0, at)));
        running.add(bytes.subarray(at));
        return running.value === checksum(bytes);
      }),
    );
  });

  it('goes on after it has been asked', () => {
    const running = new RunningChecksum();
    running.add(Buffer.from('abc'));
    expect(running.value).toBe(checksum(Buffer.from('abc')));
    running.add(Buffer.from('def'));
    expect(running.value).toBe(checksum(Buffer.from('abcdef')));
  });
});
