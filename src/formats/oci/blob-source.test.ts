import { describe, expect, it } from 'vitest';
import { sha256 } from '../../base/digest.ts';
import { type BlobSource, openVerified, readSmallBlob } from './blob-source.ts';
import { type Descriptor, MEDIA_TYPE } from './descriptor.ts';

const BYTES = Uint8Array.from({ length: 1000 }, (_, i) => i);
const WHOLE: Descriptor = { mediaType: MEDIA_TYPE.layerGzip, sizeBytes: BYTES.length, digest: sha256(BYTES) };

/** Counts the chunks it was asked for. */
function sourceOf(bytes: Uint8Array, chunkBytes = 100): BlobSource & { chunks: number } {
  return {
    chunks: 0,
    async *open() {
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        this.chunks += 1;
        yield bytes.subarray(at, at + chunkBytes);
      }
    },
  };
}

async function sizeOf(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of chunks) size += chunk.length;
  return size;
}

describe('openVerified', () => {
  it('passes the promised bytes on', async () => {
    expect(await sizeOf(openVerified(sourceOf(BYTES), WHOLE))).toBe(1000);
  });

  it('takes an empty blob', async () => {
    const nothing = { ...WHOLE, sizeBytes: 0, digest: sha256('') };
    expect(await sizeOf(openVerified(sourceOf(new Uint8Array(0)), nothing))).toBe(0);
  });

  it.each([
    ['missing bytes', BYTES.subarray(0, 999), 'has 999 bytes, not 1000'],
    ['other bytes', BYTES.toReversed(), 'has other content'],
    ['no bytes', new Uint8Array(0), 'has 0 bytes, not 1000'],
  ])('refuses %s', async (_name, bytes, message) => {
    await expect(sizeOf(openVerified(sourceOf(bytes), WHOLE))).rejects.toThrow(
      expect.objectContaining({ code: 'CHECKSUM_MISMATCH', message: expect.stringContaining(message) }),
    );
  });

  it('stops at the first byte too many', async () => {
    const endless = sourceOf(new Uint8Array(1_000_000));
    await expect(sizeOf(openVerified(endless, WHOLE))).rejects.toThrow('has 1100 bytes, not 1000');
    expect(endless.chunks).toBe(11);
  });
});

describe('readSmallBlob', () => {
  it('gives the bytes', async () => {
    expect(await readSmallBlob(sourceOf(BYTES), WHOLE, 1000)).toEqual(BYTES);
  });

  it('refuses a blob above the bound without opening it', async () => {
    const source = sourceOf(BYTES);
    await expect(readSmallBlob(source, WHOLE, 999)).rejects.toThrow(
      expect.objectContaining({ code: 'IMAGE_INVALID', message: expect.stringContaining('we read at most 999') }),
    );
    expect(source.chunks).toBe(0);
  });
});
