// Compresses a layer piece by piece (planning/rootfs/layer-pieces.ts) into a cache of pieces, taking from there what was
// deflated before, and finds its digests. The bytes are the same whatever the cache has. Nothing is used without a check: a cached
// piece is held against its own checksum and against the bytes that the diff_id is made of; a new one against the SHA-1 of
// each file in it.

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { hashHex } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import { damagedContent } from '../../planning/rootfs/content.ts';
import type { KeptPlace } from '../../planning/rootfs/kept-piece.ts';
import {
  type LayerPiece,
  type PackagedFile,
  type PackagedRange,
  PIECE_BYTES,
} from '../../planning/rootfs/layer-pieces.ts';
import type { CompressedLayer } from './compress-layer.ts';
import type { Compression, Joining } from './compression.ts';
import { BATCH_PIECES, type PieceHash, type PieceHashing } from './hash-pieces.ts';
import { type JoinedEnd, JoinedLayer, type LayerPlace } from './joined-layer.ts';

export interface CompressedPiece {
  readonly compressed: Uint8Array;
  /** CRC-32 of the uncompressed bytes. */
  readonly crc: number;
}

/** Keeps compressed pieces by `LayerPiece.key`. */
export interface PieceCache {
  /** The piece as it was written, or undefined: not there, or damaged. Uses `into`, if that is large enough. */
  read(key: string, into: Buffer): CompressedPiece | undefined;
  write(key: string, piece: CompressedPiece): void;
  discard(key: string): void;
  /** Blocks that came with a package, or undefined: not there, or damaged. */
  readKept(place: KeptPlace, into: Buffer): Uint8Array | undefined;
}

export type PackagedReadInto = (packageIndex: number, offset: number, into: Uint8Array) => void;

/** A file that the layer may be written to on the way. */
export interface LayerDraft {
  /** Where in it; undefined where that cannot be known in time. */
  readonly place: Promise<LayerPlace | undefined>;
  /** Is told before the digests are known: the layer after this one may wait for it. */
  compressed(sizeBytes: number): void;
  /** The layer is at its place, whole. */
  written(layer: CompressedLayer): void;
}

export interface LayerInput {
  readonly pieces: Iterable<LayerPiece>;
  /** About how many bytes the pieces have. */
  readonly sizeBytes: number;
  /** Paths of the packages' data tars, by package index. */
  readonly dataTars: readonly string[];
  /** Fills `into` with bytes of the same files, from `offset` on. */
  readonly readInto: PackagedReadInto;
  /** Whether the files of a package were verified just now, so that they need not be again. */
  readonly isFresh?: (packageIndex: number) => boolean;
  readonly compression: Compression;
  readonly cache: PieceCache;
  readonly hashing: PieceHashing;
  /** Where writing to it fails, the layer is only not there. */
  readonly draft?: LayerDraft | undefined;
  /** Is told the size of each piece that is done. */
  readonly progress?: (bytes: number) => void;
  /** Stops between two pieces, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Pieces under way: twice the thread pool's usual size keeps it busy while we hash and write. */
const PIECES_IN_FLIGHT = 8;

/** Inline bytes, and pieces, that hashing may run ahead of compressing, or lag behind it: they wait in memory. Four times as much: 6 MB more. */
const AHEAD_BYTES = 1024 * 1024;
const AHEAD_PIECES = 512;

/** A piece, or what is made of it: compression may add 5 bytes to 16 KiB, and the cache its seal. */
const SLOT_BYTES = PIECE_BYTES + PIECE_BYTES / 1024;

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
  let compressor: PieceCompressor | undefined;
  try {
    const ahead = new PiecesAhead(input.pieces, diff);
    // Another layer is planned meanwhile, and its pieces are on the way to the hashing thread before these are compressed.
    await setImmediate();
    compressor = new PieceCompressor(input, await input.draft?.place);
    const unhashed: { readonly checked: Promise<void>; readonly bytes: number }[] = [];
    let unhashedBytes = 0;
    for (let next = ahead.next(); next !== undefined; next = ahead.next()) {
      const { piece, hashed } = next;
      input.signal?.throwIfAborted();
      const crc = compressor.add(piece);
      const checked = Promise.all([hashed, crc]).then(([found, expected]) => {
        if (found !== expected) throw damageIn(piece, input);
      });
      checked.catch(() => {}); // Reported where it is awaited, if nothing else has failed before.
      unhashed.push({ checked, bytes: piece.inline.length });
      unhashedBytes += piece.inline.length;
      await compressor.room();
      // The last batch is not with the thread yet.
      while (unhashed.length > BATCH_PIECES && (unhashedBytes > AHEAD_BYTES || unhashed.length > AHEAD_PIECES)) {
        const first = unhashed.shift();
        unhashedBytes -= first?.bytes ?? 0;
        await first?.checked;
      }
    }
    const { isWritten, ...recipe } = await compressor.end();
    input.draft?.compressed(recipe.sizeBytes);
    const diffId = await diff.finish();
    await Promise.all(unhashed.map(({ checked }) => checked));
    const layer = { ...recipe, diffId };
    if (isWritten) input.draft?.written(layer);
    return layer;
  } finally {
    diff.close();
    await compressor?.close();
  }
}

