// Small text files of an image (accounts, databases), read tolerantly: an image may lack them or have anything in their place.

import { isAscii } from 'node:buffer';
import { compareBytes } from '../../base/order.ts';
import { contentSize } from '../rootfs/content.ts';
import type { FileTree } from '../rootfs/file-tree.ts';
import { resolvePath } from './tree-paths.ts';

/** The text at a path, links followed; undefined where there is no file. What goes beyond `mostBytes` is left out. */
export function readTextFile(tree: FileTree, path: string, mostBytes: number): string | undefined {
  const bytes = readSmallFile(tree, path, mostBytes);
  // A database of packages has nothing else, and is read twice as fast.
  return bytes && (isAscii(bytes) ? bytes.toString('latin1') : bytes.toString('utf8'));
}

export function readSmallFile(tree: FileTree, path: string, mostBytes: number): Buffer | undefined {
  const found = resolvePath(tree, path);
  if (found?.node.kind !== 'file') return undefined;
  const bytes = tree.readRange(found.node, 0, Math.min(contentSize(found.node.content), mostBytes));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Name and text of each file of a directory whose name matches, in byte order of the names. */
export function listTexts(tree: FileTree, directory: string, name: RegExp, mostBytes: number): [string, string][] {
  const found = resolvePath(tree, directory);
  if (found?.node.kind !== 'directory') return [];
  return [...found.node.children]
    .filter(([child, node]) => node.kind === 'file' && name.test(child))
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([child]) => [child, readTextFile(tree, `${directory}/${child}`, mostBytes) ?? '']);
}
