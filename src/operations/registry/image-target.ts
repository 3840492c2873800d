// Where images go besides registries: OCI layouts, which hold any number of images by name and what is attached to them, and
// archives for `docker load`, which hold one image for each platform.

import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { makeFolder, writeFileAtomically } from '../../effects/output/atomic-file.ts';
import { planRepoTags, writeNamedImages } from '../../effects/output/docker-archive.ts';
import { type OciLayout, readOciLayout, writeOciLayout } from '../../effects/output/oci-layout.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { type Image, imagesOf, makeIndex } from '../../formats/oci/image.ts';
import { parseReference, printReference, type Reference } from '../../formats/oci/reference.ts';
import type { Attachment } from './attachments.ts';
import { type ImageValue, isAttached, REF_NAME, type SourceImage } from './source-image.ts';

export interface LayoutTarget {
  readonly path: string;
  readonly name: string | undefined;
}

/**
 * Adds the image, and what is attached to it, to the layout in a folder, made where it is missing. An image of that name is
 * replaced, others stay. Failures FILE_UNWRITABLE, IMAGE_INVALID (the folder has a broken layout), and those of the source.
 */
export async function writeToLayout(
  { path, name }: LayoutTarget,
  source: SourceImage,
  attachments: readonly Attachment[],
): Promise<void> {
  const old = await existingLayout(path);
  const entries = [listed(source.value, name), ...attachments.map(({ value, tag }) => listed(value, tag))];
  const names = new Set(entries.flatMap((entry) => entry.descriptor.annotations?.[REF_NAME] ?? []));
  const digests = new Set(entries.map(({ descriptor }) => descriptor.digest));
  const kept = (old?.index.children ?? []).filter(
    ({ descriptor }) => !digests.has(descriptor.digest) && !names.has(descriptor.annotations?.[REF_NAME] ?? ''),
  );
  const unique = new Map([...kept, ...entries].map((entry) => [entry.descriptor.digest, entry]));
  await makeFolder(path);
  await writeOciLayout(path, makeIndex([...unique.values()], {}), keptBlobs(old, kept, source.blobs));
}

/** As a layout lists it: with its name, without what only the index that it is from says. */
function listed<T extends ImageValue>(value: T, name: string | undefined): T {
  const { mediaType, sizeBytes, digest, platform, artifactType } = value.descriptor;
  const type = artifactType ?? ('artifactType' in value.manifest ? value.manifest.artifactType : undefined);
  return {
    ...value,
    descriptor: {
      mediaType,
      sizeBytes,
      digest,
      ...(name !== undefined && { annotations: { [REF_NAME]: name } }),
      ...(platform !== undefined && { platform }),
      ...(type !== undefined && { artifactType: type }),
    },
  };
}

async function existingLayout(path: string): Promise<OciLayout | undefined> {
  let layout: OciLayout;
  try {
    layout = await readOciLayout(path);
  } catch (error) {
    // No layout yet; a broken one would be another sentence.
    if (error instanceof Failure && error.code === 'IMAGE_INVALID' && /is not an OCI layout/.test(error.message))
      return;
    throw error;
  }
  const { children } = layout.index;
  const isList = children.every(
    (child) => isAttached(child) || child.kind === 'index' || child.descriptor.annotations?.[REF_NAME] !== undefined,
  );
  if (isList) return layout;
  throw new Failure('FILE_UNWRITABLE', `${path} is the layout of one image that was built there`, {
    hint: 'name another folder',
  });
}

/** Blobs of the images that stay are where they are; all others come from the source. */
function keptBlobs(old: OciLayout | undefined, kept: readonly ImageValue[], blobs: BlobSource): BlobSource {
  if (old === undefined || kept.length === 0) return blobs;
  const staying = new Set<Digest>();
  const visit = (value: ImageValue): void => {
    if (value.kind === 'index') for (const child of value.children) visit(child);
    else for (const { digest } of [value.manifest.config, ...value.manifest.layers]) staying.add(digest);
  };
  for (const value of kept) visit(value);
  return {
    open: (descriptor, range) => (staying.has(descriptor.digest) ? old.blobs : blobs).open(descriptor, range),
  };
}

/** Failures FILE_UNWRITABLE, IMAGE_INVALID where it is no image, and those of the source. */
export async function writeToArchive({ path, name }: LayoutTarget, source: SourceImage): Promise<void> {
  const { value, blobs } = source;
  const images = runnableImages(source);
  const isWhole = value.kind === 'index' && value.children.every((child) => child.kind === 'image');
  const names = archiveNames(images, name === undefined ? undefined : parseReference(name));
  const index = isWhole && images.length === value.children.length ? value : undefined;
  await writeFileAtomically(path, (write) => writeNamedImages(write, { images, names, blobs, index }));
}

/** One image has the name itself; several get their architecture appended, since a name means one image there. */
function archiveNames(
  images: readonly Image[],
  reference: Reference | undefined,
): ReadonlyMap<Image, readonly string[]> {
  const [only, ...others] = images;
  if (reference === undefined || only === undefined) return new Map();
  return others.length === 0 ? new Map([[only, [engineName(reference)]]]) : planRepoTags(images, [reference]);
}

/** The images that a machine can run; builders list attestations as images of an unknown platform. */
export function runnableImages({ name, value }: Pick<SourceImage, 'name' | 'value'>): Image[] {
  const all = value.kind === 'index' ? imagesOf(value) : value.kind === 'image' ? [value] : [];
  const images = all.filter(({ config }) => config.os !== 'unknown');
  if (images.length === 0) throw new Failure('IMAGE_INVALID', `${name} is not an image that can run`);
  return images;
}

/** The reference as docker and podman spell it. */
export function engineName(reference: Reference): string {
  const registry = reference.registry === 'index.docker.io' ? 'docker.io' : reference.registry;
  return printReference({ ...reference, registry, digest: undefined });
}
