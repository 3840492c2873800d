// Compresses a layer piece by piece (planning/rootfs/layer-pieces.ts) into a cache of pieces, taking from there what was
// deflated before, and finds its digests. The bytes are the same whatever the cache has. Nothing is used without a check: a cached
// piece is held against its own checksum and against the bytes that the diff_id is made of; a new one against the SHA-1 of
// each file in it.

import { setImmediate } from 'node:timers/promises';
import { Failure } from '../../base/failure.ts';
import type { KeptPlace } from '../../planning/rootfs/kept-piece.ts';
import type { LayerPiece } from '../../planning/rootfs/layer-pieces.ts';
import type { CompressedLayer } from './compress-layer.ts';
import type { Joining } from './compression.ts';
import { BATCH_PIECES, type PieceHash, type PieceHashing } from './hash-pieces.ts';
import { type JoinedEnd, JoinedLayer, type LayerPlace } from './joined-layer.ts';
import { damagedParts, damageIn, type PieceMaking } from './make-piece.ts';
import type { Making, PiecesMaker } from './making.ts';
import { type CompressedPiece, SLOT_BYTES } from './piece-cache.ts';

/** A file that the layer may be written to on the way. */
export interface LayerDraft {
  /** Where in it; undefined where that cannot be known in time. */
  readonly place: Promise<LayerPlace | undefined>;
  /** Is told before the digests are known: the layer after this one may wait for it. */
  compressed(sizeBytes: number): void;
  /** The layer is at its place, whole. */
  written(layer: CompressedLayer): void;
}

export interface LayerInput extends PieceMaking {
  readonly pieces: Iterable<LayerPiece>;
  /** About how many bytes the pieces have. */
  readonly sizeBytes: number;
  /** Paths of the packages' data tars, by package index. */
  readonly dataTars: readonly string[];
  readonly hashing: PieceHashing;
  readonly making: Making;
  /** Where writing to it fails, the layer is only not there. */
  readonly draft?: LayerDraft | undefined;
  /** Is told the size of each piece that is done. */
  readonly progress?: (bytes: number) => void;
  /** Stops between two pieces, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Pieces under way, most of which need not be made: enough for the threads that make the others. */
const PIECES_IN_FLIGHT = 64;

/**
 * Inline bytes, and pieces, that hashing may run ahead of compressing, or lag behind it: they wait in memory. Much of a layer, so
 * that neither waits for the other; with a quarter of it a warm build takes 1.2 s instead of 1.1.
 */
const AHEAD_BYTES = 4 * 1024 * 1024;
const AHEAD_PIECES = 2048;

/** A layer as the pieces that it is made of, all of them in the cache. */
export interface LayerRecipe extends CompressedLayer {
  /** How the pieces are compressed. */
  readonly mediaType: string;
  /** In hex: what stands before the pieces, and what follows them. */
  readonly head: string;
  readonly tail: string;
  readonly pieces: readonly RecipePiece[];
}

export interface RecipePiece {
  readonly key: string;
  /** Uncompressed. */
  readonly sizeBytes: number;
  /** CRC-32 of the uncompressed bytes. */
  readonly crc: number;
  readonly compressedBytes: number;
  /** It lies with a package. */
  readonly kept?: KeptPlace;
}

/**
 * The recipe of the layer; its pieces are in the cache then. Memory stays the same for any size. Failures CHECKSUM_MISMATCH
 * (with the DamagedContent of a package in the store) and CACHE_UNUSABLE, and what cache and reads throw.
 */
export async function compressPieces(input: LayerInput): Promise<LayerRecipe> {
  const diff = input.hashing.begin(input.dataTars, input.sizeBytes);
  const maker = input.making.begin(input);
  let compressor: PieceCompressor | undefined;
  try {
    const ahead = new PiecesAhead(input.pieces, diff);
    // Another layer is planned meanwhile, and its pieces are on the way to the hashing thread before these are compressed.
    await setImmediate();
    compressor = new PieceCompressor(input, maker, await input.draft?.place);
    const unchecked = new UncheckedPieces(diff.sums, compressor.sums);
    for (let piece = ahead.next(); piece !== undefined; piece = ahead.next()) {
      input.signal?.throwIfAborted();
      compressor.add(piece);
      unchecked.add(piece);
      await compressor.room();
      while (unchecked.isFull) {
        await Promise.all([diff.hashed(unchecked.checked + 1), compressor.compressed(unchecked.checked + 1)]);
        unchecked.check(input);
      }
    }
    const { isWritten, ...recipe } = await compressor.end();
    input.draft?.compressed(recipe.sizeBytes);
    const diffId = await diff.finish();
    unchecked.check(input);
    const layer = { ...recipe, diffId };
    if (isWritten) input.draft?.written(layer);
    return layer;
  } finally {
    diff.close();
    await maker.close();
    await compressor?.close();
  }
}

/** Hands pieces to be hashed before they are asked for, so that the hashing thread has work from the beginning. */
class PiecesAhead {
  readonly #planned: Iterator<LayerPiece>;
  readonly #diff: PieceHash;
  readonly #ahead: LayerPiece[] = [];
  #aheadBytes = 0;

