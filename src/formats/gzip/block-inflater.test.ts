// Against zlib as the peer: what it deflates, at every level and strategy; damage of every kind; and kept blocks laid together.

import { constants, crc32, createDeflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockInflater, type BlockStart } from './block-inflater.ts';

interface Seen {
  readonly state: string;
  readonly output: Buffer;
  readonly unused: Buffer;
  readonly blocks: readonly (BlockStart & { at: number })[];
}

function inflate(stream: Uint8Array, chunkBytes = stream.length): Seen {
  const parts: Buffer[] = [];
  const blocks: (BlockStart & { at: number })[] = [];
  let at = 0;
  const inflater = new BlockInflater({
    output: (bytes) => {
      parts.push(Buffer.from(bytes));
      at += bytes.length;
    },
    block: (start) => {
      blocks.push({ ...start, at });
      return false;
    },
    blockEnd: () => {},
  });
  try {
    for (let from = 0; ; from += chunkBytes) {
      const chunk = stream.subarray(from, from + chunkBytes);
      const { state, unused } = inflater.push(chunk, from + chunkBytes >= stream.length);
      if (state === 'more') continue;
      const rest = Buffer.concat([unused, stream.subarray(from + chunkBytes)]);
      return { state, output: Buffer.concat(parts), unused: rest, blocks };
    }
  } finally {
    inflater.close();
  }
}

/** Text-like bytes that deflate well, with long and short matches. */
function words(count: number, seed = 1): Buffer {
  const out: string[] = [];
  for (let i = 0, state = seed; i < count; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    out.push(`${(state >>> 16) % 900} ${'ab'.repeat((state >>> 8) % 7)}`);
  }
  return Buffer.from(out.join(','));
}

