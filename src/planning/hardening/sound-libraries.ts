// The short way to a link proof without problems. Where neither the image nor any file has a search path of its own, a name leads
// to the same library in every process; so what a library loads and whether that fits together is found out once for all who need
// it. Says nothing about anything else: link-proof.ts does.

import type { FileNode } from '../rootfs/tree-node.ts';
import type { ElfFacts } from './file-facts.ts';
import { LibrarySearch, type LoadedFile, type SearchWorld } from './library-search.ts';
import { loadedAs, MUSL_ITSELF, type ProvedFile } from './link-proof.ts';
import { baseName } from './tree-paths.ts';

interface Library {
  readonly node: FileNode;
  readonly elf: ElfFacts;
  readonly offers: ReadonlySet<string> | undefined;
}

/** What comes into a process with a library. */
interface Closure {
  /** The loader is not among them. */
  readonly files: ReadonlySet<FileNode>;
  /** All that were asked for on the way. */
  readonly names: ReadonlySet<string>;
}

export class SoundLibraries {
  readonly #world: SearchWorld;
  readonly #loader: LoadedFile;
  readonly #loaderLibrary: Library;
  readonly #search: LibrarySearch;
  readonly #hasPath: boolean;
  /** null: nowhere, or not in every process. */
  readonly #byName = new Map<string, Library | null>();
  readonly #closures = new Map<string, Closure | null>();

  /** `loaderFile`: the file that the world's loader is. */
  constructor(loaderFile: ProvedFile, world: SearchWorld) {
    this.#world = world;
    this.#loader = loadedAs(world.loader.name, loaderFile, undefined);
    this.#loaderLibrary = libraryOf(this.#loader);
    this.#search = new LibrarySearch(world, this.#loader);
    this.#hasPath = world.libraryPath !== '' || hasSearchPath(this.#loader.elf);
  }

  /**
   * What a file loads, in groups and without itself, if all of it is found and fits together whatever else there is; undefined
   * where it takes a proof to tell.
   */
  loadedBy({ node, elf }: ProvedFile): readonly ReadonlySet<FileNode>[] | undefined {
    if (this.#hasPath || node === this.#loader.node || !this.#fits(elf)) return undefined;
    const { soname } = elf;
    const groups: ReadonlySet<FileNode>[] = [];
    for (const name of elf.needed) {
      const closure = this.#closureOf(name);
      // A file that is called like something that it needs stands in its place.
      if (closure === null || (soname !== undefined && closure.names.has(soname))) return undefined;
      groups.push(closure.files);
    }
    return groups;
  }

  #closureOf(name: string): Closure | null {
    let closure = this.#closures.get(name);
    if (closure === undefined) {
      closure = this.#collect(name);
      this.#closures.set(name, closure);
    }
    return closure;
  }

  #collect(start: string): Closure | null {
    const names = new Set([start]);
    const files = new Set<FileNode>();
    // The set grows while we go through it.
    for (const name of names) {
      const library = this.#find(name);
      if (library === null) return null;
      if (library === this.#loaderLibrary || files.has(library.node)) continue;
      const { soname, needed } = library.elf;
      // With another library of that name in the process, order would decide.
      if (soname !== undefined && this.#find(soname)?.node !== library.node) return null;
      if (!this.#fits(library.elf)) return null;
      files.add(library.node);
      for (const further of needed) names.add(further);
    }
    return { files, names };
  }

  #find(name: string): Library | null {
    let found = this.#byName.get(name);
    if (found === undefined) {
      found = this.#seek(name);
      this.#byName.set(name, found);
    }
    return found;
  }

  #seek(name: string): Library | null {
    if (name.includes('/')) return null;
    const { kind, name: own, elf } = this.#world.loader;
    const isLoader = kind === 'musl' ? MUSL_ITSELF.test(name) || name === baseName(own) : name === elf.soname;
    if (isLoader) return this.#loaderLibrary;
    const result = this.#search.find(name, this.#loader);
    if (result.kind !== 'found') return null;
    return result.node === this.#loader.node ? this.#loaderLibrary : libraryOf(result);
  }

  /** Whether it searches like all others, and every library that it needs has the versions that it wants. */
  #fits(elf: ElfFacts): boolean {
    const { loader } = this.#world;
    if (elf.machine !== loader.elf.machine || elf.bits !== loader.elf.bits || hasSearchPath(elf)) return false;
    if (loader.kind === 'musl') return true;
    for (const { library, versions } of elf.wants) {
      const provider = elf.needed.includes(library) ? this.#find(library) : null;
      if (provider === null) return false;
      const { offers } = provider;
      if (offers === undefined) continue;
      for (const version of versions) if (!offers.has(version)) return false;
    }
    return true;
  }
}

function libraryOf({ node, elf }: Pick<LoadedFile, 'node' | 'elf'>): Library {
  return { node, elf, offers: elf.offers && new Set(elf.offers) };
}

function hasSearchPath({ rpath, runpath }: ElfFacts): boolean {
  return rpath.length > 0 || runpath.length > 0;
}
