// An image that a configuration names, to build upon or to copy out of: an OCI layout, or an image in a registry, which a mirror
// may have. Its manifests and configs are read once for all who ask; layers stay where they are and are verified when read.

import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { readOciLayout } from '../../effects/output/oci-layout.ts';
import { pullImage } from '../../effects/registry/client/pull-image.ts';
import { mirrorHost } from '../../effects/repository/mirror-path.ts';
import { isSite } from '../../effects/repository/mirrored-http.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { hasRegistryHost, parseReference, printReference, type Reference } from '../../formats/oci/reference.ts';
import { type ImageValue, REF_NAME } from '../registry/source-image.ts';
import type { OpenImage } from './open-image.ts';

export interface NamedImage {
  readonly value: ImageValue;
  readonly blobs: BlobSource;
}

export interface ImageName {
  /** Absolute: a layout there counts first, which is all that the reference knows. */
  readonly path: string;
  /** A reference with its host, where there is no such path. */
  readonly reference: string;
  /** For people: `the base image`. */
  readonly role: string;
}

const opened = new WeakMap<OpenImage['registries'], Map<string, Promise<NamedImage>>>();

/** Failures CONFIG_NOT_FOUND, IMAGE_INVALID, CHECKSUM_MISMATCH, NETWORK_OFFLINE, and those of registries. */
export async function openNamedImage(image: OpenImage, name: ImageName): Promise<NamedImage> {
  const all = opened.get(image.registries) ?? new Map<string, Promise<NamedImage>>();
  opened.set(image.registries, all);
  const key = JSON.stringify([name.path, name.reference]);
  const known = all.get(key) ?? read(image, name);
  all.set(key, known);
  return await known;
}

/** The reference, where a registry and no path is named; undefined for a layout. */
export function registryReference({ path, reference }: Pick<ImageName, 'path' | 'reference'>): Reference | undefined {
  const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined;
  return isThere || !hasRegistryHost(reference) ? undefined : parseReference(reference);
}

async function read(image: OpenImage, name: ImageName): Promise<NamedImage> {
  const reference = registryReference(name);
  if (reference === undefined) return await readLayout(name);
  const mirrored = await readMirrored(image, reference);
  if (mirrored !== undefined) return mirrored;
  if (reference.digest === undefined) {
    image.host.events({
      type: 'warning',
      code: 'BASE_IMAGE_UNPINNED',
      message: `${name.role} ${name.reference} is named by a tag, which may be another image tomorrow`,
      hint: 'name it by digest: `stave inspect` shows it',
    });
  }
  try {
    return await pullImage(image.registries.client(reference), reference.digest ?? reference.tag ?? 'latest');
  } catch (error) {
    throw error instanceof Failure ? error.within(`reading ${name.role} ${printReference(reference)}`) : error;
  }
}

async function readLayout({ path, reference, role }: ImageName): Promise<NamedImage> {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    throw new Failure('CONFIG_NOT_FOUND', `${role} "${reference}" is no folder here, nor does it name a registry`, {
      hint: 'an image in a registry is named with its host, as docker.io/library/alpine',
      notes: [`looked for ${path}`],
    });
  }
  const { index, blobs } = await readOciLayout(path);
  return { value: index, blobs };
}

/** Where `stave mirror` puts an image, below its folder. */
export function mirroredImagePath({ registry, repository }: Reference): string {
  const { hostname, port } = new URL(`https://${registry}/`);
  return join(mirrorHost(hostname, port), ...repository.split('/'));
}

/** The name that it has there: layouts have names like tags. */
export function mirroredImageName({ tag, digest }: Reference): string {
  return digest === undefined ? (tag ?? 'latest') : digest.replace(':', '-');
}

async function readMirrored({ request, host }: OpenImage, reference: Reference): Promise<NamedImage | undefined> {
  if (request.mirror === undefined || isSite(request.mirror)) return undefined;
  const path = resolve(host.cwd, request.mirror, mirroredImagePath(reference));
  if (statSync(join(path, 'oci-layout'), { throwIfNoEntry: false }) === undefined) return undefined;
  const { index, blobs } = await readOciLayout(path);
  const name = mirroredImageName(reference);
  const value = index.children.find(({ descriptor }) => descriptor.annotations?.[REF_NAME] === name);
  return value && { value, blobs };
}
