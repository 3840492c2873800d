// Compresses a layer piece by piece (planning/rootfs/layer-pieces.ts) into a cache of pieces, taking from there what was
// deflated before, and finds its digests. The bytes are the same whatever the cache has. Nothing is used without a check: a cached
// piece is held against its own checksum and against the bytes that the diff_id is made of; a new one against the SHA-1 of
// each file in it.

import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { crc32, deflateRaw, type ZlibOptions } from 'node:zlib';
import { type Digest, hashHex } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import { GZIP_HEADER, JoinedMember } from '../../formats/gzip/joined-member.ts';
import { damagedContent } from '../../planning/rootfs/content.ts';
import {
  type LayerPiece,
  type PackagedFile,
  type PackagedRange,
  PIECE_BYTES,
  sizeOf,
} from '../../planning/rootfs/layer-pieces.ts';
import { type CompressedLayer, deflateOptions } from './compress-layer.ts';
import { hashPieces } from './hash-pieces.ts';

export interface DeflatedPiece {
  /** Ends on a byte border without ending the stream. */
  readonly deflated: Uint8Array;
  /** CRC-32 of the uncompressed bytes. */
  readonly crc: number;
}

/** Keeps deflated pieces by `LayerPiece.key`, apart for each level and each way to deflate. */
export interface PieceCache {
  /** The piece as it was written, or undefined: not there, or damaged. Uses `into`, if that is large enough. */
  read(key: string, into: Buffer): DeflatedPiece | undefined;
  write(key: string, piece: DeflatedPiece): void;
  discard(key: string): void;
}

export type PackagedReadInto = (packageIndex: number, offset: number, into: Uint8Array) => void;

export interface LayerInput {
  readonly pieces: Iterable<LayerPiece>;
  /** About how many bytes the pieces have. */
  readonly sizeBytes: number;
  /** Paths of the packages' data tars, by package index. */
  readonly dataTars: readonly string[];
  /** Fills `into` with bytes of the same files, from `offset` on. */
  readonly readInto: PackagedReadInto;
  /** zlib's 1 (quick) to 9 (small). */
  readonly level: number;
  readonly cache: PieceCache;
  /** Is told the size of each piece that is done. */
  readonly progress?: (bytes: number) => void;
}

/** Pieces under way: twice the thread pool's usual size keeps it busy while we hash and write. */
const PIECES_IN_FLIGHT = 8;

/** Pieces that the hashing thread may lag behind: headers wait in memory until it has them. */
const UNHASHED_PIECES = 64;

/** A piece, or what is made of it: deflate may add 5 bytes to 16 KiB, and the cache its head. */
const SLOT_BYTES = PIECE_BYTES + PIECE_BYTES / 1024;

/** A layer as the pieces that it is made of, all of them in the cache. */
export interface LayerRecipe extends CompressedLayer {
  readonly pieces: readonly RecipePiece[];
}

export interface RecipePiece {
  readonly key: string;
  /** Uncompressed. */
  readonly sizeBytes: number;
  /** CRC-32 of the uncompressed bytes. */
  readonly crc: number;
  readonly deflatedBytes: number;
}

/**
 * The recipe of the layer; its pieces are in the cache then. Memory stays the same for any size. Failures CHECKSUM_MISMATCH
 * (with the DamagedContent of a package in the store) and CACHE_UNUSABLE, and what cache and reads throw.
 */
export async function compressPieces(input: LayerInput): Promise<LayerRecipe> {
  const { level } = input;
  assert(Number.isInteger(level) && level >= 1 && level <= 9, `a compression level from 1 to 9, not ${level}`);
  const diff = hashPieces(input.dataTars, input.sizeBytes);
  try {
    const compressor = new PieceCompressor(input, deflateOptions(level));
    const unhashed: Promise<void>[] = [];
    for (const piece of input.pieces) {
      const hashed = diff.add(piece);
      hashed.catch(() => {}); // Reported where it is awaited, if nothing else has failed before.
      const { crc } = await compressor.add(piece);
      const checked = Promise.all([hashed, crc]).then(([found, expected]) => {
        if (found !== expected) throw damageIn(piece, input);
      });
      checked.catch(() => {});
      unhashed.push(checked);
      if (unhashed.length === UNHASHED_PIECES) await unhashed.shift();
    }
    const recipe = await compressor.end();
    await Promise.all(unhashed);
    return { ...recipe, diffId: await diff.finish() };
  } finally {
    diff.close();
  }
}

