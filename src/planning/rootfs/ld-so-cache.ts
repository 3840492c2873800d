// Writes /etc/ld.so.cache for the libraries in the loader's directories (layer-and-oci.md 8), as `ldconfig` would inside
// the image, but without running anything. Never reads a library whole.

import { Failure } from '../../base/failure.ts';
import { type LdSoCacheEntry, libraryFlags, printLdSoCache } from '../../formats/elf/print-ld-so-cache.ts';
import { ELF_TYPE, type ElfFile, readElf } from '../../formats/elf/read-elf.ts';
import type { FileTree } from './file-tree.ts';
import { LD_SO_CONF, readLdSoConf } from './ld-so-conf.ts';
import { listDirectory, regularFile } from './tolerant-lookup.ts';
import type { FileNode } from './tree-node.ts';

const CACHE_PATH = 'etc/ld.so.cache';

interface Library extends Pick<ElfFile, 'bits' | 'machine' | 'flags' | 'type'> {
  readonly soname?: string | undefined;
}

/**
 * What is known of the files of a package, by the offset of their content; a file that is missing there is no library. Undefined:
 * nothing is known of the package, its libraries have to be read.
 */
export type KnownLibraries = (packageIndex: number) => ReadonlyMap<number, { readonly elf?: Library }> | undefined;

/**
 * Makes the cache if the image has an /etc/ld.so.conf. `apkArch` decides the byte order.
 * @throws Failure PACKAGE_INVALID for a library of a machine that we do not know
 */
export function applyLdSoCache(tree: FileTree, apkArch: string, known: KnownLibraries = () => undefined): void {
  if (regularFile(tree, LD_SO_CONF) === undefined) return;
  const seen = new Map<FileNode, Library | undefined>();
  const libraryOf = (file: FileNode) => {
    if (!seen.has(file)) seen.set(file, readLibrary(tree, file, known));
    return seen.get(file);
  };
  const directories = ['/lib', ...readLdSoConf(tree)];
  const libraries = directories.flatMap((directory) => librariesIn(tree, directory, libraryOf));
  tree.writeFile(CACHE_PATH, printLdSoCache(libraries, apkArch !== 's390x'), 0o644);
}

function readLibrary(tree: FileTree, file: FileNode, known: KnownLibraries): Library | undefined {
  const { content } = file;
  const ofPackage = content.kind === 'packaged' ? known(content.packageIndex) : undefined;
  if (ofPackage !== undefined && content.kind === 'packaged') return ofPackage.get(content.offset)?.elf;
  const elf = readElf((offset, length) => tree.readRange(file, offset, length));
  return elf.kind === 'elf' ? { ...elf, soname: elf.dynamic?.soname } : undefined;
}

function librariesIn(
  tree: FileTree,
  given: string,
  libraryOf: (file: FileNode) => Library | undefined,
): LdSoCacheEntry[] {
  const directory = `/${given
    .split('/')
    .filter((s) => s !== '' && s !== '.')
    .join('/')}`;
  const found: LdSoCacheEntry[] = [];
  for (const [name] of listDirectory(tree, directory)) {
    if (!isLibraryName(name)) continue;
    const path = directory === '/' ? `/${name}` : `${directory}/${name}`;
    const file = regularFile(tree, path);
    if (file === undefined) continue;
    const elf = libraryOf(file);
    if (elf?.type !== ELF_TYPE.shared) continue;
    const flags = libraryFlags(elf);
    if (flags === undefined) {
      throw new Failure(
        'PACKAGE_INVALID',
        `library ${path} is for a machine that we do not know (ELF machine ${elf.machine})`,
      );
    }
    if (isFoundBy(name, elf)) found.push({ path, flags });
  }
  return found;
}

function isLibraryName(name: string): boolean {
  return /^(lib|ld-)/.test(name) && (name.endsWith('.so') || name.includes('.so.'));
}

/** Programs ask for a library by its soname, linkers by the soname without version; other names are not worth an entry. */
function isFoundBy(name: string, library: Library): boolean {
  const soname = library.soname ?? (name.endsWith('.so') ? name : '');
  return isLibraryName(soname) && (name === soname || name === `${soname.slice(0, soname.indexOf('.so'))}.so`);
}
