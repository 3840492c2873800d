// Where a loader finds a library that a file asks for by name: RPATH, LD_LIBRARY_PATH, RUNPATH, ld.so.cache and default
// directories for glibc (ld.so(8)); LD_LIBRARY_PATH, both kinds of run path and the path file for musl. Decides nothing about
// symbols. Follows what the loaders do with files that they cannot use: glibc passes over other architectures, musl does not.

import { parseLdSoCache } from '../../formats/elf/parse-ld-so-cache.ts';
import { libraryFlags } from '../../formats/elf/print-ld-so-cache.ts';
import { ELF_TYPE } from '../../formats/elf/read-elf.ts';
import { contentSize } from '../rootfs/content.ts';
import type { FileTree } from '../rootfs/file-tree.ts';
import type { FileNode } from '../rootfs/tree-node.ts';
import type { ElfFacts } from './file-facts.ts';
import { expandTokens, type Loader } from './loader.ts';
import { directoryOf, resolvePath } from './tree-paths.ts';

/** A file that a loader has taken into a process. */
export interface LoadedFile {
  readonly node: FileNode;
  /** As the loader found it, with a leading slash; `$ORIGIN` of a library is the directory of this. */
  readonly path: string;
  /** Without symbolic links, no leading slash. */
  readonly realPath: string;
  readonly elf: ElfFacts;
  /** What asked for it. */
  readonly parent: LoadedFile | undefined;
  /** Directory that stands for $ORIGIN. */
  readonly origin: string;
}

type SearchResult =
  | {
      readonly kind: 'found';
      readonly path: string;
      readonly realPath: string;
      readonly node: FileNode;
      readonly elf: ElfFacts;
    }
  /** There is a file, and the loader gives up at it, or has passed over it and found no other. */
  | { readonly kind: 'unusable'; readonly path: string; readonly why: string }
  | { readonly kind: 'missing' };

/** What a search depends on beside the files that ask. */
export interface SearchInput {
  readonly tree: FileTree;
  readonly loader: Loader;
  readonly elfOf: (node: FileNode) => ElfFacts | undefined;
  /** LD_LIBRARY_PATH of the image. */
  readonly libraryPath: string;
  /** Current directory, no leading slash: relative search directories count from here. */
  readonly workingDirectory: string;
  /** The processor's levels, best first; [] is the oldest processor. */
  readonly levels: readonly string[];
}

/** The same for every process with this loader: made once. */
export interface SearchWorld extends SearchInput {
  /** ld.so.cache: name -> paths. */
  readonly cache: ReadonlyMap<string, readonly string[]>;
  readonly systemDirectories: readonly string[];
  /** Where names lead if no file has a search path of its own: to the same place for every program, a thousand times. */
  readonly plain: Map<string, SearchResult>;
}

export function openSearchWorld(input: SearchInput): SearchWorld {
  const { tree, loader } = input;
  const world = { ...input, plain: new Map<string, SearchResult>() };
  return loader.kind === 'glibc'
    ? { ...world, cache: readCache(tree, loader.elf), systemDirectories: loader.defaultDirectories }
    : { ...world, cache: new Map(), systemDirectories: muslDirectories(tree, loader) };
}

export class LibrarySearch {
  readonly #world: SearchWorld;
  readonly #main: LoadedFile;
  readonly #environment: readonly string[];

  /** For one process, that of `main`. */
  constructor(world: SearchWorld, main: LoadedFile) {
    const { loader, libraryPath } = world;
    this.#world = world;
    this.#main = main;
    const elements = libraryPath === '' ? [] : libraryPath.split(loader.kind === 'glibc' ? /[:;]/ : /[:\n]/);
    // musl replaces no tokens in the environment's paths.
    this.#environment = loader.kind === 'glibc' ? this.#expanded(elements, main) : elements.filter((e) => e !== '');
  }

  find(name: string, requester: LoadedFile): SearchResult {
    if (name.includes('/')) {
      const path = expandTokens(name, this.#world.loader, requester.origin) ?? name;
      return this.#first([path]);
    }
    if (!this.#isPlain(requester)) return this.#search(name, requester);
    const { plain } = this.#world;
    let result = plain.get(name);
    if (result === undefined) {
      result = this.#search(name, requester);
      plain.set(name, result);
    }
    return result;
  }

  #search(name: string, requester: LoadedFile): SearchResult {
    const { loader } = this.#world;
    return this.#first(loader.kind === 'glibc' ? this.#glibcPaths(name, requester) : this.#muslPaths(name, requester));
  }

  /** Nothing but the name decides: no search path of a file or of the environment, a program of the loader's own kind. */
  #isPlain(requester: LoadedFile): boolean {
    const { libraryPath, loader } = this.#world;
    const { elf } = this.#main;
    if (libraryPath !== '' || elf.machine !== loader.elf.machine || elf.bits !== loader.elf.bits) return false;
    if (elf.rpath.length > 0 || requester.elf.runpath.length > 0) return false;
    for (let file: LoadedFile | undefined = requester; file !== undefined; file = file.parent) {
      if (file.elf.rpath.length > 0 || (loader.kind === 'musl' && file.elf.runpath.length > 0)) return false;
    }
    return true;
  }

