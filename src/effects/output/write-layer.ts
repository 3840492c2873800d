// Writes a layer as one gzip member of pieces (planning/rootfs/layer-pieces.ts), taking those that were deflated before from
// a cache. The bytes are the same with and without it. Nothing leaves without a check: a cached piece is held against its own
// checksum and against the bytes that the diff_id was made of; a new one against the SHA-1 of each file in it.

import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { crc32, deflateRaw, type ZlibOptions } from 'node:zlib';
import { assert, Failure } from '../../base/failure.ts';
import { GZIP_HEADER, JoinedMember } from '../../formats/gzip/joined-member.ts';
import { damagedContent, type PackagedRead } from '../../planning/rootfs/content.ts';
import { type LayerPiece, PIECE_BYTES, type PackagedFile } from '../../planning/rootfs/layer-pieces.ts';
import type { ByteSink } from './atomic-file.ts';
import { type CompressedLayer, DEFAULT_LEVEL, deflateOptions } from './compress-layer.ts';
import { hashPieces } from './hash-pieces.ts';

export interface DeflatedPiece {
  /** Ends on a byte border without ending the stream. */
  readonly deflated: Uint8Array;
  /** CRC-32 of the uncompressed bytes. */
  readonly crc: number;
}

/** Keeps deflated pieces by `LayerPiece.key`, apart for each level and each way to deflate. */
export interface PieceCache {
  /** The piece as it was written, or undefined. May use `into`, which is large enough for any piece. */
  read(key: string, into: Buffer): DeflatedPiece | undefined;
  write(key: string, piece: DeflatedPiece): void;
  discard(key: string): void;
}

export interface LayerInput {
  readonly pieces: Iterable<LayerPiece>;
  /** About how many bytes the pieces have. */
  readonly sizeBytes: number;
  /** Paths of the packages' data tars, by package index. */
  readonly dataTars: readonly string[];
  /** Reads the same files. */
  readonly read: PackagedRead;
  /** zlib's 1 (quick) to 9 (small). */
  readonly level?: number;
  readonly cache?: PieceCache;
  /** Is told the size of each piece that has been written. */
  readonly progress?: (bytes: number) => void;
}

/** Pieces under way: twice the thread pool's usual size keeps it busy while we hash and write. */
const PIECES_IN_FLIGHT = 8;

/** Pieces that the hashing thread may lag behind: headers wait in memory until it has them. */
const UNHASHED_PIECES = 64;

/** Deflate may make 5 bytes more of 16 KiB. */
const SLOT_BYTES = PIECE_BYTES + PIECE_BYTES / 1024;

/**
 * Writes the layer into `sink`, which is never called again before its promise resolves. Memory stays the same for any
 * size. Failures CHECKSUM_MISMATCH (with the DamagedContent of a package in the store) and CACHE_UNUSABLE, and what cache,
 * reads and sink throw.
 */
export async function writeLayer(input: LayerInput, sink: ByteSink): Promise<CompressedLayer> {
  const { level = DEFAULT_LEVEL } = input;
  assert(Number.isInteger(level) && level >= 1 && level <= 9, `a compression level from 1 to 9, not ${level}`);
  const diff = hashPieces(input.dataTars, input.sizeBytes);
  try {
    const writer = new LayerWriter(input, sink, deflateOptions(level));
    await writer.begin();
    const unhashed: Promise<void>[] = [];
    for (const piece of input.pieces) {
      const hashed = diff.add(piece);
      hashed.catch(() => {});
      const { crc } = await writer.add(piece);
      const checked = Promise.all([hashed, crc]).then(([found, expected]) => {
        if (found !== expected) throw damageIn(piece, input);
      });
      checked.catch(() => {}); // Reported where it is awaited, if nothing else has failed before.
      unhashed.push(checked);
      if (unhashed.length === UNHASHED_PIECES) await unhashed.shift();
    }
    const written = await writer.end();
    await Promise.all(unhashed);
    return { ...written, diffId: await diff.finish() };
  } finally {
    diff.close();
  }
}

const deflate = promisify(deflateRaw) as (bytes: Uint8Array, options: ZlibOptions) => Promise<Uint8Array>;

/** A piece on its way, in the order of the layer. */
interface PieceUnderWay {
  readonly sizeBytes: number;
  readonly made: Promise<DeflatedPiece>;
  /** It came from the cache: no reason to wait. */
  readonly ready: boolean;
}

