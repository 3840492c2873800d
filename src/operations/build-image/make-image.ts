// From chosen packages to everything that a build writes, none of it written yet: the image of each architecture, their index,
// the SBOMs. Layers lie in the store as pieces.

import { setImmediate } from 'node:timers/promises';
import { mapSettled } from '../../base/bounded.ts';
import type { ArchiveDraft } from '../../effects/output/archive-draft.ts';
import type { LayerRecipe } from '../../effects/output/compress-pieces.ts';
import type { PiecedBlobs } from '../../effects/output/pieced-blobs.ts';
import type { PackageHandle } from '../../effects/store/package-handle.ts';
import type { Image, ImageIndex } from '../../formats/oci/image.ts';
import { planIndex } from '../../formats/oci/plan-image.ts';
import { latestMoment, type Moment } from '../../formats/oci/timestamps.ts';
import { apkPurl } from '../../formats/sbom/purl.ts';
import { parseOsRelease } from '../../planning/describe/os-release.ts';
import type { CollectedGroup } from '../../planning/files/collected-group.ts';
import { type ImageCheck, withSbomFindings } from '../../planning/hardening/check-image.ts';
import { type ContractReport, contractReport } from '../../planning/hardening/contract-report.ts';
import { locateFindings } from '../../planning/hardening/locate-findings.ts';
import type { HardeningPolicy } from '../../planning/hardening/policy.ts';
import type { HardeningReport } from '../../planning/hardening/report.ts';
import { parseSpdxInventory } from '../../planning/hardening/sbom-inventory.ts';
import { assertContract } from '../check/build-contract.ts';
import { checkRootfs } from '../check/check-rootfs.ts';
import { type AssembledRootfs, countFiles, packImage, withRootfs } from '../image/assemble-image.ts';
import type { BuildMoments } from '../image/build-moment.ts';
import { draftImageSboms, indexSboms, type SbomFile, SPDX_TYPE } from '../image/describe-image.ts';
import { fetchPackages } from '../image/fetch-packages.ts';
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
  /** Has no say in the bytes, but in whether they leave the machine. */
  readonly policy: HardeningPolicy;
}

export interface BuildResult {
  readonly index: ImageIndex;
  readonly indexSboms: readonly SbomFile[];
  /** In the order of the plan. */
  readonly images: readonly ResultImage[];
  readonly contract: ContractReport;
}

interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly origin: string;
  readonly purl: string;
}

export interface ResultImage {
  /** OCI form. */
  readonly arch: string;
  readonly image: Image;
  /** Those that were built, not those of a base image. */
  readonly layers: readonly LayerRecipe[];
  /** In install order. */
  readonly packages: readonly InstalledPackage[];
  readonly fileCount: number;
  readonly sboms: readonly SbomFile[];
  /** Sentences for the user about what the image lacks. */
  readonly warnings: readonly string[];
}

/** Throws HARDENING_BROKEN where an image breaks the contract. */
export async function makeImage(
  image: OpenImage,
  plan: BuildPlan,
  blobs: PiecedBlobs,
  draft?: ArchiveDraft,
): Promise<BuildResult> {
  const { host, config } = image;
  const made = await makeAll(image, plan, { blobs, draft });
  const contract = contractReport(
    plan.policy,
    made.flatMap(({ report }) => report ?? []),
  );
  assertContract(locateFindings(contract, config, image.loaded.place));
  const packed = made.flatMap((one) => one.packed ?? []);
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
  return { index, indexSboms: indexFiles, images: packed, contract };
}

interface MadeImage {
  /** undefined where nothing is checked. */
  readonly report: HardeningReport | undefined;
  /** undefined where the report has errors. */
  readonly packed: PackedImage | undefined;
}

interface PackedImage extends ResultImage {
  readonly created: Moment;
  /** Text of the image's own os-release. */
  readonly osRelease: string | undefined;
}

/** Two overlap well: one is planned while the other is hashed. More only take memory. */
const ARCHITECTURES_AT_ONCE = 2;

/** With more that is new, threads have so much to do that a second architecture only takes memory: 25 MiB. */
const LITTLE_NEW_BYTES = 256 * 1024 * 1024;

