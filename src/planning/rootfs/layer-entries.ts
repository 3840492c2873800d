// From the finished tree to layer entries: one layer, or one for each group of packages plus a top layer
// (layer-and-oci.md 9 and 11). Entries name nodes; headers are made when a layer is written.

import { Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';
import { type Dependency, parseDependency } from '../../formats/apk/dependency.ts';
import type { Package, PackageInfo } from '../../formats/apk/package.ts';
import { parseVersion, satisfies } from '../../formats/apk/version.ts';
import type { Layering } from '../config/image-config.ts';
import type { Content } from './content.ts';
import type { FileTree, TreeEntry } from './file-tree.ts';

/** Its path is without leading or trailing slash. */
export interface LayerEntry extends TreeEntry {
  /** In place of the node's own: directories repeated in a group layer carry the mtime of the file that needs them. */
  readonly mtime?: number;
  /** In place of the node's own: a group layer's part of the installed database. */
  readonly content?: Content;
}

/** The entries of each layer, lowest first. Can be gone through several times. */
export type LayerPlan = readonly (readonly LayerEntry[])[];

const INSTALLED = 'usr/lib/apk/db/installed';

/** `records[i]` is the installed-database record of `packages[i]`. */
export function planLayers(
  tree: FileTree,
  packages: readonly Package[],
  records: readonly string[],
  layering: Layering | undefined,
): LayerPlan {
  if (layering === undefined || (layering.strategy === '' && layering.budget === 0)) return [tree.walk()];
  if (layering.strategy !== 'origin') {
    throw new Failure('CONFIG_INVALID', `unknown layering strategy "${layering.strategy}"`, {
      hint: 'the only strategy is "origin"',
    });
  }
  const groups = planGroups(
    packages.map((p) => p.info),
    layering.budget,
  );
  return distribute(tree, groups, records);
}

/** Groups of package indexes, largest first; indexes inside a group in order of package names. */
export function planGroups(packages: readonly PackageInfo[], budget: number): number[][] {
  const groups = mergeReplacing(packages, groupByOrigin(packages));
  const measured = groups.map((members) => ({
    members,
    sizeBytes: members.reduce((sum, i) => sum + packages[i]!.installedSize, 0),
    tiebreak: members.map((i) => packages[i]!.name).reduce((a, b) => (compareBytes(a, b) >= 0 ? a : b)),
  }));
  measured.sort((a, b) => b.sizeBytes - a.sizeBytes || compareBytes(a.tiebreak, b.tiebreak));
  const sorted = measured.map((g) => g.members);
  if (sorted.length > budget) {
    const kept = Math.max(budget - 1, 0);
    sorted.splice(kept, sorted.length - kept, sorted.slice(kept).flat());
  }
  return sorted.map((members) => [...members].sort((a, b) => compareBytes(packages[a]!.name, packages[b]!.name)));
}

function groupByOrigin(packages: readonly PackageInfo[]): number[][] {
  const byOrigin = new Map<string, number[]>();
  packages.forEach((pkg, i) => {
    const members = byOrigin.get(pkg.origin);
    if (members === undefined) byOrigin.set(pkg.origin, [i]);
    else members.push(i);
  });
  return [...byOrigin.values()];
}

/** A package that replaces files of another must share its layer, or the lower layer would show through. */
function mergeReplacing(packages: readonly PackageInfo[], groups: readonly number[][]): number[][] {
  const groupOf = new Map<number, number[]>();
  for (const group of groups) for (const i of group) groupOf.set(i, group);
  const byName = new Map(packages.map((pkg, i) => [pkg.name, i]));
  packages.forEach((pkg, i) => {
    for (const text of pkg.replaces) {
      const wanted = parseDependency(text);
      const other = byName.get(wanted.name);
      if (other === undefined || !fulfils(packages[other]!.version, wanted)) continue;
      const mine = groupOf.get(i)!;
      const theirs = groupOf.get(other)!;
      if (mine === theirs) continue;
      mine.push(...theirs);
      for (const member of theirs) groupOf.set(member, mine);
    }
  });
  return [...new Set(groupOf.values())];
}

function fulfils(version: string, wanted: Dependency): boolean {
  if (wanted.operator === '') return true;
  const [actual, required] = [parseVersion(version), parseVersion(wanted.version)];
  return actual !== undefined && required !== undefined && satisfies(actual, wanted.operator, required);
}

/** One layer being filled, with the directories it already holds on the way down to the last entry. */
class LayerBuilder {
  readonly entries: LayerEntry[] = [];
  private stack: LayerEntry[] = [];

  /** Adds an entry, first the directories on the main stack that this layer lacks; those take the entry's mtime. */
  add(entry: LayerEntry, mainStack: readonly LayerEntry[]): void {
    let shared = 0;
    while (
      shared < this.stack.length &&
      shared < mainStack.length &&
      this.stack[shared]!.path === mainStack[shared]!.path
    )
      shared++;
    this.stack.length = shared;
    for (const directory of mainStack.slice(shared)) {
      this.stack.push(directory);
      if (directory.path !== entry.path) this.entries.push({ ...directory, mtime: entry.node.mtime });
    }
    this.entries.push(entry);
  }
}

function distribute(tree: FileTree, groups: readonly (readonly number[])[], records: readonly string[]): LayerPlan {
  const groupOf = new Map<number, number>();
  groups.forEach((members, g) => {
    for (const i of members) groupOf.set(i, g);
  });
  const layers = Array.from({ length: groups.length + 1 }, () => new LayerBuilder());
  const top = layers[groups.length]!;
  // The stack of directories visited. Files do not pop it: it may hold deeper directories that the walk already left.
  const stack: LayerEntry[] = [];
  for (const entry of tree.walk()) {
    const { path, node } = entry;
    if (node.kind === 'directory') {
      const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
      while (stack.length > 0 && stack.at(-1)!.path !== parent) stack.pop();
      stack.push(entry);
    }
    const group = node.owner === undefined ? undefined : groupOf.get(node.owner);
    (group === undefined ? top : layers[group]!).add(entry, stack);
    if (path === INSTALLED) {
      groups.forEach((members, g) => {
        const bytes = Buffer.from(members.map((i) => records[i]).join(''), 'utf8');
        layers[g]!.add({ ...entry, content: { kind: 'inline', bytes } }, stack);
      });
    }
  }
  return layers.map((layer) => layer.entries);
}
