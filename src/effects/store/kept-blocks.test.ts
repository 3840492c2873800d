// From a package file to the blocks that layers use: what is kept, that it means the same bytes, and what becomes of damage.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, crc32, deflateRawSync, gzipSync, inflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { packagedFile, type TinyFile, tinyPackage, tinyTar } from '../../../test/support/tiny-apk.ts';
import { checksum } from '../../base/checksum.ts';
import { hashHex } from '../../base/digest.ts';
import { WINDOW_BYTES } from '../../planning/rootfs/kept-piece.ts';
import { PIECE_BYTES } from '../../planning/rootfs/layer-pieces.ts';
import { expandPackage } from './expand-package.ts';
import type { PackageHandle } from './package-handle.ts';
import { PieceStore } from './piece-store.ts';
import { openStore } from './store.ts';

const KiB = 1024;
const root = mkdtempSync(join(tmpdir(), 'stave-kept-'));
const store = openStore({ root, explicit: true, temporaryDirectory: root, events: () => {} });
const pieces = new PieceStore(store.files);
afterAll(() => rmSync(root, { recursive: true }));

/** Like machine code: compresses to about a third, no two parts are alike. */
function content(sizeBytes: number, seed: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let i = 0, state = seed; i < sizeBytes; i++) {
    if (i % 3 !== 1) state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = (state >>> 16) & (i % 7 === 0 ? 0xff : 0x1f);
  }
  return bytes;
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function expanded(name: string, files: readonly TinyFile[], data: Buffer, chunkBytes = 70_000) {
  const made = tinyPackage(name, { files: [...files], data });
  const wanted = { label: made.label, checksum: made.checksum };
  return await expandPackage(store, wanted, inChunks(made.bytes, chunkBytes));
}

function blocksOf({ key, kept }: PackageHandle): Buffer[] {
  return kept.map((piece) => {
    const bytes = pieces.readKept({ package: key, ...piece }, Buffer.alloc(2 * PIECE_BYTES));
    if (bytes === undefined) throw new Error('not kept');
    return Buffer.from(bytes);
  });
}

/** The file as a layer has it: kept pieces, and around them what is deflated anew. */
function asInLayer(handle: PackageHandle, file: { offset: number; size: number }): Buffer {
  const parts: Buffer[] = [];
  const blocks = blocksOf(handle);
  const plain = (from: number, to: number) =>
    deflateRawSync(handle.read(from, to - from), { finishFlush: constants.Z_SYNC_FLUSH });
  let at = file.offset;
  handle.kept.forEach((piece, i) => {
    if (piece.offset < file.offset || piece.offset >= file.offset + file.size) return;
    parts.push(plain(at, piece.offset), blocks[i] as Buffer);
    at = piece.offset + piece.sizeBytes;
  });
  parts.push(plain(at, file.offset + file.size), Buffer.from([3, 0]));
  return inflateRawSync(Buffer.concat(parts));
}

const large = content(3_000_000, 1);
const middling = content(400 * KiB, 2);
const files = [
  packagedFile('usr/small', content(5 * KiB, 3)),
  packagedFile('usr/large', large),
  packagedFile('usr/just-below', content(64 * KiB - 1, 4)),
  packagedFile('usr/middling', middling),
  packagedFile('usr/zeros', Buffer.alloc(9_000_000)),
  packagedFile('usr/last', content(100 * KiB, 5)),
];
const tar = tinyTar(files);

