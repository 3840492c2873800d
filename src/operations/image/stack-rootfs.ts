// All parts of an image on top of each other: its packages, the user's own files, and a variant over its production image.
// Numbers what their contents are read from: packages first, then files on disk.

import type { DiskFile } from '../../effects/files/disk-files.ts';
import type { ImageTree } from '../../effects/image/image-tree.ts';
import { overlayTrees } from '../../effects/image/overlay-trees.ts';
import type { Package } from '../../formats/apk/package.ts';
import type { ImageConfig } from '../../planning/config/image-config.ts';
import { addFiles, type RootfsWithFiles } from '../../planning/files/add-files.ts';
import type { CollectedGroup } from '../../planning/files/collected-group.ts';
import { stackVariant } from '../../planning/files/stack-variant.ts';
import { ownerNames } from '../../planning/rootfs/accounts.ts';
import { assembleRootfs, type Rootfs, type RootfsInput } from '../../planning/rootfs/assemble.ts';
import type { PackagedRead } from '../../planning/rootfs/content.ts';
import type { ResolvedImage } from './resolve-image.ts';

export interface StackInput {
  readonly resolved: ResolvedImage;
  readonly packages: readonly Package[];
  readonly groups: readonly CollectedGroup[];
  /** How many of the groups the production image has. */
  readonly productionGroups: number;
  /** Everything that is the same for the image and the production image that it may lie on. */
  readonly common: Omit<RootfsInput, 'config' | 'world' | 'packages' | 'createdSeconds'>;
  /** The image that everything lies on, unpacked: known where files are added to it. */
  readonly base?: ImageTree;
  /** Is filled with the files on disk that contents lie in: those with the index packages + groups and on. */
  readonly files: DiskFile[];
  /** T of an image with these packages. */
  readonly createdSeconds: (packages: readonly Package[]) => number;
}

export interface StackedRootfs {
  readonly rootfs: RootfsWithFiles;
  /** In install order, those that the user's files were made into last. */
  readonly packages: readonly Package[];
}

export function stackRootfs(input: StackInput): StackedRootfs {
  const { resolved, packages, groups, productionGroups, common, files, base, createdSeconds } = input;
  const fileIndex = packages.length + groups.length;
  const known = new Map<string, number>();
  const indexOf = ({ file, name }: { file: string; name: string }, { sha256 }: { sha256: string }): number => {
    const key = `${sha256} ${file}`;
    const index = known.get(key) ?? fileIndex + files.push({ file, name, sha256 }) - 1;
    known.set(key, index);
    return index;
  };
  const build = (part: { config: ImageConfig; world: readonly string[] }, count: number, groupCount: number) => {
    const mine = packages.slice(0, count);
    const { config, world } = part;
    const rootfs = assembleRootfs({ ...common, config, world, packages: mine, createdSeconds: createdSeconds(mine) });
    const { arch, baseEpochSeconds: epochSeconds, place, known } = common;
    return addFiles(base === undefined ? rootfs : onBase(rootfs, base, common.read), {
      arch,
      packages: mine,
      groups: groups.slice(0, groupCount),
      epochSeconds,
      indexOf,
      place,
      ...(known && { known }),
      ...(base && { base: base.tree }),
    });
  };
  const whole = build(resolved, packages.length, groups.length);
  const { production } = resolved;
  const rootfs =
    production === undefined
      ? whole
      : stackVariant(build(production, production.packageCount, productionGroups), whole, {
          below: production.packageCount,
          upper: packages.length,
        });
  return { rootfs, packages: [...packages, ...whole.filesPackages.map((each) => each.package)] };
}

/** The layers are the same; what files are put into is what a container would see. */
function onBase(rootfs: Rootfs, base: ImageTree, read: PackagedRead): Rootfs {
  const tree = overlayTrees(base, { tree: rootfs.tree, read });
  return { ...rootfs, tree, names: ownerNames(tree) };
}
