// Every file of the tree once, with its facts: the one pass over contents that all checks share.

import { apkArchitecture } from '../config/architecture.ts';
import { contentSize } from '../rootfs/content.ts';
import type { FileTree, TreeEntry } from '../rootfs/file-tree.ts';
import type { FileNode } from '../rootfs/tree-node.ts';
import { type ElfFacts, type FileFacts, readFileFacts } from './file-facts.ts';
import type { KnownFacts } from './package-facts.ts';

interface ImageFile {
  /** Without leading slash. */
  readonly path: string;
  readonly node: FileNode;
  readonly facts: FileFacts;
}

export interface ImageFiles {
  /** Everything but the root, in the order of the walk. */
  readonly entries: readonly TreeEntry[];
  /** Regular files that there is something to say about, under the first of their names. */
  readonly known: readonly ImageFile[];
  factsOf(node: FileNode): FileFacts | undefined;
}

/** `known` spares the reading of files of packages. */
export function collectFiles(tree: FileTree, known: KnownFacts = () => undefined): ImageFiles {
  const entries = tree.walk();
  const facts = new Map<FileNode, FileFacts | undefined>();
  const telling: ImageFile[] = [];
  for (const { path, node } of entries) {
    if (node.kind !== 'file') continue;
    const { content } = node;
    const ofPackage = content.kind === 'packaged' ? known(content.packageIndex) : undefined;
    const kept = content.kind === 'packaged' ? ofPackage?.get(content.offset) : undefined;
    // Most files are of packages that have nothing to say about them.
    if ((ofPackage !== undefined && kept === undefined) || facts.has(node)) continue;
    const found = kept ?? readFileFacts(path, contentSize(content), (at, length) => tree.readRange(node, at, length));
    facts.set(node, found);
    if (found !== undefined) telling.push({ path, node, facts: found });
  }
  return { entries, known: telling, factsOf: (node) => facts.get(node) };
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

/** Whether the file is for the architecture itself, not for an older one that its kernels run too. */
export function isNative(arch: string, elf: ElfFacts): boolean {
  const [machine, bits] = MACHINES[apkArchitecture(arch)]?.[0] ?? [];
  return machine === undefined || (elf.machine === machine && elf.bits === bits);
}

/** Whether a machine of the architecture (any spelling) runs the file. Unknown architectures run everything. */
export function runsOn(arch: string, elf: ElfFacts): boolean {
  const accepted = MACHINES[apkArchitecture(arch)];
  return accepted === undefined || accepted.some(([machine, bits]) => elf.machine === machine && elf.bits === bits);
}
