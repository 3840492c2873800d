import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileTree } from './file-tree.ts';
import type { KeptPiece, KeptPieces } from './kept-piece.ts';
import type { LayerEntry } from './layer-entries.ts';
import { type LayerPiece, layerPieces, PIECE_BYTES } from './layer-pieces.ts';
import { layerBytes, type OwnerNames } from './layer-tar.ts';
import { makeFile, makeSymlink } from './tree-node.ts';

const KiB = 1024;
const NAMES: OwnerNames = { users: new Map([[0, 'root']]), groups: new Map([[0, 'root']]) };

/** Content of a data tar that is different everywhere. */
const byteAt = (pkg: number, at: number): number => (Math.imul(at + 1, 2_654_435_761) >>> 13) ^ pkg;
const read = (pkg: number, offset: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => byteAt(pkg, offset + i));

interface Spec {
  readonly owner: number | undefined;
  readonly size: number;
  readonly kind?: 'file' | 'directory' | 'symlink';
  readonly uid?: number;
}

function entriesOf(specs: readonly Spec[]): LayerEntry[] {
  const offsets = new Map<number, number>();
  return specs.map(({ owner, size, kind = 'file', uid = 0 }, i) => {
    const path = `entry-${i}`;
    if (kind === 'directory') return { path, node: Object.assign(new FileTree(read).mkdirAll(path, 0o755), { uid }) };
    if (kind === 'symlink') return { path, node: makeSymlink('there', { owner, uid }) };
    if (owner === undefined) return { path, node: makeFile({ kind: 'inline', bytes: read(99, 0, size) }, { uid }) };
    const offset = (offsets.get(owner) ?? 0) + 512;
    offsets.set(owner, offset + size);
    return { path, node: makeFile({ kind: 'packaged', packageIndex: owner, offset, size }, { owner, uid }) };
  });
}

function piecesOf(
  specs: readonly Spec[],
  dataHashes = ['p0', 'p1', 'p2'],
  kept: readonly (KeptPieces | undefined)[] = [],
  way = 'gzip',
): LayerPiece[] {
  return [...layerPieces({ entries: entriesOf(specs), names: NAMES, dataHashes, kept, way })];
}

function bytesOf(pieces: readonly LayerPiece[]): Buffer {
  return Buffer.concat(
    pieces.flatMap(({ inline, parts }) => {
      let inlined = 0;
      return parts.map((part) => {
        if (typeof part !== 'number') return read(part.file.packageIndex, part.offset, part.size);
        inlined += part;
        return inline.subarray(inlined - part, inlined);
      });
    }),
  );
}

const small = (owner: number, count: number): Spec[] => Array.from({ length: count }, () => ({ owner, size: 3 * KiB }));
const keys = (pieces: readonly LayerPiece[]): string[] => pieces.map((piece) => piece.key);

