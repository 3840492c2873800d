// Descriptors, platforms and media types of OCI documents (layer-and-oci.md 12). Docker's types are read, never written.
// A descriptor is a promise about bytes: whoever gets such bytes from outside passes them through `verifyBytes`.

import { printJson } from '../../base/canonical-json.ts';
import { type Digest, sha256 } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import {
  type JsonObject,
  printFields,
  printList,
  printPresent,
  printTextMap,
  type TextMap,
  withoutAbsent,
} from './json-object.ts';

export const MEDIA_TYPE = {
  imageIndex: 'application/vnd.oci.image.index.v1+json',
  imageManifest: 'application/vnd.oci.image.manifest.v1+json',
  imageConfig: 'application/vnd.oci.image.config.v1+json',
  layerTar: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  layerNonDistributable: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  layerErofs: 'application/vnd.erofs',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayerTar: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayerForeign: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
} as const;

const OCI_EQUIVALENT: Readonly<Record<string, string>> = {
  [MEDIA_TYPE.dockerIndex]: MEDIA_TYPE.imageIndex,
  [MEDIA_TYPE.dockerManifest]: MEDIA_TYPE.imageManifest,
  [MEDIA_TYPE.dockerConfig]: MEDIA_TYPE.imageConfig,
  [MEDIA_TYPE.dockerLayerTar]: MEDIA_TYPE.layerTar,
  [MEDIA_TYPE.dockerLayerGzip]: MEDIA_TYPE.layerGzip,
  [MEDIA_TYPE.dockerLayerForeign]: MEDIA_TYPE.layerNonDistributable,
};

/** The OCI type for the same bytes; other types come back unchanged. */
export function ociMediaType(mediaType: string): string {
  return OCI_EQUIVALENT[mediaType] ?? mediaType;
}

/** Which machine an image is for. */
export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
}

export interface Descriptor {
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly digest: Digest;
  /** Where else the bytes may be had (layers that must not be redistributed). */
  readonly urls?: readonly string[];
  readonly annotations?: TextMap;
  readonly platform?: Platform;
  readonly artifactType?: string;
}

/** The descriptor of bytes that we made. */
export function describeBytes(
  bytes: Uint8Array,
  mediaType: string,
  more: Pick<Descriptor, 'annotations' | 'platform' | 'artifactType'> = {},
): Descriptor {
  return { mediaType, sizeBytes: bytes.length, digest: sha256(bytes), ...more };
}

/** Failure CHECKSUM_MISMATCH unless the bytes have the promised size and digest. `what` names them. */
export function verifyBytes(bytes: Uint8Array, promised: Descriptor, what: string): void {
  if (bytes.length !== promised.sizeBytes) throw sizeMismatch(what, promised, bytes.length);
  const digest = sha256(bytes);
  if (digest !== promised.digest) throw digestMismatch(what, promised, digest);
}

export function sizeMismatch(what: string, promised: Descriptor, sizeBytes: number): Failure {
  return new Failure(
    'CHECKSUM_MISMATCH',
    `${what} ${promised.digest} has ${sizeBytes} bytes, not ${promised.sizeBytes}`,
    {
      hint: 'Its source is damaged or was changed: fetch or build it again.',
    },
  );
}

export function digestMismatch(what: string, promised: Descriptor, digest: Digest): Failure {
  return new Failure('CHECKSUM_MISMATCH', `${what} ${promised.digest} has other content: its digest is ${digest}`, {
    hint: 'Its source is damaged or was changed: fetch or build it again.',
  });
}

export function parseDescriptor(object: JsonObject): Descriptor {
  const platform = object.object('platform');
  const urls = object.texts('urls');
  const annotations = object.textMap('annotations');
  return {
    mediaType: object.requiredText('mediaType'),
    sizeBytes: object.count('size'),
    digest: object.digest('digest'),
    ...(urls.length > 0 && { urls }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
    ...withoutAbsent({
      platform: platform && parsePlatform(platform),
      artifactType: object.text('artifactType'),
    }),
  };
}

export function printDescriptor(descriptor: Descriptor): string {
  const { platform } = descriptor;
  return printFields([
    ['mediaType', printJson(descriptor.mediaType)],
    ['size', printJson(descriptor.sizeBytes)],
    ['digest', printJson(descriptor.digest)],
    ['urls', printPresent(descriptor.urls)],
    ['annotations', printTextMap(descriptor.annotations ?? {})],
    ['platform', platform && printPlatform(platform)],
    ['artifactType', printPresent(descriptor.artifactType)],
  ]);
}

export function printDescriptors(descriptors: readonly Descriptor[]): string {
  return printList(descriptors.map(printDescriptor)) ?? '[]';
}

/** `linux/arm/v7`, for messages and names. */
export function platformName(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter((part) => part !== undefined).join('/');
}

/** Whether an image for `have` is what someone who wants `want` means. Variants that are an architecture's usual one may be left out. */
export function matchesPlatform(have: Platform, want: Pick<Platform, 'architecture' | 'os' | 'variant'>): boolean {
  return have.os === want.os && have.architecture === want.architecture && fullVariant(have) === fullVariant(want);
}

const USUAL_VARIANT: Readonly<Record<string, string>> = { arm64: 'v8', arm: 'v7', amd64: 'v1' };

function fullVariant(platform: Pick<Platform, 'architecture' | 'variant'>): string | undefined {
  return platform.variant ?? USUAL_VARIANT[platform.architecture];
}

function parsePlatform(object: JsonObject): Platform {
  const osFeatures = object.texts('os.features');
  return {
    architecture: object.text('architecture') ?? 'unknown',
    os: object.text('os') ?? 'unknown',
    ...withoutAbsent({
      variant: object.text('variant'),
      osVersion: object.text('os.version'),
    }),
    ...(osFeatures.length > 0 && { osFeatures }),
  };
}

function printPlatform(platform: Platform): string {
  return printFields([
    ['architecture', printJson(platform.architecture)],
    ['os', printJson(platform.os)],
    ['os.version', printPresent(platform.osVersion)],
    ['os.features', printPresent(platform.osFeatures)],
    ['variant', printPresent(platform.variant)],
  ]);
}
