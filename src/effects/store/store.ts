// The store: a cache on disk, content-addressed, shared by builds that run at once (layer-and-oci.md 15; the layout is
// ours). What is visible under its key is whole: it was written in `tmp` and renamed. Killing a build at any moment
// leaves at most a folder in `tmp`, which a later build sweeps. Must never name anything by a URL or a secret.

import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { EventSink } from '../../base/events.ts';
import { assert, Failure } from '../../base/failure.ts';
import { takeLease } from './leases.ts';
import { seal, unseal } from './sealed.ts';
import { CACHE_TAG_FILE, CACHE_TAG_TEXT, LAYOUT_VERSION, type StoreKind, USE_GRAIN_MS } from './store-layout.ts';

export interface StoreOptions {
  /** The cache folder, made where it is missing; undefined where the user has none. */
  readonly root: string | undefined;
  /** The user named it: then it must work. */
  readonly explicit: boolean;
  /** Where a store for this run alone may lie when `root` does not work. */
  readonly temporaryDirectory: string;
  readonly events: EventSink;
}

/** Entries are folders that never change once they are there; records are small files that are replaced whole. */
export interface Store {
  /** The folder of an entry, or undefined when it is not there. */
  entry(kind: StoreKind, key: string): string | undefined;
  /**
   * Fills a new folder and puts it under the key; the folder it lies in then. When another build was quicker, its
   * folder stays and ours goes. Whatever `fill` throws is thrown, with nothing published.
   */
  publish(kind: StoreKind, key: string, fill: (directory: string) => Promise<void>): Promise<string>;
  /** Takes out an entry or record that turned out damaged. */
  discard(kind: StoreKind, key: string): void;
  /** A record's bytes; undefined when it is not there or not as it was written. */
  readRecord(kind: StoreKind, key: string): Uint8Array | undefined;
  writeRecord(kind: StoreKind, key: string, payload: Uint8Array | string): void;
  /** A file's bytes in `into`; undefined when it is not there or does not leave room. Unchecked: the caller seals. */
  readFile(kind: StoreKind, key: string, into: Buffer): Buffer | undefined;
  writeFile(kind: StoreKind, key: string, parts: readonly Uint8Array[]): void;
  /** Fills `into` from a file in the folder of an entry, or answers false: not there, or too short. Unchecked, too. */
  readPart(kind: StoreKind, key: string, name: string, offset: number, into: Uint8Array): boolean;
  /** Removes the store if it was only for this run. */
  close(): void;
}

/** Leftovers of killed builds are removed when they are this old: no download takes a day. */
const LEFTOVER_AGE_MS = 24 * 60 * 60 * 1000;

/** Throws CACHE_UNUSABLE when the folder was named by the user and does not work; otherwise warns and works without. */
export function openStore(options: StoreOptions): Store {
  const { root, explicit, temporaryDirectory, events } = options;
  let reason = 'neither XDG_CACHE_HOME nor HOME is set';
  if (root !== undefined) {
    try {
      return new DiskStore(root, false);
    } catch (error) {
      if (explicit) throw unusable(root, error);
      reason = `${root}: ${(error as NodeJS.ErrnoException).code ?? error}`;
    }
  }
  const message = `nothing is kept between runs, since the cache folder cannot be used (${reason})`;
  events({ type: 'warning', code: 'CACHE_UNUSABLE', message, hint: 'name a writable folder with --cache-dir' });
  try {
    return new DiskStore(mkdtempSync(join(temporaryDirectory, 'stave-')), true);
  } catch (error) {
    throw unusable(temporaryDirectory, error);
  }
}

class DiskStore implements Store {
  readonly #directory: string;
  readonly #root: string;
  readonly #temporary: boolean;
  readonly #giveBack: () => void;

