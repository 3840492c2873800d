// The archive that `docker load` takes: a plain tar of configs, layers and their list (layer-and-oci.md 13).
// Every byte depends on the images and tags only; the reference's order of images is random, ours is the index's.

import { printJson } from '../../base/canonical-json.ts';
import { digestHex } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import { compareBytes, sortedUnique } from '../../base/order.ts';
import { type BlobSource, copyVerified } from '../../formats/oci/blob-source.ts';
import { type Descriptor, MEDIA_TYPE, ociMediaType } from '../../formats/oci/descriptor.ts';
import { type Image, type ImageIndex, imagesOf } from '../../formats/oci/image.ts';
import { parseReference, printReference, type Reference } from '../../formats/oci/reference.ts';
import { TAR_TYPE } from '../../formats/tar/entry.ts';
import { printTarHeader, TAR_END, tarPadding } from '../../formats/tar/write.ts';
import type { ArchiveDraft, ArchiveSink } from './archive-draft.ts';
import { type ByteSink, writeFileAtomically } from './atomic-file.ts';

export interface DockerArchiveInput {
  readonly index: ImageIndex;
  /** Each image gets each of these with its architecture appended. */
  readonly tags: readonly Reference[];
  /** Where the layers come from. */
  readonly blobs: BlobSource;
  /** Begun for this very path. */
  readonly draft?: ArchiveDraft | undefined;
}

/**
 * Writes the archive, layers streaming through. Failures FILE_UNWRITABLE; IMAGE_INVALID for a tag that cannot be used;
 * CHECKSUM_MISMATCH, and those of `blobs`. No archive appears then, and an old one stays.
 */
export async function writeDockerArchive(
  path: string,
  { index, tags, blobs, draft }: DockerArchiveInput,
): Promise<void> {
  const images = imagesOf(index);
  const named = { images, names: planRepoTags(images, tags), blobs, index };
  if (draft === undefined) await writeFileAtomically(path, (write) => writeNamedImages(write, named));
  else await draft.finish((sink) => writeImages(sink, named));
}

export interface NamedImages {
  readonly images: readonly Image[];
  /** What each image is called after `docker load`; it may be called nothing. */
  readonly names: ReadonlyMap<Image, readonly string[]>;
  readonly blobs: BlobSource;
  /** The index that the images are from; kept in the archive, where docker ignores it. */
  readonly index?: ImageIndex | undefined;
}

/** The same into a sink, with names as they are given: for a pipe to `docker load`, and for single images. */
export async function writeNamedImages(write: ByteSink, named: NamedImages): Promise<void> {
  await writeImages({ write }, named);
}

async function writeImages(sink: ArchiveSink, { images, names, blobs, index }: NamedImages): Promise<void> {
  const archive = new ArchiveWriter(sink);
  for (const image of images) {
    await archive.addBytes(image.manifest.config.digest, image.configBytes);
    for (const layer of image.manifest.layers) await archive.addBlob(layerFileName(layer), layer, blobs);
  }
  await archive.addBytes('manifest.json', Buffer.from(printArchiveList(images, names)));
  for (const image of images) await archive.addBytes(image.descriptor.digest, image.manifestBytes);
  if (index !== undefined) await archive.addBytes('index.json', index.manifestBytes);
  await sink.write(TAR_END);
}

/**
 * `<tag>-<architecture>`, as the reference names them. It gives `arm/v6` and `arm/v7` the same name, so that the later
 * one hides the other: where two images share an architecture, each also gets a name with its variant (`-armv6`), and the
 * short name stays with the later one. `docker load` takes any number of names for an image.
 */
export function planRepoTags(images: readonly Image[], tags: readonly Reference[]): Map<Image, string[]> {
  const lastOf = new Map(images.map((image) => [image.config.architecture, image]));
  return new Map(
    images.map((image) => {
      const { architecture, variant = '' } = image.config;
      const shared = images.some((other) => other !== image && other.config.architecture === architecture);
      const suffixes = [
        ...(shared ? [`${architecture}${variant}`] : []),
        ...(lastOf.get(architecture) === image ? [architecture] : []),
      ];
      return [image, sortedUnique(tags.flatMap((tag) => suffixes.map((suffix) => suffixedTag(tag, suffix))))];
    }),
  );
}

function suffixedTag(reference: Reference, suffix: string): string {
  if (reference.tag === undefined) {
    throw new Failure('IMAGE_INVALID', `"${printReference(reference)}" names an image by digest, not by tag`, {
      hint: 'An archive needs a tag, like example.com/app:1.0.',
    });
  }
  // Read again, since the suffix may make the tag too long.
  return printReference(
    parseReference(printReference({ ...reference, tag: `${reference.tag}-${suffix}`, digest: undefined })),
  );
}

function printArchiveList(images: readonly Image[], repoTags: ReadonlyMap<Image, readonly string[]>): string {
  const entries = images.map((image) => ({
    Config: image.manifest.config.digest,
    RepoTags: repoTags.get(image) ?? [],
    Layers: image.manifest.layers.map(layerFileName),
  }));
  return printJson(entries.sort((a, b) => compareBytes(a.RepoTags.join(), b.RepoTags.join())));
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  [MEDIA_TYPE.layerTar]: 'tar',
  [MEDIA_TYPE.layerZstd]: 'tar.zst',
};

function layerFileName({ digest, mediaType }: Descriptor): string {
  return `${digestHex(digest)}.${EXTENSIONS[ociMediaType(mediaType)] ?? 'tar.gz'}`;
}

/** Regular files, each name once, everything about them fixed. */
class ArchiveWriter {
  readonly #sink: ArchiveSink;
  readonly #names = new Set<string>();

  constructor(sink: ArchiveSink) {
    this.#sink = sink;
  }

  /** Few bytes, in one write. */
  async addBytes(name: string, bytes: Uint8Array): Promise<void> {
    const header = this.#headerOf(name, bytes.length);
    if (header === undefined) return;
    await this.#sink.write(Buffer.concat([header, bytes, Buffer.alloc(tarPadding(bytes.length))]));
  }

  async addBlob(name: string, descriptor: Descriptor, blobs: BlobSource): Promise<void> {
    const { write, passOver } = this.#sink;
    const { sizeBytes } = descriptor;
    const header = this.#headerOf(name, sizeBytes);
    if (header === undefined) return;
    await write(header);
    if (!passOver?.(descriptor)) {
      let written = 0;
      await copyVerified(blobs, descriptor, async (chunk) => {
        await write(chunk);
        written += chunk.length;
      });
      assert(written === sizeBytes, `${name} has ${sizeBytes} bytes, not ${written}`);
    }
    await write(Buffer.alloc(tarPadding(sizeBytes)));
  }

  /** Undefined for a file that is there already. */
  #headerOf(name: string, size: number): Uint8Array | undefined {
    if (this.#names.has(name)) return undefined;
    this.#names.add(name);
    return printTarHeader({ ...FIXED_HEADER, name, size });
  }
}

const FIXED_HEADER = {
  type: TAR_TYPE.file,
  mode: 0o644,
  uid: 0,
  gid: 0,
  uname: '',
  gname: '',
  mtime: 0,
  linkname: '',
  devmajor: 0,
  devminor: 0,
  pax: {},
};