  constructor(pieces: Iterable<LayerPiece>, diff: PieceHash) {
    this.#planned = pieces[Symbol.iterator]();
    this.#diff = diff;
    this.#plan();
  }

  next(): LayerPiece | undefined {
    const first = this.#ahead.shift();
    this.#aheadBytes -= first?.inline.length ?? 0;
    this.#plan();
    return first;
  }

  #plan(): void {
    while (this.#ahead.length < AHEAD_PIECES && this.#aheadBytes < AHEAD_BYTES) {
      const { done, value: piece } = this.#planned.next();
      if (done === true) return;
      this.#diff.add(piece);
      this.#ahead.push(piece);
      this.#aheadBytes += piece.inline.length;
    }
  }
}

/** Pieces whose two checksums are not both there yet: what the diff_id is made of, and what was compressed. */
class UncheckedPieces {
  readonly #hashed: readonly number[];
  readonly #compressed: readonly number[];
  readonly #pieces: LayerPiece[] = [];
  #bytes = 0;
  /** So many have been. */
  checked = 0;

  constructor(hashed: readonly number[], compressed: readonly number[]) {
    this.#hashed = hashed;
    this.#compressed = compressed;
  }

  /** So much waits in memory that some of it has to go first. The last batch is not with the thread yet. */
  get isFull(): boolean {
    const count = this.#pieces.length;
    return count > BATCH_PIECES && (this.#bytes > AHEAD_BYTES || count > AHEAD_PIECES);
  }

  add(piece: LayerPiece): void {
    this.#pieces.push(piece);
    this.#bytes += piece.inline.length;
  }

  /** As far as there are checksums. Failures of `damageIn`. */
  check(making: PieceMaking): void {
    const end = Math.min(this.#hashed.length, this.#compressed.length);
    for (; this.checked < end; this.checked++) {
      const piece = this.#pieces.shift() as LayerPiece;
      this.#bytes -= piece.inline.length;
      if (this.#hashed[this.checked] !== this.#compressed[this.checked]) throw damageIn(piece, making);
    }
  }
}

class PieceCompressor {
  readonly #input: LayerInput;
  readonly #maker: PiecesMaker;
  readonly #joining: Joining;
  readonly #joined: JoinedLayer;
  /** Pieces under way, in order; each is done when those before it are. */
  readonly #queue: Promise<void>[] = [];
  /** Of them, those that wait for being made. */
  #unmade = 0;
  readonly #pieces: RecipePiece[] = [];
  #uncompressedBytes = 0;
  /** Of each piece that is done: checksum of the bytes that were compressed. */
  readonly sums: number[] = [];

  constructor(input: LayerInput, maker: PiecesMaker, place: LayerPlace | undefined) {
    this.#input = input;
    this.#maker = maker;
    this.#joining = input.compression.join();
    this.#joined = new JoinedLayer(SLOT_BYTES, place);
    this.#joined.append(this.#joining.head);
  }

  /** Starts on the next piece. */
  add(piece: LayerPiece): void {
    const isNext = this.#queue.length === 0;
    const cached = isNext ? this.#read(piece) : undefined;
    if (cached !== undefined) {
      this.#note(piece, cached);
      return;
    }
    const isThere = !isNext && (piece.kept !== undefined || this.#input.cache.has(piece.key));
    const finished = this.#finish(piece, this.#queue.at(-1), isThere ? undefined : this.#make(piece));
    finished.catch(() => {}); // Reported where the next piece is awaited, or the end.
    this.#queue.push(finished);
  }

  /** Waits until there is room for another piece, or until none is being made: what is there is read quickest one by one. */
  async room(): Promise<void> {
    while (this.#queue.length >= PIECES_IN_FLIGHT || (this.#queue.length > 0 && this.#unmade === 0)) await this.#wait();
    if (this.#queue.length === 0) await this.#joined.settle();
  }

  /** Waits until so many pieces are done, of those that were added. */
  async compressed(count: number): Promise<void> {
    while (this.sums.length < count) await this.#wait();
  }

  async end(): Promise<Omit<LayerRecipe, 'diffId'> & JoinedEnd> {
    while (this.#queue.length > 0) await this.#wait();
    const tail = this.#joining.end();
    this.#joined.append(tail);
    return {
      ...(await this.#joined.finish()),
      mediaType: this.#input.compression.mediaType,
      uncompressedBytes: this.#uncompressedBytes,
      head: hexOf(this.#joining.head),
      tail: hexOf(tail),
      pieces: this.#pieces,
    };
  }

  async close(): Promise<void> {
    await this.#joined.close();
  }

  /** Until the next piece may be done. */
  async #wait(): Promise<void> {
    // The threads' answers have their turn.
    if (this.#input.making.help()) await setImmediate();
    else await this.#queue[0];
  }

  #make(piece: LayerPiece): Promise<void> {
    this.#unmade++;
    const made = this.#maker.make(piece).finally(() => this.#unmade--);
    made.catch(() => {}); // Reported in its turn.
    return made;
  }

  /** When the pieces before it are finished, and it has been made. */
  async #finish(piece: LayerPiece, before: Promise<void> | undefined, made: Promise<void> | undefined): Promise<void> {
    await before;
    await made;
    let cached = this.#read(piece);
    if (cached === undefined) {
      // It was damaged, or went meanwhile.
      await this.#make(piece);
      cached = this.#read(piece);
    }
    if (cached === undefined) throw lostPiece();
    this.#note(piece, cached);
    await this.#joined.settle();
    this.#queue.shift();
  }

  #read({ key, kept, parts }: LayerPiece): CompressedPiece | undefined {
    const into = this.#joined.room;
    if (kept === undefined) return this.#input.cache.read(key, into);
    const compressed = this.#input.cache.readKept(kept, into);
    if (compressed === undefined) throw damagedParts({ parts });
    return { compressed, crc: kept.crc, sum: kept.sum };
  }

  /** It has been read to where the next bytes of the layer belong. */
  #note(piece: LayerPiece, { compressed, crc, sum }: CompressedPiece): void {
    this.#joined.advance(compressed.length);
    this.#joining.add(crc, piece.sizeBytes);
    this.#uncompressedBytes += piece.sizeBytes;
    const { key, sizeBytes, kept } = piece;
    const place = kept && { package: kept.package, at: kept.at, deflatedBytes: kept.deflatedBytes, seal: kept.seal };
    this.#pieces.push({ key, sizeBytes, crc, compressedBytes: compressed.length, ...(place && { kept: place }) });
    this.sums.push(sum);
    this.#input.progress?.(piece.sizeBytes);
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function lostPiece(): Failure {
  return new Failure('CACHE_UNUSABLE', 'a piece of a layer was removed from the cache while it was in use', {
    hint: 'run the build again; what is missing is made anew',
  });
}
