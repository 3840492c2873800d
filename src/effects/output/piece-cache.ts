// What a cache of compressed pieces can do, and the room that a piece takes. The store has one (effects/store/piece-store.ts).

import type { KeptPlace } from '../../planning/rootfs/kept-piece.ts';
import { PIECE_BYTES } from '../../planning/rootfs/layer-pieces.ts';
import type { StorePlace } from '../store/store-files.ts';

export interface CompressedPiece {
  readonly compressed: Uint8Array;
  /** CRC-32 of the uncompressed bytes. */
  readonly crc: number;
  /** Our own checksum of the uncompressed bytes. */
  readonly sum: number;
}

/** Keeps compressed pieces by `LayerPiece.key`. */
export interface PieceCache {
  has(key: string): boolean;
  /** The piece as it was written, or undefined: not there, or damaged. Uses `into`, if that is large enough. */
  read(key: string, into: Buffer): CompressedPiece | undefined;
  write(key: string, piece: CompressedPiece): void;
  discard(key: string): void;
  /** Blocks that came with a package, or undefined: not there, or damaged. */
  readKept(place: KeptPlace, into: Buffer): Uint8Array | undefined;
  /** With it another thread opens the same cache (making-thread.ts); a cache in memory has none. */
  readonly place?: StorePlace;
}

/** Of a compressed piece: compression may add 5 bytes to 8 KiB, and the cache its seal. */
export const SLOT_BYTES = PIECE_BYTES + PIECE_BYTES / 1024;
