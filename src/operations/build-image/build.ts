// `stave build`: from a configuration to an OCI layout or an archive, with SBOMs (ARCHITECTURE.md, "One build, followed").

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { refuseUnplaceable } from '../../effects/output/atomic-file.ts';
import { DEFAULT_LEVEL } from '../../effects/output/compress-layer.ts';
import { deflateFingerprint } from '../../effects/output/deflate-check.ts';
import { writeDockerArchive } from '../../effects/output/docker-archive.ts';
import { openLayoutBlobs, writeOciLayout } from '../../effects/output/oci-layout.ts';
import { PiecedBlobs } from '../../effects/output/pieced-blobs.ts';
import { PieceStore } from '../../effects/store/piece-store.ts';
import { discoverVcsUrl } from '../../effects/vcs/git-head.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import type { Host } from '../host.ts';
import { warnIncomplete } from '../image/assemble-image.ts';
import { buildMoments } from '../image/build-moment.ts';
import { writeSboms } from '../image/describe-image.ts';
import { collectImageFiles } from '../image/image-files.ts';
import { configDirectory, type OpenImage, openKeys, withImage } from '../image/open-image.ts';
import type { ImageRequest } from '../image/request.ts';
import { openIndexes, resolveForBuild, resolveFromLock } from '../image/resolve-image.ts';
import { readResult, resultKey, writeResult } from './known-result.ts';
import { type BuildPlan, type BuildResult, makeImage, type ResultImage } from './make-image.ts';

export interface BuildRequest extends ImageRequest {
  readonly tag: string;
  /** An existing folder, or a path that ends in a slash, becomes an OCI layout; anything else an archive for `docker load`. */
  readonly output: string;
  readonly sbom: boolean;
  /** Default: the working directory. */
  readonly sbomPath?: string;
  readonly sbomFormats: readonly string[];
}

export interface BuiltLayer {
  readonly digest: Digest;
  readonly diffId: Digest;
  readonly sizeBytes: number;
  readonly uncompressedBytes: number;
}

export interface BuiltImage {
  /** OCI form. */
  readonly arch: string;
  readonly manifestDigest: Digest;
  readonly configDigest: Digest;
  readonly layers: readonly BuiltLayer[];
  /** In install order. */
  readonly packages: readonly { readonly name: string; readonly version: string }[];
  readonly fileCount: number;
  /** Of all layers, compressed. */
  readonly sizeBytes: number;
  readonly sbomPaths: readonly string[];
}

export interface BuildReport {
  readonly indexDigest: Digest;
  readonly images: readonly BuiltImage[];
  readonly indexSbomPaths: readonly string[];
  readonly output: { readonly kind: 'layout' | 'archive'; readonly path: string };
}

export async function buildImage(request: BuildRequest, host: Host): Promise<BuildReport> {
  const { packageAppend, annotations, format } = request;
  const flags = { packageAppend, annotations, ...(format !== undefined && { format }) };
  return await withImage(request, host, { flags }, async (image) => {
    refuseUnbuildable(image, request);
    const output = await outputOf(request, host);
    const keys = await openKeys(image);
    const resolved =
      request.lockfile === undefined
        ? resolveForBuild(image, await openIndexes(image, keys), packageAppend)
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
    // Refused now, not after minutes of work.
    if (output.kind === 'layout') await openLayoutBlobs(output.path);
    const plan: BuildPlan = {
      keys,
      resolved,
      moments: buildMoments(request.buildDate, host.env),
      tag: request.tag,
      sbomFormats: request.sbom ? request.sbomFormats : [],
      vcsUrl: vcsUrlOf(image, request),
      groups: await collectImageFiles(image, request.lockfile),
    };
    return await buildPlanned(image, request, plan, output);
  });
}