const noise = (count: number, seed = 7) => {
  const bytes = Buffer.alloc(count);
  for (let i = 0, state = seed; i < count; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
};

const SAMPLES: readonly [string, Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['a byte', Buffer.from('a')],
  ['words', words(60_000)],
  ['noise', noise(300_000)],
  ['zeros', Buffer.alloc(3_000_000)],
  ['words and noise', Buffer.concat([words(9000), noise(90_000), words(9000, 5), Buffer.alloc(70_000, 'xyz')])],
  ['a distance of 32 KiB', Buffer.concat([noise(32_768), noise(32_768), noise(300)])],
];

describe('inflating what zlib deflates', () => {
  for (const [name, content] of SAMPLES) {
    for (const level of [0, 1, 4, 6, 9]) {
      it(`${name}, level ${level}`, () => {
        const seen = inflate(Buffer.concat([deflateRawSync(content, { level }), Buffer.from('rest')]));
        expect(seen.state).toBe('ended');
        expect(Buffer.compare(seen.output, content)).toBe(0);
        expect(seen.unused.toString()).toBe('rest');
        expect(seen.blocks.filter((block) => block.isFinal)).toHaveLength(1);
      });
    }
    it.each([
      ['fixed codes', constants.Z_FIXED],
      ['codes alone', constants.Z_HUFFMAN_ONLY],
      ['runs', constants.Z_RLE],
      ['filtered', constants.Z_FILTERED],
    ])(`${name}, %s`, (_strategy, strategy) => {
      const seen = inflate(deflateRawSync(content, { strategy }));
      expect(Buffer.compare(seen.output, content)).toBe(0);
    });
  }

  it('in chunks of any size', () => {
    const content = Buffer.concat([words(4000), noise(3000), words(4000, 9)]);
    const stream = deflateRawSync(content, { level: 6 });
    for (const size of [1, 2, 3, 7, 64, 599, 600, 601, 65_535, 65_536, 65_537]) {
      const seen = inflate(stream, size);
      expect([size, seen.state, Buffer.compare(seen.output, content)]).toEqual([size, 'ended', 0]);
    }
  });

  it('any bytes, any level, any chunks, with sync marks anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 5 }),
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 1, max: 5000 }),
        async (parts, level, chunkBytes) => {
          const deflater = createDeflateRaw({ level });
          const out: Buffer[] = [];
          deflater.on('data', (chunk) => out.push(chunk));
          for (const part of parts) {
            deflater.write(part);
            await new Promise<void>((resolve) => deflater.flush(constants.Z_SYNC_FLUSH, () => resolve()));
          }
          await new Promise<void>((resolve) => deflater.on('end', resolve).end());
          const seen = inflate(Buffer.concat(out), chunkBytes);
          expect(seen.state).toBe('ended');
          expect(Buffer.compare(seen.output, Buffer.concat(parts))).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('damage', () => {
  const stream = deflateRawSync(words(3000));

  it('is seen in every proper beginning', () => {
    for (let length = 0; length < stream.length; length += length < 700 ? 1 : 37) {
      expect(inflate(stream.subarray(0, length)).state, `${length} bytes`).toBe('cut');
    }
  });

  it.each<[string, string]>([
    ['a block of no kind', '07'],
    ['a stored length that is not confirmed', '010100ffff'],
    ['too many literal codes', 'fdff'],
    ['codes that are not complete', '0500000000000000000000'],
    ['a match before the beginning', '0302'],
  ])('%s', (_what, hex) => {
    const bytes = Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(600)]);
    expect(() => inflateRawSync(bytes)).toThrow();
    expect(inflate(bytes).state).toBe('damaged');
  });

  it('gives what zlib gives, or nothing, for any flipped bits', () => {
    const content = Buffer.concat([words(500), noise(300)]);
    const sound = deflateRawSync(content);
    fc.assert(
      fc.property(fc.array(fc.nat(sound.length * 8 - 1), { minLength: 1, maxLength: 3 }), (flips) => {
        const bytes = Buffer.from(sound);
        for (const bit of flips) bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        let expected: Buffer | undefined;
        try {
          expected = inflateRawSync(bytes);
        } catch {
          expected = undefined;
        }
        const seen = inflate(bytes);
        if (expected === undefined) expect(['damaged', 'cut']).toContain(seen.state);
        else expect([seen.state, Buffer.compare(seen.output, expected)]).toEqual(['ended', 0]);
      }),
      { numRuns: 2000 },
    );
  });

  it('is no trouble for bytes that were never deflated', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(['ended', 'damaged', 'cut']).toContain(inflate(bytes).state);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('kept blocks', () => {
  /** Keeps all blocks but stored and last ones from 32 KiB on, and lays the stream together anew around them. */
  function rebuilt(content: Buffer, stream: Buffer, chunkBytes: number): { joined: Buffer; keptBytes: number } {
    let at = 0;
    let start = 0;
    let pieces: { start: number; end: number }[] = [];
    const kept: { start: number; end: number; deflated: Buffer }[] = [];
    const finish = () => {
      const [first, last] = [pieces[0], pieces.at(-1)];
      if (first && last) kept.push({ start: first.start, end: last.end, deflated: Buffer.from(inflater.takeKept()) });
      pieces = [];
    };
    const inflater = new BlockInflater({
      output: (bytes) => {
        at += bytes.length;
      },
      block: ({ kind, isFinal }) => {
        start = at;
        return kind !== 'stored' && !isFinal && at >= 32_768;
      },
      blockEnd: () => {
        if (pieces.length > 0 && pieces.at(-1)?.end !== start) finish();
        if (!inflater.addKept()) {
          finish();
          if (!inflater.addKept()) return;
        }
        pieces.push({ start, end: at });
      },
    });
    for (let from = 0; from < stream.length; from += chunkBytes) {
      inflater.push(stream.subarray(from, from + chunkBytes), from + chunkBytes >= stream.length);
    }
    finish();
    inflater.close();
    const plain = (from: number, to: number) =>
      deflateRawSync(content.subarray(from, to), { finishFlush: constants.Z_SYNC_FLUSH });
    const parts: Buffer[] = [];
    let done = 0;
    for (const piece of kept) {
      parts.push(plain(done, piece.start), piece.deflated);
      done = piece.end;
    }
    parts.push(plain(done, content.length), Buffer.from([3, 0]));
    return { joined: Buffer.concat(parts), keptBytes: kept.reduce((sum, one) => sum + one.end - one.start, 0) };
  }

  it.each<[string, Buffer, number]>([
    ['words', words(150_000), 6],
    ['words, quick', words(150_000), 1],
    ['words, small', words(150_000), 9],
    [
      'words, noise and zeros',
      Buffer.concat([words(90_000), noise(200_000), Buffer.alloc(200_000), words(90_000, 3)]),
      6,
    ],
  ])('of %s are the same bytes in another stream', (_name, content, level) => {
    const stream = deflateRawSync(content, { level });
    for (const chunkBytes of [stream.length, 10_007, 512]) {
      const { joined, keptBytes } = rebuilt(content, stream, chunkBytes);
      const again = inflateRawSync(joined);
      expect([again.length, crc32(again)]).toEqual([content.length, crc32(content)]);
      expect(keptBytes).toBeGreaterThan(content.length / 3);
    }
  });
});