/** The images of all architectures, when all packages are there. */
async function makeAll(image: OpenImage, plan: BuildPlan, targets: LayerTargets): Promise<MadeImage[]> {
  // Where packages are new, other threads are busy: one that only waits would take their memory.
  const opened = ({ isFresh, package: { info } }: PackageHandle) => {
    if (!isFresh) targets.blobs.expect(info.installedSize);
  };
  const fetched: FetchedImage[] = await mapSettled(plan.resolved, ARCHITECTURES_AT_ONCE, async (resolved) => ({
    resolved,
    handles: await fetchPackages(image, resolved.packages, resolved.arch, opened),
  }));
  const fresh = fetched.flatMap(({ handles }) => handles ?? []).filter(({ isFresh }) => isFresh);
  const newBytes = fresh.reduce((sum, { package: { info } }) => sum + info.installedSize, 0);
  targets.blobs.expectNew(newBytes);
  return await mapSettled(fetched, newBytes > LITTLE_NEW_BYTES ? 1 : ARCHITECTURES_AT_ONCE, async (one) => {
    const { resolved, handles } = one;
    one.handles = undefined; // Nobody else keeps what has been read of them.
    return await makeOne(image, plan, { resolved, handles }, targets);
  });
}

interface FetchedImage {
  readonly resolved: ResolvedImage;
  handles: readonly PackageHandle[] | undefined;
}

/** Where layers go. */
interface LayerTargets {
  readonly blobs: PiecedBlobs;
  readonly draft: ArchiveDraft | undefined;
}

async function makeOne(
  image: OpenImage,
  plan: BuildPlan,
  { resolved, handles }: Readonly<FetchedImage>,
  targets: LayerTargets,
): Promise<MadeImage> {
  const { keys, moments, groups, policy } = plan;
  const input = { resolved, keys: keys.forArch(resolved.arch), moments, groups, ...(handles && { handles }) };
  return await withRootfs(image, input, async (assembled) => {
    // Packed and checked at once, since hashing has a thread of its own; what turns out broken is not packed to its end.
    const stop = new AbortController();
    const packing = packOne(image, plan, resolved, assembled, targets, stop.signal);
    packing.catch(() => {}); // Reported where it is awaited.
    try {
      const checked = policy.profile === 'off' ? undefined : await checkRootfs(image, assembled, policy);
      const isBroken = checked?.report.findings.some(({ level }) => level === 'error') === true;
      if (isBroken) return { report: checked.report, packed: undefined };
      const packed = await packing;
      return { report: checked && withSboms(checked, packed.sboms, policy), packed };
    } finally {
      stop.abort();
      await packing.catch(() => {});
    }
  });
}

/** SBOMs are made after the image; what they lack is found then. */
function withSboms(checked: ImageCheck, sboms: readonly SbomFile[], policy: HardeningPolicy): HardeningReport {
  const spdx = sboms.find(({ mediaType }) => mediaType === SPDX_TYPE);
  const inventory = spdx && parseSpdxInventory(spdx.text);
  return inventory === undefined ? checked.report : withSbomFindings(checked, inventory, policy);
}

async function packOne(
  image: OpenImage,
  plan: BuildPlan,
  resolved: ResolvedImage,
  assembled: AssembledRootfs,
  { blobs, draft }: LayerTargets,
  signal: AbortSignal,
): Promise<PackedImage> {
  const packing = packImage(image, assembled, blobs, draft, signal);
  // An image on top of another has layers that are not known yet.
  const layerTypes =
    image.config.contents.baseImage === undefined ? assembled.rootfs.layers.map(() => blobs.mediaType) : undefined;
  const describing = describeAhead(plan, resolved, assembled, layerTypes, signal);
  describing.catch(() => {}); // Damaged packages go first: they are fetched again, and may have been described wrongly.
  const packed = await packing;
  const { finish, ...described } = await describing;
  const { arch, rootfs, created } = assembled;
  // Not the tree: it is the largest thing there is, and the next architecture wants its place.
  return {
    arch,
    image: packed.image,
    layers: packed.layers,
    ...described,
    sboms: finish(packed.image),
    warnings: rootfs.warnings,
    created,
  };
}

/** What of the description needs no digests, made while layers are hashed and this thread would wait for them in the end. */
async function describeAhead(
  { tag, sbomFormats }: BuildPlan,
  { packages: chosen }: ResolvedImage,
  assembled: AssembledRootfs,
  layerTypes: readonly string[] | undefined,
  signal: AbortSignal,
) {
  await setImmediate(); // Another architecture may be planned, so that its layers can be hashed, too.
  signal.throwIfAborted();
  const { rootfs, packages } = assembled;
  const osRelease = rootfs.tree.readText('etc/os-release');
  const system = parseOsRelease(osRelease);
  return {
    osRelease,
    packages: packages.map(({ info }) => {
      const { name, version, origin } = info;
      return { name, version, origin, purl: apkPurl(info, system) };
    }),
    fileCount: countFiles(rootfs),
    finish: draftImageSboms(assembled, chosen, { tags: [tag], formats: sbomFormats, layerTypes }),
  };
}

function position(index: ImageIndex, image: Image): number {
  return index.manifest.manifests.findIndex((descriptor) => descriptor.digest === image.descriptor.digest);
}