const deflate = promisify(deflateRaw) as (bytes: Uint8Array, options: ZlibOptions) => Promise<Uint8Array>;

/** A piece on its way, in the order of the layer. */
interface PieceUnderWay {
  readonly piece: LayerPiece;
  /** Its bytes, or the deflated ones. */
  readonly slot: Buffer;
  readonly made: Promise<DeflatedPiece>;
  /** It came from the cache: no reason to wait. */
  readonly ready: boolean;
}

class PieceCompressor {
  readonly #input: LayerInput;
  readonly #options: ZlibOptions;
  readonly #member = new JoinedMember();
  readonly #hash = createHash('sha256').update(GZIP_HEADER);
  readonly #queue: PieceUnderWay[] = [];
  readonly #pieces: RecipePiece[] = [];
  /** Buffers that no piece under way uses. */
  readonly #slots: Buffer[] = [];
  /** Files of several pieces whose SHA-1 has been verified. */
  readonly #verified = new Set<string>();
  #sizeBytes = GZIP_HEADER.length;

  constructor(input: LayerInput, options: ZlibOptions) {
    this.#input = input;
    this.#options = options;
  }

  /** Starts on the next piece. The CRC-32 is that of the bytes which were deflated. */
  async add(piece: LayerPiece): Promise<{ readonly crc: Promise<number> }> {
    const slot = this.#slots.pop() ?? Buffer.allocUnsafeSlow(SLOT_BYTES);
    const cached = this.#input.cache.read(piece.key, slot);
    const made = cached === undefined ? this.#make(piece, slot) : Promise.resolve(cached);
    const crc = made.then((one) => one.crc);
    crc.catch(() => {}); // Reported where the piece is finished.
    this.#queue.push({ piece, slot, made, ready: cached !== undefined });
    while (this.#queue.length === PIECES_IN_FLIGHT || this.#queue[0]?.ready) await this.#finishFirst();
    return { crc };
  }

  async end(): Promise<Omit<LayerRecipe, 'diffId'>> {
    while (this.#queue.length > 0) await this.#finishFirst();
    this.#take(this.#member.end());
    const { uncompressedBytes } = this.#member;
    const digest: Digest = `sha256:${this.#hash.digest('hex')}`;
    return { digest, sizeBytes: this.#sizeBytes, uncompressedBytes, pieces: this.#pieces };
  }

  async #make(piece: LayerPiece, slot: Buffer): Promise<DeflatedPiece> {
    const { cache, readInto } = this.#input;
    const bytes = slot.subarray(0, piece.sizeBytes);
    let filled = 0;
    for (const part of piece.parts) {
      const place = bytes.subarray(filled, filled + sizeOf(part));
      filled += place.length;
      if (part instanceof Uint8Array) place.set(part);
      else {
        readInto(part.file.packageIndex, part.offset, place);
        this.#verify(part, place);
      }
    }
    assert(filled === piece.sizeBytes, `a piece of ${piece.sizeBytes} bytes, not ${filled}`);
    const crc = crc32(bytes);
    const made = { deflated: await deflate(bytes, this.#options), crc };
    cache.write(piece.key, made);
    return made;
  }

  /** A file of several pieces is read through when the first of them is made: the others may come from the cache. */
  #verify({ file, size }: PackagedRange, bytes: Uint8Array): void {
    if (file.promised === undefined) return;
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
    const { deflated, crc } = await made;
    this.#member.add(crc, piece.sizeBytes);
    this.#take(deflated);
    this.#pieces.push({ key: piece.key, sizeBytes: piece.sizeBytes, crc, deflatedBytes: deflated.length });
    this.#slots.push(slot);
    this.#input.progress?.(piece.sizeBytes);
  }

  #take(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#sizeBytes += bytes.length;
  }
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

/** The bytes hashed for the diff_id are not those that were deflated: says which package to fetch again. */
function damageIn(piece: LayerPiece, { readInto, cache }: LayerInput): Failure {
  cache.discard(piece.key);
  for (const part of piece.parts) {
    if (part instanceof Uint8Array || !isDamaged(part.file, readInto)) continue;
    return damagedContent(part.file.path, part.file.packageIndex);
  }
  return new Failure('CACHE_UNUSABLE', 'a piece of a layer in the cache was damaged, and has been removed', {
    hint: 'run the build again; what is missing is made anew',
  });
}
