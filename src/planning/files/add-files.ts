// Puts the user's files on top of a finished root filesystem: as packages, with the conflict rules of packages, each in a
// layer of its own. The layers below stay as they are; what changes by it in apk's databases goes into one last, small layer,
// so that neither a new version of the files nor one of the packages moves the bytes of the other.

import { failingAt } from '../../base/failure.ts';
import { sortedUnique } from '../../base/order.ts';
import { printInstalledRecord } from '../../formats/apk/installed.ts';
import type { Package } from '../../formats/apk/package.ts';
import { TAR_TYPE, type TarEntry } from '../../formats/tar/entry.ts';
import { apkArchitecture } from '../config/architecture.ts';
import type { Path } from '../config/problem.ts';
import type { Rootfs, RootfsInput } from '../rootfs/assemble.ts';
import type { Content } from '../rootfs/content.ts';
import type { FileTree } from '../rootfs/file-tree.ts';
import { installPackage, ownedEntries } from '../rootfs/install-package.ts';
import { applyLdSoCache } from '../rootfs/ld-so-cache.ts';
import { planUpperLayers } from '../rootfs/upper-layers.ts';
import type { CollectedContent, CollectedGroup } from './collected-group.ts';
import { type FileContent, type FilesPackage, planFilesPackage } from './files-package.ts';

const INSTALLED = 'usr/lib/apk/db/installed';
const WORLD = 'etc/apk/world';

export interface FilesInput {
  /** OCI form. */
  readonly arch: string;
  /** Those of the root filesystem, in install order. */
  readonly packages: readonly Package[];
  readonly groups: readonly CollectedGroup[];
  /** The image that all lies on, where there is one: the tree below shows it already. */
  readonly base?: FileTree;
  /** mtime of the files. */
  readonly epochSeconds: number;
  /** The index under which the content of a file on disk is read (`PackagedRead`). */
  readonly indexOf: (content: CollectedContent & { readonly kind: 'disk' }, file: FileContent) => number;
  readonly place: RootfsInput['place'];
  readonly known?: RootfsInput['known'];
}

export interface RootfsWithFiles extends Rootfs {
  /** What was installed for the groups, in their order. */
  readonly filesPackages: readonly InstalledFiles[];
}

interface InstalledFiles extends FilesPackage {
  /** Directories, and what no other package had there before. */
  readonly ownedPaths: ReadonlySet<string>;
}

/** Failures of `planFilesPackage` and `installPackage`, at the place of the group. */
export function addFiles(below: Rootfs, input: FilesInput): RootfsWithFiles {
  if (input.groups.length === 0) return { ...below, filesPackages: [] };
  const tree = below.tree.clone();
  const packages = [...input.packages];
  const planned: FilesPackage[] = [];
  input.groups.forEach((group, i) => {
    failingAt(input.place(['files', i] satisfies Path), () => {
      const { arch, epochSeconds, base } = input;
      const made = planFilesPackage(group, { arch, tree, epochSeconds, ...(base && { base }) });
      if (made === undefined) return;
      packages.push(made.package);
      planned.push(made);
      installFiles(tree, packages, made, input);
    });
  });
  if (planned.length === 0) return { ...below, filesPackages: [] };
  const first = input.packages.length;
  const owned = planned.map((each, g) => ownedPaths(tree, each.package, first + g));
  const records = planned.map((each, g) =>
    printInstalledRecord({ ...each.package, entries: each.package.entries.filter((e) => owned[g]?.has(e.name)) }),
  );
  // New nodes are made of both: they may be edited, never shared with the tree below.
  tree.writeFile(INSTALLED, (tree.readText(INSTALLED) ?? '') + records.join(''), 0o644);
  // Otherwise `apk add` in a derived image would take them for leftovers.
  const wishes = [
    ...(tree.readText(WORLD) ?? '').trimEnd().split('\n'),
    ...planned.map((each) => each.package.info.name),
  ];
  tree.writeFile(WORLD, `${sortedUnique(wishes).join('\n')}\n`, 0o644);
  if (planned.some((each) => each.package.entries.some(isLibrary))) {
    applyLdSoCache(tree, apkArchitecture(input.arch), input.known);
  }
  const upper = planUpperLayers(
    below.tree,
    tree,
    owned.map((paths) => (path) => paths.has(path)),
  );
  return {
    ...below,
    tree,
    layers: [...below.layers, ...upper],
    layerNames: [...below.layerNames, ...upper.map(() => below.names)],
    filesPackages: planned.map((each, g) => ({ ...each, ownedPaths: owned[g] ?? new Set() })),
  };
}

/** Like any package, but its owners count, and its contents are not in one archive. */
function installFiles(tree: FileTree, packages: readonly Package[], made: FilesPackage, input: FilesInput): void {
  const index = packages.length - 1;
  const isNew = (entry: TarEntry) => tree.lookup(entry.name, { follow: false }) === undefined;
  const created = new Set(made.package.entries.filter(isNew).map(({ name }) => name));
  installPackage(tree, packages, index);
  for (const { name, mode, uid, gid } of made.package.entries) {
    const node = tree.lookup(name, { follow: false });
    if (node === undefined || (node.kind === 'directory' ? !created.has(name) : node.owner !== index)) continue;
    Object.assign(node, { uid, gid });
    if (node.kind === 'directory') node.mode = mode;
    const file = made.contents.get(name);
    if (node.kind === 'file' && file !== undefined) tree.place(name, { ...node, ...contentsOf(file, input) });
  }
}

function contentsOf(file: FileContent, { indexOf }: FilesInput): { content: Content; shipped: Content } {
  const content: Content =
    file.content.kind === 'inline'
      ? file.content
      : { kind: 'packaged', packageIndex: indexOf(file.content, file), offset: 0, size: file.sizeBytes };
  return { content, shipped: content };
}

/** Paths of its entries, without what another package owned before and keeps. */
function ownedPaths(tree: FileTree, pkg: Package, index: number): ReadonlySet<string> {
  const owned = ownedEntries(tree, pkg, index).filter((entry) => {
    const node = tree.lookup(entry.name, { follow: false });
    return entry.type === TAR_TYPE.directory || node?.owner === index;
  });
  // A directory above nothing that is ours is not ours to list.
  return new Set(owned.map(({ name }) => name));
}

function isLibrary({ name, type }: TarEntry): boolean {
  return type !== TAR_TYPE.directory && /(^|\/)(lib|ld-)[^/]*\.so(\.[^/]*)?$/.test(name);
}
