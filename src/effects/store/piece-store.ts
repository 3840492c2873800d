// Compressed pieces of layers in the store, one file each: what was compressed once for a package is not compressed again for
// an image. A file ends with a seal over itself and its key, so that damage and mix-ups read as "not there".

import { crc32 } from 'node:zlib';
import { checksum } from '../../base/checksum.ts';
import type { KeptPlace } from '../../planning/rootfs/kept-piece.ts';
import type { StoreFiles, StorePlace } from './store-files.ts';

/** CRC-32 and checksum of the uncompressed bytes, seal (CRC-32 of the key, these two, and the checksum of the piece). */
const SEAL_BYTES = 12;

/** Beside the data tar of a package. */
export const KEPT_BLOCKS = 'kept-blocks';

export interface StoredPiece {
  readonly compressed: Uint8Array;
  readonly crc: number;
  readonly sum: number;
}

/** Pieces by their key: equal keys are equal bytes. */
export class PieceStore {
  readonly #files: StoreFiles;

  constructor(files: StoreFiles) {
    this.#files = files;
  }

  /** Where another thread finds the same pieces. */
  get place(): StorePlace {
    return this.#files.place;
  }

  has(key: string): boolean {
    return this.#files.has('pieces', key);
  }

  /** Reads into `into`, and returns a view of it. Undefined when the piece is not there, damaged, or larger. */
  read(key: string, into: Buffer): StoredPiece | undefined {
    const file = this.#files.read('pieces', key, into);
    if (file === undefined) return undefined;
    const end = file.length - SEAL_BYTES;
    if (end > 0) {
      const piece = {
        compressed: file.subarray(0, end),
        crc: file.readUInt32LE(end),
        sum: file.readUInt32LE(end + 4),
      };
      if (file.readUInt32LE(end + 8) === sealOf(key, piece)) return piece;
    }
    this.#files.discard('pieces', key);
    return undefined;
  }

  write(key: string, piece: StoredPiece): void {
    const seal = Buffer.alloc(SEAL_BYTES);
    seal.writeUInt32LE(piece.crc, 0);
    seal.writeUInt32LE(piece.sum, 4);
    seal.writeUInt32LE(sealOf(key, piece), 8);
    this.#files.write('pieces', key, [piece.compressed, seal]);
  }

  /** Blocks that a package's publisher deflated, from the folder of the package: damaged ones take it out of the store. */
  readKept({ package: key, at, deflatedBytes, seal }: KeptPlace, into: Buffer): Uint8Array | undefined {
    const bytes = into.subarray(0, deflatedBytes);
    if (bytes.length < deflatedBytes || !this.#files.readPart('packages', key, KEPT_BLOCKS, at, bytes))
      return undefined;
    if (checksum(bytes) === seal) return bytes;
    this.#files.discard('packages', key);
    return undefined;
  }

  discard(key: string): void {
    this.#files.discard('pieces', key);
  }
}

/** Used again: a build seals some thousand times. */
const sealed = Buffer.alloc(12);

function sealOf(key: string, { compressed, crc, sum }: StoredPiece): number {
  sealed.writeUInt32LE(crc, 0);
  sealed.writeUInt32LE(sum, 4);
  sealed.writeUInt32LE(checksum(compressed), 8);
  return crc32(sealed, crc32(key));
}
