// Writes /etc/ld.so.cache for the libraries in the loader's directories (layer-and-oci.md 8), as `ldconfig` would inside
// the image, but without running anything. Never reads a library whole.

import { Failure } from '../../base/failure.ts';
import { type LdSoCacheEntry, libraryFlags, printLdSoCache } from '../../formats/elf/print-ld-so-cache.ts';
import { ELF_TYPE, type ElfFile, type NotElf, readElf } from '../../formats/elf/read-elf.ts';
import type { FileNode, FileTree } from './file-tree.ts';
import { LD_SO_CONF, readLdSoConf } from './ld-so-conf.ts';
import { listDirectory, regularFile } from './tolerant-lookup.ts';

const CACHE_PATH = 'etc/ld.so.cache';

/**
 * Makes the cache if the image has an /etc/ld.so.conf. `apkArch` decides the byte order.
 * @throws Failure PACKAGE_INVALID for a library of a machine that we do not know
 */
export function applyLdSoCache(tree: FileTree, apkArch: string): void {
  if (regularFile(tree, LD_SO_CONF) === undefined) return;
  const known = new Map<FileNode, ElfFile | NotElf>();
  const directories = ['/lib', ...readLdSoConf(tree)];
  const libraries = directories.flatMap((directory) => librariesIn(tree, directory, known));
  tree.writeFile(CACHE_PATH, printLdSoCache(libraries, apkArch !== 's390x'), 0o644);
}

function librariesIn(tree: FileTree, given: string, known: Map<FileNode, ElfFile | NotElf>): LdSoCacheEntry[] {
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
    let elf = known.get(file);
    if (elf === undefined) {
      elf = readElf((offset, length) => tree.readRange(file, offset, length));
      known.set(file, elf);
    }
    if (elf.kind !== 'elf' || elf.type !== ELF_TYPE.shared) continue;
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
function isFoundBy(name: string, elf: ElfFile): boolean {
  const soname = elf.dynamic?.soname ?? (name.endsWith('.so') ? name : '');
  return isLibraryName(soname) && (name === soname || name === `${soname.slice(0, soname.indexOf('.so'))}.so`);
}
