// `stave build`: from a configuration to an OCI layout or an archive, with SBOMs (ARCHITECTURE.md, "One build, followed").

import { mkdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { BlobDirectory } from '../../effects/output/blob-directory.ts';
import { writeDockerArchive } from '../../effects/output/docker-archive.ts';
import { writeOciLayout } from '../../effects/output/oci-layout.ts';
import { discoverVcsUrl } from '../../effects/vcs/git-head.ts';
import type { ImageIndex } from '../../formats/oci/image.ts';
import { planIndex } from '../../formats/oci/plan-image.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import { latestMoment } from '../../formats/oci/timestamps.ts';
import type { Host } from '../host.ts';
import { type AssembledImage, countFiles, packImage, withRootfs } from '../image/assemble-image.ts';
import { buildMoments } from '../image/build-moment.ts';
import { imageSboms, indexSboms, type SbomFile, writeSboms } from '../image/describe-image.ts';
import { configDirectory, type ImageKeys, type OpenImage, openKeys, withImage } from '../image/open-image.ts';
import type { ImageRequest } from '../image/request.ts';
import { openIndexes, type ResolvedImage, resolveForBuild, resolveFromLock } from '../image/resolve-image.ts';

export interface BuildRequest extends ImageRequest {
  readonly tag: string;
  /** An existing folder becomes an OCI layout; anything else an archive for `docker load`. */
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
    const output = outputOf(request, host);
    const { directory, temporary } = await blobPlace(output);
    try {
      return await buildInto(image, request, { keys, resolved, output, blobs: new BlobDirectory(directory) });
    } finally {
      if (temporary) await rm(directory, { recursive: true, force: true });
    }
  });
}

interface BuildPlan {
  readonly keys: ImageKeys;
  readonly resolved: readonly ResolvedImage[];
  readonly output: BuildReport['output'];
  readonly blobs: BlobDirectory;
}

async function buildInto(image: OpenImage, request: BuildRequest, plan: BuildPlan): Promise<BuildReport> {
  const { host, config } = image;
  const formats = request.sbom ? request.sbomFormats : [];
  const moments = buildMoments(request.buildDate, host.env);
  const built: { readonly assembled: AssembledImage; readonly sboms: readonly SbomFile[] }[] = [];
  for (const resolved of plan.resolved) {
    built.push(
      await withRootfs(image, { resolved, keys: plan.keys.forArch(resolved.arch), moments }, async (rootfs) => {
        const assembled = await packImage(image, rootfs, plan.blobs);
        return { assembled, sboms: imageSboms(assembled, resolved.packages, [request.tag], formats) };
      }),
    );
  }
  const images = built.map((one) => one.assembled);
  const created = latestMoment(moments.base, ...images.map((one) => one.created));
  const vcsUrl =
    config.vcsUrl !== '' || !request.vcs ? config.vcsUrl : (discoverVcsUrl(configDirectory(image), host.cwd) ?? '');
  const index = planIndex(
    images.map((one) => one.image),
    { annotations: config.annotations, created: created.text, vcsUrl },
  );

  host.events({ type: 'phase-started', phase: 'describe' });
  const sorted = [...images].sort((a, b) => position(index, a) - position(index, b));
  const indexFiles = indexSboms({ index, images: sorted, created, tags: [request.tag], vcsUrl }, formats);
  host.events({ type: 'phase-finished', phase: 'describe' });

  host.events({ type: 'phase-started', phase: 'write' });
  // SBOMs first: whoever sees the image finds its descriptions.
  const sbomDirectory = resolve(host.cwd, request.sbomPath ?? '.');
  const sbomPaths: string[][] = [];
  for (const { sboms } of built) sbomPaths.push(sboms.length === 0 ? [] : await writeSboms(sbomDirectory, sboms));
  const indexSbomPaths = indexFiles.length === 0 ? [] : await writeSboms(sbomDirectory, indexFiles);
  await writeOutput(plan, request.tag, index);
  host.events({ type: 'phase-finished', phase: 'write' });
  return {
    indexDigest: index.descriptor.digest,
    images: images.map((one, i) => builtImage(one, sbomPaths[i] ?? [])),
    indexSbomPaths,
    output: plan.output,
  };
}

async function writeOutput({ output, blobs }: BuildPlan, tag: string, index: ImageIndex): Promise<void> {
  if (output.kind === 'layout') await writeOciLayout(output.path, index, blobs);
  else await writeDockerArchive(output.path, { index, tags: [parseReference(tag)], blobs });
}

function builtImage(assembled: AssembledImage, sbomPaths: readonly string[]): BuiltImage {
  const { arch, image, layers, packages, rootfs } = assembled;
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
    packages: packages.map(({ info }) => ({ name: info.name, version: info.version })),
    fileCount: countFiles(rootfs),
    sizeBytes: layers.reduce((sum, layer) => sum + layer.sizeBytes, 0),
    sbomPaths,
  };
}

function position(index: ImageIndex, assembled: AssembledImage): number {
  return index.manifest.manifests.findIndex((descriptor) => descriptor.digest === assembled.image.descriptor.digest);
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
  if (outputOf(request, image.host).kind === 'archive') parseReference(request.tag);
}

function outputOf(request: BuildRequest, host: Host): BuildReport['output'] {
  const path = resolve(host.cwd, request.output);
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return { kind: isDirectory ? 'layout' : 'archive', path };
}

/** Layers are compressed where they will stay; for an archive, in a folder of their own. */
async function blobPlace(output: BuildReport['output']): Promise<{ directory: string; temporary: boolean }> {
  if (output.kind === 'archive') return { directory: await mkdtemp(join(tmpdir(), 'stave-layers-')), temporary: true };
  const directory = join(output.path, 'blobs', 'sha256');
  mkdirSync(directory, { recursive: true });
  return { directory, temporary: false };
}
