// An assembled tree on top of the image that it extends, as a running container sees the two. Contents stay where they are.

import type { PackagedRead } from '../../planning/rootfs/content.ts';
import { FileTree } from '../../planning/rootfs/file-tree.ts';
import { type FileNode, makeFile, type TreeNode } from '../../planning/rootfs/tree-node.ts';

interface ReadableTree {
  readonly tree: FileTree;
  readonly read: PackagedRead;
}

/** Package index of the lower tree's contents; the upper tree's count from 0. */
const LOWER = -1;

export function overlayTrees(lower: ReadableTree, upper: ReadableTree): FileTree {
  const both = new FileTree((index, offset, length) =>
    index === LOWER ? lower.read(0, offset, length) : upper.read(index, offset, length),
  );
  const moved = new Map<FileNode, FileNode>();
  placeAll(both, lower.tree, (node) => (node.kind === 'file' ? movedFile(node, moved) : node));
  placeAll(both, upper.tree, (node) => node);
  return both;
}

function placeAll(into: FileTree, from: FileTree, nodeFor: (node: TreeNode) => TreeNode): void {
  for (const { path, node } of from.walk()) {
    if (node.kind !== 'directory') {
      into.place(path, nodeFor(node));
      continue;
    }
    if (into.lookup(path, { follow: false })?.kind !== 'directory') into.remove(path);
    const { mode, uid, gid, mtime, xattrs } = node;
    Object.assign(into.mkdirAll(path, mode), { mode, uid, gid, mtime, xattrs });
  }
}

function movedFile(node: FileNode, moved: Map<FileNode, FileNode>): FileNode {
  const known = moved.get(node);
  if (known !== undefined) return known;
  const { content } = node;
  const copy = makeFile(content.kind === 'packaged' ? { ...content, packageIndex: LOWER } : content, node);
  moved.set(node, copy);
  return copy;
}
