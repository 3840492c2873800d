// Single files of the store, read and written without ceremony: pieces of layers, of which an image has a thousand or two. Any thread
// can open them by their place. Unchecked: callers seal what they write.

import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { assert, Failure } from '../../base/failure.ts';
import { type StoreKind, USE_GRAIN_MS } from './store-layout.ts';

/** Plain: it can be sent to a thread. */
export interface StorePlace {
  /** What the user calls the cache. */
  readonly root: string;
  /** Where entries of this version lie. */
  readonly directory: string;
}

interface OpenPart {
  readonly path: string;
  readonly file: number;
}

export class StoreFiles {
  readonly place: StorePlace;
  /** The file that the last part was read from: the next one often lies behind it. */
  #part: OpenPart | undefined;

  constructor(place: StorePlace) {
    this.place = place;
  }

  path(kind: StoreKind, key: string): string {
    assert(/^[0-9a-f]{40,64}$/.test(key), `the store key ${key} is not a digest in hex`);
    // Nothing to normalize: `join` would take 10 µs, some thousand times in a build.
    return `${this.place.directory}${sep}${kind}${sep}${key}`;
  }

  has(kind: StoreKind, key: string): boolean {
    return existsSync(this.path(kind, key));
  }

  /**
   * A file's bytes in `into`; undefined when it is not there or does not leave room. Four system calls, into memory that is there
   * already: a warm build does it some thousand times (20 µs each).
   */
  read(kind: StoreKind, key: string, into: Buffer): Buffer | undefined {
    const path = this.path(kind, key);
    const file = this.#open(path);
    if (file === undefined) return undefined;
    try {
      const got = readSync(file, into, 0, into.length, 0);
      this.noteUse(path, fstatSync(file).mtimeMs);
      return got === into.length ? undefined : into.subarray(0, got);
    } catch (error) {
      throw storeTrouble(this.place, error);
    } finally {
      closeSync(file);
    }
  }

  /** A whole file, however large; undefined when it is not there. */
  readWhole(kind: StoreKind, key: string): Buffer | undefined {
    const path = this.path(kind, key);
    const file = this.#open(path);
    if (file === undefined) return undefined;
    try {
      const { size, mtimeMs } = fstatSync(file);
      this.noteUse(path, mtimeMs);
      const bytes = Buffer.allocUnsafe(size);
      let got = 0;
      for (let more = 1; more > 0 && got < size; got += more) more = readSync(file, bytes, got, size - got, got);
      return bytes.subarray(0, got);
    } catch (error) {
      throw storeTrouble(this.place, error);
    } finally {
      closeSync(file);
    }
  }

  /** Fills `into` from a file in the folder of an entry, or answers false: not there, or too short. */
  readPart(kind: StoreKind, key: string, name: string, offset: number, into: Uint8Array): boolean {
    const folder = this.path(kind, key);
    const path = join(folder, name);
    try {
      if (this.#part?.path !== path) {
        this.close();
        const file = this.#open(path);
        if (file === undefined) return false;
        this.#part = { path, file };
        this.noteUse(folder, statSync(folder).mtimeMs);
      }
      return readSync(this.#part.file, into, 0, into.length, offset) === into.length;
    } catch (error) {
      throw storeTrouble(this.place, error);
    }
  }

  write(kind: StoreKind, key: string, parts: readonly Uint8Array[]): void {
    this.#write(this.path(kind, key), parts, true);
  }

  #write(path: string, parts: readonly Uint8Array[], isFirst: boolean): void {
    const work = temporaryPath(this.place);
    try {
      const file = openSync(work, 'wx', 0o600);
      try {
        for (const part of parts) for (let done = 0; done < part.length; ) done += writeSync(file, part, done);
      } finally {
        closeSync(file);
      }
      renameSync(work, path);
    } catch (error) {
      rmSync(work, { force: true });
      // The folders are looked for only when they are missed: a cold build comes here some thousand times.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !isFirst) throw storeTrouble(this.place, error);
      mkdirSync(dirname(work), { recursive: true, mode: 0o700 });
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      this.#write(path, parts, false);
    }
  }

  /** Takes out an entry or file that turned out damaged. */
  discard(kind: StoreKind, key: string): void {
    this.close();
    try {
      // Out of sight in one step; a reader that has it open keeps what it has.
      const grave = temporaryPath(this.place);
      mkdirSync(grave, { recursive: true, mode: 0o700 });
      renameSync(this.path(kind, key), join(grave, 'discarded'));
      rmSync(grave, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storeTrouble(this.place, error);
    }
  }

  /** For `pruneStore`. A cache that is not ours to write is used all the same. */
  noteUse(path: string, notedMs: number): void {
    const nowMs = Date.now();
    if (nowMs - notedMs < USE_GRAIN_MS) return;
    try {
      utimesSync(path, nowMs / 1000, nowMs / 1000);
    } catch {
      // Gone meanwhile, or somebody else's.
    }
  }

  close(): void {
    if (this.#part !== undefined) closeSync(this.#part.file);
    this.#part = undefined;
  }

  /** Undefined where it is not there. */
  #open(path: string): number | undefined {
    try {
      return openSync(path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw storeTrouble(this.place, error);
    }
  }
}

/** A name that nobody has, for work in progress. */
export function temporaryPath({ directory }: StorePlace): string {
  return join(directory, 'tmp', `${process.pid}-${randomUUID()}`);
}

/** Failures pass; errors of the file system become one; anything else is our own mistake and passes too. */
export function storeTrouble({ root }: StorePlace, error: unknown): unknown {
  const isSystem = error instanceof Error && 'syscall' in error;
  return isSystem ? unusable(root, error) : error;
}

export function unusable(root: string, error: unknown): Failure {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return new Failure('CACHE_UNUSABLE', `the cache folder ${root} cannot be used (${code})`, {
    hint:
      code === 'ENOSPC'
        ? 'the disk is full: make room, or name another folder with --cache-dir'
        : 'name another folder with --cache-dir',
    cause: error,
  });
}
