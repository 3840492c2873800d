import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ZstdFrames } from './frames.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

// Laid out after RFC 8878: each with another kind of header or block, and one that unpacks to nothing.
const FRAMES = {
  'a raw block with a checksum': bytes('28b52ffd 04 00 190000 616263 d36cc3c4'),
  'one segment, size in one byte': bytes('28b52ffd 20 03 190000 616263'),
  'repeated bytes': bytes('28b52ffd 20 64 230300 61'),
  'two blocks': bytes('28b52ffd 00 58 180000 616263 190000 646566'),
  nothing: bytes('28b52ffd 20 00 010000'),
  'to be skipped': bytes('5a2a4d18 03000000 010203'),
  'to be skipped, and empty': bytes('502a4d18 00000000'),
};

/** The parts up to the end of each frame, joined. */
function framesIn(chunks: readonly Uint8Array[], whole: Buffer): number[] {
  const frames = new ZstdFrames();
  const ends: number[] = [];
  let at = 0;
  for (const chunk of chunks) {
    for (const part of frames.cut(chunk)) {
      at += part.length;
      ends.push(at);
    }
  }
  expect(at).toBe(whole.length);
  return ends;
}

describe('ZstdFrames', () => {
  it.each(Object.entries(FRAMES))('sees the end of a frame: %s', (_what, frame) => {
    const twice = Buffer.concat([frame, frame]);
    expect(framesIn([twice], twice)).toEqual([frame.length, twice.length]);
  });

  it('cuts at every end, however the bytes come, and changes none', () => {
    const frames = fc.array(fc.constantFrom(...Object.values(FRAMES)), { maxLength: 6 });
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (some, sizes) => {
        const whole = Buffer.concat(some);
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < whole.length; i++) {
          const size = sizes[i % sizes.length] as number;
          chunks.push(whole.subarray(at, at + size));
          at += size;
        }
        const ends = framesIn(chunks, whole);
        let end = 0;
        for (const frame of some) {
          end += frame.length;
          expect(ends).toContain(end);
        }
        const cut = new ZstdFrames();
        expect(Buffer.concat(chunks.flatMap((chunk) => [...cut.cut(chunk)])).equals(whole)).toBe(true);
      }),
    );
  });

  it('passes on what is no zstd', () => {
    const text = Buffer.from('no zstd at all, but some text that goes on for a while');
    expect(Buffer.concat([...new ZstdFrames().cut(text)]).equals(text)).toBe(true);
  });
});
