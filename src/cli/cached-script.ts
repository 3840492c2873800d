// A script together with what V8 made of it in an earlier run, so that its 1.4 MB are neither parsed nor its functions compiled
// once more: 55 of 250 ms of a lock. Functions are compiled when they are first called, so every command has a file of its own,
// written at the end of its first good run (12 ms).
//
// The files lie beside the code and nowhere else, and only the owner of that folder writes there: they are code, and nobody gets to
// choose what runs who could not have changed the script itself. They are a memory that may be wrong in no way but being absent:
// the name holds what V8 says must agree (its version, its flags, the processor), a digest covers the script and what was
// made of it, and V8 refuses the rest. Where they cannot be written, everything works as it does without them, as it does
// with NODE_DISABLE_COMPILE_CACHE, Node's own switch for the same thing.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cachedDataVersionTag, setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { hashHex } from '../base/digest.ts';

/** Of 1 MB each: several commands, several versions of Node. */
const KEPT_FILES = 24;

const DIGEST_BYTES = 64;

export class CachedScript {
  /** Whether V8 took what an earlier run left. */
  readonly isKnown: boolean;
  readonly #path: string;
  readonly #sourceDigest: string;
  readonly #script: Script;
  readonly #tag = cachedDataVersionTag();
  readonly #cachePath: string;

  /**
   * `path`: the body of a function that fills `module.exports`, in ASCII, which has `require`, `importMeta` and `importModule`.
   * `use`: a word for which functions will be called.
   */
  constructor(path: string, use: string) {
    this.#path = path;
    const source = readFileSync(path);
    this.#sourceDigest = hashHex('sha256', source);
    this.#cachePath = join(dirname(path), 'compiled', `${use}-${this.#tag}`);
    const cachedData = this.#readCompiled();
    const text = `(function (module, require, importMeta, importModule) {${source.toString('latin1')}\n})`;
    this.#script = new Script(text, { filename: path, ...(cachedData && { cachedData }) });
    this.isKnown = cachedData !== undefined && this.#script.cachedDataRejected === false;
    // Code that has not run for a while is thrown away: in a long run before the end, when it is to be kept.
    if (this.#isMissed()) setFlagsFromString('--no-flush-bytecode');
  }

  /** What the script exports. `around`: is called for each module that the script loads, once. */
  run<T>(around: (load: () => unknown) => unknown = (load) => load()): T {
    const module = { exports: {} };
    const { href: url } = pathToFileURL(this.#path);
    // A script's own `import()` is an experiment that Node 20 warns of.
    const importModule = (name: string) => import(name.startsWith('.') ? new URL(name, url).href : name);
    const load = createRequire(url);
    const loaded = new Map<string, unknown>();
    const loadAround = (name: string) => {
      if (!loaded.has(name))
        loaded.set(
          name,
          around(() => load(name)),
        );
      return loaded.get(name);
    };
    this.#script.runInThisContext()(module, loadAround, { url }, importModule);
    return module.exports as T;
  }

  /** At the end of a good run, with V8's flags as they were when the script was read. */
  keep(): void {
    if (!this.#isMissed()) return;
    setFlagsFromString('--flush-bytecode');
    if (cachedDataVersionTag() !== this.#tag) return;
    const compiled = this.#script.createCachedData();
    const digest = Buffer.from(hashHex('sha256', this.#sourceDigest, compiled));
    const folder = dirname(this.#cachePath);
    try {
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      replaceFile(this.#cachePath, Buffer.concat([digest, compiled]));
      removeOldest(folder);
    } catch {
      // A full disk, a folder that is read only, or another run that removes the same files.
    }
  }

  #isMissed(): boolean {
    return !this.isKnown && process.env['NODE_DISABLE_COMPILE_CACHE'] === undefined && isOwned(dirname(this.#path));
  }

  #readCompiled(): Buffer | undefined {
    if (process.env['NODE_DISABLE_COMPILE_CACHE'] !== undefined) return undefined;
    try {
      const bytes = readFileSync(this.#cachePath);
      const compiled = bytes.subarray(DIGEST_BYTES);
      const digest = hashHex('sha256', this.#sourceDigest, compiled);
      return bytes.toString('latin1', 0, DIGEST_BYTES) === digest ? compiled : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Or else root would leave files where their owner cannot remove them. Windows has no such trouble. */
function isOwned(folder: string): boolean {
  return process.getuid === undefined || statSync(folder).uid === process.getuid();
}

function replaceFile(path: string, bytes: Uint8Array): void {
  const work = `${path}.${process.pid}`;
  try {
    writeFileSync(work, bytes, { flag: 'wx' });
    renameSync(work, path);
  } finally {
    rmSync(work, { force: true });
  }
}

function removeOldest(folder: string): void {
  const files = readdirSync(folder).map((name) => join(folder, name));
  const newestFirst = files
    .map((path) => ({ path, writtenMs: statSync(path).mtimeMs }))
    .sort((a, b) => b.writtenMs - a.writtenMs);
  for (const { path } of newestFirst.slice(KEPT_FILES)) rmSync(path, { force: true });
}