describe('blocks of a package', () => {
  it.each([1, 4, 6, 9])('that was made with level %i are kept, and mean the same bytes in a layer', async (level) => {
    const handle = await expanded(`level-${level}`, files, gzipSync(tar, { level }));
    const entries = new Map(handle.package.entries.map((entry) => [entry.name, entry]));
    for (const name of ['usr/large', 'usr/middling', 'usr/zeros', 'usr/last']) {
      const entry = entries.get(name);
      if (entry === undefined) throw new Error(name);
      expect(hashHex('sha1', asInLayer(handle, entry)), name).toBe(
        hashHex('sha1', handle.read(entry.offset, entry.size)),
      );
    }
    const keptBytes = handle.kept.reduce((sum, piece) => sum + piece.sizeBytes, 0);
    expect(keptBytes).toBeGreaterThan(0.8 * (large.length + middling.length));
    handle.close();
  });

  it('lie within one large file each, behind the window, in order, and are no larger than a piece', async () => {
    const handle = await expanded('within', files, gzipSync(tar));
    let end = 0;
    for (const piece of handle.kept) {
      const file = handle.package.entries.find(
        ({ offset, size }) => piece.offset >= offset && piece.offset + piece.sizeBytes <= offset + size,
      );
      expect(file, JSON.stringify(piece)).toBeDefined();
      expect(piece.offset - (file?.offset ?? 0)).toBeGreaterThanOrEqual(WINDOW_BYTES);
      expect(piece.sizeBytes).toBeLessThanOrEqual(PIECE_BYTES);
      expect(piece.offset).toBeGreaterThanOrEqual(end);
      expect(piece.crc).toBe(crc32(handle.read(piece.offset, piece.sizeBytes)));
      expect(piece.sum).toBe(checksum(handle.read(piece.offset, piece.sizeBytes)));
      end = piece.offset + piece.sizeBytes;
    }
    expect(handle.kept.length).toBeGreaterThan(3);
    handle.close();
  });

  it('are the same however the bytes arrive', async () => {
    const data = gzipSync(tar);
    const seen = [];
    for (const chunkBytes of [997, 65_536, data.length + 10_000]) {
      const handle = await expanded(`chunks`, files, data, chunkBytes);
      seen.push([handle.kept, hashHex('sha256', Buffer.concat(blocksOf(handle)))]);
      handle.discard();
    }
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[2]).toEqual(seen[0]);
    // Golden: a change here changes the digests of layers.
    expect(seen[0]?.[1]).toBe('250693666d93ce33b8e787e13309242f9bf06e68a110da8c628afc0530ec33b1');
  });

  it('are none where the publisher stored, or where no file is large', async () => {
    const stored = await expanded('stored', files, gzipSync(tar, { level: 0 }));
    expect(stored.kept).toEqual([]);
    const small = files.slice(0, 1);
    const handle = await expanded('small', small, gzipSync(tinyTar(small)));
    expect(handle.kept).toEqual([]);
    expect(pieces.readKept({ package: handle.key, at: 0, deflatedBytes: 5, seal: 0 }, Buffer.alloc(9))).toBeUndefined();
  });

  it('go on over sync marks, and over members', async () => {
    const marked = Buffer.concat([
      gzipSync(tar.subarray(0, 1_000_000)),
      gzipSync(tar.subarray(1_000_000, 1_000_100)),
      gzipSync(tar.subarray(1_000_100)),
    ]);
    const handle = await expanded('members', files, marked);
    const entry = handle.package.entries.find(({ name }) => name === 'usr/large');
    if (entry === undefined) throw new Error('no entry');
    expect(Buffer.compare(asInLayer(handle, entry), large)).toBe(0);
    handle.close();
  });

  it('take their package out of the store when they are damaged, so that it is fetched again', async () => {
    const handle = await expanded('damaged', files, gzipSync(tar));
    const path = join(root, 'v1', 'packages', handle.key, 'kept-blocks');
    const bytes = readFileSync(path);
    bytes[100] = (bytes[100] as number) ^ 1;
    writeFileSync(path, bytes);
    const [first] = handle.kept;
    if (first === undefined) throw new Error('nothing kept');
    expect(pieces.readKept({ package: handle.key, ...first }, Buffer.alloc(2 * PIECE_BYTES))).toBeUndefined();
    expect(store.entry('packages', handle.key)).toBeUndefined();
  });
});
