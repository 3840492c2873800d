// Layers as recipes of pieces in a cache: a blob's bytes are laid end to end only where they go out, to an archive, a layout
// or a registry. No layer is ever written twice, and none has to be compressed again that was compressed in an earlier run.

import type { Digest } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import { GZIP_HEADER, JoinedMember } from '../../formats/gzip/joined-member.ts';
import type { BlobSource, ByteRange } from '../../formats/oci/blob-source.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
import { compressPieces, type LayerInput, type LayerRecipe, type PieceCache } from './compress-pieces.ts';

/** `open` throws IMAGE_INVALID for a blob that was not added, CACHE_UNUSABLE where a piece has gone meanwhile. */
export class PiecedBlobs implements BlobSource {
  readonly #cache: PieceCache;
  readonly #recipes = new Map<Digest, LayerRecipe>();
  readonly #others = new Map<Digest, BlobSource>();
  readonly #verified = new Set<Digest>();

  constructor(cache: PieceCache) {
    this.#cache = cache;
  }

  /** Compresses a layer into the cache. Failures of `compressPieces`. */
  async addLayer(input: Omit<LayerInput, 'cache'>): Promise<LayerRecipe> {
    const recipe = await compressPieces({ ...input, cache: this.#cache });
    this.#recipes.set(recipe.digest, recipe);
    this.#verified.add(recipe.digest);
    return recipe;
  }

  /** A layer of an earlier run. Its pieces may be gone, so that `open` fails. */
  addRecipe(recipe: LayerRecipe): void {
    this.#recipes.set(recipe.digest, recipe);
  }

  /** A blob that is somewhere else. */
  addSource({ digest }: Descriptor, source: BlobSource): void {
    this.#others.set(digest, source);
  }

  /** Every piece of the blob was digested in this run, and is held against its checksum once more when it is read. */
  isVerified({ digest }: Descriptor): boolean {
    return this.#verified.has(digest);
  }

  async *open(descriptor: Descriptor, range?: ByteRange): AsyncGenerator<Uint8Array> {
    const recipe = this.#recipes.get(descriptor.digest);
    const other = this.#others.get(descriptor.digest);
    if (recipe !== undefined) yield* this.#join(recipe, range ?? { start: 0, end: recipe.sizeBytes });
    else if (other !== undefined) yield* other.open(descriptor, range);
    else throw new Failure('IMAGE_INVALID', `there is no blob ${descriptor.digest} in this image`);
  }

  *#join(recipe: LayerRecipe, { start, end }: ByteRange): Generator<Uint8Array> {
    assert(start >= 0 && start <= end, `a range of bytes, not ${start}..${end}`);
    let at = 0;
    /** The part of `bytes` that lies in the range; they are the next of the blob. */
    const next = (bytes: Uint8Array): Uint8Array => {
      const part = bytes.subarray(Math.max(0, start - at), Math.max(0, end - at));
      at += bytes.length;
      return part;
    };
    yield next(GZIP_HEADER);
    const member = new JoinedMember();
    for (const { key, deflatedBytes, crc, sizeBytes } of recipe.pieces) {
      member.add(crc, sizeBytes);
      if (at + deflatedBytes <= start || at >= end) at += deflatedBytes;
      else yield next(this.#read(key, deflatedBytes));
    }
    yield next(member.end());
  }

  #read(key: string, deflatedBytes: number): Uint8Array {
    // A buffer of its own: whoever gets the bytes may keep them.
    const piece = this.#cache.read(key, Buffer.allocUnsafeSlow(deflatedBytes + PIECE_HEAD_BYTES));
    if (piece?.deflated.length === deflatedBytes) return piece.deflated;
    throw new Failure(
      'CACHE_UNUSABLE',
      'a piece of a layer was removed from the cache or damaged while it was in use',
      {
        hint: 'run the build again; what is missing is made anew',
      },
    );
  }
}

/** Room for what a cache may put around a piece. */
const PIECE_HEAD_BYTES = 64;
