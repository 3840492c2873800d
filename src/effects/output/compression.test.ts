import * as zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { inlinePiece, inputOf, type MemoryPieces } from '../../../test/support/layer-pieces.ts';
import { sha256 } from '../../base/digest.ts';
import { decompressed } from '../image/decompress.ts';
import { compressPieces } from './compress-pieces.ts';
import { type CompressionName, openCompression } from './compression.ts';
import { probe } from './deflate-check.ts';
import { PiecedBlobs } from './pieced-blobs.ts';

const hasZstd = 'zstdCompress' in zlib;
const PIECES = [probe().subarray(0, 30_000), Buffer.alloc(0), probe().subarray(20_000), Buffer.alloc(5000, 'x')];
const CONTENT = Buffer.concat(PIECES);

/** A layer of the pieces: its recipe, and its bytes. */
async function layerOf(name: CompressionName, level?: number) {
  const compression = openCompression(name, level);
  const { cache, pieces } = inputOf(PIECES.filter((piece) => piece.length > 0).map(inlinePiece));
  const blobs = new PiecedBlobs(cache, compression);
  const recipe = await blobs.addLayer({ ...inputOf(pieces), pieces });
  const chunks: Uint8Array[] = [];
  for await (const chunk of blobs.open(recipe)) chunks.push(chunk);
  blobs.close();
  return { recipe, bytes: Buffer.concat(chunks) };
}

async function unpacked(bytes: Uint8Array): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const source = (async function* () {
    yield bytes;
  })();
  for await (const chunk of decompressed(source, 'the layer')) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('openCompression', () => {
  it.each([[0], [10], [1.5]])('refuses level %d', (level) => {
    expect(() => openCompression('gzip', level)).toThrow('compression level');
  });

  it('tells ways apart', () => {
    expect(openCompression('gzip').way).toBe(openCompression('gzip', 4).way);
    expect(openCompression('gzip', 9).way).not.toBe(openCompression('gzip', 4).way);
  });

  it.each([[4], [6]])('gives a part the same bytes whatever was compressed before it, at level %d', (level) => {
    const parts = Array.from({ length: 300 }, (_, i) => probe().subarray(i * 97, i * 97 + 1000 + i * 131));
    const compressed = (part: Uint8Array, by = openCompression('gzip', level)): Buffer => {
      by.input(part.length).set(part);
      return Buffer.from(by.compress(part.length));
    };
    const alone = parts.map((part) => compressed(part));
    const common = openCompression('gzip', level);
    for (const [i, part] of [...parts.entries()].reverse()) {
      expect(compressed(part, common).equals(alone[i] as Buffer), `part ${i}`).toBe(true);
    }
  });

  it('joins deflated pieces into one member of gzip', async () => {
    const { recipe, bytes } = await layerOf('gzip');
    expect(recipe.mediaType).toBe('application/vnd.oci.image.layer.v1.tar+gzip');
    expect([recipe.digest, recipe.diffId]).toEqual([sha256(bytes), sha256(CONTENT)]);
    expect(zlib.gunzipSync(bytes).equals(CONTENT)).toBe(true);
    expect((await unpacked(bytes)).equals(CONTENT)).toBe(true);
  });

  it.skipIf(hasZstd)('says which Node has zstd', () => {
    expect(() => openCompression('zstd')).toThrow(
      expect.objectContaining({ code: 'FEATURE_UNSUPPORTED', hint: expect.stringContaining('22.15') }),
    );
  });

  // Only newer versions of Node have zstd.
  describe.skipIf(!hasZstd)('zstd', () => {
    it.each([[1], [3], [9]])('makes a frame of each piece, at level %d', async (level) => {
      const { recipe, bytes } = await layerOf('zstd', level);
      expect(recipe.mediaType).toBe('application/vnd.oci.image.layer.v1.tar+zstd');
      expect([recipe.digest, recipe.sizeBytes]).toEqual([sha256(bytes), bytes.length]);
      expect([recipe.diffId, recipe.uncompressedBytes]).toEqual([sha256(CONTENT), CONTENT.length]);
      expect((await unpacked(bytes)).equals(CONTENT)).toBe(true);
      expect((await layerOf('zstd', level)).bytes.equals(bytes)).toBe(true);
    });

    it('is never mixed up with gzip, nor with another level', () => {
      const ways = [openCompression('gzip'), openCompression('zstd'), openCompression('zstd', 9)].map(({ way }) => way);
      expect(new Set(ways).size).toBe(3);
    });
  });

  it('gives each piece to the cache once', async () => {
    const input = inputOf(PIECES.slice(2).map(inlinePiece));
    await compressPieces(input);
    expect((await compressPieces(input)).sizeBytes).toBeGreaterThan(100);
    expect((input.cache as MemoryPieces).writes).toBe(2);
  });
});
