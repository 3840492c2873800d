// Compressed pieces of layers in the store, one file each: what was compressed once for a package is not compressed again for
// an image. A file ends with a seal over itself and its key, so that damage and mix-ups read as "not there".

import { crc32 } from 'node:zlib';
import type { KeptPlace } from '../../planning/rootfs/kept-piece.ts';
import type { StoreFiles, StorePlace } from './store-files.ts';

/** CRC-32 of the uncompressed bytes, seal (CRC-32 of key and the rest). A piece is at most 1 MiB: CRC-32 sees any few bits. */
const SEAL_BYTES = 8;

/** Beside the data tar of a package. */
export const KEPT_BLOCKS = 'kept-blocks';

export interface StoredPiece {
  readonly compressed: Uint8Array;
  readonly crc: number;
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
    if (end > 0 && file.readUInt32LE(end + 4) === crc32(file.subarray(0, end + 4), crc32(key))) {
      return { crc: file.readUInt32LE(end), compressed: file.subarray(0, end) };
    }
    this.#files.discard('pieces', key);
    return undefined;
  }

  write(key: string, { compressed, crc }: StoredPiece): void {
    const seal = Buffer.alloc(SEAL_BYTES);
    seal.writeUInt32LE(crc, 0);
    seal.writeUInt32LE(crc32(seal.subarray(0, 4), crc32(compressed, crc32(key))), 4);
    this.#files.write('pieces', key, [compressed, seal]);
  }

  /** Blocks that a package's publisher deflated, from the folder of the package: damaged ones take it out of the store. */
  readKept({ package: key, at, deflatedBytes, seal }: KeptPlace, into: Buffer): Uint8Array | undefined {
    const bytes = into.subarray(0, deflatedBytes);
    if (bytes.length < deflatedBytes || !this.#files.readPart('packages', key, KEPT_BLOCKS, at, bytes))
      return undefined;
    if (crc32(bytes) === seal) return bytes;
    this.#files.discard('packages', key);
    return undefined;
  }

  discard(key: string): void {
    this.#files.discard('pieces', key);
  }
}