describe('layerPieces', () => {
  const spec = fc.record({
    owner: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
    size: fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 90 * KiB })),
    kind: fc.constantFrom('file' as const, 'file' as const, 'file' as const, 'directory' as const, 'symlink' as const),
  });

  it('are exactly the bytes of the layer', () => {
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 12 }), (specs) => {
        const pieces = piecesOf(specs);
        const whole = Buffer.concat([...layerBytes(entriesOf(specs), NAMES, read)]);
        expect(bytesOf(pieces).equals(whole)).toBe(true);
        expect(pieces.map((piece) => bytesOf([piece]).length)).toEqual(pieces.map((piece) => piece.sizeBytes));
      }),
      { numRuns: 60 },
    );
  });

  it('have equal keys only for equal bytes, and equal keys for equal plans', () => {
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 6 }), (specs) => {
        const pieces = piecesOf(specs);
        expect(keys(piecesOf(specs))).toEqual(keys(pieces));
        for (const piece of pieces) {
          const digest = createHash('sha256')
            .update(bytesOf([piece]))
            .digest('hex');
          expect(seen.get(piece.key) ?? digest).toBe(digest);
          seen.set(piece.key, digest);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are never larger than the bound', () => {
    const pieces = piecesOf([{ owner: 0, size: 3 * PIECE_BYTES + 5 }, ...small(1, 500)]);
    expect(Math.max(...pieces.map((piece) => piece.sizeBytes))).toBe(PIECE_BYTES);
    expect(pieces.length).toBeLessThan(8);
  });

  it('of a large file do not depend on its neighbours, but for its beginning and end', () => {
    const large: Spec = { owner: 0, size: 2 * PIECE_BYTES + 100 * KiB };
    const [, , ...alone] = piecesOf([{ owner: 1, size: 1 }, large]);
    expect(alone.map(({ sizeBytes }) => sizeBytes / KiB)).toEqual([1024, 1024, 37]);
    const among = piecesOf([{ owner: undefined, size: 3 * KiB }, large, ...small(0, 2)]);
    expect(keys(among).slice(1, 3)).toEqual(keys(alone).slice(0, 2));
    expect(among.map(({ sizeBytes }) => sizeBytes / KiB)).toEqual([3.5 + 64.5, 1024, 1024, 44]);
  });

  it('are shared by large files of one package', () => {
    const specs = Array.from({ length: 20 }, (_, i): Spec => ({ owner: i < 10 ? 0 : 1, size: 70 * KiB }));
    expect(piecesOf(specs).map(({ sizeBytes }) => sizeBytes / KiB)).toEqual([705, 706]);
  });

  it('change where a package changes, and only there', () => {
    const specs = [...small(0, 20), ...small(1, 20), ...small(2, 20)];
    const before = keys(piecesOf(specs));
    const after = keys(piecesOf(specs, ['p0', 'p1-new', 'p2']));
    expect(before).toHaveLength(3);
    expect(after.map((key, i) => key === before[i])).toEqual([true, false, true]);
  });

  it('are shared by packages with few files in turn', () => {
    const specs = Array.from({ length: 60 }, (_, i): Spec => ({ owner: i % 3, size: 100 }));
    expect(piecesOf(specs).length).toBeLessThanOrEqual(4);
  });

  it.each([
    ['an owner', { uid: 7 }],
    ['a size', { size: 999 }],
    ['a package', { owner: 1 }],
  ])('have another key with %s', (_what, change) => {
    const spec: Spec = { owner: 0, size: 1000 };
    expect(keys(piecesOf([{ ...spec, ...change }]))).not.toEqual(keys(piecesOf([spec])));
  });

  it('of an empty layer is the end mark', () => {
    expect(piecesOf([]).map((piece) => piece.sizeBytes)).toEqual([1024]);
  });

  // A promise: a change here makes every cache useless and every layer's digest another one.
  it('are cut and named as ever', () => {
    const specs: Spec[] = [
      { owner: undefined, size: 0, kind: 'directory' },
      ...small(0, 9),
      { owner: 1, size: 200 * KiB },
      ...small(1, 3),
      ...small(2, 3),
      { owner: undefined, size: 5000 },
    ];
    expect(piecesOf(specs).map(({ sizeBytes }) => sizeBytes)).toEqual([32_768, 66_048, 150_016, 17_408]);
    const text = piecesOf(specs).map(({ key, sizeBytes }) => `${sizeBytes} ${key}`);
    expect(createHash('sha256').update(text.join('\n')).digest('hex')).toBe(
      '6b3570af4a11258f70e6dc45ba656ff877c6f4667a2c34cb2c22824f9fa90132',
    );
  });
});

describe('what publishers deflated', () => {
  const kept = (offset: number, sizeBytes: number, at: number): KeptPiece => ({
    offset,
    sizeBytes,
    crc: at + 1,
    sum: at + 4,
    at,
    deflatedBytes: sizeBytes >> 1,
    seal: at + 2,
  });
  const package0: KeptPieces = {
    package: 'key0',
    pieces: [
      kept(512 + 40 * KiB, 50 * KiB, 0),
      kept(512 + 90 * KiB, 60 * KiB, 100),
      kept(512 + 200 * KiB, 30 * KiB, 200),
      // Of the next file.
      kept(512 + 300 * KiB + 512 + 33 * KiB, 20 * KiB, 300),
    ],
  };
  const specs: Spec[] = [
    { owner: 0, size: 300 * KiB },
    { owner: 0, size: 70 * KiB },
    { owner: 1, size: 100 * KiB },
  ];

  it('is pieces of its own, and the layer the same bytes', () => {
    const pieces = piecesOf(specs, undefined, [package0, undefined]);
    expect(pieces.map(({ kept: place, sizeBytes }) => [sizeBytes / KiB, place?.at])).toEqual([
      [40.5, undefined],
      [50, 0],
      [60, 100],
      [50, undefined],
      [30, 200],
      [70 + 33.5, undefined],
      [20, 300],
      [17, undefined],
      [101.5, undefined],
    ]);
    expect(pieces[1]?.kept).toEqual({ package: 'key0', at: 0, deflatedBytes: 25 * KiB, seal: 2, crc: 1, sum: 4 });
    expect(bytesOf(pieces)).toEqual(bytesOf(piecesOf(specs)));
  });

  it('is left alone where it does not lie within the file', () => {
    const beyond: KeptPieces = { package: 'key0', pieces: [kept(512 + 250 * KiB, 60 * KiB, 0)] };
    expect(piecesOf(specs, undefined, [beyond]).every((piece) => piece.kept === undefined)).toBe(true);
  });
});
