// The link proof of one program or plug-in: loads it on paper as its loader would, breadth first, and says what stops it.
// glibc also compares symbol versions, musl does not (see dl-load.c and dl-version.c in the one, dynlink.c in the other, as
// described in ld.so(8) and musl's manual). Never looks at single symbols.

import type { FileNode } from '../rootfs/tree-node.ts';
import type { ElfFacts } from './file-facts.ts';
import { LibrarySearch, type LoadedFile, originOf, type SearchWorld } from './library-search.ts';
import { baseName } from './tree-paths.ts';

export type LinkProblem =
  | { readonly kind: 'missing'; readonly name: string; readonly by: LoadedFile }
  | {
      readonly kind: 'unusable';
      readonly name: string;
      readonly by: LoadedFile;
      readonly path: string;
      readonly why: string;
    }
  | {
      readonly kind: 'version';
      /** As the file asks for it. */
      readonly name: string;
      readonly by: LoadedFile;
      /** The library that lacks the versions. */
      readonly path: string;
      readonly versions: readonly string[];
    };

export interface LinkProof {
  readonly problems: readonly LinkProblem[];
  /** Everything loaded, the program first and the loader not counted. */
  readonly loaded: readonly LoadedFile[];
}

export interface ProvedFile {
  readonly node: FileNode;
  /** Real path, without leading slash. */
  readonly path: string;
  readonly elf: ElfFacts;
}

/** Names that musl's loader answers itself, whatever follows the dot. */
export const MUSL_ITSELF = /^lib(?:c|pthread|rt|m|dl|util|xnet)\./;

/** `loaderFile`: the file that the world's loader is. */
export function proveLinks(file: ProvedFile, loaderFile: ProvedFile, world: SearchWorld): LinkProof {
  return new Process(file, loaderFile, world).prove();
}

class Process {
  readonly #world: SearchWorld;
  readonly #search: LibrarySearch;
  readonly #loader: LoadedFile;
  readonly #loaded: LoadedFile[];
  readonly #byName = new Map<string, LoadedFile>();
  readonly #byNode = new Map<FileNode, LoadedFile>();
  readonly #problems: LinkProblem[] = [];

  constructor(file: ProvedFile, loaderFile: ProvedFile, world: SearchWorld) {
    this.#world = world;
    const main = loadedAs(`/${file.path}`, file, undefined);
    this.#search = new LibrarySearch(world, main);
    this.#loader = loadedAs(world.loader.name, loaderFile, undefined);
    this.#loaded = [main];
    this.#remember(main, undefined);
    this.#remember(this.#loader, world.loader.name);
    if (world.loader.kind === 'musl') this.#byName.set(baseName(world.loader.name), this.#loader);
  }

  prove(): LinkProof {
    // The list grows while we go through it: that is the loader's breadth-first order.
    for (const requester of this.#loaded) {
      for (const name of requester.elf.needed) this.#need(name, requester);
    }
    if (this.#world.loader.kind === 'glibc') for (const file of this.#loaded) this.#compareVersions(file);
    return { problems: this.#problems, loaded: this.#loaded };
  }

  #need(name: string, requester: LoadedFile): void {
    if (this.#loadedAs(name) !== undefined) return;
    const result = this.#search.find(name, requester);
    if (result.kind !== 'found') {
      this.#problems.push({ ...result, name, by: requester });
      return;
    }
    const known = this.#byNode.get(result.node);
    const file = known ?? loadedAs(result.path, { ...result, path: result.realPath }, requester);
    this.#remember(file, name);
    if (known === undefined) this.#loaded.push(file);
  }

  #loadedAs(name: string): LoadedFile | undefined {
    if (this.#world.loader.kind === 'musl' && MUSL_ITSELF.test(name)) return this.#loader;
    return this.#byName.get(name);
  }

  /** A file answers to every name that led to it, and with glibc to its own. */
  #remember(file: LoadedFile, name: string | undefined): void {
    if (name !== undefined && !this.#byName.has(name)) this.#byName.set(name, file);
    if (!this.#byNode.has(file.node)) this.#byNode.set(file.node, file);
    const { soname } = file.elf;
    if (this.#world.loader.kind === 'musl' || soname === undefined || this.#byName.has(soname)) return;
    this.#byName.set(soname, file);
  }

  /** A library without any versions satisfies everybody; the loader only grumbles. */
  #compareVersions(file: LoadedFile): void {
    for (const { library, versions } of file.elf.wants) {
      const provider = this.#byName.get(library);
      if (provider?.elf.offers === undefined) continue;
      const { offers } = provider.elf;
      const missing = versions.filter((version) => !offers.includes(version));
      if (missing.length === 0) continue;
      this.#problems.push({ kind: 'version', name: library, by: file, path: provider.path, versions: missing });
    }
  }
}

export function loadedAs(path: string, file: ProvedFile, parent: LoadedFile | undefined): LoadedFile {
  return { node: file.node, path, realPath: file.path, elf: file.elf, parent, origin: originOf(path) };
}
