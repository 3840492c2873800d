// Installs one package into the tree: its entries in archive order, with the reference's conflict rules (layer-and-oci.md 3).
// Beyond the reference on purpose: parents missing from the archive are created, and device nodes are installed.

import { createHash } from 'node:crypto';
import { Failure } from '../../base/failure.ts';
import { dataEntries, entryChecksum, entryXattrs } from '../../formats/apk/data-entries.ts';
import type { Package } from '../../formats/apk/package.ts';
import { TAR_TYPE, type TarEntry } from '../../formats/tar/entry.ts';
import type { Content } from './content.ts';
import { contentSize } from './content.ts';
import type { FileTree, Located } from './file-tree.ts';
import { makeDevice, makeFile, makeSymlink, type TreeNode } from './tree-node.ts';

/** The packages of a tree that met others at a file: only of these may files belong to somebody else in the end. */
export class Meetings {
  readonly #indexes = new Set<number>();
  #isAnybody = false;

  of(...indexes: readonly (number | undefined)[]): void {
    for (const index of indexes) if (index !== undefined) this.#indexes.add(index);
  }

  /** A symbolic link leads elsewhere now, for whoever went through it. */
  ofAnybody(): void {
    this.#isAnybody = true;
  }

  has(index: number): boolean {
    return this.#isAnybody || this.#indexes.has(index);
  }
}

/** Installs `packages[index]`. Earlier packages of the list are already in the tree. */
export function installPackage(
  tree: FileTree,
  packages: readonly Package[],
  index: number,
  meetings = new Meetings(),
): void {
  const pkg = packages[index]!;
  for (const entry of dataEntries(pkg.entries)) {
    try {
      installEntry(tree, packages, index, entry, meetings);
    } catch (error) {
      throw error instanceof Failure ? error.within(`installing ${pkg.info.name} ${pkg.info.version}`) : error;
    }
  }
}

/** Entries of a package that its database record lists: all but regular files that another package owns in the end. */
export function ownedEntries(tree: FileTree, pkg: Package, index: number): TarEntry[] {
  return dataEntries(pkg.entries).filter((entry) => {
    if (entry.type === TAR_TYPE.directory) return true;
    const node = tree.lookup(entry.name, { follow: false });
    return node === undefined || node.kind !== 'file' || node.owner === undefined || node.owner === index;
  });
}

function installEntry(
  tree: FileTree,
  packages: readonly Package[],
  index: number,
  entry: TarEntry,
  meetings: Meetings,
): void {
  const path = checkedPath(entry.name);
  switch (entry.type) {
    case TAR_TYPE.directory: {
      const directory = tree.mkdirAll(path, entry.mode & 0o777);
      directory.mtime = entry.mtime;
      setXattrs(directory, entryXattrs(entry));
      return;
    }
    case TAR_TYPE.file:
    case TAR_TYPE.symlink:
      placeFile(tree, packages, index, entry, path, meetings);
      return;
    case TAR_TYPE.hardLink:
      linkFile(tree, index, entry, path, meetings);
      return;
    case TAR_TYPE.charDevice:
    case TAR_TYPE.blockDevice:
    case TAR_TYPE.fifo:
      tree.mkdirAll(parentOf(path), 0o755);
      if (tree.lookup(path, { follow: false }) !== undefined)
        throw conflict(`"${path}" already exists and the package has a device there`);
      tree.place(
        path,
        makeDevice(entry.type, entry.devmajor, entry.devminor, { mode: entry.mode, mtime: entry.mtime, owner: index }),
      );
      return;
    default:
      throw new Failure('PACKAGE_INVALID', `"${path}" has the unsupported archive type "${entry.type}"`);
  }
}

