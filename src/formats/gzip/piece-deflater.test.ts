import { createHash, randomBytes } from 'node:crypto';
import { constants, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PieceDeflater } from './piece-deflater.ts';

const PIECE_BYTES = 1024 * 1024;
const deflater = new PieceDeflater();

function deflated(piece: Uint8Array, by = deflater): Buffer {
  by.input(piece.length).set(piece);
  return Buffer.from(by.deflate(piece.length));
}

function inflated(bytes: Uint8Array): Buffer {
  return inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
}

/** Of `kinds` different bytes, mostly what stood `period` before. Reproducible. */
function repetitive(sizeBytes: number, kinds: number, period: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let state = 1;
  for (let i = 0; i < sizeBytes; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const isNew = i < period || (state >>> 24) % 20 === 0;
    bytes[i] = isNew ? (state >>> 16) % kinds : (bytes[i - period] as number);
  }
  return bytes;
}

describe('PieceDeflater', () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 300, 65_535, 65_536, 100_000, PIECE_BYTES])('%d equal bytes', (sizeBytes) => {
    const piece = Buffer.alloc(sizeBytes, 'a');
    const bytes = deflated(piece);
    expect(inflated(bytes).equals(piece)).toBe(true);
    expect(bytes.length).toBeLessThan(40 + sizeBytes / 900);
  });

  it.each([1, 70_000, PIECE_BYTES])('%d random bytes, which it stores', (sizeBytes) => {
    const piece = randomBytes(sizeBytes);
    const bytes = deflated(piece);
    expect(inflated(bytes).equals(piece)).toBe(true);
    expect(bytes.length).toBeLessThanOrEqual(sizeBytes + 10 + 5 * Math.ceil(sizeBytes / 8190));
  });

  it.each([
    [256, 3],
    [200, 5000],
    [4, 100],
    [40, 32_766],
    [40, 32_767],
    [40, 32_768],
    [250, 40_000],
    [2, 1_000_000],
  ])('%d kinds of bytes that come again after %d', (kinds, period) => {
    const piece = repetitive(PIECE_BYTES, kinds, period);
    expect(inflated(deflated(piece)).equals(piece)).toBe(true);
  });

  it('codes of the greatest length', () => {
    // Frequencies of Fibonacci make the deepest tree.
    const runs: Buffer[] = [];
    for (let [i, a, b] = [0, 1, 1]; i < 20; [i, a, b] = [i + 1, b, a + b]) runs.push(Buffer.alloc(a, i));
    const ordered = Buffer.concat(runs);
    const shuffled = ordered.map((_, i) => ordered[(i * 7919) % ordered.length] as number);
    for (const piece of [ordered, shuffled]) expect(inflated(deflated(piece)).equals(piece)).toBe(true);
  });

  it('anything', () => {
    const pieces = fc.oneof(
      fc.uint8Array({ maxLength: 3000, size: 'max' }),
      fc
        .tuple(fc.nat(70_000), fc.integer({ min: 1, max: 256 }), fc.integer({ min: 1, max: 40_000 }))
        .map((how) => repetitive(...how)),
    );
    fc.assert(
      fc.property(pieces, (piece) => {
        expect(inflated(deflated(piece)).equals(piece)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('gives a piece the same bytes whatever it had before', () => {
    for (let i = 0; i < 300; i++) {
      const piece = repetitive(20 + 131 * i, 6 + i, 1 + 97 * (i % 50));
      const bytes = deflated(piece);
      deflated(repetitive(10 + 577 * (i % 70), 250, 13 + i));
      expect(deflated(piece).equals(bytes), `piece ${i}`).toBe(true);
      if (i % 50 === 0) expect(deflated(piece, new PieceDeflater()).equals(bytes)).toBe(true);
    }
  });

  it('gives the same bytes when its positions begin anew', () => {
    const aged = new PieceDeflater();
    const piece = repetitive(5000, 20, 700);
    const bytes = deflated(piece);
    for (let i = 0; i < 140; i++) {
      aged.deflate(PIECE_BYTES);
      if (!deflated(piece, aged).equals(bytes)) expect.fail(`other bytes after ${i} MiB`);
    }
  });

  it('gives these bytes, on every machine: other ones change every layer', () => {
    const all = createHash('sha256');
    for (let i = 0; i < 40; i++) all.update(deflated(repetitive(1 + 1777 * i, 2 + 6 * i, 1 + 997 * (i % 40))));
    expect(all.digest('hex')).toBe('2048749d2deddf1eb401896c6c68a065162456ad0176c74e91461da7d20b4969');
  });
});
