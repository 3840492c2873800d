import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../base/digest.ts';
import { compressLayer } from './compress-layer.ts';

const MiB = 1024 * 1024;

/** Neither random nor regular, the same everywhere: words of a small language, and now and then incompressible bytes. */
function sample(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let state = 1;
  const next = (bound: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % bound;
  };
  for (let at = 0; at < sizeBytes; ) {
    const plain = next(50) > 0;
    const length = plain ? 2 + next(30) : 500;
    const word = next(97);
    for (let i = 0; i < length && at < sizeBytes; i++) bytes[at++] = plain ? 97 + ((word * (i + 3)) % 25) : next(256);
  }
  return bytes;
}

function* cut(bytes: Uint8Array, ...sizes: number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function compressed(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, level?: number) {
  const parts: Uint8Array[] = [];
  const layer = await compressLayer(
    chunks,
    (part) => void parts.push(part.slice()),
    level === undefined ? {} : { level },
  );
  return { layer, bytes: Buffer.concat(parts) };
}

describe('compressLayer', () => {
  // These digests are a promise: equal on every machine, core count and Node version. A change changes every layer.
  it.each([
    [0, 4, 'sha256:ac73670af3abed54ac6fb4695131f4099be9fbe39d6076c5d0264a6bbdae9d83'],
    [1, 4, 'sha256:f36479cfccfcf7ec33f811a27fd33e1d168c078f3782b5a28ef3b17eb07b5a2f'],
    [MiB, 4, 'sha256:195b0efda227b5b0ef68440b44dfca929c842f33adf8542513b890b355b2b54d'],
    [3 * MiB + 7, 4, 'sha256:f3455ba2d58813bbfe65f079feafb700654eeff5ffd5e84a6bff8a296b69a5fa'],
    [3 * MiB + 7, 1, 'sha256:76a85637165dacfe1e723745bf9701ac130eda422cb1b1797b5556794588d5bc'],
    [3 * MiB + 7, 6, 'sha256:fa20497fde50dcd0e0848e3b0fc1dda199bf15212bab2527fc328a34202df016'],
    [3 * MiB + 7, 9, 'sha256:8faf23661427eeaf33425dd031f1698ad1ad36bb3108fcd0a714c4523e31d628'],
    [20 * MiB, 4, 'sha256:541fd6f914499018715566896cdcd11d1371bb510c6533f979abe9b99725a2ff'],
  ])('gives %i bytes at level %i their golden digest', async (sizeBytes, level, digest) => {
    const { layer, bytes } = await compressed(cut(sample(sizeBytes), 100_000), level);
    expect(layer.digest).toBe(digest);
    expect(layer.digest).toBe(sha256(bytes));
    expect(layer.sizeBytes).toBe(bytes.length);
  });

  it('tells the digests and sizes of both sides, and any gunzip reads it', async () => {
    const input = sample(2 * MiB + 1);
    const { layer, bytes } = await compressed([input]);
    expect(layer).toEqual({
      diffId: sha256(input),
      digest: sha256(bytes),
      sizeBytes: bytes.length,
      uncompressedBytes: input.length,
    });
    expect(sha256(gunzipSync(bytes))).toBe(sha256(input));
    expect(bytes.length).toBeLessThan(input.length / 1.5);
  });

  it('has a header that names nobody and no time', async () => {
    expect((await compressed([])).bytes.subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff');
  });

  it('does not depend on how the input is cut', async () => {
    const input = sample(3 * MiB);
    const whole = await compressed([input]);
    for (const sizes of [[MiB], [MiB - 1, 1], [MiB + 1], [512, 70_000, 3], [5 * MiB]]) {
      expect((await compressed(cut(input, ...sizes))).layer).toEqual(whole.layer);
    }
    async function* slow() {
      for (const chunk of cut(input, 600_000)) {
        await new Promise((resolve) => setImmediate(resolve));
        yield chunk;
        yield new Uint8Array(0);
      }
    }
    expect((await compressed(slow())).layer).toEqual(whole.layer);
  });

  it('reads small inputs back, however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), async (chunks) => {
        const { bytes, layer } = await compressed(chunks);
        expect(Buffer.compare(gunzipSync(bytes), Buffer.concat(chunks))).toBe(0);
        expect(layer.uncompressedBytes).toBe(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
      }),
      { numRuns: 50 },
    );
  });

  it('lets the producer use its buffer again', async () => {
    const input = sample(MiB + 5);
    function* reusing() {
      const buffer = new Uint8Array(1000);
      for (const chunk of cut(input, 1000)) {
        buffer.set(chunk);
        yield buffer.subarray(0, chunk.length);
        buffer.fill(0);
      }
    }
    expect((await compressed(reusing())).layer.diffId).toBe(sha256(input));
  });

  it('waits for a slow sink, and reads only a few pieces ahead', async () => {
    let read = 0;
    let written = 0;
    let most = 0;
    let inSink = 0;
    function* pieces() {
      for (; read < 30; read++) {
        most = Math.max(most, read - written);
        yield new Uint8Array(MiB);
      }
    }
    await compressLayer(pieces(), async () => {
      expect(++inSink).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      inSink -= 1;
      written += 1;
    });
    expect(read).toBe(30);
    expect(most).toBeLessThanOrEqual(9);
  });

  it.each([0, 10, 1.5, Number.NaN])('is never asked for level %d', async (level) => {
    await expect(compressLayer([], () => {}, { level })).rejects.toThrow('a compression level from 1 to 9');
  });

  it('passes on what the input throws', async () => {
    function* broken() {
      yield new Uint8Array(2 * MiB);
      throw new Error('unreadable');
    }
    await expect(compressed(broken())).rejects.toThrow('unreadable');
  });

  it('passes on what the sink throws, and closes the input', async () => {
    let closed = false;
    function* endless() {
      try {
        for (;;) yield new Uint8Array(MiB);
      } finally {
        closed = true;
      }
    }
    let calls = 0;
    const full = () => {
      if (++calls === 3) throw new Error('full');
    };
    await expect(compressLayer(endless(), full)).rejects.toThrow('full');
    expect(closed).toBe(true);
  });
});
