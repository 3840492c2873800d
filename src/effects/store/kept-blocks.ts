// Collects, while a package is inflated, the deflate blocks of its large files that layers can use as they are
// (planning/rootfs/kept-piece.ts), into a file beside the data tar. Which blocks, depends on the package's bytes alone.

import { closeSync, openSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { checksum, RunningChecksum } from '../../base/checksum.ts';
import { assert } from '../../base/failure.ts';
import type { BlockInflater, BlockStart } from '../../formats/gzip/block-inflater.ts';
import { combineCrc32 } from '../../formats/gzip/crc32-combine.ts';
import { TAR_TYPE, type TarEntry } from '../../formats/tar/entry.ts';
import { type KeptPiece, WINDOW_BYTES } from '../../planning/rootfs/kept-piece.ts';
import { OWN_PIECES_BYTES, PIECE_BYTES } from '../../planning/rootfs/layer-pieces.ts';

/** Less is not worth a piece of its own: the sync mark alone takes 5 bytes, and every piece a read. */
const LEAST_BYTES = 16 * 1024;

/** Bytes of the data tar, from `start` to before `end`. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

export class KeptBlocks {
  readonly #path: string;
  readonly #pieces: KeptPiece[] = [];
  #file: number | undefined;
  #fileBytes = 0;
  /** Where blocks of the file at hand may lie. */
  #usable: Stretch = { start: 0, end: 0 };
  /** The block at hand, if it may be used: where it began, where its file ends. */
  #block: Stretch | undefined;
  /** CRC-32 of what came of it. */
  #blockCrc = 0;
  /** Of the block at hand, and of the piece at hand together with it. Most packages have no large file, and need none. */
  #sums: { block: RunningChecksum; piece: RunningChecksum } | undefined;
  #piece: (Stretch & Pick<KeptPiece, 'crc' | 'sum'>) | undefined;

  /** `path`: the file that is made when there is something to keep. */
  constructor(path: string) {
    this.#path = path;
  }

  /** The entry whose content comes next in the tar. */
  openEntry({ type, offset, size }: TarEntry): void {
    const isLarge = type === TAR_TYPE.file && size >= OWN_PIECES_BYTES;
    if (isLarge) this.#sums ??= { block: new RunningChecksum(), piece: new RunningChecksum() };
    this.#usable = isLarge ? { start: offset + WINDOW_BYTES, end: offset + size } : { start: 0, end: 0 };
  }

  /** Output of the inflater, after its entries have been told. */
  output(bytes: Uint8Array): void {
    if (this.#block === undefined) return;
    this.#blockCrc = crc32(bytes, this.#blockCrc);
    this.#sums?.block.add(bytes);
    this.#sums?.piece.add(bytes);
  }

  /** Whether to keep the block that begins at that byte of the tar. Stored ones are published that way by the quickest levels. */
  block({ kind, isFinal }: BlockStart, at: number): boolean {
    const { start, end } = this.#usable;
    const isUsable = kind !== 'stored' && !isFinal && at >= start && at < end;
    this.#block = isUsable ? { start: at, end } : undefined;
    this.#blockCrc = 0;
    this.#sums?.block.begin();
    return isUsable;
  }

  /** The block that was to be kept ended before that byte of the tar. */
  blockEnd(inflater: BlockInflater, at: number): void {
    const block = this.#block;
    this.#block = undefined;
    if (block === undefined || at > block.end || at - block.start > PIECE_BYTES) return;
    const { start } = block;
    const before = this.#piece;
    const goesOn = before !== undefined && before.end === start && at - before.start <= PIECE_BYTES;
    if (!goesOn) this.#closePiece(inflater);
    if (inflater.addKept()) {
      if (!goesOn) this.#beginPiece(start, at);
      else {
        const crc = combineCrc32(before.crc, this.#blockCrc, at - start);
        this.#piece = { start: before.start, end: at, crc, sum: this.#pieceSum() };
      }
      return;
    }
    this.#closePiece(inflater);
    if (inflater.addKept()) this.#beginPiece(start, at);
  }

  /** All of them, in the order of the tar; the inflater must still have the last ones. */
  finish(inflater: BlockInflater): readonly KeptPiece[] {
    this.#closePiece(inflater);
    return this.#pieces;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#sums?.block.close();
    this.#sums?.piece.close();
    this.#sums = undefined;
  }

  /** The block at hand is the first of a piece. */
  #beginPiece(start: number, end: number): void {
    const sums = this.#sums;
    if (sums !== undefined) this.#sums = { block: sums.piece, piece: sums.block };
    this.#piece = { start, end, crc: this.#blockCrc, sum: this.#pieceSum() };
  }

  #pieceSum(): number {
    assert(this.#sums !== undefined, 'a block that is kept lies in a large file');
    return this.#sums.piece.value;
  }

  #closePiece(inflater: BlockInflater): void {
    const piece = this.#piece;
    if (piece === undefined) return;
    this.#piece = undefined;
    const deflated = inflater.takeKept();
    const sizeBytes = piece.end - piece.start;
    if (sizeBytes < LEAST_BYTES) return;
    this.#file ??= openSync(this.#path, 'wx', 0o600);
    for (let done = 0; done < deflated.length; ) done += writeSync(this.#file, deflated, done);
    this.#pieces.push({
      offset: piece.start,
      sizeBytes,
      crc: piece.crc,
      sum: piece.sum,
      at: this.#fileBytes,
      deflatedBytes: deflated.length,
      seal: checksum(deflated),
    });
    this.#fileBytes += deflated.length;
  }
}