interface HashedPiece {
  readonly piece: LayerPiece;
  readonly hashed: Promise<number>;
}

/** Hands pieces to be hashed before they are asked for, so that the hashing thread has work from the beginning. */
class PiecesAhead {
  readonly #planned: Iterator<LayerPiece>;
  readonly #diff: PieceHash;
  readonly #ahead: HashedPiece[] = [];
  #aheadBytes = 0;

  constructor(pieces: Iterable<LayerPiece>, diff: PieceHash) {
    this.#planned = pieces[Symbol.iterator]();
    this.#diff = diff;
    this.#plan();
  }

  next(): HashedPiece | undefined {
    const first = this.#ahead.shift();
    this.#aheadBytes -= first?.piece.inline.length ?? 0;
    this.#plan();
    return first;
  }

  #plan(): void {
    while (this.#ahead.length < AHEAD_PIECES && this.#aheadBytes < AHEAD_BYTES) {
      const { done, value: piece } = this.#planned.next();
      if (done === true) return;
      const hashed = this.#diff.add(piece);
      hashed.catch(() => {}); // Reported where it is awaited.
      this.#ahead.push({ piece, hashed });
      this.#aheadBytes += piece.inline.length;
    }
  }
}

/** A piece on its way, in the order of the layer. */
interface PieceUnderWay {
  readonly piece: LayerPiece;
  /** Its bytes, or the compressed ones. */
  readonly slot: Buffer;
  readonly made: Promise<CompressedPiece>;
}

class PieceCompressor {
  readonly #input: LayerInput;
  readonly #joining: Joining;
  readonly #joined: JoinedLayer;
  readonly #queue: PieceUnderWay[] = [];
  readonly #pieces: RecipePiece[] = [];
  /** Buffers that no piece under way uses. */
  readonly #slots: Buffer[] = [];
  /** Files of several pieces whose SHA-1 has been verified. */
  readonly #verified = new Set<string>();
  #uncompressedBytes = 0;

  constructor(input: LayerInput, place: LayerPlace | undefined) {
    this.#input = input;
    this.#joining = input.compression.join();
    this.#joined = new JoinedLayer(SLOT_BYTES, place);
    this.#joined.append(this.#joining.head);
  }

  /** Starts on the next piece. What comes back is the CRC-32 of the bytes that were compressed. */
  add(piece: LayerPiece): number | Promise<number> {
    if (this.#queue.length === 0) {
      const cached = this.#read(piece, this.#joined.room);
      if (cached !== undefined) {
        this.#joined.advance(cached.compressed.length);
        this.#note(piece, cached);
        return cached.crc;
      }
    }
    const slot = this.#slots.pop() ?? Buffer.allocUnsafeSlow(SLOT_BYTES);
    const cached = this.#queue.length === 0 ? undefined : this.#read(piece, slot);
    const made = cached === undefined ? this.#make(piece, slot) : Promise.resolve(cached);
    const crc = made.then((one) => one.crc);
    crc.catch(() => {}); // Reported where the piece is finished.
    this.#queue.push({ piece, slot, made });
    return crc;
  }

