// Layers on top of a finished image: given the tree below and the tree that shall be, what has to be in them. Who applies
// them to the lower layers gets exactly the upper tree, whatever changed; the lower layers stay as they are, byte for byte.

import { compareBytes } from '../../base/order.ts';
import { type Content, EMPTY } from './content.ts';
import type { FileTree } from './file-tree.ts';
import type { LayerEntry } from './layer-entries.ts';
import { type DirectoryNode, makeFile, type TreeNode } from './tree-node.ts';

/** Chooses what belongs to a layer of its own. `isChanged`: the tree below has nothing equal there. */
export type LayerPart = (path: string, node: TreeNode, isChanged: boolean) => boolean;

/**
 * A layer for each part that has something, then one for all other differences, if there are any. Directories above an entry
 * come with it: not every runtime makes missing ones with the mode they have below.
 */
export function planUpperLayers(below: FileTree, upper: FileTree, parts: readonly LayerPart[]): LayerEntry[][] {
  const layers = parts.map(() => new Set<string>());
  const rest = new Set<string>();
  const { changed, removed } = compareTrees(below, upper);
  for (const { path, node } of upper.walk()) {
    const isChanged = changed.has(path);
    let isTaken = false;
    parts.forEach((part, i) => {
      if (!part(path, node, isChanged)) return;
      isTaken = true;
      addWithParents(layers[i] as Set<string>, path);
    });
    if (isChanged && !isTaken) rest.add(path);
  }
  // A directory in any layer is as it shall be in the end.
  for (const path of [...rest]) if (layers.some((layer) => layer.has(path))) rest.delete(path);
  for (const path of [...rest]) addWithParents(rest, path);
  for (const path of removed) addWithParents(rest, parentOf(path));
  return [...layers.map((paths) => entriesOf(upper, paths, [])), entriesOf(upper, rest, removed)].filter(
    (entries) => entries.length > 0,
  );
}

function addWithParents(paths: Set<string>, path: string): void {
  for (let each = path; each !== ''; each = parentOf(each)) paths.add(each);
}

interface Difference {
  /** Paths of the upper tree that the lower one has not, or not equal. */
  readonly changed: ReadonlySet<string>;
  /** Paths that the upper tree no longer has, without what goes with its directory. */
  readonly removed: readonly string[];
}

/** Directory by directory, so that no link on the way can lead to somewhere else. */
function compareTrees(below: FileTree, upper: FileTree): Difference {
  const changed = new Set<string>();
  const removed: string[] = [];
  const pending: [path: string, lower: DirectoryNode | undefined, upper: DirectoryNode][] = [
    ['', below.root, upper.root],
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [folder, lower, directory] = next;
    const pathOf = (name: string) => (folder === '' ? name : `${folder}/${name}`);
    for (const [name, node] of directory.children) {
      const there = lower?.children.get(name);
      if (!isSame(there, node)) changed.add(pathOf(name));
      if (node.kind === 'directory')
        pending.push([pathOf(name), there?.kind === 'directory' ? there : undefined, node]);
    }
    for (const name of lower?.children.keys() ?? []) if (!directory.children.has(name)) removed.push(pathOf(name));
  }
  return { changed, removed };
}

function entriesOf(tree: FileTree, paths: ReadonlySet<string>, removed: readonly string[]): LayerEntry[] {
  const entries: LayerEntry[] = [];
  const addWhiteouts = (directory: string) => {
    for (const path of removed.filter((each) => parentOf(each) === directory).sort(compareBytes)) {
      const name = `.wh.${path.slice(path.lastIndexOf('/') + 1)}`;
      entries.push({ path: directory === '' ? name : `${directory}/${name}`, node: makeFile(EMPTY) });
    }
  };
  if (paths.size > 0 || removed.length > 0) addWhiteouts('');
  for (const entry of tree.walk()) {
    if (!paths.has(entry.path)) continue;
    entries.push(entry);
    addWhiteouts(entry.path);
  }
  return entries;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function isSame(a: TreeNode | undefined, b: TreeNode): boolean {
  if (a === undefined || a.kind !== b.kind) return false;
  if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid || a.mtime !== b.mtime) return false;
  if (a.kind === 'symlink') return a.target === (b as typeof a).target;
  if (a.kind === 'device') {
    const other = b as typeof a;
    return a.type === other.type && a.major === other.major && a.minor === other.minor;
  }
  if (JSON.stringify([...a.xattrs]) !== JSON.stringify([...b.xattrs])) return false;
  return a.kind === 'directory' || isSameFile(a.content, a.checksum, (b as typeof a).content, b.checksum);
}

/** Packaged content is what its package promised, so equal promises are equal bytes, wherever they lie; so are equal places. */
function isSameFile(a: Content, aSha1: string | undefined, b: Content, bSha1: string | undefined): boolean {
  if (a.kind === 'inline') return b.kind === 'inline' && Buffer.compare(a.bytes, b.bytes) === 0;
  if (b.kind === 'inline' || a.size !== b.size) return false;
  return (aSha1 !== undefined && aSha1 === bSha1) || (a.packageIndex === b.packageIndex && a.offset === b.offset);
}
