// Where a layer is cut into the pieces that are compressed alone and kept for later builds (layer-and-oci.md 9,
// "Compression"). Cuts follow the entries only, never a cache: the compressed bytes depend on them. A change here changes
// every layer's digest: raise WRITER_VERSION.
// Stretches of large files that their publisher's own deflate blocks make up are pieces which need no compression (kept-piece.ts).
//
// The aim of the rules: when one package of an image changes, few pieces do.

import { hash } from 'node:crypto';
import { TAR_TYPE, type TarHeader } from '../../formats/tar/entry.ts';
import { TarHeaderWriter } from '../../formats/tar/header-writer.ts';
import { TAR_END, tarPadding } from '../../formats/tar/write.ts';
import type { KeptPiece, KeptPieces, KeptPlace } from './kept-piece.ts';
import type { LayerEntry } from './layer-entries.ts';
import { entryContent, layerHeader, type OwnerNames } from './layer-tar.ts';

/**
 * Part of the key of every piece. 3: blocks of the publisher's. 4: pieces whose bytes depended on the one before are left
 * behind. 5: large files share their beginning and end with neighbours. 6: outlines in bytes.
 */
const WRITER_VERSION = 6;

/** Most bytes of a piece: enough for deflate, small enough for many at once. */
export const PIECE_BYTES = 1024 * 1024;

/**
 * A file from this size has pieces of its own, which no neighbour can spoil, but for its first so many bytes and what is left at
 * its end: those may lie in a piece with other files of its package. If they did not, there would be twice as many pieces (2,076
 * instead of 987 for 2 x 277 MB), and each is a file in a cache.
 */
export const OWN_PIECES_BYTES = 64 * 1024;

/**
 * A piece of small files ends where another package's begin, once it has this size: with 111 packages, 1 % of the bytes lie in
 * pieces that packages share. It costs 0.01 % of the size (4 KiB, 64 KiB and no end at all were measured, too).
 */
const SHARED_PIECE_BYTES = 16 * 1024;

/** Headers are printed into memory of this size, one after the other, and pieces refer to it. Threads see it without a copy. */
const INLINE_BYTES = 128 * 1024;

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

/** A number stands for that many of the piece's inline bytes, those that come next. */
export type PiecePart = number | PackagedRange;

/** Consecutive bytes of a layer. */
export interface LayerPiece {
  /** Hex SHA-256 of everything that decides its bytes and how they are compressed: equal keys, equal bytes. */
  readonly key: string;
  readonly sizeBytes: number;
  /** What is in no package, end to end: headers, paddings, the builder's own files. */
  readonly inline: Uint8Array;
  readonly parts: readonly PiecePart[];
  /** Nothing is to be deflated: this is the publisher's own. */
  readonly kept?: KeptPlace & Pick<KeptPiece, 'crc' | 'sum'>;
}

export interface PiecesInput {
  readonly entries: Iterable<LayerEntry>;
  readonly names: OwnerNames;
  /** Of each package, in install order: the digest that decides its data tar. */
  readonly dataHashes: readonly string[];
  /** How pieces are compressed: part of their keys. */
  readonly way: string;
  /** Of each package, what its publisher deflated and layers use; none where layers are compressed in another way. */
  readonly kept: readonly (KeptPieces | undefined)[];
}

/** The pieces of a layer in order. Together they are exactly the bytes of `layerBytes`. Linear in the entries. */
export function* layerPieces({ entries, names, ...packages }: PiecesInput): Generator<LayerPiece> {
  const cutter = new PieceCutter(packages);
  for (const entry of entries) {
    cutter.add(entry, layerHeader(entry, names));
    if (cutter.finished.length > 0) yield* cutter.finished.splice(0);
  }
  cutter.end();
  yield* cutter.finished;
}