  /** Waits until there is room for another piece. */
  async room(): Promise<void> {
    await this.#joined.settle();
    while (this.#queue.length === PIECES_IN_FLIGHT) await this.#finishFirst();
  }

  async end(): Promise<Omit<LayerRecipe, 'diffId'> & JoinedEnd> {
    while (this.#queue.length > 0) await this.#finishFirst();
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

  async #make(piece: LayerPiece, slot: Buffer): Promise<CompressedPiece> {
    const { cache, compression, readInto } = this.#input;
    const bytes = slot.subarray(0, piece.sizeBytes);
    let filled = 0;
    let inlined = 0;
    for (const part of piece.parts) {
      const size = typeof part === 'number' ? part : part.size;
      const place = bytes.subarray(filled, filled + size);
      filled += size;
      if (typeof part === 'number') {
        place.set(piece.inline.subarray(inlined, inlined + size));
        inlined += size;
      } else {
        readInto(part.file.packageIndex, part.offset, place);
        this.#verify(part, place);
      }
    }
    assert(filled === piece.sizeBytes, `a piece of ${piece.sizeBytes} bytes, not ${filled}`);
    const crc = crc32(bytes);
    const made = { compressed: await compression.compress(bytes), crc };
    cache.write(piece.key, made);
    return made;
  }

  #read({ key, kept, parts }: LayerPiece, into: Buffer): CompressedPiece | undefined {
    if (kept === undefined) return this.#input.cache.read(key, into);
    const compressed = this.#input.cache.readKept(kept, into);
    if (compressed === undefined) throw damagedParts(parts);
    return { compressed, crc: kept.crc };
  }

  /** A file of several pieces is read through when the first of them is made: the others may come from the cache. */
  #verify({ file, size }: PackagedRange, bytes: Uint8Array): void {
    if (file.promised === undefined || this.#input.isFresh?.(file.packageIndex)) return;
    if (size === file.size) {
      if (hashHex('sha1', bytes) !== file.promised) throw damagedContent(file.path, file.packageIndex);
      return;
    }
    const id = `${file.packageIndex} ${file.offset}`;
    if (this.#verified.has(id)) return;
    if (isDamaged(file, this.#input.readInto)) throw damagedContent(file.path, file.packageIndex);
    this.#verified.add(id);
  }

  async #finishFirst(): Promise<void> {
    const { piece, slot, made } = this.#queue.shift() as PieceUnderWay;
    const finished = await made;
    this.#joined.append(finished.compressed);
    this.#slots.push(slot);
    this.#note(piece, finished);
    await this.#joined.settle();
  }

  #note(piece: LayerPiece, { compressed, crc }: CompressedPiece): void {
    this.#joining.add(crc, piece.sizeBytes);
    this.#uncompressedBytes += piece.sizeBytes;
    const { key, sizeBytes, kept } = piece;
    const place = kept && { package: kept.package, at: kept.at, deflatedBytes: kept.deflatedBytes, seal: kept.seal };
    this.#pieces.push({ key, sizeBytes, crc, compressedBytes: compressed.length, ...(place && { kept: place }) });
    this.#input.progress?.(piece.sizeBytes);
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
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

/** What the store has of a package beside its data tar is damaged: only a new copy of the package helps. */
function damagedParts(parts: LayerPiece['parts']): Failure {
  const part = parts.find((one) => typeof one !== 'number');
  assert(part !== undefined, 'a kept piece is a range of a file');
  return damagedContent(part.file.path, part.file.packageIndex);
}

/** The bytes hashed for the diff_id are not those that were compressed: says which package to fetch again. */
function damageIn(piece: LayerPiece, { readInto, cache }: LayerInput): Failure {
  if (piece.kept !== undefined) return damagedParts(piece.parts);
  cache.discard(piece.key);
  for (const part of piece.parts) {
    if (typeof part === 'number' || !isDamaged(part.file, readInto)) continue;
    return damagedContent(part.file.path, part.file.packageIndex);
  }
  return new Failure('CACHE_UNUSABLE', 'a piece of a layer in the cache was damaged, and has been removed', {
    hint: 'run the build again; what is missing is made anew',
  });
}
