// The hardening contract on a tree that was just assembled: `stave check CONFIG`, and what a build asks before it lets an image go.

import type { ImageTree } from '../../effects/image/image-tree.ts';
import { overlayTrees } from '../../effects/image/overlay-trees.ts';
import type { Image } from '../../formats/oci/image.ts';
import { planImage } from '../../formats/oci/plan-image.ts';
import { platformOf } from '../../planning/config/architecture.ts';
import { checkImage } from '../../planning/hardening/check-image.ts';
import { DEFAULT_POLICY, type HardeningPolicy } from '../../planning/hardening/policy.ts';
import type { HardeningReport } from '../../planning/hardening/report.ts';
import type { AssembledRootfs } from '../image/assemble-image.ts';
import { runSettings } from '../image/run-settings.ts';

/** The image that the new layers lie on. */
export interface BaseOfRootfs extends ImageTree {
  readonly image: Image;
}

type CheckedRootfs = Pick<AssembledRootfs, 'arch' | 'rootfs' | 'created' | 'read'>;

/** Reads files of the packages: call it while they are open. `base` belongs to configurations with contents.baseimage. */
export function checkRootfs(
  { arch, rootfs, created, read }: CheckedRootfs,
  policy: HardeningPolicy = rootfs.config.hardening ?? DEFAULT_POLICY,
  base?: BaseOfRootfs,
): HardeningReport {
  // Without layers: only what it says about running is wanted.
  const { config, manifest } = planImage({
    ...runSettings(rootfs.config),
    platform: platformOf(arch),
    created: created.text,
    layers: [],
    ...(base && { base: base.image }),
  });
  const tree = base === undefined ? rootfs.tree : overlayTrees(base, { tree: rootfs.tree, read });
  return checkImage({ arch, tree, run: config.run, history: [], annotations: manifest.annotations }, policy);
}