/** Collects the parts of the piece at hand. */
class PieceCutter {
  readonly finished: LayerPiece[] = [];
  /** Of each package, as JSON. */
  readonly #dataHashes: readonly Buffer[];
  readonly #longestHash: number;
  readonly #kept: PiecesInput['kept'];
  readonly #headers = new TarHeaderWriter();
  /** Zeros where nothing was written yet; what was written never changes. */
  #inline = sharedBytes(INLINE_BYTES);
  /** What a key is the digest of. The first bytes are the same for all. */
  #scratch = Buffer.alloc(INLINE_BYTES);
  readonly #markBytes: number;
  /** Where in it the piece at hand begins, and where it ends. */
  #start = 0;
  #end = 0;
  #parts: PiecePart[] = [];
  #sizeBytes = 0;
  /** The package whose file came last; directories and the builder's own small files belong to whoever surrounds them. */
  #owner: number | undefined;

  constructor({ dataHashes, way, kept }: Omit<PiecesInput, 'entries' | 'names'>) {
    this.#dataHashes = dataHashes.map((each) => Buffer.from(JSON.stringify(each)));
    this.#longestHash = Math.max(0, ...this.#dataHashes.map((each) => each.length));
    this.#markBytes = this.#scratch.write(JSON.stringify([WRITER_VERSION, way]));
    this.#kept = kept;
  }

  /** What is finished by the entry is in `finished` then. */
  add(entry: LayerEntry, header: TarHeader): void {
    const content = header.type === TAR_TYPE.file ? entryContent(entry) : undefined;
    const packaged = content?.kind === 'packaged' ? content : undefined;
    const bytes = content?.kind === 'inline' ? content.bytes : undefined;
    const head = this.#headers.print(header);
    const headBytes = head.length;
    const padding = tarPadding(header.size);
    this.#makeRoom(headBytes + (bytes?.length ?? 0) + padding);
    this.#inline.set(head, this.#end);
    if (bytes !== undefined) this.#inline.set(bytes, this.#end + headBytes);

    const owner = packaged?.packageIndex ?? entry.node.owner;
    const isLarge = headBytes + header.size + padding >= OWN_PIECES_BYTES;
    const isOthers = owner !== undefined && this.#owner !== undefined && owner !== this.#owner;
    if (isOthers && (isLarge || this.#sizeBytes >= SHARED_PIECE_BYTES)) this.#finish();
    const before = this.#owner;
    this.#addInline(headBytes + (bytes?.length ?? 0));
    if (packaged !== undefined) {
      const { packageIndex, offset, size } = packaged;
      this.#addFile({ path: entry.path, packageIndex, offset, size, promised: entry.node.checksum });
    }
    this.#addInline(padding);
    this.#owner = owner ?? before;
  }

  end(): void {
    this.#makeRoom(TAR_END.length);
    this.#addInline(TAR_END.length);
    this.#finish();
  }

  /** For so many more inline bytes. What the piece at hand has goes along. */
  #makeRoom(sizeBytes: number): void {
    if (this.#end + sizeBytes <= this.#inline.length) return;
    const used = this.#inline.subarray(this.#start, this.#end);
    this.#inline = sharedBytes(Math.max(INLINE_BYTES, 2 * (used.length + sizeBytes)));
    this.#inline.set(used);
    this.#start = 0;
    this.#end = used.length;
  }

  #addInline(sizeBytes: number): void {
    for (let left = sizeBytes; left > 0; ) {
      const size = Math.min(left, PIECE_BYTES - this.#sizeBytes);
      const last = this.#parts.length - 1;
      const before = this.#parts[last];
      if (typeof before === 'number') this.#parts[last] = before + size;
      else this.#parts.push(size);
      this.#end += size;
      this.#grow(size);
      left -= size;
    }
  }

  #addFile(file: PackagedFile): void {
    const { packageIndex } = file;
    const end = file.offset + file.size;
    const kept = file.size < OWN_PIECES_BYTES ? undefined : this.#kept[packageIndex];
    let i = firstFrom(kept?.pieces ?? [], file.offset);
    let at = Math.min(end, kept?.pieces[i]?.offset ?? end);
    // Where the beginning ends, so that cuts behind it do not depend on what is before it.
    if (at - file.offset > 2 * OWN_PIECES_BYTES) at = file.offset + OWN_PIECES_BYTES;
    this.#addRange(file, file.offset, at - file.offset);
    if (at < end) this.#finish();
    for (; ; i++) {
      const piece = kept?.pieces[i];
      if (kept === undefined || piece === undefined || piece.offset + piece.sizeBytes > end) break;
      this.#addRange(file, at, piece.offset - at);
      this.#finish();
      at = piece.offset + piece.sizeBytes;
      this.#addKept({ offset: piece.offset, size: piece.sizeBytes, file }, kept.package, piece);
    }
    this.#addRange(file, at, end - at);
  }

  #addRange(file: PackagedFile, offset: number, sizeBytes: number): void {
    for (let taken = 0; taken < sizeBytes; ) {
      const size = Math.min(sizeBytes - taken, PIECE_BYTES - this.#sizeBytes);
      this.#parts.push({ offset: offset + taken, size, file });
      this.#grow(size);
      taken += size;
    }
  }

  #addKept(part: PackagedRange, name: string, { at, deflatedBytes, seal, crc, sum, sizeBytes }: KeptPiece): void {
    const kept = { package: name, at, deflatedBytes, seal, crc, sum };
    this.finished.push({ key: `${name}/${at}`, sizeBytes, inline: NO_BYTES, parts: [part], kept });
  }

