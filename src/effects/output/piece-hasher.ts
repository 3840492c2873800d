// What hashes the pieces of a layer, on the hashing thread or in place of it (hash-pieces.ts), and the form in which it is told of them.

import type { LayerPiece } from '../../planning/rootfs/layer-pieces.ts';

/** Pieces in the form that costs least to send. */
export interface HashJob {
  /** Memory with inline bytes; shared, where a plan has printed them. */
  readonly memory: readonly ArrayBufferLike[];
  /** Triples: package index, or INLINE less the place in `memory`, or END after a piece; offset; size. */
  readonly ranges: Float64Array;
}

const END = -1;
const INLINE = -2;

export function jobOf(pieces: readonly LayerPiece[]): HashJob {
  const memory: ArrayBufferLike[] = [];
  const ranges = new Float64Array(3 * pieces.reduce((sum, piece) => sum + piece.parts.length + 1, 0));
  let at = 0;
  const add = (index: number, offset: number, size: number): void => {
    ranges[at] = index;
    ranges[at + 1] = offset;
    ranges[at + 2] = size;
    at += 3;
  };
  for (const { inline, parts } of pieces) {
    // Pieces that follow each other have theirs in the same memory, or in the next.
    if (inline.length > 0 && memory.at(-1) !== inline.buffer) memory.push(inline.buffer);
    let offset = inline.byteOffset;
    for (const part of parts) {
      if (typeof part === 'number') {
        add(INLINE - (memory.length - 1), offset, part);
        offset += part;
      } else add(part.file.packageIndex, part.offset, part.size);
    }
    add(END, 0, 0);
  }
  return { memory, ranges };
}

export interface Hasher {
  /** The checksum of each piece. */
  add(job: HashJob): number[];
  finish(): string;
  close(): void;
}

/** Where a piece is put together. */
export interface PieceRoom {
  readonly buffer: Buffer;
  /** Checksum of its first bytes. */
  sum(sizeBytes: number): number;
}

/**
 * Uses nothing but its arguments: its text runs on the thread. `dataTars`: paths, by package index. Throws where one is gone or cut.
 */
export function createHasher(load: NodeJS.Require, dataTars: readonly string[], { buffer, sum }: PieceRoom): Hasher {
  const { openSync, readSync, closeSync } = load('node:fs') as typeof import('node:fs');
  const { createHash } = load('node:crypto') as typeof import('node:crypto');
  const hash = createHash('sha256');
  const open = new Map<number, number>();
  const close = () => {
    for (const file of open.values()) closeSync(file);
    open.clear();
  };
  const fileOf = (index: number): number => {
    const known = open.get(index);
    if (known !== undefined) return known;
    if (open.size >= 64) close(); // Seldom: neighbours in a layer come from few packages.
    const file = openSync(dataTars[index] as string, 'r');
    open.set(index, file);
    return file;
  };
  const readAt = (index: number, offset: number, size: number, filled: number): void => {
    for (let done = 0; done < size; ) {
      const got = readSync(fileOf(index), buffer, filled + done, size - done, offset + done);
      if (got === 0) throw new Error(`${dataTars[index]} ends too early`);
      done += got;
    }
  };
  return {
    add({ memory, ranges }) {
      const inline = memory.map((bytes) => new Uint8Array(bytes));
      const sums: number[] = [];
      let filled = 0;
      for (let i = 0; i < ranges.length; i += 3) {
        const index = ranges[i] as number;
        const offset = ranges[i + 1] as number;
        const size = ranges[i + 2] as number;
        if (index === -1) {
          hash.update(buffer.subarray(0, filled));
          sums.push(sum(filled));
          filled = 0;
        } else if (index <= -2) {
          buffer.set((inline[-2 - index] as Uint8Array).subarray(offset, offset + size), filled);
          filled += size;
        } else {
          readAt(index, offset, size, filled);
          filled += size;
        }
      }
      return sums;
    },
    finish() {
      close();
      return hash.digest('hex');
    },
    close,
  };
}