  *#glibcPaths(name: string, requester: LoadedFile): Generator<string> {
    // A RUNPATH of the file itself makes the loader forget every RPATH, also those of the files above it.
    if (requester.elf.runpath.length === 0) {
      for (let file: LoadedFile | undefined = requester; file !== undefined; file = file.parent) {
        yield* this.#inDirectories(this.#rpathOf(file), name);
      }
      yield* this.#inDirectories(this.#rpathOf(this.#main), name);
    }
    yield* this.#inDirectories(this.#environment, name);
    yield* this.#inDirectories(this.#expanded(requester.elf.runpath, requester), name);
    yield* this.#cached(name);
    yield* this.#inDirectories(this.#world.systemDirectories, name);
  }

  /** The program's RPATH does not count beside its RUNPATH. */
  #rpathOf(file: LoadedFile): readonly string[] {
    return file === this.#main && file.elf.runpath.length > 0 ? [] : this.#expanded(file.elf.rpath, file);
  }

  *#muslPaths(name: string, requester: LoadedFile): Generator<string> {
    yield* inEach(this.#environment, name);
    for (let file: LoadedFile | undefined = requester; file !== undefined; file = file.parent) {
      const { rpath, runpath } = file.elf;
      const expanded = (runpath.length > 0 ? runpath : rpath).map((e) =>
        expandTokens(e, this.#world.loader, file.origin),
      );
      // One element with an unknown token, and musl leaves the whole path out.
      if (expanded.every((element) => element !== undefined))
        yield* inEach(
          expanded.filter((e) => e !== ''),
          name,
        );
    }
    yield* inEach(this.#world.systemDirectories, name);
  }

  #expanded(elements: readonly string[], file: LoadedFile): string[] {
    const { loader, workingDirectory } = this.#world;
    return elements.map((element) => expandTokens(element, loader, file.origin) || `/${workingDirectory}`);
  }

  *#inDirectories(directories: readonly string[], name: string): Generator<string> {
    for (const directory of directories) {
      for (const level of this.#world.levels) yield `${directory}/glibc-hwcaps/${level}/${name}`;
      yield `${directory}/${name}`;
    }
  }

  /** The best entry that this processor may use; the loader looks at no other. */
  *#cached(name: string): Generator<string> {
    const paths = this.#world.cache.get(name) ?? [];
    const levelOf = (path: string) => /\/glibc-hwcaps\/([^/]+)\//.exec(path)?.[1];
    const preferred = this.#world.levels.flatMap((level) => paths.filter((path) => levelOf(path) === level));
    const best = preferred[0] ?? paths.find((path) => levelOf(path) === undefined);
    if (best !== undefined) yield best;
  }

  #first(paths: Iterable<string>): SearchResult {
    let passedOver: SearchResult | undefined;
    for (const path of paths) {
      const found = resolvePath(this.#world.tree, path, this.#world.workingDirectory);
      if (found === undefined || found.node.kind === 'device') continue;
      const whole = path.startsWith('/') ? path : `/${this.#world.workingDirectory}/${path}`;
      const shown = whole.replace(/\/+/g, '/');
      if (found.node.kind !== 'file') return { kind: 'unusable', path: shown, why: 'it is a directory' };
      const elf = this.#world.elfOf(found.node);
      if (elf === undefined) {
        const why = contentSize(found.node.content) === 0 ? 'it is empty' : 'it is no ELF file';
        return { kind: 'unusable', path: shown, why };
      }
      const isForeign = elf.machine !== this.#main.elf.machine || elf.bits !== this.#main.elf.bits;
      if (isForeign) {
        const foreign = { kind: 'unusable', path: shown, why: 'it is for another architecture' } as const;
        if (this.#world.loader.kind === 'musl') return foreign;
        passedOver ??= foreign;
        continue;
      }
      if (elf.type !== ELF_TYPE.shared) return { kind: 'unusable', path: shown, why: 'it is no shared library' };
      return { kind: 'found', path: shown, realPath: found.path, node: found.node, elf };
    }
    return passedOver ?? { kind: 'missing' };
  }
}

function* inEach(directories: readonly string[], name: string): Generator<string> {
  for (const directory of directories) yield `${directory}/${name}`;
}

/** Names -> paths, of the entries for programs like this one. */
function readCache(tree: FileTree, elf: ElfFacts): ReadonlyMap<string, readonly string[]> {
  const found = resolvePath(tree, '/etc/ld.so.cache');
  if (found?.node.kind !== 'file') return new Map();
  const bytes = tree.readRange(found.node, 0, Math.min(contentSize(found.node.content), MAX_CACHE_BYTES));
  const flags = libraryFlags(elf);
  const byName = new Map<string, string[]>();
  for (const entry of parseLdSoCache(bytes)) {
    if (entry.flags !== flags) continue;
    const paths = byName.get(entry.name);
    if (paths === undefined) byName.set(entry.name, [entry.path]);
    else paths.push(entry.path);
  }
  return byName;
}

/** A desktop's has 100 KiB. */
const MAX_CACHE_BYTES = 16 * 1024 * 1024;
const MAX_PATH_FILE_BYTES = 64 * 1024;

/** `etc/ld-musl-ARCH.path` beside the loader's directory replaces the default directories, even when it is empty. */
function muslDirectories(tree: FileTree, loader: Loader): readonly string[] {
  const arch = /ld-musl-([^/]+)\.so/.exec(loader.name)?.[1] ?? '';
  const found = resolvePath(tree, `${directoryOf(directoryOf(loader.name))}/etc/ld-musl-${arch}.path`);
  if (found?.node.kind !== 'file') return loader.defaultDirectories;
  const bytes = tree.readRange(found.node, 0, MAX_PATH_FILE_BYTES);
  return Buffer.from(bytes)
    .toString('utf8')
    .split(/[:\n]/)
    .filter((directory) => directory !== '');
}

/** The directory that stands for $ORIGIN, for a path with a leading slash. */
export function originOf(path: string): string {
  return directoryOf(path) || '/';
}
