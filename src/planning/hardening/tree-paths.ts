// Paths as a running container sees them: resolved through symbolic links inside the image, with the real path at the end
// ($ORIGIN is about that), and whether a user may go there. Hostile trees: links are followed a bounded number of times.

import { LIMITS } from '../../base/limits.ts';
import type { FileTree } from '../rootfs/file-tree.ts';
import type { DirectoryNode, TreeNode } from '../rootfs/tree-node.ts';

export interface Found {
  readonly node: TreeNode;
  /** Without symbolic links, without leading slash; '' is the root. */
  readonly path: string;
  /** The directories on the way, links followed. */
  readonly through: readonly DirectoryNode[];
}

/** Where a path leads, `from` (no leading slash) being the current directory. Undefined: nowhere. */
export function resolvePath(tree: FileTree, path: string, from = ''): Found | undefined {
  const below = path.startsWith('/') ? path.slice(1) : from === '' ? path : `${from}/${path}`;
  const plain = resolvePlainly(tree, below);
  return plain === 'unclear' ? resolveThroughLinks(tree, below) : plain;
}

/** The same for a path of plain names and no links, which nearly all are. */
function resolvePlainly(tree: FileTree, path: string): Found | undefined | 'unclear' {
  const through: DirectoryNode[] = [];
  let directory = tree.root;
  for (let start = 0; ; ) {
    const slash = path.indexOf('/', start);
    const name = slash < 0 ? path.slice(start) : path.slice(start, slash);
    if (name === '' || name === '.' || name === '..') return 'unclear';
    const node = directory.children.get(name);
    if (node === undefined) return undefined;
    if (node.kind === 'symlink') return 'unclear';
    through.push(directory);
    if (slash < 0) return { node, path, through };
    if (node.kind !== 'directory') return 'unclear';
    directory = node;
    start = slash + 1;
  }
}

function resolveThroughLinks(tree: FileTree, path: string): Found | undefined {
  const pending = namesOf(path).reverse();
  const through: DirectoryNode[] = [];
  let trail: { readonly node: TreeNode; readonly name: string }[] = [];
  let node: TreeNode = tree.root;
  let hops = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '..') {
      trail.pop();
      node = trail.at(-1)?.node ?? tree.root;
      continue;
    }
    if (node.kind !== 'directory') return undefined;
    through.push(node);
    const child = node.children.get(name);
    if (child === undefined) return undefined;
    if (child.kind === 'symlink') {
      if (++hops > LIMITS.symlinkHops || child.target.length > LIMITS.layerPathCharacters) return undefined;
      if (child.target.startsWith('/')) {
        trail = [];
        node = tree.root;
      }
      pending.push(...namesOf(child.target).reverse());
      continue;
    }
    trail.push({ node: child, name });
    node = child;
  }
  return { node, path: trail.map((step) => step.name).join('/'), through };
}

/** A user as the kernel sees it. */
export interface Identity {
  readonly uid: number;
  readonly gids: ReadonlySet<number>;
}

/** Whether the permissions let the user reach the node and execute it. Root needs one execute bit of anybody. */
export function mayExecute({ node, through }: Found, identity: Identity): boolean {
  if (identity.uid === 0) return (node.mode & 0o111) !== 0;
  return [...through, node].every((step) => hasExecute(step, identity));
}

function hasExecute(node: TreeNode, { uid, gids }: Identity): boolean {
  const bit = node.uid === uid ? 0o100 : gids.has(node.gid) ? 0o010 : 0o001;
  return (node.mode & bit) !== 0;
}

export function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