/** Writes what an earlier build of the same inputs made, where there is one and it is sound; else makes it. */
async function buildPlanned(
  image: OpenImage,
  request: BuildRequest,
  plan: BuildPlan,
  output: BuildReport['output'],
): Promise<BuildReport> {
  const { host, store } = image;
  const way = `${deflateFingerprint()} level ${DEFAULT_LEVEL}`;
  const pieces = new PieceStore(store, way);
  const write = (result: BuildResult, blobs: PiecedBlobs) => writeOutputs(image, request, { result, blobs, output });
  // A base image's files are not among the inputs that the key knows.
  const key = image.config.contents.baseImage === undefined ? resultKey(image, plan, way) : undefined;
  const known = key === undefined ? undefined : await readResult(store, key);
  if (key !== undefined && known !== undefined) {
    try {
      const blobs = new PiecedBlobs(pieces);
      for (const layer of known.images.flatMap((one) => one.layers)) blobs.addRecipe(layer);
      const report = await write(known, blobs);
      for (const { arch, warnings } of known.images) warnIncomplete(host, arch, warnings);
      return report;
    } catch (error) {
      // A piece of a layer was pruned or damaged: it is made again below.
      if (!(error instanceof Failure && (error.code === 'CACHE_UNUSABLE' || error.code === 'CHECKSUM_MISMATCH')))
        throw error;
      store.discard('results', key);
    }
  }
  const blobs = new PiecedBlobs(pieces);
  const result = await makeImage(image, plan, blobs);
  const report = await write(result, blobs);
  if (key !== undefined) writeResult(store, key, result);
  return report;
}

interface Outputs {
  readonly result: BuildResult;
  readonly blobs: PiecedBlobs;
  readonly output: BuildReport['output'];
}

async function writeOutputs({ host }: OpenImage, request: BuildRequest, outputs: Outputs): Promise<BuildReport> {
  const { result, output, blobs } = outputs;
  const { index, images } = result;
  host.events({ type: 'phase-started', phase: 'write' });
  // SBOMs first: whoever sees the image finds its descriptions.
  const directory = resolve(host.cwd, request.sbomPath ?? '.');
  const sbomPaths: string[][] = [];
  for (const { sboms } of images) sbomPaths.push(sboms.length === 0 ? [] : await writeSboms(directory, sboms));
  const indexSbomPaths = result.indexSboms.length === 0 ? [] : await writeSboms(directory, result.indexSboms);
  if (output.kind === 'layout') await writeOciLayout(output.path, index, blobs);
  else await writeDockerArchive(output.path, { index, tags: [parseReference(request.tag)], blobs });
  host.events({ type: 'phase-finished', phase: 'write' });
  return {
    indexDigest: index.descriptor.digest,
    images: images.map((one, i) => builtImage(one, sbomPaths[i] ?? [])),
    indexSbomPaths,
    output,
  };
}

function builtImage(
  { arch, image, layers, packages, fileCount }: ResultImage,
  sbomPaths: readonly string[],
): BuiltImage {
  return {
    arch,
    manifestDigest: image.descriptor.digest,
    configDigest: image.manifest.config.digest,
    layers: layers.map(({ digest, diffId, sizeBytes, uncompressedBytes }) => ({
      digest,
      diffId,
      sizeBytes,
      uncompressedBytes,
    })),
    packages,
    fileCount,
    sizeBytes: layers.reduce((sum, layer) => sum + layer.sizeBytes, 0),
    sbomPaths,
  };
}

function vcsUrlOf(image: OpenImage, request: BuildRequest): string {
  const { vcsUrl } = image.config;
  if (vcsUrl !== '' || !request.vcs) return vcsUrl;
  return discoverVcsUrl(configDirectory(image), image.host.cwd) ?? '';
}

/** What would only fail after minutes of work is refused before them. */
function refuseUnbuildable(image: OpenImage, request: BuildRequest): void {
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

async function outputOf(request: BuildRequest, host: Host): Promise<BuildReport['output']> {
  const path = resolve(host.cwd, request.output);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() || /[/\\]$/.test(request.output)) return { kind: 'layout', path };
  refuseUnusableTag(request.tag);
  await refuseUnplaceable(path);
  return { kind: 'archive', path };
}

/** An archive names its images; in a layout nobody needs the tag. */
function refuseUnusableTag(tag: string): void {
  try {
    parseReference(tag);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { message, hint } = error;
    throw new Failure('USAGE_ARGUMENTS', message, { ...(hint !== undefined && { hint }) });
  }
}
