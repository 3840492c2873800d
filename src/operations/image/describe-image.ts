// SBOM files of a build: one a format for each architecture and for the index (sbom-and-lock.md).

import { join } from 'node:path';
import { mapBounded } from '../../base/bounded.ts';
import type { Digest } from '../../base/digest.ts';
import { VERSION } from '../../base/version.ts';
import { makeFolder, writeFileAtomically } from '../../effects/output/atomic-file.ts';
import type { Image, ImageIndex } from '../../formats/oci/image.ts';
import type { Moment } from '../../formats/oci/timestamps.ts';
import { printCycloneDx } from '../../formats/sbom/cyclonedx.ts';
import type { Identify } from '../../formats/sbom/document-uuid.ts';
import { printSpdx } from '../../formats/sbom/spdx.ts';
import { apkArchitecture } from '../../planning/config/architecture.ts';
import { describeImage } from '../../planning/describe/describe-image.ts';
import { describeImageCycloneDx } from '../../planning/describe/describe-image-cyclonedx.ts';
import { describeIndex, describeIndexCycloneDx } from '../../planning/describe/describe-index.ts';
import type { ImageDescriptionInput } from '../../planning/describe/image-elements.ts';
import { imageNameOf } from '../../planning/describe/image-name.ts';
import { parseOsRelease } from '../../planning/describe/os-release.ts';
import { ownNameOf } from '../../planning/files/collected-group.ts';
import type { AssembledRootfs } from './assemble-image.ts';
import type { ChosenPackage } from './resolve-image.ts';
import { draftSbom } from './sbom-draft.ts';

export interface SbomFile {
  readonly name: string;
  readonly mediaType: string;
  readonly text: string;
}

export interface IndexDescription {
  readonly index: ImageIndex;
  /** In the order of the index. */
  readonly images: readonly { readonly arch: string; readonly digest: Digest }[];
  /** Text of the first image's os-release. */
  readonly osRelease: string | undefined;
  readonly created: Moment;
  readonly tags: readonly string[];
  readonly vcsUrl: string;
}

interface DraftOptions {
  readonly tags: readonly string[];
  readonly formats: readonly string[];
  readonly layerTypes: readonly string[] | undefined;
}

export const SPDX_TYPE = 'application/spdx+json';

/** Format name (--sbom-formats) -> what it makes. Unknown names make nothing, as in the reference. */
const FORMATS = {
  spdx: {
    extension: 'spdx.json',
    mediaType: SPDX_TYPE,
    image: (input: ImageDescriptionInput, identify: Identify) => printSpdx(describeImage(input, identify)),
    index: (input: Parameters<typeof describeIndex>[0]) => printSpdx(describeIndex(input)),
  },
  cyclonedx: {
    extension: 'cdx.json',
    mediaType: 'application/vnd.cyclonedx+json',
    image: (input: ImageDescriptionInput, identify: Identify) =>
      printCycloneDx(describeImageCycloneDx(input, identify)),
    index: (input: Parameters<typeof describeIndex>[0]) => printCycloneDx(describeIndexCycloneDx(input)),
  },
} as const;

type Format = (typeof FORMATS)[keyof typeof FORMATS];

function formatsOf(names: readonly string[]): Format[] {
  return names.flatMap((name) => (Object.hasOwn(FORMATS, name) ? [FORMATS[name as keyof typeof FORMATS]] : []));
}

/**
 * The SBOMs of one architecture, made as far as they can be without its image. `layerTypes`: media types of all its layers,
 * where they are known. Reads the image's own files, now or when the image is given: its packages have to be open.
 */
export function draftImageSboms(
  { arch, rootfs, created, packages }: AssembledRootfs,
  chosen: readonly ChosenPackage[],
  { tags, formats, layerTypes }: DraftOptions,
): (image: Image) => SbomFile[] {
  const input = {
    createdText: created.text,
    toolVersion: VERSION,
    osRelease: parseOsRelease(rootfs.tree.readText('etc/os-release')),
    arch,
    imageName: imageNameOf(tags, 'image'),
    packages: packages.map(({ info, controlSha1 }, i) => ({
      info,
      controlSha1,
      dataSha256: info.dataHash,
      url: chosen[i]?.url ?? '',
      ...(i >= chosen.length && { ownName: ownNameOf(info.name) }),
    })),
    readFile: (path: string) => rootfs.tree.readBytes(path),
    vcsUrl: rootfs.config.vcsUrl,
  };
  const drafts = formatsOf(formats).map((format) => ({
    format,
    fill: draftSbom((digests, identify) => format.image({ ...input, ...digests }, identify), layerTypes),
  }));
  return ({ descriptor, manifest }) =>
    drafts.map(({ format, fill }) => ({
      name: `sbom-${apkArchitecture(arch)}.${format.extension}`,
      mediaType: format.mediaType,
      text: fill({ imageDigest: descriptor.digest, layers: manifest.layers }),
    }));
}

export function indexSboms(
  { index, images, osRelease, created, tags, vcsUrl }: IndexDescription,
  formats: readonly string[],
): SbomFile[] {
  const input = {
    createdText: created.text,
    toolVersion: VERSION,
    osRelease: parseOsRelease(osRelease),
    indexDigest: index.descriptor.digest,
    names: { index: imageNameOf(tags, 'index'), image: imageNameOf(tags, 'image') },
    images,
    vcsUrl,
  };
  return formatsOf(formats).map((format) => ({
    name: `sbom-index.${format.extension}`,
    mediaType: format.mediaType,
    text: format.index(input),
  }));
}

/** A file is a few waits for the system, one after the other. */
const FILES_AT_ONCE = 4;

/** Writes the files; returns their paths. Failure FILE_UNWRITABLE. */
export async function writeSboms(directory: string, files: readonly SbomFile[]): Promise<string[]> {
  await makeFolder(directory);
  return await mapBounded(files, FILES_AT_ONCE, async ({ name, text }) => {
    const path = join(directory, name);
    await writeFileAtomically(path, (write) => write(Buffer.from(text)));
    return path;
  });
}
