// `stave build`: from a configuration to an OCI layout or an archive, with SBOMs (ARCHITECTURE.md, "One build, followed").

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { sortedUnique } from '../../base/order.ts';
import { ArchiveDraft } from '../../effects/output/archive-draft.ts';
import { refuseUnplaceable } from '../../effects/output/atomic-file.ts';
import { writeDockerArchive } from '../../effects/output/docker-archive.ts';
import { openLayoutBlobs, writeOciLayout } from '../../effects/output/oci-layout.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import type { ContractReport } from '../../planning/hardening/contract-report.ts';
import type { Host } from '../host.ts';
import { writeSboms } from '../image/describe-image.ts';
import { type BuiltImages, type ImagesRequest, withBuiltImages } from './built-images.ts';
import type { ResultImage } from './make-image.ts';
import { provenanceMaker, writeProvenance } from './provenance.ts';
import { isWritten, noteWritten } from './written-archive.ts';

export interface BuildRequest extends ImagesRequest {
  readonly tag: string;
  /** An existing folder, or a path that ends in a slash, becomes an OCI layout; anything else an archive for `docker load`. */
  readonly output: string;
  /** Default: the working directory. */
  readonly sbomPath?: string;
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
  readonly provenancePaths: readonly string[];
  /** What the hardening contract says, with all its findings. */
  readonly contract: ContractReport;
  readonly output: { readonly kind: 'layout' | 'archive'; readonly path: string };
}

export async function buildImage(request: BuildRequest, host: Host): Promise<BuildReport> {
  const output = await outputOf(request, host);
  const provenance = request.provenancePath !== undefined;
  return await withBuiltImages({ ...request, provenance }, host, {
    nameImages: async () => {
      // Refused now, not after minutes of work.
      if (output.kind === 'layout') await openLayoutBlobs(output.path);
      return request.tag;
    },
    ...(output.kind === 'archive' && { openDraft: (archs) => ArchiveDraft.open(output.path, sortedUnique(archs)) }),
    use: (built) => writeOutputs(request, host, { ...built, output }),
  });
}

interface Outputs extends BuiltImages {
  readonly output: BuildReport['output'];
}

async function writeOutputs(request: BuildRequest, host: Host, outputs: Outputs): Promise<BuildReport> {
  const { result, output, blobs } = outputs;
  const { index, images } = result;
  host.events({ type: 'phase-started', phase: 'write' });
  // SBOMs first: whoever sees the image finds its descriptions.
  const directory = resolve(host.cwd, request.sbomPath ?? '.');
  const sboms = [...images.flatMap((one) => one.sboms), ...result.indexSboms];
  const paths = sboms.length === 0 ? [] : await writeSboms(directory, sboms);
  const sbomPaths = images.map((one) => paths.splice(0, one.sboms.length));
  const { provenancePath } = request;
  const provenancePaths =
    provenancePath === undefined
      ? []
      : await writeProvenance(
          resolve(host.cwd, provenancePath),
          result,
          await provenanceMaker(outputs, request, [request.tag])(),
        );
  if (output.kind === 'layout') await writeOciLayout(output.path, index, blobs);
  else await writeArchive(request, outputs, output.path);
  host.events({ type: 'phase-finished', phase: 'write' });
  return {
    indexDigest: index.descriptor.digest,
    images: images.map((one, i) => builtImage(one, sbomPaths[i] ?? [])),
    indexSbomPaths: paths,
    provenancePaths,
    contract: result.contract,
    output,
  };
}

async function writeArchive(
  { tag }: BuildRequest,
  { result, blobs, store, draft }: Outputs,
  path: string,
): Promise<void> {
  const { index } = result;
  const archive = { path, index, tag };
  if (await isWritten(store, archive)) return;
  await writeDockerArchive(path, { index, tags: [parseReference(tag)], blobs, draft });
  await noteWritten(store, archive);
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
    packages: packages.map(({ name, version }) => ({ name, version })),
    fileCount,
    sizeBytes: layers.reduce((sum, layer) => sum + layer.sizeBytes, 0),
    sbomPaths,
  };
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
