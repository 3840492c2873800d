// Pieces of layers without a file tree around them.

import { checksum } from '../../src/base/checksum.ts';
import { hashHex } from '../../src/base/digest.ts';
import type { LayerInput } from '../../src/effects/output/compress-pieces.ts';
import { openCompression } from '../../src/effects/output/compression.ts';
import { PieceHashing } from '../../src/effects/output/hash-pieces.ts';
import { Making } from '../../src/effects/output/making.ts';
import type { CompressedPiece, PieceCache } from '../../src/effects/output/piece-cache.ts';
import type { KeptPlace } from '../../src/planning/rootfs/kept-piece.ts';
import type { LayerPiece } from '../../src/planning/rootfs/layer-pieces.ts';

export function inlinePiece(bytes: Uint8Array): LayerPiece {
  return { key: hashHex('sha256', bytes), sizeBytes: bytes.length, inline: bytes, parts: [bytes.length] };
}

/** For pieces without packaged files. */
export function inputOf(pieces: Iterable<LayerPiece>): LayerInput {
  const readInto = () => {
    throw new Error('these pieces have no packages');
  };
  return {
    pieces,
    compression: openCompression('gzip'),
    sizeBytes: 0,
    dataTars: [],
    readInto,
    hashing: new PieceHashing(),
    ...cached(new MemoryPieces()),
  };
}

/** For a LayerInput. */
export function cached(cache: PieceCache): Pick<LayerInput, 'cache' | 'making'> {
  return { cache, making: new Making(cache, openCompression('gzip')) };
}

/** A cache of pieces that counts how many were made. */
export class MemoryPieces implements PieceCache {
  readonly pieces = new Map<string, CompressedPiece>();
  /** By package: what its publisher deflated. */
  readonly kept = new Map<string, Buffer>();
  writes = 0;

  has(key: string): boolean {
    return this.pieces.has(key);
  }

  read(key: string, into: Buffer): CompressedPiece | undefined {
    const found = this.pieces.get(key);
    if (found === undefined) return undefined;
    into.set(found.compressed);
    return { ...found, compressed: into.subarray(0, found.compressed.length) };
  }

  write(key: string, piece: CompressedPiece): void {
    this.writes++;
    this.pieces.set(key, { ...piece, compressed: piece.compressed.slice() });
  }

  discard(key: string): void {
    this.pieces.delete(key);
  }

  readKept({ package: name, at, deflatedBytes, seal }: KeptPlace, into: Buffer): Uint8Array | undefined {
    const bytes = this.kept.get(name)?.subarray(at, at + deflatedBytes);
    if (bytes === undefined || checksum(bytes) !== seal) return undefined;
    into.set(bytes);
    return into.subarray(0, bytes.length);
  }
}
