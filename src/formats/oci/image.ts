// Image, Artifact and ImageIndex: immutable values shared by every source and sink (layout, archive, registry).
// Transforms return new values. Layer bytes are never in here: they come from a BlobSource (blob-source.ts).

import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import {
  type Descriptor,
  describeBytes,
  MEDIA_TYPE,
  matchesPlatform,
  ociMediaType,
  type Platform,
  verifyBytes,
} from './descriptor.ts';
import {
  configPlatform,
  type HistoryEntry,
  type ImageConfigFile,
  parseImageConfigFile,
  printImageConfigFile,
} from './image-config.ts';
import { type IndexManifest, parseIndexManifest, printIndexManifest } from './image-index.ts';
import type { TextMap } from './json-object.ts';
import { type Manifest, parseManifest, printManifest } from './manifest.ts';

/** A runnable image for one platform. `manifestBytes` and `configBytes` are what the digests are of: never change them. */
export interface Image {
  readonly kind: 'image';
  /** Of the manifest; with platform and artifact type, as an index lists it. */
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  readonly config: ImageConfigFile;
  readonly configBytes: Uint8Array;
}

/** A manifest that is not an image's: a signature, an SBOM, an attestation. */
export interface Artifact {
  readonly kind: 'artifact';
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
}

export interface ImageIndex {
  readonly kind: 'index';
  readonly descriptor: Descriptor;
  readonly manifest: IndexManifest;
  readonly manifestBytes: Uint8Array;
  /** One for each of `manifest.manifests`, in that order. */
  readonly children: readonly (Image | Artifact | ImageIndex)[];
}

/** A layer as it is stored, and the digest of its tar. */
export interface ImageLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** The image of a config of ours: always in OCI's media types, whatever types the layers came with. */
export function makeImage(config: ImageConfigFile, layers: readonly Descriptor[], annotations: TextMap): Image {
  const configBytes = utf8(printImageConfigFile(config));
  return assembleImage(config, configBytes, {
    mediaType: MEDIA_TYPE.imageManifest,
    config: describeBytes(configBytes, MEDIA_TYPE.imageConfig),
    layers: layers.map((layer) => ({ ...layer, mediaType: ociMediaType(layer.mediaType) })),
    annotations,
  });
}

/** The index that lists these, in this order. */
export function makeIndex(children: ImageIndex['children'], annotations: TextMap): ImageIndex {
  return assembleIndex(children, {
    mediaType: MEDIA_TYPE.imageIndex,
    manifests: children.map((child) => child.descriptor),
    annotations,
  });
}

export function imageLayers(image: Image): ImageLayer[] {
  return image.manifest.layers.map((descriptor, i) => ({ descriptor, diffId: image.config.diffIds[i] as Digest }));
}

/** The image with one more layer on top. */
export function appendLayer(image: Image, layer: ImageLayer, history: HistoryEntry): Image {
  const config: ImageConfigFile = {
    ...image.config,
    diffIds: [...image.config.diffIds, layer.diffId],
    history: [...image.config.history, history],
  };
  return makeImage(config, [...image.manifest.layers, layer.descriptor], image.manifest.annotations);
}

/** The value with these annotations added to its manifest or index; an equal key is replaced. Config and children stay. */
export function withAnnotations<T extends Image | ImageIndex>(value: T, annotations: TextMap): T;
export function withAnnotations(value: Image | ImageIndex, annotations: TextMap): Image | ImageIndex {
  const merged = { ...value.manifest.annotations, ...annotations };
  if (value.kind === 'index') return assembleIndex(value.children, { ...value.manifest, annotations: merged });
  return assembleImage(value.config, value.configBytes, { ...value.manifest, annotations: merged });
}

/** Every image below the index, in the index's order, each digest once. */
export function imagesOf(index: ImageIndex): Image[] {
  const found = new Map<Digest, Image>();
  const visit = (value: Image | Artifact | ImageIndex): void => {
    if (value.kind === 'index') for (const child of value.children) visit(child);
    else if (value.kind === 'image' && !found.has(value.descriptor.digest)) found.set(value.descriptor.digest, value);
  };
  visit(index);
  return [...found.values()];
}

/** The first image for that platform, or undefined. */
export function findImage(
  index: ImageIndex,
  platform: Pick<Platform, 'architecture' | 'os' | 'variant'>,
): Image | undefined {
  return imagesOf(index).find((image) => matchesPlatform(configPlatform(image.config), platform));
}

/**
 * The image of foreign bytes, checked against the descriptor that named them: CHECKSUM_MISMATCH, IMAGE_INVALID.
 * `readConfig` gives the bytes of the config. A manifest with another kind of config, or of layers, is an Artifact.
 */
export async function parseImage(
  descriptor: Descriptor,
  manifestBytes: Uint8Array,
  readConfig: (descriptor: Descriptor) => Promise<Uint8Array>,
): Promise<Image | Artifact> {
  verifyBytes(manifestBytes, descriptor, 'the image manifest');
  const manifest = parseManifest(manifestBytes, `the image manifest ${descriptor.digest}`);
  if (ociMediaType(manifest.config.mediaType) !== MEDIA_TYPE.imageConfig || !hasFileLayers(manifest)) {
    return { kind: 'artifact', descriptor, manifest, manifestBytes };
  }
  const configBytes = await readConfig(manifest.config);
  verifyBytes(configBytes, manifest.config, 'the image config');
  const config = parseImageConfigFile(configBytes, `the image config ${manifest.config.digest}`);
  if (config.diffIds.length !== manifest.layers.length) {
    throw new Failure(
      'IMAGE_INVALID',
      `the image ${descriptor.digest} has ${manifest.layers.length} layers, but its config names ${config.diffIds.length}`,
    );
  }
  return { kind: 'image', descriptor, manifest, manifestBytes, config, configBytes };
}

/**
 * Whether the layers are file systems. Signatures and attestations of older tools have the config of an image too, mostly an
 * empty one; their layers are JSON.
 */
function hasFileLayers({ layers }: Manifest): boolean {
  return layers.length === 0 || layers.some(({ mediaType }) => /\btar\b|\berofs\b|\.layer\./.test(mediaType));
}

/** The list in an index of foreign bytes, checked against the descriptor that named them. */
export function parseVerifiedIndex(descriptor: Descriptor, bytes: Uint8Array): IndexManifest {
  verifyBytes(bytes, descriptor, 'the image index');
  return parseIndexManifest(bytes, `the image index ${descriptor.digest}`);
}

function assembleImage(config: ImageConfigFile, configBytes: Uint8Array, manifest: Manifest): Image {
  const manifestBytes = utf8(printManifest(manifest));
  const descriptor = describeBytes(manifestBytes, manifest.mediaType, {
    platform: configPlatform(config),
    artifactType: manifest.config.mediaType,
  });
  return { kind: 'image', descriptor, manifest, manifestBytes, config, configBytes };
}

function assembleIndex(children: ImageIndex['children'], manifest: IndexManifest): ImageIndex {
  const manifestBytes = utf8(printIndexManifest(manifest));
  return {
    kind: 'index',
    descriptor: describeBytes(manifestBytes, manifest.mediaType),
    manifest,
    manifestBytes,
    children,
  };
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
