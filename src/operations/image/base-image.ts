// The image that `contents.baseimage` builds upon (layer-and-oci.md 17): an OCI layout, or an image in a registry. Its manifests and
// configs are read once for all architectures; layers stay where they are until they are written, and are verified then.

import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { readOciLayout } from '../../effects/output/oci-layout.ts';
import { pullImage } from '../../effects/registry/client/pull-image.ts';
import { mirrorHost } from '../../effects/repository/mirror-path.ts';
import { isSite } from '../../effects/repository/mirrored-http.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { matchesPlatform } from '../../formats/oci/descriptor.ts';
import { findImage, type Image, type ImageIndex } from '../../formats/oci/image.ts';
import { configPlatform } from '../../formats/oci/image-config.ts';
import { parseReference, printReference, type Reference } from '../../formats/oci/reference.ts';
import { platformOf } from '../../planning/config/architecture.ts';
import { REF_NAME } from '../registry/source-image.ts';
import type { OpenImage } from './open-image.ts';

interface BaseImage {
  readonly value: ImageIndex['children'][number];
  readonly blobs: BlobSource;
}

const opened = new WeakMap<OpenImage, Promise<BaseImage>>();

/**
 * The base image for an architecture, undefined where the configuration has none. Failures CONFIG_INVALID, IMAGE_INVALID,
 * CHECKSUM_MISMATCH, NETWORK_OFFLINE, and those of registries.
 */
export async function openBaseImage(
  image: OpenImage,
  arch: string,
): Promise<{ readonly image: Image; readonly blobs: BlobSource } | undefined> {
  const base = image.config.contents.baseImage;
  if (base === undefined) return undefined;
  const known = opened.get(image) ?? read(image, base.image);
  opened.set(image, known);
  const { value, blobs } = await known;
  const { architecture } = platformOf(arch);
  const wanted = { os: 'linux', architecture };
  const found =
    value.kind === 'index'
      ? findImage(value, wanted)
      : value.kind === 'image' && matchesPlatform(configPlatform(value.config), wanted)
        ? value
        : undefined;
  if (found !== undefined) return { image: found, blobs };
  throw new Failure('IMAGE_INVALID', `the base image ${base.image} has no image for ${arch}`);
}

async function read(image: OpenImage, named: string): Promise<BaseImage> {
  const path = resolve(image.host.cwd, named);
  // A layout by that name counts first: that is what the reference knows.
  if (!namesRegistry(named) || statSync(path, { throwIfNoEntry: false }) !== undefined) {
    const { index, blobs } = await readOciLayout(path);
    return { value: index, blobs };
  }
  const reference = parseReference(named);
  const mirrored = await readMirrored(image, reference);
  if (mirrored !== undefined) return mirrored;
  if (reference.digest === undefined) {
    image.host.events({
      type: 'warning',
      code: 'BASE_IMAGE_UNPINNED',
      message: `the base image ${named} is named by a tag, which may be another image tomorrow`,
      hint: 'name it by digest: `stave inspect` shows it',
    });
  }
  try {
    return await pullImage(image.registries.client(reference), reference.digest ?? reference.tag ?? 'latest');
  } catch (error) {
    throw error instanceof Failure ? error.within(`reading the base image ${printReference(reference)}`) : error;
  }
}

/** Where `stave mirror` puts a base image, below its folder. */
export function mirroredBasePath({ registry, repository }: Reference): string {
  const { hostname, port } = new URL(`https://${registry}/`);
  return join(mirrorHost(hostname, port), ...repository.split('/'));
}

/** The name that it has there: layouts have names like tags. */
export function mirroredBaseName({ tag, digest }: Reference): string {
  return digest === undefined ? (tag ?? 'latest') : digest.replace(':', '-');
}

async function readMirrored({ request, host }: OpenImage, reference: Reference): Promise<BaseImage | undefined> {
  if (request.mirror === undefined || isSite(request.mirror)) return undefined;
  const path = resolve(host.cwd, request.mirror, mirroredBasePath(reference));
  if (statSync(join(path, 'oci-layout'), { throwIfNoEntry: false }) === undefined) return undefined;
  const { index, blobs } = await readOciLayout(path);
  const name = mirroredBaseName(reference);
  const value = index.children.find(({ descriptor }) => descriptor.annotations?.[REF_NAME] === name);
  return value && { value, blobs };
}

/** Only with a host: a folder that is missing must not become an image of Docker Hub. */
export function namesRegistry(text: string): boolean {
  const host = text.slice(0, Math.max(0, text.indexOf('/')));
  return !/^\.{0,2}$/.test(host) && (/[.:]/.test(host) || host === 'localhost');
}