class LayerWriter {
  readonly #input: LayerInput;
  readonly #sink: ByteSink;
  readonly #options: ZlibOptions;
  readonly #member = new JoinedMember();
  readonly #hash = createHash('sha256');
  readonly #queue: PieceUnderWay[] = [];
  /** Buffers go round: one is free again when the piece that used it has been written. */
  readonly #slots: Buffer[] = [];
  /** Files of several pieces whose SHA-1 has been verified. */
  readonly #verified = new Set<string>();
  #sizeBytes = 0;
  #turn = 0;

  constructor(input: LayerInput, sink: ByteSink, options: ZlibOptions) {
    this.#input = input;
    this.#sink = sink;
    this.#options = options;
  }

  async begin(): Promise<void> {
    await this.#emit(GZIP_HEADER);
  }

  /** Starts on the next piece. The CRC-32 is that of the bytes which were deflated. */
  async add(piece: LayerPiece): Promise<{ readonly crc: Promise<number> }> {
    const slot = this.#slot();
    const cached = this.#input.cache?.read(piece.key, slot);
    const made = cached === undefined ? this.#make(piece, slot) : Promise.resolve(cached);
    const crc = made.then((one) => one.crc);
    crc.catch(() => {}); // Reported where the piece is written.
    this.#queue.push({ sizeBytes: piece.sizeBytes, made, ready: cached !== undefined });
    while (this.#queue.length === PIECES_IN_FLIGHT || this.#queue[0]?.ready) await this.#emitFirst();
    return { crc };
  }

  async end(): Promise<Omit<CompressedLayer, 'diffId'>> {
    while (this.#queue.length > 0) await this.#emitFirst();
    await this.#emit(this.#member.end());
    const { uncompressedBytes } = this.#member;
    return { digest: `sha256:${this.#hash.digest('hex')}`, sizeBytes: this.#sizeBytes, uncompressedBytes };
  }

  async #make(piece: LayerPiece, slot: Buffer): Promise<DeflatedPiece> {
    const { cache, read } = this.#input;
    const bytes = readPiece(piece, read, slot);
    for (const file of filesOf(piece)) this.#verify(file);
    const crc = crc32(bytes);
    const made = { deflated: await deflate(bytes, this.#options), crc };
    cache?.write(piece.key, made);
    return made;
  }

  /** A file of several pieces is read through when the first of them is made: the others may come from the cache. */
  #verify(file: PackagedFile): void {
    const id = `${file.packageIndex} ${file.offset}`;
    if (file.promised === undefined || this.#verified.has(id)) return;
    if (isDamaged(file, this.#input.read)) throw damagedContent(file.path, file.packageIndex);
    if (file.size > PIECE_BYTES / 2) this.#verified.add(id);
  }

  async #emitFirst(): Promise<void> {
    const { sizeBytes, made } = this.#queue.shift() as PieceUnderWay;
    const { deflated, crc } = await made;
    this.#member.add(crc, sizeBytes);
    await this.#emit(deflated);
    this.#input.progress?.(sizeBytes);
  }

  async #emit(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.#sizeBytes += bytes.length;
    await this.#sink(bytes);
  }

  #slot(): Buffer {
    const index = this.#turn++ % PIECES_IN_FLIGHT;
    return (this.#slots[index] ??= Buffer.allocUnsafeSlow(SLOT_BYTES));
  }
}

function readPiece({ parts, sizeBytes }: LayerPiece, read: PackagedRead, into: Buffer): Uint8Array {
  let filled = 0;
  for (const part of parts) {
    const bytes = part instanceof Uint8Array ? part : read(part.file.packageIndex, part.offset, part.size);
    into.set(bytes, filled);
    filled += bytes.length;
  }
  assert(filled === sizeBytes, `a piece of ${sizeBytes} bytes, not ${filled}`);
  return into.subarray(0, filled);
}

function* filesOf({ parts }: LayerPiece): Generator<PackagedFile> {
  for (const part of parts) if (!(part instanceof Uint8Array)) yield part.file;
}

function isDamaged({ packageIndex, offset, size, promised }: PackagedFile, read: PackagedRead): boolean {
  const hash = createHash('sha1');
  for (let at = 0; at < size; at += PIECE_BYTES) {
    hash.update(read(packageIndex, offset + at, Math.min(PIECE_BYTES, size - at)));
  }
  return promised !== undefined && hash.digest('hex') !== promised;
}

/** The bytes hashed for the diff_id are not those that were deflated: says which package to fetch again. */
function damageIn(piece: LayerPiece, { read, cache }: LayerInput): Failure {
  cache?.discard(piece.key);
  for (const file of filesOf(piece)) {
    if (isDamaged(file, read)) return damagedContent(file.path, file.packageIndex);
  }
  return new Failure('CACHE_UNUSABLE', 'a piece of a layer in the cache was damaged, and has been removed', {
    hint: 'run the build again; what is missing is made anew',
  });
}
