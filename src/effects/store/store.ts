// The store: a cache on disk, content-addressed, shared by builds that run at once (layer-and-oci.md 15; the layout is
// ours). What is visible under its key is whole: it was written in `tmp` and renamed. Killing a build at any moment
// leaves at most a folder in `tmp`, which a later build sweeps. Must never name anything by a URL or a secret.

import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { EventSink } from '../../base/events.ts';
import { takeLease } from './leases.ts';
import { seal, unseal } from './sealed.ts';
import { StoreFiles, storeTrouble, temporaryPath, unusable } from './store-files.ts';
import { CACHE_TAG_FILE, CACHE_TAG_TEXT, LAYOUT_VERSION, type StoreKind } from './store-layout.ts';

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
  /** For what has its own seal. */
  readonly files: StoreFiles;
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
  readonly files: StoreFiles;
  readonly #temporary: boolean;
  readonly #giveBack: () => void;

  constructor(root: string, temporary: boolean) {
    const directory = join(root, LAYOUT_VERSION);
    this.files = new StoreFiles({ root, directory });
    this.#temporary = temporary;
    // Private: an entry may come from a repository that needs credentials.
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const tag = join(root, CACHE_TAG_FILE);
    if (!existsSync(tag)) writeFileSync(tag, CACHE_TAG_TEXT);
    // A folder made and removed again proves that we may write.
    rmSync(this.#temporaryFolder(), { recursive: true });
    this.#sweep();
    this.#giveBack = takeLease(directory);
  }

  entry(kind: StoreKind, key: string): string | undefined {
    const path = this.files.path(kind, key);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    this.files.noteUse(path, found.mtimeMs);
    return path;
  }

  async publish(kind: StoreKind, key: string, fill: (directory: string) => Promise<void>): Promise<string> {
    const path = this.files.path(kind, key);
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
      throw storeTrouble(this.files.place, error);
    }
  }

  discard(kind: StoreKind, key: string): void {
    this.files.discard(kind, key);
  }

  readRecord(kind: StoreKind, key: string): Uint8Array | undefined {
    try {
      const bytes = this.files.readWhole(kind, key);
      return bytes && unseal(bytes);
    } catch {
      return undefined;
    }
  }

  writeRecord(kind: StoreKind, key: string, payload: Uint8Array | string): void {
    this.files.write(kind, key, [seal(payload)]);
  }

  close(): void {
    this.files.close();
    this.#giveBack();
    if (this.#temporary) rmSync(this.files.place.root, { recursive: true, force: true });
  }

  /** A new empty folder; its parents are made again in case somebody emptied the cache meanwhile. */
  #temporaryFolder(): string {
    const path = temporaryPath(this.files.place);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  #rename(from: string, to: string): void {
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    renameSync(from, to);
  }

  #sweep(): void {
    const folder = join(this.files.place.directory, 'tmp');
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      // Several builds may sweep at once, so anything may be gone already.
      const changed = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
      if (Date.now() - changed > LEFTOVER_AGE_MS) rmSync(path, { recursive: true, force: true });
    }
  }
}
