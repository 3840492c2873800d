// `stave build`: from a configuration to an OCI layout or an archive, with SBOMs (ARCHITECTURE.md, "One build, followed").

import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { mapBounded } from '../../base/bounded.ts';
import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { failingUnwritable, refuseUnplaceable } from '../../effects/output/atomic-file.ts';
import { BlobDirectory } from '../../effects/output/blob-directory.ts';
import { writeDockerArchive } from '../../effects/output/docker-archive.ts';
import { openLayoutBlobs, writeOciLayout } from '../../effects/output/oci-layout.ts';
import { discoverVcsUrl } from '../../effects/vcs/git-head.ts';
import type { ImageIndex } from '../../formats/oci/image.ts';
import { planIndex } from '../../formats/oci/plan-image.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import { latestMoment } from '../../formats/oci/timestamps.ts';
import type { Host } from '../host.ts';
import { type AssembledImage, countFiles, packImage, withRootfs } from '../image/assemble-image.ts';
import { type BuildMoments, buildMoments } from '../image/build-moment.ts';
import { imageSboms, indexSboms, type SbomFile, writeSboms } from '../image/describe-image.ts';
import { configDirectory, type ImageKeys, type OpenImage, openKeys, withImage } from '../image/open-image.ts';
import type { ImageRequest } from '../image/request.ts';
import { openIndexes, type ResolvedImage, resolveForBuild, resolveFromLock } from '../image/resolve-image.ts';

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
    return await withBlobs(output, (blobs) => buildInto(image, request, { keys, resolved, output, blobs }));
  });
}

interface BuildPlan {
  readonly keys: ImageKeys;
  readonly resolved: readonly ResolvedImage[];
  readonly output: BuildReport['output'];
  readonly blobs: BlobDirectory;
}

interface PackedImage {
  readonly assembled: AssembledImage;
  readonly sboms: readonly SbomFile[];
  /** Text of the image's own os-release. */
  readonly osRelease: string | undefined;
}

async function buildInto(image: OpenImage, request: BuildRequest, plan: BuildPlan): Promise<BuildReport> {
  const { host, config } = image;
  const formats = request.sbom ? request.sbomFormats : [];
  const moments = buildMoments(request.buildDate, host.env);
  const built = await packAll(image, request, plan, moments);
  const images = built.map((one) => one.assembled);
  const created = latestMoment(moments.base, ...images.map((one) => one.created));
  const vcsUrl =
    config.vcsUrl !== '' || !request.vcs ? config.vcsUrl : (discoverVcsUrl(configDirectory(image), host.cwd) ?? '');
  const index = planIndex(
    images.map((one) => one.image),
    { annotations: config.annotations, created: created.text, vcsUrl },
  );

  host.events({ type: 'phase-started', phase: 'describe' });
  const sorted = [...built].sort((a, b) => position(index, a.assembled) - position(index, b.assembled));
  const description = {
    index,
    images: sorted.map(({ assembled: { arch, image } }) => ({ arch, digest: image.descriptor.digest })),
    osRelease: sorted[0]?.osRelease,
    created,
    tags: [request.tag],
    vcsUrl,
  };
  const indexFiles = indexSboms(description, formats);
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

/** Two overlap well: one is planned while the other is hashed and written. More only take memory. */
const ARCHITECTURES_AT_ONCE = 2;

/** The images of all architectures. A failure waits until the others have let go of the store and the blobs. */
async function packAll(
  image: OpenImage,
  request: BuildRequest,
  plan: BuildPlan,
  moments: BuildMoments,
): Promise<PackedImage[]> {
  const formats = request.sbom ? request.sbomFormats : [];
  const failures: { readonly position: number; readonly error: unknown }[] = [];
  const packed = await mapBounded(plan.resolved, ARCHITECTURES_AT_ONCE, async (resolved, position) => {
    if (failures.length > 0) return [];
    const input = { resolved, keys: plan.keys.forArch(resolved.arch), moments };
    const work = withRootfs(image, input, async (rootfs): Promise<PackedImage> => {
      const assembled = await packImage(image, rootfs, plan.blobs);
      return {
        assembled,
        sboms: imageSboms(assembled, resolved.packages, [request.tag], formats),
        osRelease: rootfs.rootfs.tree.readText('etc/os-release'),
      };
    });
    return await work.then(
      (one) => [one],
      (error) => {
        failures.push({ position, error });
        return [];
      },
    );
  });
  const first = failures.sort((a, b) => a.position - b.position)[0];
  if (first !== undefined) throw first.error;
  return packed.flat();
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

/** Layers are compressed where they will stay; for an archive, in a folder of their own that goes afterwards. */
async function withBlobs<T>(output: BuildReport['output'], use: (blobs: BlobDirectory) => Promise<T>): Promise<T> {
  if (output.kind === 'layout') return await use(await openLayoutBlobs(output.path));
  const prefix = join(tmpdir(), 'stave-layers-');
  const directory = await failingUnwritable(tmpdir(), () => mkdtemp(prefix));
  try {
    return await use(new BlobDirectory(directory));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
