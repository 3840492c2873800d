// Looks for files that an image may or may not have. FileTree refuses paths through files and endless links; where we only
// ask whether something is there (libraries, CA bundles), the answer to those is no.

import { Failure } from '../../base/failure.ts';
import type { FileTree } from './file-tree.ts';
import type { FileNode } from './tree-node.ts';

/** The file a path leads to. Links that lead nowhere, in circles or through a file lead to none. */
export function regularFile(tree: FileTree, path: string): FileNode | undefined {
  const node = tolerating(() => tree.lookup(path));
  return node?.kind === 'file' ? node : undefined;
}

/** Entries of a directory in byte order; none where the path leads nowhere. */
export function listDirectory(tree: FileTree, path: string): ReturnType<FileTree['list']> {
  return tolerating(() => tree.list(path)) ?? [];
}

function tolerating<T>(lookup: () => T): T | undefined {
  try {
    return lookup();
  } catch (error) {
    if (error instanceof Failure && error.code === 'PATH_INVALID') return undefined;
    throw error;
  }
}
