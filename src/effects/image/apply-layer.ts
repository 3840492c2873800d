// One layer on top of the ones below, in memory: whiteouts, replacements, links (OCI image specification, "Applying
// Changesets"). What containerd and docker make on disk is what the tree shows. Hostile names: none leads out of the tree.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { entryXattrs } from '../../formats/apk/data-entries.ts';
import { TAR_TYPE, type TarEntry } from '../../formats/tar/entry.ts';
import type { FileTree } from '../../planning/rootfs/file-tree.ts';
import { makeDevice, makeFile, makeSymlink, type TreeNode } from '../../planning/rootfs/tree-node.ts';

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/**
 * Applies the entries of one layer. Their contents lie in `packageIndex` 0 at `start` plus the entry's own offset. Failure
 * ARCHIVE_INVALID for entries that no runtime would unpack.
 */
export function applyLayer(tree: FileTree, entries: readonly TarEntry[], start: number): void {
  // Whiteouts speak of the layers below, wherever they stand in this one.
  for (const entry of entries) {
    const path = layerPath(entry.name);
    if (baseName(path).startsWith(WHITEOUT)) hide(tree, path);
  }
  for (const entry of entries) {
    const path = layerPath(entry.name);
    // Other names of this kind are notes of old storage drivers.
    if (!path.split('/').some((name) => name.startsWith(WHITEOUT))) applyEntry(tree, path, entry, start);
  }
}

function hide(tree: FileTree, path: string): void {
  const directory = directoryOf(path);
  const name = baseName(path);
  failingOnOddPath(path, () => {
    if (name === OPAQUE) for (const [child] of tree.list(directory)) tree.remove(`${directory}/${child}`);
    else tree.remove(`${directory}/${name.slice(WHITEOUT.length)}`);
  });
}

function applyEntry(tree: FileTree, path: string, entry: TarEntry, start: number): void {
  const { mode, uid, gid, mtime } = entry;
  const metadata = { mode, uid, gid, mtime, xattrs: entryXattrs(entry) };
  if (path === '') {
    Object.assign(tree.root, metadata);
    return;
  }
  failingOnOddPath(path, () => {
    tree.mkdirAll(directoryOf(path), 0o755);
    switch (entry.type) {
      case TAR_TYPE.directory: {
        // Only a directory stays; a link to one is replaced.
        if (tree.lookup(path, { follow: false })?.kind !== 'directory') tree.remove(path);
        Object.assign(tree.mkdirAll(path, mode), metadata);
        return;
      }
      case TAR_TYPE.file:
      case '7': {
        const content = { kind: 'packaged', packageIndex: 0, offset: start + entry.offset, size: entry.size } as const;
        tree.place(path, makeFile(content, metadata));
        return;
      }
      case TAR_TYPE.symlink:
        refuseEndless(entry.linkname);
        tree.place(path, makeSymlink(entry.linkname, metadata));
        return;
      case TAR_TYPE.hardLink:
        tree.place(path, linkTarget(tree, path, entry));
        return;
      case TAR_TYPE.charDevice:
      case TAR_TYPE.blockDevice:
      case TAR_TYPE.fifo:
        tree.place(path, makeDevice(entry.type, entry.devmajor, entry.devminor, metadata));
        return;
      default:
        throw new Failure(
          'ARCHIVE_INVALID',
          `the layer has "${path}" of the type "${entry.type}", which we do not know`,
        );
    }
  });
}

function linkTarget(tree: FileTree, path: string, entry: TarEntry): TreeNode {
  const target = tree.lookup(layerPath(entry.linkname), { follow: false });
  if (target !== undefined && target.kind !== 'directory') return target;
  const why = target === undefined ? 'which is not in the image' : 'which is a directory';
  throw new Failure('ARCHIVE_INVALID', `the layer has "${path}" as a hard link to "${entry.linkname}", ${why}`);
}

/** Without leading slash. `..` is refused, as runtimes refuse it. */
function layerPath(name: string): string {
  refuseEndless(name);
  const names = name.split('/').filter((part) => part !== '' && part !== '.');
  if (names.includes('..'))
    throw new Failure('ARCHIVE_INVALID', `the layer has the path "${name}", which climbs out of the image`);
  return names.join('/');
}

function refuseEndless(path: string): void {
  const most = LIMITS.layerPathCharacters;
  if (path.length <= most) return;
  throw new Failure('ARCHIVE_LIMIT', `the layer has a path of ${path.length} characters; at most ${most} are read`);
}

/** The tree speaks of path mutations; here it is the layer that is odd. */
function failingOnOddPath(path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'PATH_INVALID') throw error;
    throw new Failure('ARCHIVE_INVALID', `the layer has "${path}" where nothing can be: ${error.message}`, {
      cause: error,
    });
  }
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
