// Deflated pieces of layers in the store, one file each: what was compressed once for a package is not compressed again for
// an image. A file begins with a seal over itself and its key, so that damage and mix-ups read as "not there".

import { crc32 } from 'node:zlib';
import { digestHex, sha256 } from '../../base/digest.ts';
import type { Store } from './store.ts';

/** Seal (CRC-32 of key and the rest), CRC-32 of the uncompressed bytes. A piece is at most 1 MiB: CRC-32 sees any few bits. */
const HEAD_BYTES = 8;

export interface StoredPiece {
  readonly deflated: Uint8Array;
  readonly crc: number;
}

/** Pieces by their key, for one way to deflate: equal keys under equal ways are equal bytes. */
export class PieceStore {
  readonly #store: Store;
  readonly #way: string;

  /** `way` names everything besides the bytes that decides how they are deflated. */
  constructor(store: Store, way: string) {
    this.#store = store;
    this.#way = way;
  }

  /** Reads into `into`, and returns a view of it. Undefined when the piece is not there, damaged, or larger. */
  read(key: string, into: Buffer): StoredPiece | undefined {
    const name = this.#name(key);
    const file = this.#store.readFile('pieces', name, into);
    if (file === undefined) return undefined;
    if (file.length > HEAD_BYTES && file.readUInt32LE(0) === sealOf(name, file.subarray(4))) {
      return { crc: file.readUInt32LE(4), deflated: file.subarray(HEAD_BYTES) };
    }
    this.#store.discard('pieces', name);
    return undefined;
  }

  write(key: string, { deflated, crc }: StoredPiece): void {
    const name = this.#name(key);
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32LE(crc, 4);
    head.writeUInt32LE(sealOf(name, head.subarray(4), deflated), 0);
    this.#store.writeFile('pieces', name, [head, deflated]);
  }

  discard(key: string): void {
    this.#store.discard('pieces', this.#name(key));
  }

  #name(key: string): string {
    return digestHex(sha256(this.#way, '\0', key));
  }
}

function sealOf(name: string, ...parts: readonly Uint8Array[]): number {
  return parts.reduce((crc, part) => crc32(part, crc), crc32(name));
}
