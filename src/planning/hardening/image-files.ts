// Every file of the tree once, with its facts: the one pass over contents that all checks share.

import { apkArchitecture } from '../config/architecture.ts';
import { contentSize } from '../rootfs/content.ts';
import type { FileTree, TreeEntry } from '../rootfs/file-tree.ts';
import type { DirectoryNode, FileNode } from '../rootfs/tree-node.ts';
import { BACKUP_ENDS, BACKUP_NAME } from './backup-names.ts';
import { type ElfFacts, type FileFacts, readFileFacts } from './file-facts.ts';
import type { KnownFacts, PackageFacts } from './package-facts.ts';

interface NamedFile {
  /** Without leading slash. */
  readonly path: string;
  readonly node: FileNode;
}

interface ImageFile extends NamedFile {
  readonly facts: FileFacts;
}

export interface ImageDirectory {
  readonly path: string;
  readonly node: DirectoryNode;
}

export interface ImageFiles {
  /** Everything but the root, in the order of the walk. */
  readonly entries: readonly TreeEntry[];
  /** The directories among them. */
  readonly directories: readonly ImageDirectory[];
  /** Devices, and those files and directories whose mode or attributes few have. */
  readonly special: readonly TreeEntry[];
  /** Files with the name of a back-up. */
  readonly backups: readonly NamedFile[];
  /** Regular files that there is something to say about, under the first of their names. */
  readonly known: readonly ImageFile[];
  factsOf(node: FileNode): FileFacts | undefined;
}

/** setuid, setgid, writable for everybody. */
const SPECIAL_MODES = 0o6002;

/** `known` spares the reading of files of packages. */
export function collectFiles(tree: FileTree, known: KnownFacts = () => undefined): ImageFiles {
  const entries = tree.walk();
  const facts = new Map<FileNode, FileFacts | undefined>();
  const telling: ImageFile[] = [];
  const directories: ImageDirectory[] = [];
  const special: TreeEntry[] = [];
  const backups: NamedFile[] = [];
  // Files come directory by directory, and so mostly package by package.
  let packageIndex = -1;
  let ofPackage: PackageFacts | undefined;
  // Every step in here is taken some ten thousand times: what checks want to know of all files is asked on the way.
  for (const entry of entries) {
    const { path, node } = entry;
    if (node.kind === 'symlink') continue;
    if ((node.mode & SPECIAL_MODES) !== 0 || node.xattrs.size > 0 || node.kind === 'device') special.push(entry);
    if (node.kind !== 'file') {
      if (node.kind === 'directory') directories.push({ path, node });
      continue;
    }
    if (BACKUP_ENDS.has(path.charCodeAt(path.length - 1)) && BACKUP_NAME.test(path)) backups.push({ path, node });
    const { content } = node;
    let kept: FileFacts | undefined;
    if (content.kind === 'packaged') {
      if (content.packageIndex !== packageIndex) {
        packageIndex = content.packageIndex;
        ofPackage = known(packageIndex);
      }
      if (ofPackage !== undefined) {
        kept = ofPackage.get(content.offset);
        // Most files are of packages that have nothing to say about them.
        if (kept === undefined) continue;
      }
    }
    if (facts.has(node)) continue;
    const found = kept ?? readFileFacts(path, contentSize(content), (at, length) => tree.readRange(node, at, length));
    facts.set(node, found);
    if (found !== undefined) telling.push({ path, node, facts: found });
  }
  return { entries, directories, special, backups, known: telling, factsOf: (node) => facts.get(node) };
}

/** e_machine and class of an architecture's programs; the second line: what its kernels also run. */
const MACHINES: Readonly<Record<string, readonly (readonly [machine: number, bits: 32 | 64])[]>> = {
  x86: [[3, 32]],
  x86_64: [
    [62, 64],
    [62, 32],
    [3, 32],
  ],
  aarch64: [
    [183, 64],
    [40, 32],
  ],
  armhf: [[40, 32]],
  armv7: [[40, 32]],
  loongarch64: [[258, 64]],
  ppc64le: [[21, 64]],
  riscv64: [[243, 64]],
  s390x: [[22, 64]],
};

type Machines = readonly (readonly [machine: number, bits: 32 | 64])[] | undefined;

/** The machines whose programs the architecture (any spelling) runs, its own first; undefined for unknown ones, which run all. */
export function machinesOf(arch: string): Machines {
  return MACHINES[apkArchitecture(arch)];
}

/** Whether the file is for the architecture itself, not for an older one that its kernels run too. */
export function isNative(machines: Machines, elf: ElfFacts): boolean {
  const own = machines?.[0];
  return own === undefined || (elf.machine === own[0] && elf.bits === own[1]);
}

export function runsOn(machines: Machines, elf: ElfFacts): boolean {
  if (isNative(machines, elf)) return true;
  return machines?.some(([machine, bits]) => elf.machine === machine && elf.bits === bits) === true;
}
