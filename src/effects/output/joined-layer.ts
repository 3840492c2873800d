// The compressed bytes of one layer on their way, in order: they are collected, hashed together, and written to their place, where
// that is known already. Collecting pays: a layer has a thousand pieces of which most are small.

import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { checksumRoom, returnRoom } from '../../base/checksum.ts';
import type { Digest } from '../../base/digest.ts';
import { assert } from '../../base/failure.ts';

/** A place in a file that exists. */
export interface LayerPlace {
  readonly path: string;
  readonly offset: number;
}

export interface JoinedEnd {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** The layer is at its place, whole. */
  readonly isWritten: boolean;
}

/** Bytes go on when there are so many of them. */
const FLUSH_BYTES = 512 * 1024;

export class JoinedLayer {
  readonly #place: LayerPlace | undefined;
  readonly #hash = createHash('sha256');
  /** To be returned. */
  readonly #rooms: Buffer[] = [];
  /** One is filled while the other is written. */
  #filling: Buffer;
  #other: Buffer | undefined;
  #filled = 0;
  #sizeBytes = 0;
  #file: FileHandle | undefined;
  /** False as soon as something went wrong: whoever writes the layer then has the same trouble, and reports it. */
  #writing: Promise<boolean>;

  /** `pieceBytes`: no piece is larger. To be ended by `finish` or `close`. */
  constructor(pieceBytes: number, place: LayerPlace | undefined) {
    this.#place = place;
    this.#filling = this.#takeRoom(FLUSH_BYTES + pieceBytes);
    this.#writing = place === undefined ? Promise.resolve(false) : this.#open(place.path);
  }

  /** The next piece may be put to the beginning of it; whoever does calls `advance`, and then `settle`. */
  get room(): Buffer {
    return this.#filling.subarray(this.#filled);
  }

  advance(sizeBytes: number): void {
    this.#filled += sizeBytes;
    assert(this.#filled <= this.#filling.length, 'a piece of a layer has room');
  }

  append(bytes: Uint8Array): void {
    this.room.set(bytes);
    this.advance(bytes.length);
  }

  /** Makes room for another piece. */
  async settle(): Promise<void> {
    if (this.#filled > FLUSH_BYTES) await this.#flush();
  }

  async finish(): Promise<JoinedEnd> {
    await this.#flush();
    const isWritten = await this.#writing;
    await this.close();
    return { digest: `sha256:${this.#hash.digest('hex')}`, sizeBytes: this.#sizeBytes, isWritten };
  }

  async close(): Promise<void> {
    await this.#writing;
    for (const room of this.#rooms.splice(0)) returnRoom(room);
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #flush(): Promise<void> {
    const bytes = this.#filling.subarray(0, this.#filled);
    this.#hash.update(bytes);
    const offset = (this.#place?.offset ?? 0) + this.#sizeBytes;
    this.#sizeBytes += bytes.length;
    this.#filled = 0;
    const isGood = await this.#writing;
    if (!isGood || this.#file === undefined) return;
    this.#writing = this.#write(this.#file, bytes, offset);
    const other = this.#other ?? this.#takeRoom(this.#filling.length);
    [this.#filling, this.#other] = [other, this.#filling];
  }

  #takeRoom(sizeBytes: number): Buffer {
    const room = checksumRoom(sizeBytes);
    this.#rooms.push(room);
    return room;
  }

  async #open(path: string): Promise<boolean> {
    try {
      this.#file = await open(path, 'r+');
      return true;
    } catch {
      return false;
    }
  }

  async #write(file: FileHandle, bytes: Uint8Array, offset: number): Promise<boolean> {
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done);
        done += bytesWritten;
      }
      return true;
    } catch {
      return false;
    }
  }
}
