// One image and how to read it, wherever it lies: a registry, an OCI layout, an archive. All give the same values.

import { Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';
import { type OciLayout, readOciLayout } from '../../effects/output/oci-layout.ts';
import { type DockerArchive, openDockerArchive } from '../../effects/output/read-docker-archive.ts';
import { pullImage } from '../../effects/registry/client/pull-image.ts';
import type { RegistryClient } from '../../effects/registry/client/registry-client.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import type { Image, ImageIndex } from '../../formats/oci/image.ts';
import { isIndexType } from '../../formats/oci/image-index.ts';
import { parseReference, printReference } from '../../formats/oci/reference.ts';
import { type ImagePlace, printPlace } from './image-place.ts';
import type { Registries } from './registries.ts';

/** An image, an index of images, or something that is attached to one. */
export type ImageValue = ImageIndex['children'][number];

export interface SourceImage {
  /** For people: fully qualified. */
  readonly name: string;
  readonly value: ImageValue;
  /** Unchecked: read it through `openVerified`. */
  readonly blobs: BlobSource;
  /** Who knows what is attached; undefined for archives, which have no room for that. */
  readonly keeper: { readonly client: RegistryClient } | { readonly layout: OciLayout } | undefined;
  /** Names that the image has there: the tag of a reference, the names in an archive. */
  readonly names: readonly string[];
  close(): Promise<void>;
}

/** How tools of the field name an image in a layout. */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** Failures IMAGE_NOT_FOUND, IMAGE_INVALID, CHECKSUM_MISMATCH, FILE_UNREADABLE, ARCHIVE_INVALID, and those of registries. */
async function openSourceImage(place: ImagePlace, registries: Registries): Promise<SourceImage> {
  const name = printPlace(place);
  if (place.kind === 'archive') {
    const archive = await openDockerArchive(place.path);
    const value = place.name === undefined ? archive.value : findNamed(archive, place.name, place.path);
    const names = [...archive.names].filter(([, image]) => value.kind === 'index' || image === value);
    return { ...archive, name, value, keeper: undefined, names: names.map(([one]) => one) };
  }
  if (place.kind === 'layout') {
    const layout = await readOciLayout(place.path);
    const value = chooseFromLayout(layout.index, place);
    const named = value.descriptor.annotations?.[REF_NAME];
    return {
      name,
      value,
      blobs: layout.blobs,
      keeper: { layout },
      names: named === undefined ? [] : [named],
      close: async () => {},
    };
  }
  const { reference } = place;
  const client = registries.client(reference);
  const { value, blobs } = await pullImage(client, reference.digest ?? reference.tag ?? 'latest');
  return {
    name,
    value,
    blobs,
    keeper: { client },
    names: reference.tag === undefined ? [] : [name],
    close: async () => {},
  };
}

/** Runs `work` on an opened image and closes it, whatever happens. */
export async function withSourceImage<T>(
  place: ImagePlace,
  registries: Registries,
  work: (source: SourceImage) => Promise<T>,
): Promise<T> {
  const source = await openSourceImage(place, registries);
  try {
    return await work(source);
  } finally {
    await source.close();
  }
}

/** `name` is fully qualified, names in archives mostly are not. */
function findNamed({ names, close }: DockerArchive, name: string, path: string): Image {
  for (const [one, image] of names) if (printReference(parseReference(one)) === name) return image;
  void close();
  throw new Failure('IMAGE_NOT_FOUND', `the archive ${path} has no image "${name}"`, {
    hint: names.size === 0 ? 'its images have no names' : `it has ${[...names.keys()].join(', ')}`,
  });
}

/** index.json of a layout is either the image's own index (ours, apko's) or a list of named images (skopeo's, oras'). */
function chooseFromLayout(index: ImageIndex, { path, name }: { path: string; name: string | undefined }): ImageValue {
  const images = index.children.filter((child) => !isAttached(child));
  if (name !== undefined) {
    const found = images.find(({ descriptor }) => descriptor.annotations?.[REF_NAME] === name);
    if (found !== undefined) return found;
    const names = namesOf(images);
    throw new Failure('IMAGE_NOT_FOUND', `the layout ${path} has no image named "${name}"`, {
      hint: names.length === 0 ? 'its images have no names: leave the name out' : `it has ${names.join(', ')}`,
    });
  }
  const isOwnIndex = images.every(
    ({ descriptor }) =>
      descriptor.platform !== undefined &&
      descriptor.annotations?.[REF_NAME] === undefined &&
      !isIndexType(descriptor.mediaType),
  );
  if (isOwnIndex && images.length === index.children.length && images.length > 0) return index;
  const [only, ...others] = images;
  if (only !== undefined && others.length === 0) return only;
  throw new Failure('IMAGE_INVALID', `the layout ${path} has ${images.length} images`, {
    hint:
      only === undefined
        ? 'name a layout with an image'
        : `name one of them: oci:${path}:NAME, with NAME one of ${namesOf(images).join(', ')}`,
  });
}

/** Whether an entry of a layout says something about another one, by its subject or by its tag. */
export function isAttached({ descriptor, manifest }: ImageValue): boolean {
  return manifest.subject !== undefined || LEGACY_TAG.test(descriptor.annotations?.[REF_NAME] ?? '');
}

/** Tags that hang things on an image where nothing else is known: `sha256-<hex>.sig`, `.att`, `.sbom`. */
export const LEGACY_TAG = /^sha256-[0-9a-f]{64}\.(sig|att|sbom)$/;

function namesOf(values: readonly ImageValue[]): string[] {
  return values.flatMap(({ descriptor }) => descriptor.annotations?.[REF_NAME] ?? []).sort(compareBytes);
}
