import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { cached, inlinePiece, inputOf, MemoryPieces } from '../../../test/support/layer-pieces.ts';
import { hashHex, sha256 } from '../../base/digest.ts';
import { openVerified } from '../../formats/oci/blob-source.ts';
import type { LayerPiece, PackagedFile, PiecePart } from '../../planning/rootfs/layer-pieces.ts';
import { compressPieces, type LayerInput } from './compress-pieces.ts';
import { openCompression } from './compression.ts';
import { PieceHashing } from './hash-pieces.ts';
import type { CompressedPiece } from './piece-cache.ts';
import { PiecedBlobs } from './pieced-blobs.ts';

const KiB = 1024;
const MiB = KiB * KiB;

const scratch = mkdtempSync(join(tmpdir(), 'stave-write-layer-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Text of which no two parts are alike. */
function text(sizeBytes: number, seed: number): Buffer {
  const lines: string[] = [];
  for (let i = 0, length = 0; length < sizeBytes; i++) {
    const line = `${seed} line ${(i * 7919 + seed) % 65_521}\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join('')).subarray(0, sizeBytes);
}

/** A data tar on disk whose content is one file, and pieces of it of `pieceBytes`. */
function packaged(index: number, sizeBytes: number, pieceBytes: number) {
  const content = text(sizeBytes, index);
  const path = join(scratch, `${index}-${sizeBytes}-${Math.random()}.tar`);
  writeFileSync(path, Buffer.concat([Buffer.alloc(512), content]));
  const promised = hashHex('sha1', content);
  const file: PackagedFile = { path: `file-${index}`, packageIndex: index, offset: 512, size: sizeBytes, promised };
  const pieces: LayerPiece[] = [];
  for (let at = 0; at < sizeBytes; at += pieceBytes) {
    const size = Math.min(pieceBytes, sizeBytes - at);
    const parts: PiecePart[] = [{ offset: 512 + at, size, file }];
    pieces.push({
      key: hashHex('sha256', `${promised} ${at} ${size}`),
      sizeBytes: size,
      inline: new Uint8Array(0),
      parts,
    });
  }
  return { content, path, pieces, file };
}

type Packaged = ReturnType<typeof packaged>;

function readsOf(packages: readonly Packaged[]): Pick<LayerInput, 'dataTars' | 'readInto'> {
  const tars = packages.map((one) => Buffer.concat([Buffer.alloc(512), one.content]));
  return {
    dataTars: packages.map((one) => one.path),
    readInto: (index, offset, into) => into.set((tars[index] as Buffer).subarray(offset, offset + into.length)),
  };
}

async function written(input: LayerInput) {
  const blobs = new PiecedBlobs(input.cache, input.compression);
  const { pieces, mediaType, head, tail, ...layer } = await blobs.addLayer(input);
  const parts: Uint8Array[] = [];
  for await (const chunk of openVerified(blobs, { mediaType, ...layer })) parts.push(chunk);
  return { layer, bytes: Buffer.concat(parts), pieces };
}

const [one, two] = [packaged(0, 5 * MiB + 100, MiB), packaged(1, 40 * KiB, 40 * KiB)];
const headers = [inlinePiece(text(512, 7)), inlinePiece(text(3000, 8))];
const pieces = [headers[0], ...one.pieces, headers[1], ...two.pieces] as LayerPiece[];
const content = Buffer.concat([text(512, 7), one.content, text(3000, 8), two.content]);
const hashing = new PieceHashing();
afterAll(() => hashing.close());
const bare = {
  compression: openCompression('gzip'),
  hashing,
  pieces,
  sizeBytes: content.length,
  ...readsOf([one, two]),
};
const fresh = (): LayerInput => ({ ...bare, ...cached(new MemoryPieces()) });

describe('compressPieces', () => {
  // A promise: equal on every machine, core count, Node version and cache state. A change changes every layer.
  const GOLDEN = 'sha256:a97ceb889821c34ca6f6305c776007f6d458aa54a7db0f0b4d84f2d51765e532';

  it('joins the pieces into one gzip member with its golden digest', async () => {
    const { layer, bytes } = await written(fresh());
    expect(layer.digest).toBe(GOLDEN);
    expect(layer).toEqual({
      digest: sha256(bytes),
      diffId: sha256(content),
      sizeBytes: bytes.length,
      uncompressedBytes: content.length,
    });
    expect(gunzipSync(bytes).equals(content)).toBe(true);
  });

  it('makes the same bytes on a thread', async () => {
    expect((await written({ ...fresh(), sizeBytes: 1024 * MiB })).layer.digest).toBe(GOLDEN);
  });

  it.each([
    ['nothing', 0],
    ['some', 2],
    ['everything', 1],
  ])('makes the same bytes when the cache has %s', async (_what, every) => {
    const cache = new MemoryPieces();
    await written({ ...bare, ...cached(cache) });
    expect(cache.pieces.size).toBe(pieces.length);
    pieces.forEach((piece, i) => {
      if (every === 0 || i % every !== 0) cache.discard(piece.key);
    });
    const kept = cache.pieces.size;
    cache.writes = 0;
    expect((await compressPieces({ ...bare, ...cached(cache) })).digest).toBe(GOLDEN);
    expect(cache.writes).toBe(pieces.length - kept);
    expect(cache.pieces.size).toBe(pieces.length);
  });

  it('tells the progress of all bytes', async () => {
    const sizes: number[] = [];
    await written({ ...fresh(), progress: (bytes) => void sizes.push(bytes) });
    expect(sizes.reduce((a, b) => a + b)).toBe(content.length);
  });

  it('has no piece', async () => {
    const { layer, bytes } = await written(inputOf([]));
    expect(gunzipSync(bytes)).toHaveLength(0);
    expect(layer.diffId).toBe(sha256(''));
  });

  it('passes on what the cache throws', async () => {
    const full = new Error('full');
    const cache = new MemoryPieces();
    cache.write = () => {
      throw full;
    };
    await expect(compressPieces({ ...bare, ...cached(cache) })).rejects.toBe(full);
  });
});

describe('a damaged data tar', () => {
  const flipped = (which: Packaged, at: number): Packaged => {
    const bad = Buffer.from(which.content);
    bad[at] = (bad[at] as number) ^ 4;
    const path = `${which.path}.flipped`;
    writeFileSync(path, Buffer.concat([Buffer.alloc(512), bad]));
    return { ...which, content: bad, path };
  };
  const table = [
    ['a file of several pieces, nothing cached', 0, 4 * MiB, false],
    ['a file of several pieces, all cached', 0, 4 * MiB, true],
    ['a small file, nothing cached', 1, 5, false],
    ['a small file, all cached', 1, 5, true],
  ] as const;

  it.each(table)('is noticed in %s', async (_what, index, at, isCached) => {
    const cache = new MemoryPieces();
    if (isCached) await written({ ...bare, ...cached(cache) });
    const tars = [one, two].map((pkg, i) => (i === index ? flipped(pkg, at) : pkg));
    await expect(written({ ...bare, ...readsOf(tars), ...cached(cache) })).rejects.toMatchObject({
      code: 'CHECKSUM_MISMATCH',
      data: { packageIndex: index, path: `file-${index}` },
    });
  });

  it('does not blame a package when the cached piece is wrong', async () => {
    const cache = new MemoryPieces();
    await written({ ...bare, ...cached(cache) });
    const { key } = one.pieces[1] as LayerPiece;
    cache.write(key, cache.pieces.get((one.pieces[2] as LayerPiece).key) as CompressedPiece);
    await expect(written({ ...bare, ...cached(cache) })).rejects.toMatchObject({ code: 'CACHE_UNUSABLE' });
    expect((await written({ ...bare, ...cached(cache) })).layer.diffId).toBe(sha256(content));
  });

  it.each([
    ['here', 0],
    ['on a thread', 1024 * MiB],
  ])('that was cut is a failure %s', async (_where, sizeBytes) => {
    const cut = packaged(1, 40 * KiB, 40 * KiB);
    truncateSync(cut.path, 20 * KiB);
    const broken = { ...fresh(), ...readsOf([one, cut]), sizeBytes };
    await expect(written(broken)).rejects.toMatchObject({ code: 'CACHE_UNUSABLE' });
  });
});