  constructor(root: string, temporary: boolean) {
    this.#root = root;
    this.#directory = join(root, LAYOUT_VERSION);
    this.#temporary = temporary;
    // Private: an entry may come from a repository that needs credentials.
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const tag = join(root, CACHE_TAG_FILE);
    if (!existsSync(tag)) writeFileSync(tag, CACHE_TAG_TEXT);
    // A folder made and removed again proves that we may write.
    rmSync(this.#temporaryFolder(), { recursive: true });
    this.#sweep();
    this.#giveBack = takeLease(this.#directory);
  }

  entry(kind: StoreKind, key: string): string | undefined {
    const path = this.#path(kind, key);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    this.#noteUse(path, found.mtimeMs);
    return path;
  }

  async publish(kind: StoreKind, key: string, fill: (directory: string) => Promise<void>): Promise<string> {
    const path = this.#path(kind, key);
    let work: string | undefined;
    try {
      work = this.#temporaryFolder();
      await fill(work);
      this.#rename(work, path);
      return path;
    } catch (error) {
      if (work !== undefined) rmSync(work, { recursive: true, force: true });
      const code = (error as NodeJS.ErrnoException).code;
      // A folder is only ever there whole, so the one of the quicker build is as good as ours.
      if ((code === 'ENOTEMPTY' || code === 'EEXIST') && existsSync(path)) return path;
      throw storeTrouble(this.#root, error);
    }
  }

  discard(kind: StoreKind, key: string): void {
    try {
      // Out of sight in one step; a reader that has it open keeps what it has.
      const grave = this.#temporaryFolder();
      renameSync(this.#path(kind, key), join(grave, 'discarded'));
      rmSync(grave, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storeTrouble(this.#root, error);
    }
  }

  readRecord(kind: StoreKind, key: string): Uint8Array | undefined {
    try {
      const path = this.#path(kind, key);
      const payload = unseal(readFileSync(path));
      this.#noteUse(path, statSync(path).mtimeMs);
      return payload;
    } catch {
      return undefined;
    }
  }

  writeRecord(kind: StoreKind, key: string, payload: Uint8Array | string): void {
    try {
      const work = this.#temporaryFolder();
      const file = join(work, 'record');
      writeFileSync(file, seal(payload));
      this.#rename(file, this.#path(kind, key));
      rmSync(work, { recursive: true, force: true });
    } catch (error) {
      throw storeTrouble(this.#root, error);
    }
  }

  /** Four system calls, into memory that is there already: a warm build does it some thousand times (20 µs each). */
  readFile(kind: StoreKind, key: string, into: Buffer): Buffer | undefined {
    let file: number;
    try {
      file = openSync(this.#path(kind, key), 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw storeTrouble(this.#root, error);
    }
    try {
      const got = readSync(file, into, 0, into.length, 0);
      this.#noteUse(this.#path(kind, key), fstatSync(file).mtimeMs);
      return got === into.length ? undefined : into.subarray(0, got);
    } catch (error) {
      throw storeTrouble(this.#root, error);
    } finally {
      closeSync(file);
    }
  }

  readPart(kind: StoreKind, key: string, name: string, offset: number, into: Uint8Array): boolean {
    const path = this.#path(kind, key);
    let file: number;
    try {
      file = openSync(join(path, name), 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw storeTrouble(this.#root, error);
    }
    try {
      this.#noteUse(path, statSync(path).mtimeMs);
      return readSync(file, into, 0, into.length, offset) === into.length;
    } catch (error) {
      throw storeTrouble(this.#root, error);
    } finally {
      closeSync(file);
    }
  }

  writeFile(kind: StoreKind, key: string, parts: readonly Uint8Array[]): void {
    this.#writeFile(kind, key, parts, true);
  }

  #writeFile(kind: StoreKind, key: string, parts: readonly Uint8Array[], isFirst: boolean): void {
    const work = join(this.#directory, 'tmp', `${process.pid}-${randomUUID()}`);
    try {
      const file = openSync(work, 'wx', 0o600);
      try {
        for (const part of parts) for (let done = 0; done < part.length; ) done += writeSync(file, part, done);
      } finally {
        closeSync(file);
      }
      renameSync(work, this.#path(kind, key));
    } catch (error) {
      rmSync(work, { force: true });
      // The folders are looked for only when they are missed: a cold build comes here some thousand times.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !isFirst) throw storeTrouble(this.#root, error);
      mkdirSync(dirname(work), { recursive: true, mode: 0o700 });
      mkdirSync(dirname(this.#path(kind, key)), { recursive: true, mode: 0o700 });
      this.#writeFile(kind, key, parts, false);
    }
  }

  close(): void {
    this.#giveBack();
    if (this.#temporary) rmSync(this.#root, { recursive: true, force: true });
  }

  /** For `pruneStore`. A cache that is not ours to write is used all the same. */
  #noteUse(path: string, notedMs: number): void {
    const nowMs = Date.now();
    if (nowMs - notedMs < USE_GRAIN_MS) return;
    try {
      utimesSync(path, nowMs / 1000, nowMs / 1000);
    } catch {
      // Gone meanwhile, or somebody else's.
    }
  }

  #path(kind: StoreKind, key: string): string {
    assert(/^[0-9a-f]{40,64}$/.test(key), `the store key ${key} is not a digest in hex`);
    return join(this.#directory, kind, key);
  }

  /** A new empty folder; its parents are made again in case somebody emptied the cache meanwhile. */
  #temporaryFolder(): string {
    const path = join(this.#directory, 'tmp', `${process.pid}-${randomUUID()}`);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  #rename(from: string, to: string): void {
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    renameSync(from, to);
  }

  #sweep(): void {
    const folder = join(this.#directory, 'tmp');
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      // Several builds may sweep at once, so anything may be gone already.
      const changed = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
      if (Date.now() - changed > LEFTOVER_AGE_MS) rmSync(path, { recursive: true, force: true });
    }
  }
}

function unusable(root: string, error: unknown): Failure {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return new Failure('CACHE_UNUSABLE', `the cache folder ${root} cannot be used (${code})`, {
    hint:
      code === 'ENOSPC'
        ? 'the disk is full: make room, or name another folder with --cache-dir'
        : 'name another folder with --cache-dir',
    cause: error,
  });
}

/** Failures pass; errors of the file system become one; anything else is our own mistake and passes too. */
function storeTrouble(root: string, error: unknown): unknown {
  const isSystem = error instanceof Error && 'syscall' in error;
  return isSystem ? unusable(root, error) : error;
}
