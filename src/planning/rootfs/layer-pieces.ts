// Where a layer is cut into the pieces that are compressed alone and kept for later builds (layer-and-oci.md 9,
// "Compression"). Cuts follow the entries only, never a cache: the compressed bytes depend on them. A change here changes
// every layer's digest: raise WRITER_VERSION.
//
// The aim of the rules: when one package of an image changes, few pieces do.

import { createHash } from 'node:crypto';
import { TAR_TYPE } from '../../formats/tar/entry.ts';
import { printTarHeader, TAR_END, tarPadding } from '../../formats/tar/write.ts';
import type { LayerEntry } from './layer-entries.ts';
import { entryContent, layerHeader, type OwnerNames } from './layer-tar.ts';

/** Part of the key of every piece. */
const WRITER_VERSION = 1;

/** Most bytes of a piece: enough for deflate, small enough for many at once. */
export const PIECE_BYTES = 1024 * 1024;

/** A file from this size has pieces of its own, which no neighbour can spoil. 32 KiB: 0.16 % larger, 128 KiB: 0.07 % smaller. */
const OWN_PIECES_BYTES = 64 * 1024;

/**
 * A piece of small files ends where another package's begin, once it has this size: with 111 packages, 1 % of the bytes lie in
 * pieces that packages share. It costs 0.01 % of the size (4 KiB, 64 KiB and no end at all were measured, too).
 */
const SHARED_PIECE_BYTES = 16 * 1024;

/** A packaged file as a whole: what its checksum speaks of. */
export interface PackagedFile {
  readonly path: string;
  readonly packageIndex: number;
  /** In the package's data tar. */
  readonly offset: number;
  readonly size: number;
  /** Hex SHA-1 that the package promised; undefined = no promise. */
  readonly promised: string | undefined;
}

/** A range of a packaged file's bytes in its data tar. */
export interface PackagedRange {
  readonly offset: number;
  readonly size: number;
  readonly file: PackagedFile;
}

export type PiecePart = Uint8Array | PackagedRange;

/** Consecutive bytes of a layer. */
export interface LayerPiece {
  /** Hex SHA-256 of everything that decides the bytes: equal keys, equal bytes. */
  readonly key: string;
  readonly sizeBytes: number;
  readonly parts: readonly PiecePart[];
}

export interface PiecesInput {
  readonly entries: Iterable<LayerEntry>;
  readonly names: OwnerNames;
  /** Of each package, in install order: the digest that decides its data tar. */
  readonly dataHashes: readonly string[];
}

/** The pieces of a layer in order. Together they are exactly the bytes of `layerBytes`. Linear in the entries. */
export function* layerPieces({ entries, names, dataHashes }: PiecesInput): Generator<LayerPiece> {
  const cutter = new PieceCutter(dataHashes);
  for (const entry of entries) {
    const header = layerHeader(entry, names);
    const content = header.type === TAR_TYPE.file ? entryContent(entry) : undefined;
    const parts: PiecePart[] = [printTarHeader(header)];
    if (content?.kind === 'inline') parts.push(content.bytes);
    if (content?.kind === 'packaged') {
      const { packageIndex, offset, size } = content;
      const file: PackagedFile = { path: entry.path, packageIndex, offset, size, promised: entry.node.checksum };
      parts.push({ offset, size, file });
    }
    const padding = tarPadding(header.size);
    if (padding > 0) parts.push(TAR_END.subarray(0, padding));
    yield* cutter.add(parts, content?.kind === 'packaged' ? content.packageIndex : entry.node.owner);
  }
  yield* cutter.add([TAR_END], undefined);
  yield* cutter.finish();
}

/** Collects the parts of the piece at hand. */
class PieceCutter {
  readonly #dataHashes: readonly string[];
  #parts: PiecePart[] = [];
  #sizeBytes = 0;
  /** The package whose file came last; directories and the builder's own small files belong to whoever surrounds them. */
  #owner: number | undefined;

  constructor(dataHashes: readonly string[]) {
    this.#dataHashes = dataHashes;
  }

  /** Takes an entry's parts; yields what is finished by that. */
  *add(parts: readonly PiecePart[], owner: number | undefined): Generator<LayerPiece> {
    const sizeBytes = parts.reduce((sum, part) => sum + sizeOf(part), 0);
    const isLarge = sizeBytes >= OWN_PIECES_BYTES;
    const isOthers = owner !== undefined && this.#owner !== undefined && owner !== this.#owner;
    if (isLarge || (isOthers && this.#sizeBytes >= SHARED_PIECE_BYTES)) yield* this.finish();
    this.#owner = owner ?? this.#owner;
    for (const part of parts) yield* this.#addPart(part);
    if (isLarge) yield* this.finish();
  }

  *finish(): Generator<LayerPiece> {
    if (this.#sizeBytes === 0) return;
    const parts = this.#parts;
    yield { key: keyOf(parts, this.#dataHashes), sizeBytes: this.#sizeBytes, parts };
    this.#parts = [];
    this.#sizeBytes = 0;
    this.#owner = undefined;
  }

  *#addPart(part: PiecePart): Generator<LayerPiece> {
    const sizeBytes = sizeOf(part);
    for (let taken = 0; taken < sizeBytes; ) {
      const size = Math.min(sizeBytes - taken, PIECE_BYTES - this.#sizeBytes);
      this.#parts.push(size === sizeBytes ? part : slice(part, taken, size));
      this.#sizeBytes += size;
      taken += size;
      if (this.#sizeBytes === PIECE_BYTES) yield* this.finish();
    }
  }
}

export function sizeOf(part: PiecePart): number {
  return part instanceof Uint8Array ? part.length : part.size;
}

function slice(part: PiecePart, start: number, size: number): PiecePart {
  return part instanceof Uint8Array
    ? part.subarray(start, start + size)
    : { offset: part.offset + start, size, file: part.file };
}

/** A packaged range is named by the digest of its package's data: nothing has to be read to find a piece. */
function keyOf(parts: readonly PiecePart[], dataHashes: readonly string[]): string {
  const outline = parts.map((part) =>
    part instanceof Uint8Array ? part.length : [dataHashes[part.file.packageIndex], part.offset, part.size],
  );
  const hash = createHash('sha256').update(`${JSON.stringify([WRITER_VERSION, outline])}\n`);
  for (const part of parts) if (part instanceof Uint8Array) hash.update(part);
  return hash.digest('hex');
}
