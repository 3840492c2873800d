// SBOM files of a build: one a format for each architecture and for the index (sbom-and-lock.md).

import { join } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { VERSION } from '../../base/version.ts';
import { makeFolder, writeFileAtomically } from '../../effects/output/atomic-file.ts';
import type { ImageIndex } from '../../formats/oci/image.ts';
import type { Moment } from '../../formats/oci/timestamps.ts';
import { printCycloneDx } from '../../formats/sbom/cyclonedx.ts';
import { printSpdx } from '../../formats/sbom/spdx.ts';
import { apkArchitecture } from '../../planning/config/architecture.ts';
import { describeImage } from '../../planning/describe/describe-image.ts';
import { describeImageCycloneDx } from '../../planning/describe/describe-image-cyclonedx.ts';
import { describeIndex, describeIndexCycloneDx } from '../../planning/describe/describe-index.ts';
import type { ImageDescriptionInput } from '../../planning/describe/image-elements.ts';
import { imageNameOf } from '../../planning/describe/image-name.ts';
import { parseOsRelease } from '../../planning/describe/os-release.ts';
import { ownNameOf } from '../../planning/files/collected-group.ts';
import type { AssembledImage } from './assemble-image.ts';
import type { ChosenPackage } from './resolve-image.ts';

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

export const SPDX_TYPE = 'application/spdx+json';

/** Format name (--sbom-formats) -> what it makes. Unknown names make nothing, as in the reference. */
const FORMATS = {
  spdx: {
    extension: 'spdx.json',
    mediaType: SPDX_TYPE,
    image: (input: ImageDescriptionInput) => printSpdx(describeImage(input)),
    index: (input: Parameters<typeof describeIndex>[0]) => printSpdx(describeIndex(input)),
  },
  cyclonedx: {
    extension: 'cdx.json',
    mediaType: 'application/vnd.cyclonedx+json',
    image: (input: ImageDescriptionInput) => printCycloneDx(describeImageCycloneDx(input)),
    index: (input: Parameters<typeof describeIndex>[0]) => printCycloneDx(describeIndexCycloneDx(input)),
  },
} as const;

type Format = (typeof FORMATS)[keyof typeof FORMATS];

function formatsOf(names: readonly string[]): Format[] {
  return names.flatMap((name) => (Object.hasOwn(FORMATS, name) ? [FORMATS[name as keyof typeof FORMATS]] : []));
}

/** The SBOMs of one architecture. Reads the image's own files: call it while its packages are open. */
export function imageSboms(
  assembled: AssembledImage,
  chosen: readonly ChosenPackage[],
  tags: readonly string[],
  formats: readonly string[],
): SbomFile[] {
  const { arch, image, rootfs, created, packages } = assembled;
  const input: ImageDescriptionInput = {
    createdText: created.text,
    toolVersion: VERSION,
    osRelease: parseOsRelease(rootfs.tree.readText('etc/os-release')),
    imageDigest: image.descriptor.digest,
    layers: image.manifest.layers,
    arch,
    imageName: imageNameOf(tags, 'image'),
    packages: packages.map(({ info, controlSha1 }, i) => ({
      info,
      controlSha1,
      dataSha256: info.dataHash,
      url: chosen[i]?.url ?? '',
      ...(i >= chosen.length && { ownName: ownNameOf(info.name) }),
    })),
    readFile: (path) => rootfs.tree.readBytes(path),
    vcsUrl: rootfs.config.vcsUrl,
  };
  return formatsOf(formats).map((format) => ({
    name: `sbom-${apkArchitecture(arch)}.${format.extension}`,
    mediaType: format.mediaType,
    text: format.image(input),
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

/** Writes the files; returns their paths. Failure FILE_UNWRITABLE. */
export async function writeSboms(directory: string, files: readonly SbomFile[]): Promise<string[]> {
  await makeFolder(directory);
  const paths: string[] = [];
  for (const { name, text } of files) {
    const path = join(directory, name);
    await writeFileAtomically(path, (write) => write(Buffer.from(text)));
    paths.push(path);
  }
  return paths;
}
