// `stave inspect`: what an image is, without downloading it: platforms, sizes, how it runs, and the packages in it.

import { mapBounded } from '../../base/bounded.ts';
import type { Digest } from '../../base/digest.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { platformName } from '../../formats/oci/descriptor.ts';
import type { Image } from '../../formats/oci/image.ts';
import { configPlatform } from '../../formats/oci/image-config.ts';
import type { TextMap } from '../../formats/oci/json-object.ts';
import type { Host } from '../host.ts';
import { parseSourcePlace } from './image-place.ts';
import { runnableImages } from './image-target.ts';
import { type InstalledPackages, readInstalledPackages } from './installed-packages.ts';
import { imageFor } from './load.ts';
import { withRegistries } from './registries.ts';
import type { RegistryAccess } from './registry-request.ts';
import { withSourceImage } from './source-image.ts';

export interface InspectRequest extends RegistryAccess {
  /** A reference, layout or archive. */
  readonly source: string;
  /** Any spelling; default: all. */
  readonly arch?: string;
  /** Whether to read the package database, which costs a part of the top layer. */
  readonly packages: boolean;
  /** Read large layers to their end, so that the list of packages is proven by the digest. */
  readonly verify: boolean;
}

interface InspectedLayer {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

export interface InspectedImage {
  readonly digest: Digest;
  /** `linux/arm/v7` */
  readonly platform: string;
  /** Of all layers, as they are stored. */
  readonly sizeBytes: number;
  readonly created: string | undefined;
  readonly layers: readonly InspectedLayer[];
  readonly run: {
    readonly user: string;
    readonly entrypoint: readonly string[];
    readonly cmd: readonly string[];
    readonly env: readonly string[];
    readonly workingDir: string;
    readonly volumes: readonly string[];
    readonly stopSignal: string;
    readonly labels: TextMap;
  };
  readonly annotations: TextMap;
  /** undefined: not asked for, or the top layer has none. */
  readonly installed: InstalledPackages | undefined;
}

export interface InspectReport {
  readonly name: string;
  readonly digest: Digest;
  readonly mediaType: string;
  /** Of the index; empty for a single image. */
  readonly annotations: TextMap;
  readonly images: readonly InspectedImage[];
}

/** Two are read while one is parsed; more would only fill memory with databases. */
const IMAGES_AT_ONCE = 2;

/** Failures of `openSourceImage` and of the layers that are read. */
export async function inspectImage(request: InspectRequest, host: Host): Promise<InspectReport> {
  const place = parseSourcePlace(request.source, host.cwd);
  return await withRegistries(request, host, (registries) =>
    withSourceImage(place, registries, async (source) => {
      const { value, name, blobs } = source;
      const images = request.arch === undefined ? runnableImages(source) : [imageFor(source, request.arch, true)];
      return {
        name,
        digest: value.descriptor.digest,
        mediaType: value.descriptor.mediaType,
        annotations: value.kind === 'index' ? value.manifest.annotations : {},
        images: await mapBounded(images, IMAGES_AT_ONCE, (image) => inspected(image, blobs, request)),
      };
    }),
  );
}

async function inspected(image: Image, blobs: BlobSource, request: InspectRequest): Promise<InspectedImage> {
  const { manifest, config } = image;
  const { user, entrypoint, cmd, env, workingDir, volumes, stopSignal, labels } = config.run;
  return {
    digest: image.descriptor.digest,
    platform: platformName(configPlatform(config)),
    sizeBytes: manifest.layers.reduce((sum, layer) => sum + layer.sizeBytes, 0),
    created: config.created,
    layers: manifest.layers.map(({ digest, mediaType, sizeBytes }) => ({ digest, mediaType, sizeBytes })),
    run: { user, entrypoint, cmd, env, workingDir, volumes, stopSignal, labels },
    annotations: manifest.annotations,
    installed: request.packages ? await readInstalledPackages(image, blobs, request) : undefined,
  };
}
