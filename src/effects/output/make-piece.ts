// Makes a piece of a layer that no cache has: its bytes are read, held against the SHA-1 of each file in them, compressed, and put into
// the cache. Nothing here waits: it runs on threads (making-thread.ts), or in place of them.

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { checksum } from '../../base/checksum.ts';
import { hashHex } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import { damagedContent } from '../../planning/rootfs/content.ts';
import {
  type LayerPiece,
  type PackagedFile,
  type PackagedRange,
  PIECE_BYTES,
} from '../../planning/rootfs/layer-pieces.ts';
import type { Compression } from './compression.ts';
import type { PieceCache } from './piece-cache.ts';

export type PackagedReadInto = (packageIndex: number, offset: number, into: Uint8Array) => void;

/** It can be sent to a thread. */
export type PieceToMake = Pick<LayerPiece, 'key' | 'sizeBytes' | 'inline' | 'parts'>;

export interface PieceMaking {
  /** Fills `into` with bytes of the packages' data tars, from `offset` on. */
  readonly readInto: PackagedReadInto;
  /** Whether the files of a package were verified just now, so that they need not be again. */
  readonly isFresh?: (packageIndex: number) => boolean;
  readonly compression: Compression;
  readonly cache: PieceCache;
}

export class PieceMaker {
  readonly #making: PieceMaking;
  /** Files of several pieces whose SHA-1 has been verified. */
  readonly #verified = new Set<string>();

  constructor(making: PieceMaking) {
    this.#making = making;
  }

  /** Failures CHECKSUM_MISMATCH (with the DamagedContent of a package in the store), and what cache and reads throw. */
  make(piece: PieceToMake): void {
    const { cache, compression } = this.#making;
    const bytes = compression.input(piece.sizeBytes);
    this.#fill(bytes, piece);
    const [crc, sum] = [crc32(bytes), checksum(bytes)];
    cache.write(piece.key, { crc, sum, compressed: compression.compress(bytes.length) });
  }

  #fill(bytes: Uint8Array, { parts, inline, sizeBytes }: PieceToMake): void {
    let filled = 0;
    let inlined = 0;
    for (const part of parts) {
      const size = typeof part === 'number' ? part : part.size;
      const place = bytes.subarray(filled, filled + size);
      filled += size;
      if (typeof part === 'number') {
        place.set(inline.subarray(inlined, inlined + size));
        inlined += size;
      } else {
        this.#making.readInto(part.file.packageIndex, part.offset, place);
        this.#verify(part, place);
      }
    }
    assert(filled === sizeBytes, `a piece of ${sizeBytes} bytes, not ${filled}`);
  }

  /** A file of several pieces is read through when the first of them is made: the others may come from the cache. */
  #verify({ file, size }: PackagedRange, bytes: Uint8Array): void {
    const { readInto, isFresh } = this.#making;
    if (file.promised === undefined || isFresh?.(file.packageIndex)) return;
    if (size === file.size) {
      if (hashHex('sha1', bytes) !== file.promised) throw damagedContent(file.path, file.packageIndex);
      return;
    }
    const id = `${file.packageIndex} ${file.offset}`;
    if (this.#verified.has(id)) return;
    if (isDamaged(file, readInto)) throw damagedContent(file.path, file.packageIndex);
    this.#verified.add(id);
  }
}

/** The bytes hashed for the diff_id are not those that were compressed: says which package to fetch again. */
export function damageIn(piece: LayerPiece, { readInto, cache }: Pick<PieceMaking, 'readInto' | 'cache'>): Failure {
  if (piece.kept !== undefined) return damagedParts(piece);
  cache.discard(piece.key);
  for (const part of piece.parts) {
    if (typeof part === 'number' || !isDamaged(part.file, readInto)) continue;
    return damagedContent(part.file.path, part.file.packageIndex);
  }
  return new Failure('CACHE_UNUSABLE', 'a piece of a layer in the cache was damaged, and has been removed', {
    hint: 'run the build again; what is missing is made anew',
  });
}

/** What the store has of a package beside its data tar is gone or damaged: only a new copy of the package helps. */
export function damagedParts({ parts }: Pick<LayerPiece, 'parts'>): Failure {
  const part = parts.find((one) => typeof one !== 'number');
  assert(part !== undefined, 'a kept piece is a range of a file');
  return damagedContent(part.file.path, part.file.packageIndex);
}

function isDamaged({ packageIndex, offset, size, promised }: PackagedFile, readInto: PackagedReadInto): boolean {
  const hash = createHash('sha1');
  const buffer = Buffer.allocUnsafe(Math.min(size, PIECE_BYTES));
  for (let at = 0; at < size; at += PIECE_BYTES) {
    const part = buffer.subarray(0, Math.min(PIECE_BYTES, size - at));
    readInto(packageIndex, offset + at, part);
    hash.update(part);
  }
  return promised !== undefined && hash.digest('hex') !== promised;
}
