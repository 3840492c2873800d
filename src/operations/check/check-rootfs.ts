// The hardening contract on a tree that was just assembled: `stave check CONFIG`, and what a build asks before it lets an image go.

import { overlayTrees } from '../../effects/image/overlay-trees.ts';
import type { Image } from '../../formats/oci/image.ts';
import { planImage } from '../../formats/oci/plan-image.ts';
import { platformOf } from '../../planning/config/architecture.ts';
import { checkImage, type ImageCheck } from '../../planning/hardening/check-image.ts';
import type { HardeningPolicy } from '../../planning/hardening/policy.ts';
import type { FileTree } from '../../planning/rootfs/file-tree.ts';
import type { AssembledRootfs } from '../image/assemble-image.ts';
import { openBaseImage, unpackBaseImage } from '../image/base-image.ts';
import type { OpenImage } from '../image/open-image.ts';
import { runSettings } from '../image/run-settings.ts';

/** Reads files of the packages: call it while they are open. Failures of a base image. */
export async function checkRootfs(
  image: OpenImage,
  assembled: AssembledRootfs,
  policy: HardeningPolicy,
): Promise<ImageCheck> {
  const { arch, rootfs, facts } = assembled;
  const { host } = image;
  host.events({ type: 'phase-started', phase: 'check', arch });
  const { known } = facts;
  await facts.take();
  const checked = await withBaseBelow(image, assembled, (tree, base) => {
    // Without layers: only what it says about running is wanted.
    const { config, manifest } = planImage({
      ...runSettings(rootfs.config),
      platform: platformOf(arch),
      created: assembled.created.text,
      layers: [],
      ...(base && { base }),
    });
    return checkImage({ arch, tree, run: config.run, history: [], annotations: manifest.annotations, known }, policy);
  });
  // A damaged cache must not be the reason for a no.
  if (checked.report.findings.some(({ level }) => level === 'error')) assembled.assertIntact();
  host.events({ type: 'phase-finished', phase: 'check', arch });
  return checked;
}

/** The tree as a container sees it: on top of the base image, where there is one. */
async function withBaseBelow<T>(
  image: OpenImage,
  { arch, rootfs, read, isWhole }: AssembledRootfs,
  work: (tree: FileTree, base: Image | undefined) => T,
): Promise<T> {
  const base = await openBaseImage(image, arch);
  const below = base === undefined || isWhole ? undefined : await unpackBaseImage(image, arch);
  try {
    return work(below === undefined ? rootfs.tree : overlayTrees(below, { tree: rootfs.tree, read }), base?.image);
  } finally {
    below?.close();
  }
}
