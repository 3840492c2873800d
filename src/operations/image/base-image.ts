// The image that `contents.baseimage` builds upon (layer-and-oci.md 17), for one architecture.

import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { type ImageTree, openImageTree } from '../../effects/image/image-tree.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { matchesPlatform } from '../../formats/oci/descriptor.ts';
import { findImage, type Image } from '../../formats/oci/image.ts';
import { configPlatform } from '../../formats/oci/image-config.ts';
import { platformOf } from '../../planning/config/architecture.ts';
import { type ImageName, openNamedImage } from './named-image.ts';
import type { OpenImage } from './open-image.ts';

/** How the configuration names its base image; undefined where it has none. */
export function baseImageName({ config, host }: OpenImage): ImageName | undefined {
  const base = config.contents.baseImage;
  return base && { path: resolve(host.cwd, base.image), reference: base.image, role: 'the base image' };
}

/** The base image for an architecture, undefined where the configuration has none. Failures of `openNamedImage`. */
export async function openBaseImage(
  image: OpenImage,
  arch: string,
): Promise<{ readonly image: Image; readonly blobs: BlobSource } | undefined> {
  const name = baseImageName(image);
  if (name === undefined) return undefined;
  const { value, blobs } = await openNamedImage(image, name);
  const { architecture } = platformOf(arch);
  const wanted = { os: 'linux', architecture };
  const found =
    value.kind === 'index'
      ? findImage(value, wanted)
      : value.kind === 'image' && matchesPlatform(configPlatform(value.config), wanted)
        ? value
        : undefined;
  if (found !== undefined) return { image: found, blobs };
  throw new Failure('IMAGE_INVALID', `the base image ${name.reference} has no image for ${arch}`);
}

/** The base image unpacked into a temporary file: to be closed by whoever asked. Undefined where there is none. */
export async function unpackBaseImage(image: OpenImage, arch: string): Promise<ImageTree | undefined> {
  const base = await openBaseImage(image, arch);
  return base && (await openImageTree(base.image, base.blobs, tmpdir()));
}
