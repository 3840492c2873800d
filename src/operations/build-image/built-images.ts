// What `build` and `publish` share: from a configuration to index, images and SBOMs whose layers can be read, with nothing
// written yet. What an earlier build of the same inputs made is used where it is there and sound.

import { resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { systemClock } from '../../effects/http/retry.ts';
import type { ArchiveDraft } from '../../effects/output/archive-draft.ts';
import { type Compression, type CompressionName, openCompression } from '../../effects/output/compression.ts';
import { PiecedBlobs } from '../../effects/output/pieced-blobs.ts';
import { PieceStore } from '../../effects/store/piece-store.ts';
import type { Store } from '../../effects/store/store.ts';
import { discoverVcsUrl } from '../../effects/vcs/git-head.ts';
import { MEDIA_TYPE } from '../../formats/oci/descriptor.ts';
import type { ContractReport } from '../../planning/hardening/contract-report.ts';
import { locateFindings } from '../../planning/hardening/locate-findings.ts';
import { type HardeningProfile, policyFor } from '../../planning/hardening/policy.ts';
import type { ArchitectureIndexes } from '../../planning/solver/architecture-indexes.ts';
import { tellFindings } from '../check/build-contract.ts';
import { reportFormat, writeCheckReport } from '../check/write-report.ts';
import type { Host } from '../host.ts';
import { warnIncomplete } from '../image/assemble-image.ts';
import { buildMoments } from '../image/build-moment.ts';
import { collectImageFiles } from '../image/image-files.ts';
import { configDirectory, type OpenImage, openKeys, withImage } from '../image/open-image.ts';
import type { ImageRequest } from '../image/request.ts';
import { openIndexes, type ResolvedImage, resolveForBuild, resolveFromLock } from '../image/resolve-image.ts';
import { packResult, readResult, resultKey } from './known-result.ts';
import { type BuildPlan, type BuildResult, makeImage } from './make-image.ts';

export interface ImagesRequest extends ImageRequest, ProvenanceRequest {
  readonly sbom: boolean;
  readonly sbomFormats: readonly string[];
  /** Of layers; default: gzip. */
  readonly compression?: CompressionName;
  /** 1 (quick) to 9 (small); layers of each level have digests of their own. */
  readonly compressionLevel?: number;
  /** How strict the hardening contract is, in place of what the configuration says. */
  readonly hardening?: HardeningProfile;
  /** File for the findings of the contract: .json, .md or .sarif. Written even where they stop the build. */
  readonly checkReport?: string;
}

/** What is said about how the images came to be. */
interface ProvenanceRequest {
  /** Folder for unsigned statements, one for the index and one for each image. */
  readonly provenancePath?: string;
  /** Who could have forged the provenance; default: what the CI says, or nobody. */
  readonly builderId?: string;
  /** Leaves out times and whatever else differs from run to run. */
  readonly reproducibleProvenance?: boolean;
}

export interface BuiltImages {
  readonly result: BuildResult;
  /** Every layer of the images; the blobs of a base image come from where it is. */
  readonly blobs: PiecedBlobs;
  readonly store: Store;
  /** Of `openDraft`, with what of the layers could be written to it. */
  readonly draft?: ArchiveDraft | undefined;
  readonly inputs: BuildInputs;
}

/** What the result was made of. */
interface BuildInputs {
  readonly image: OpenImage;
  readonly plan: BuildPlan;
  /** Empty for a build from a lock file. */
  readonly indexes: readonly ArchitectureIndexes[];
  /** Milliseconds since 1970, for provenance alone. */
  readonly startedMs: number;
}

export interface BuiltImagesSteps<T> {
  /** Says under which tag the images describe themselves. The packages are known then, and none is fetched. */
  readonly nameImages: (resolved: readonly ResolvedImage[]) => Promise<string>;
  /** Begins the archive that the images go to, where they go to one. `archs`: OCI form. */
  readonly openDraft?: (archs: readonly string[]) => Promise<ArchiveDraft | undefined>;
  /** May be called a second time, with images made anew, where a cached piece turns out to be gone or damaged. */
  readonly use: (built: BuiltImages) => Promise<T>;
}

/** Builds the images of all architectures and hands them to `use`, while everything they are made of is open. */
export async function withBuiltImages<T>(request: ImagesRequest, host: Host, steps: BuiltImagesSteps<T>): Promise<T> {
  if (request.checkReport !== undefined) reportFormat(request.checkReport);
  const { packageAppend, annotations, format } = request;
  const compression = openCompression(request.compression ?? 'gzip', request.compressionLevel);
  if (compression.mediaType === MEDIA_TYPE.layerGzip && !compression.isPromised) {
    host.events({
      type: 'warning',
      code: 'DIGESTS_DIFFER',
      message:
        "this Node's zlib is not the one that Node is released with, so layers get other digests here than elsewhere",
      hint: 'their content is the same; for equal digests use a Node as nodejs.org releases it',
    });
  }
  const flags = { packageAppend, annotations, ...(format !== undefined && { format }) };
  const startedMs = systemClock.now();
  return await withImage(request, host, { flags }, async (image) => {
    refuseUnbuildable(image, request);
    const keys = await openKeys(image);
    const indexes = request.lockfile === undefined ? await openIndexes(image, keys) : [];
    const resolved =
      request.lockfile === undefined
        ? resolveForBuild(image, indexes, packageAppend)
        : resolveFromLock(image, request.lockfile, packageAppend);
    if (resolved.every((one) => one.packages.length === 0)) {
      throw new Failure(
        'CONFIG_INVALID',
        `"${request.configPath}" asks for no packages, so there is no image to build`,
        {
          hint: 'add at least one package under contents.packages',
        },
      );
    }
    const plan: BuildPlan = {
      keys,
      resolved,
      moments: buildMoments(request.buildDate, host.env),
      tag: await steps.nameImages(resolved),
      sbomFormats: request.sbom ? request.sbomFormats : [],
      vcsUrl: vcsUrlOf(image, request),
      groups: await collectImageFiles(image, request.lockfile),
      policy: policyFor(image.config.hardening, request.hardening),
    };
    return await usePlanned({ image, plan, indexes, startedMs }, compression, request, steps);
  });
}

/** Uses what an earlier build of the same inputs made, where there is one and it is sound; else makes it. */
async function usePlanned<T>(
  inputs: BuildInputs,
  compression: Compression,
  request: ImagesRequest,
  { openDraft, use }: BuiltImagesSteps<T>,
): Promise<T> {
  const { image, plan } = inputs;
  const { host, store } = image;
  const told = async (result: BuildResult): Promise<BuildResult> => {
    const contract = locateFindings(result.contract, image.config, image.loaded.place);
    await writeReport(request, contract, host);
    tellFindings(contract, host.events);
    return { ...result, contract };
  };
  const pieces = new PieceStore(store.files);
  // A base image's files are not among the inputs that the key knows.
  const key = image.config.contents.baseImage === undefined ? resultKey(image, plan, compression.way) : undefined;
  const known = key === undefined ? undefined : await readResult(store, key);
  if (key !== undefined && known !== undefined) {
    try {
      const blobs = new PiecedBlobs(pieces, compression);
      for (const layer of known.images.flatMap((one) => one.layers)) blobs.addRecipe(layer);
      const used = await use({ result: await told(known), blobs, inputs, store });
      for (const { arch, warnings } of known.images) warnIncomplete(host, arch, warnings);
      return used;
    } catch (error) {
      // A piece of a layer was pruned or damaged: it is made again below.
      if (!(error instanceof Failure && (error.code === 'CACHE_UNUSABLE' || error.code === 'CHECKSUM_MISMATCH')))
        throw error;
      store.discard('results', key);
    }
  }
  const blobs = new PiecedBlobs(pieces, compression);
  const draft = await openDraft?.(plan.resolved.map(({ arch }) => arch));
  try {
    const result = await makeImage(image, plan, blobs, draft);
    blobs.close();
    const using = use({ result: await told(result), blobs, inputs, store, draft });
    const packing = key === undefined ? undefined : packResult(result);
    packing?.catch(() => {}); // Only wanted where the outputs could be written.
    const used = await using;
    const packed = await packing;
    if (key !== undefined && packed !== undefined) store.writeRecord('results', key, packed);
    return used;
  } catch (error) {
    if (error instanceof Failure && error.code === 'HARDENING_BROKEN') {
      await writeReport(request, error.data as ContractReport, host);
    }
    throw error;
  } finally {
    blobs.close();
    await draft?.drop();
  }
}

async function writeReport({ checkReport, configPath }: ImagesRequest, contract: ContractReport, { cwd }: Host) {
  if (checkReport === undefined) return;
  await writeCheckReport(resolve(cwd, checkReport), { subject: configPath, ...contract, attached: [] });
}

function vcsUrlOf(image: OpenImage, request: ImagesRequest): string {
  const { vcsUrl } = image.config;
  if (vcsUrl !== '' || !request.vcs) return vcsUrl;
  return discoverVcsUrl(configDirectory(image), image.host.cwd) ?? '';
}

/** What would only fail after minutes of work is refused before them. */
function refuseUnbuildable(image: OpenImage, request: ImagesRequest): void {
  const { config } = image;
  if (config.contents.baseImage !== undefined && request.lockfile === undefined) {
    throw new Failure('CONFIG_INVALID', 'an image on top of a base image is built from a lock file only', {
      hint: 'make one with `stave lock`, then give it with --lockfile',
    });
  }
  if (config.format === 'erofs') {
    throw new Failure('FEATURE_UNSUPPORTED', 'layers in the format "erofs" cannot be written yet', {
      hint: 'leave out the format, or use "tar"',
    });
  }
  if ([...config.contents.repositories, ...config.contents.runtimeRepositories].length === 0) {
    throw new Failure('CONFIG_INVALID', 'the image would have no repository in /etc/apk/repositories', {
      hint: 'add contents.repositories or contents.runtime_repositories',
    });
  }
}
