// Layers as recipes of pieces in a cache: a blob's bytes are laid end to end only where they go out, to an archive, a layout
// or a registry. No layer is ever written twice, and none has to be compressed again that was compressed in an earlier run.

import { checksumRoom, returnRoom } from '../../base/checksum.ts';
import type { Digest } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import { type BlobSource, type ByteRange, copyVerified } from '../../formats/oci/blob-source.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
import { PIECE_BYTES } from '../../planning/rootfs/layer-pieces.ts';
import type { ByteSink } from './atomic-file.ts';
import { compressPieces, type LayerInput, type LayerRecipe, type RecipePiece } from './compress-pieces.ts';
import type { Compression } from './compression.ts';
import { PieceHashing } from './hash-pieces.ts';
import { Making } from './making.ts';
import type { PieceCache } from './piece-cache.ts';

/** Room for what a cache may put behind a piece. */
const PIECE_SEAL_BYTES = 64;

/** Two buffers of a writer. Pieces are smaller, even where compression makes them larger. */
const COPY_BYTES = 2 * PIECE_BYTES;

/** `open` throws IMAGE_INVALID for a blob that was not added, CACHE_UNUSABLE where a piece has gone meanwhile. */
export class PiecedBlobs implements BlobSource {
  readonly #cache: PieceCache;
  readonly #compression: Compression;
  readonly #hashing = new PieceHashing();
  readonly #making: Making;
  readonly #recipes = new Map<Digest, LayerRecipe>();
  readonly #others = new Map<Digest, BlobSource>();

  constructor(cache: PieceCache, compression: Compression) {
    this.#cache = cache;
    this.#compression = compression;
    this.#making = new Making(cache, compression);
  }

  /** Of the layers that are added. */
  get mediaType(): string {
    return this.#compression.mediaType;
  }

  /** Part of the keys of pieces that are added. */
  get way(): string {
    return this.#compression.way;
  }

  /** Whether blocks of publishers are used. */
  get usesKept(): boolean {
    return this.#compression.usesKept;
  }

  /** Layers are to come that have so many bytes more. */
  expect(sizeBytes: number): void {
    this.#hashing.expect(sizeBytes);
  }

  /** So many more that are in no cache yet. */
  expectNew(sizeBytes: number): void {
    this.expect(sizeBytes);
    this.#making.expect(sizeBytes);
  }

  /** Compresses a layer into the cache. Failures of `compressPieces`. */
  async addLayer(input: Omit<LayerInput, 'cache' | 'hashing' | 'making' | 'compression'>): Promise<LayerRecipe> {
    const recipe = await compressPieces({
      ...input,
      compression: this.#compression,
      cache: this.#cache,
      hashing: this.#hashing,
      making: this.#making,
    });
    this.#recipes.set(recipe.digest, recipe);
    return recipe;
  }

  /** No layer is added any more: lets go of the threads that worked on them. */
  close(): void {
    this.#hashing.close();
    this.#making.close();
  }

  /** A layer of an earlier run, from a sealed record. Its pieces may be gone, so that `open` fails. */
  addRecipe(recipe: LayerRecipe): void {
    this.#recipes.set(recipe.digest, recipe);
  }

  /** A blob that is somewhere else. */
  addSource({ digest }: Descriptor, source: BlobSource): void {
    this.#others.set(digest, source);
  }

  /**
   * The digest was made of exactly these pieces, in this run or before a sealed record was written of it, and each piece is held
   * against its own checksum when it is read. Digesting 200 MB again would be a third of what it takes to write them.
   */
  async copyVerified(descriptor: Descriptor, write: ByteSink): Promise<void> {
    const recipe = this.#recipes.get(descriptor.digest);
    const other = this.#others.get(descriptor.digest);
    if (recipe !== undefined) await this.#copy(recipe, write);
    else if (other !== undefined) await copyVerified(other, descriptor, write);
    else throw unknownBlob(descriptor);
  }

  async *open(descriptor: Descriptor, range?: ByteRange): AsyncGenerator<Uint8Array> {
    const recipe = this.#recipes.get(descriptor.digest);
    const other = this.#others.get(descriptor.digest);
    if (recipe !== undefined) yield* this.#join(recipe, range ?? { start: 0, end: recipe.sizeBytes });
    else if (other !== undefined) yield* other.open(descriptor, range);
    else throw unknownBlob(descriptor);
  }

  /**
   * Two buffers: one is filled while the other is written. Pieces are read straight to their place; what the cache puts behind one
   * is overwritten by the next. Fresh buffers for each piece took twice as long, in collections.
   */
  async #copy({ head, pieces, tail }: LayerRecipe, write: ByteSink): Promise<void> {
    let [filling, other] = [checksumRoom(COPY_BYTES), checksumRoom(COPY_BYTES)];
    let writing = Promise.resolve();
    let filled = filling.write(head, 'hex');
    const flush = async (): Promise<void> => {
      await writing;
      writing = write(filling.subarray(0, filled));
      writing.catch(() => {}); // Thrown where it is awaited.
      [filling, other] = [other, filling];
      filled = 0;
    };
    try {
      for (const piece of pieces) {
        if (filled + piece.compressedBytes + PIECE_SEAL_BYTES > COPY_BYTES) await flush();
        filled += this.#read(piece, filling.subarray(filled)).length;
      }
      if (filled + tail.length > COPY_BYTES) await flush();
      filled += filling.write(tail, filled, 'hex');
      await flush();
      await writing;
    } finally {
      await writing.catch(() => {});
      returnRoom(filling);
      returnRoom(other);
    }
  }

  *#join({ head, pieces, tail }: LayerRecipe, { start, end }: ByteRange): Generator<Uint8Array> {
    assert(start >= 0 && start <= end, `a range of bytes, not ${start}..${end}`);
    let at = 0;
    /** The part of `bytes` that lies in the range; they are the next of the blob. */
    const next = (bytes: Uint8Array): Uint8Array => {
      const part = bytes.subarray(Math.max(0, start - at), Math.max(0, end - at));
      at += bytes.length;
      return part;
    };
    yield next(Buffer.from(head, 'hex'));
    for (const piece of pieces) {
      const { compressedBytes } = piece;
      // A buffer of its own: whoever gets the bytes may keep them.
      if (at + compressedBytes <= start || at >= end) at += compressedBytes;
      else yield next(this.#read(piece, Buffer.allocUnsafeSlow(compressedBytes + PIECE_SEAL_BYTES)));
    }
    yield next(Buffer.from(tail, 'hex'));
  }

  #read({ key, compressedBytes, crc, kept }: RecipePiece, into: Buffer): Uint8Array {
    if (kept === undefined) {
      const piece = this.#cache.read(key, into);
      if (piece?.compressed.length === compressedBytes && piece.crc === crc) return piece.compressed;
    } else {
      const blocks = this.#cache.readKept(kept, into);
      if (blocks !== undefined) return blocks;
    }
    throw new Failure(
      'CACHE_UNUSABLE',
      'a piece of a layer was removed from the cache or damaged while it was in use',
      {
        hint: 'run the build again; what is missing is made anew',
      },
    );
  }
}

function unknownBlob({ digest }: Descriptor): Failure {
  return new Failure('IMAGE_INVALID', `there is no blob ${digest} in this image`);
}
