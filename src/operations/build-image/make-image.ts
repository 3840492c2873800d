// From chosen packages to everything that a build writes, none of it written yet: the image of each architecture, their index,
// the SBOMs. Layers lie in the store as pieces.

import { mapBounded } from '../../base/bounded.ts';
import type { LayerRecipe } from '../../effects/output/compress-pieces.ts';
import type { PiecedBlobs } from '../../effects/output/pieced-blobs.ts';
import type { Image, ImageIndex } from '../../formats/oci/image.ts';
import { planIndex } from '../../formats/oci/plan-image.ts';
import { latestMoment, type Moment } from '../../formats/oci/timestamps.ts';
import type { CollectedGroup } from '../../planning/files/collected-group.ts';
import { countFiles, packImage, withRootfs } from '../image/assemble-image.ts';
import type { BuildMoments } from '../image/build-moment.ts';
import { imageSboms, indexSboms, type SbomFile } from '../image/describe-image.ts';
import type { ImageKeys, OpenImage } from '../image/open-image.ts';
import type { ResolvedImage } from '../image/resolve-image.ts';

/** All that decides the result, besides the packages' bytes, which their checksums name. */
export interface BuildPlan {
  readonly keys: ImageKeys;
  readonly resolved: readonly ResolvedImage[];
  readonly moments: BuildMoments;
  readonly tag: string;
  readonly sbomFormats: readonly string[];
  /** The user's own files. */
  readonly groups: readonly CollectedGroup[];
  /** `https://host/repository@revision`, or ''. */
  readonly vcsUrl: string;
}

export interface BuildResult {
  readonly index: ImageIndex;
  readonly indexSboms: readonly SbomFile[];
  /** In the order of the plan. */
  readonly images: readonly ResultImage[];
}

export interface ResultImage {
  /** OCI form. */
  readonly arch: string;
  readonly image: Image;
  /** Those that were built, not those of a base image. */
  readonly layers: readonly LayerRecipe[];
  /** In install order. */
  readonly packages: readonly { readonly name: string; readonly version: string }[];
  readonly fileCount: number;
  readonly sboms: readonly SbomFile[];
  /** Sentences for the user about what the image lacks. */
  readonly warnings: readonly string[];
}

export async function makeImage(image: OpenImage, plan: BuildPlan, blobs: PiecedBlobs): Promise<BuildResult> {
  const { host, config } = image;
  const packed = await packAll(image, plan, blobs);
  const created = latestMoment(plan.moments.base, ...packed.map((one) => one.created));
  const index = planIndex(
    packed.map((one) => one.image),
    { annotations: config.annotations, created: created.text, vcsUrl: plan.vcsUrl },
  );
  host.events({ type: 'phase-started', phase: 'describe' });
  const sorted = [...packed].sort((a, b) => position(index, a.image) - position(index, b.image));
  const description = {
    index,
    images: sorted.map(({ arch, image }) => ({ arch, digest: image.descriptor.digest })),
    osRelease: sorted[0]?.osRelease,
    created,
    tags: [plan.tag],
    vcsUrl: plan.vcsUrl,
  };
  const indexFiles = indexSboms(description, plan.sbomFormats);
  host.events({ type: 'phase-finished', phase: 'describe' });
  return { index, indexSboms: indexFiles, images: packed };
}

interface PackedImage extends ResultImage {
  readonly created: Moment;
  /** Text of the image's own os-release. */
  readonly osRelease: string | undefined;
}

/** Two overlap well: one is planned while the other is hashed. More only take memory. */
const ARCHITECTURES_AT_ONCE = 2;

/** The images of all architectures. A failure waits until the others have let go of the store. */
async function packAll(image: OpenImage, plan: BuildPlan, blobs: PiecedBlobs): Promise<PackedImage[]> {
  const failures: { readonly position: number; readonly error: unknown }[] = [];
  const packed = await mapBounded(plan.resolved, ARCHITECTURES_AT_ONCE, async (resolved, position) => {
    if (failures.length > 0) return [];
    try {
      return [await packOne(image, plan, resolved, blobs)];
    } catch (error) {
      failures.push({ position, error });
      return [];
    }
  });
  const first = failures.sort((a, b) => a.position - b.position)[0];
  if (first !== undefined) throw first.error;
  return packed.flat();
}

async function packOne(
  image: OpenImage,
  { keys, moments, tag, sbomFormats, groups }: BuildPlan,
  resolved: ResolvedImage,
  blobs: PiecedBlobs,
): Promise<PackedImage> {
  const { arch } = resolved;
  return await withRootfs(image, { resolved, keys: keys.forArch(arch), moments, groups }, async (assembled) => {
    const packed = await packImage(image, assembled, blobs);
    const { rootfs, packages, created } = assembled;
    // Not the tree: it is the largest thing there is, and the next architecture wants its place.
    return {
      arch,
      image: packed.image,
      layers: packed.layers,
      packages: packages.map(({ info }) => ({ name: info.name, version: info.version })),
      fileCount: countFiles(rootfs),
      sboms: imageSboms(packed, resolved.packages, [tag], sbomFormats),
      warnings: rootfs.warnings,
      created,
      osRelease: rootfs.tree.readText('etc/os-release'),
    };
  });
}

function position(index: ImageIndex, image: Image): number {
  return index.manifest.manifests.findIndex((descriptor) => descriptor.digest === image.descriptor.digest);
}