function placeFile(
  tree: FileTree,
  packages: readonly Package[],
  index: number,
  entry: TarEntry,
  path: string,
  meetings: Meetings,
): void {
  let place = tree.locate(path, false);
  const existing = place?.node;
  const isLink = entry.type === TAR_TYPE.symlink;
  if (isLink && existing?.kind === 'symlink' && existing.target === entry.linkname) return;
  const checksum = entryChecksum(entry);
  if (checksum === undefined) {
    throw new Failure('PACKAGE_INVALID', `"${path}" carries no checksum record`, {
      hint: 'the package was not built by an apk v2 package builder; build it again',
    });
  }
  if (place === undefined) {
    tree.mkdirAll(parentOf(path), 0o755);
    place = tree.locate(path, false) as Located;
  }
  if (existing !== undefined) meetings.of(index, existing.owner);
  if (existing === undefined || replaces(existing, packages, index, checksum, path)) {
    if (existing?.kind === 'symlink') meetings.ofAnybody();
    const metadata = { mode: entry.mode, mtime: entry.mtime, owner: index, checksum };
    if (isLink) {
      tree.put(place, makeSymlink(entry.linkname, metadata));
    } else {
      const content: Content = { kind: 'packaged', packageIndex: index, offset: entry.offset, size: entry.size };
      tree.put(place, makeFile(content, metadata, content));
    }
  }
  // Also when the file itself was kept, and through a symlink: that is what the reference does.
  const xattrs = entryXattrs(entry);
  if (xattrs.size === 0) return;
  const node = tree.lookup(path);
  if (node !== undefined) setXattrs(node, xattrs);
}

/** Whether the new file takes the existing one's place; false = the existing one stays. Throws when neither may. */
function replaces(
  existing: TreeNode,
  packages: readonly Package[],
  index: number,
  checksum: string,
  path: string,
): boolean {
  const incoming = packages[index]!.info;
  if (existing.owner === undefined) {
    const builders = builderChecksum(existing);
    if (builders === checksum) return false;
    throw conflict(`"${path}" was already made by the builder${builders === undefined ? '' : ' with other content'}`);
  }
  if (existing.checksum === checksum) return false;
  const owner = packages[existing.owner]!.info;
  if (owner.replaces.includes(incoming.name)) return false;
  if (incoming.replaces.includes(owner.name) || incoming.origin === owner.origin) return true;
  throw new Failure('FILE_CONFLICT', `"${path}" is already owned by ${owner.name} ${owner.version}`, {
    hint: `leave out one of the two packages, or let one of them declare "replaces = ${owner.name}"`,
    data: { path, packages: [owner.name, incoming.name] },
  });
}

/** SHA-1 of a node that the builder made, or undefined where there is no content to compare. */
function builderChecksum(node: TreeNode): string | undefined {
  if (node.kind === 'symlink') return createHash('sha1').update(node.target).digest('hex');
  if (node.kind !== 'file' || node.content.kind !== 'inline' || contentSize(node.content) === 0) return undefined;
  return createHash('sha1').update(node.content.bytes).digest('hex');
}

function linkFile(tree: FileTree, index: number, entry: TarEntry, path: string, meetings: Meetings): void {
  const target = tree.lookup(checkedPath(entry.linkname));
  if (target === undefined) {
    throw new Failure('PACKAGE_INVALID', `"${path}" is a hard link to "${entry.linkname}", which does not exist`);
  }
  if (target.kind === 'directory') {
    throw new Failure('PACKAGE_INVALID', `"${path}" is a hard link to the directory "${entry.linkname}"`);
  }
  if (tree.lookup(path, { follow: false }) !== undefined)
    throw conflict(`"${path}" already exists and cannot become a hard link`);
  tree.mkdirAll(parentOf(path), 0o755);
  if (target.owner !== index) meetings.of(index, target.owner);
  tree.link(target, path);
  target.aliases ??= new Map();
  target.aliases.set(path, entry.linkname);
}

function setXattrs(node: TreeNode, xattrs: ReadonlyMap<string, string>): void {
  if (xattrs.size > 0) node.xattrs = new Map([...node.xattrs, ...xattrs]);
}

/** The entry's path without leading `/` or `./` and trailing `/`; archives must not climb out. */
function checkedPath(name: string): string {
  // Directories usually end with a slash.
  const plain = name.endsWith('/') ? name.slice(0, -1) : name;
  if (!/(?:^|\/)\.{0,2}(?:\/|$)/.test(plain)) return plain;
  const segments = name.split('/').filter((s) => s !== '' && s !== '.');
  if (segments.includes('..')) {
    throw new Failure('PACKAGE_INVALID', `the archive has the path "${name}", which climbs out of its own tree`);
  }
  return segments.join('/');
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function conflict(sentence: string): Failure {
  return new Failure('FILE_CONFLICT', sentence);
}