  #grow(sizeBytes: number): void {
    this.#sizeBytes += sizeBytes;
    if (this.#sizeBytes === PIECE_BYTES) this.#finish();
  }

  #finish(): void {
    if (this.#sizeBytes === 0) return;
    const parts = this.#parts;
    const inline = this.#inline.subarray(this.#start, this.#end);
    this.finished.push({ key: this.#keyOf(inline, parts), sizeBytes: this.#sizeBytes, inline, parts });
    this.#start = this.#end;
    this.#parts = [];
    this.#sizeBytes = 0;
    this.#owner = undefined;
  }

  /**
   * A packaged range is named by the digest of its package's data: nothing has to be read to find a piece. The outline says what each
   * part is, and each says where it ends, so that no two pieces have the same one.
   */
  #keyOf(inline: Uint8Array, parts: readonly PiecePart[]): string {
    const room = this.#markBytes + parts.length * (RANGE_BYTES + this.#longestHash) + 1 + inline.length;
    if (this.#scratch.length < room) this.#scratch = Buffer.concat([this.#scratch], 2 * room);
    const outline = this.#scratch;
    let at = this.#markBytes;
    let current = -1;
    for (const part of parts) {
      if (typeof part === 'number') {
        outline[at] = OUTLINE.inline;
        at = outline.writeUInt32LE(part, at + 1);
        continue;
      }
      const { packageIndex } = part.file;
      if (packageIndex !== current) {
        const name = this.#dataHashes[packageIndex] as Buffer;
        outline[at] = OUTLINE.package;
        outline.set(name, at + 1);
        at += 1 + name.length;
        current = packageIndex;
      }
      outline[at] = OUTLINE.range;
      at = outline.writeUInt32LE(part.size, outline.writeDoubleLE(part.offset, at + 1));
    }
    outline[at] = OUTLINE.end;
    outline.set(inline, at + 1);
    return hash('sha256', outline.subarray(0, at + 1 + inline.length));
  }
}

/** Marks of what follows in an outline: a number of inline bytes; a package, as JSON; a range of it; all inline bytes. */
const OUTLINE = { inline: 0, package: 1, range: 2, end: 3 } as const;

/** Of a package's mark, and of a range. */
const RANGE_BYTES = 1 + 1 + 8 + 4;

function sharedBytes(sizeBytes: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(sizeBytes));
}

const NO_BYTES = new Uint8Array(0);

/** Index of the first piece from that offset on. */
function firstFrom(pieces: readonly KeptPiece[], offset: number): number {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((pieces[middle] as KeptPiece).offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
