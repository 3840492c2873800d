// OCI layouts: a folder with `oci-layout`, `blobs/sha256/*` and `index.json` (layer-and-oci.md 13).
// index.json comes last and in one step: whoever sees it finds everything it names. Reading checks every digest; blobs are
// found by their digest only, so no name in a layout can lead out of it.

import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { mapBounded } from '../../base/bounded.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { type BlobSource, readSmallBlob } from '../../formats/oci/blob-source.ts';
import { type Descriptor, describeBytes, MEDIA_TYPE } from '../../formats/oci/descriptor.ts';
import { type Artifact, type Image, type ImageIndex, parseImage, parseVerifiedIndex } from '../../formats/oci/image.ts';
import { type IndexManifest, isIndexType, parseIndexManifest } from '../../formats/oci/image-index.ts';
import { parseJsonObject } from '../../formats/oci/json-object.ts';
import { isManifestType } from '../../formats/oci/manifest.ts';
import { makeFolder, writeFileAtomically } from './atomic-file.ts';
import { BlobDirectory, READING } from './blob-directory.ts';

const LAYOUT_FILE = 'oci-layout';
const LAYOUT_TEXT = '{\n    "imageLayoutVersion": "1.0.0"\n}';
const INDEX_FILE = 'index.json';

/** Blobs being copied at once: reading and writing overlap, more only makes the disk seek. */
const BLOBS_IN_FLIGHT = 4;

export interface OciLayout {
  readonly index: ImageIndex;
  /** All blobs of the layout, unchecked until they have been read to the end (`openVerified`). */
  readonly blobs: BlobSource;
}

/**
 * Writes the index, which becomes index.json itself, and all it names into an existing folder. Blobs that are there and
 * unchanged stay; other files are left alone. Failures FILE_UNWRITABLE, CHECKSUM_MISMATCH, and those of `blobs`.
 */
export async function writeOciLayout(directory: string, index: ImageIndex, blobs: BlobSource): Promise<void> {
  const target = await openLayoutBlobs(directory);
  await mapBounded(blobsBelow(index, blobs), BLOBS_IN_FLIGHT, ({ descriptor, source }) =>
    target.add(descriptor, source),
  );
  await writeFileAtomically(join(directory, LAYOUT_FILE), (write) => write(Buffer.from(LAYOUT_TEXT)));
  await writeFileAtomically(join(directory, INDEX_FILE), (write) => write(index.manifestBytes));
}

/** The blobs of a layout that is going to be written; makes the folders where they are missing. Failure FILE_UNWRITABLE. */
export async function openLayoutBlobs(directory: string): Promise<BlobDirectory> {
  const path = join(directory, 'blobs', 'sha256');
  await makeFolder(path);
  return new BlobDirectory(path);
}

/**
 * The layout in a folder: index.json may be an image's index, or list images and indexes. Failure IMAGE_INVALID where it
 * is no layout or a bound is passed, CHECKSUM_MISMATCH where a manifest, index or config is not what was promised.
 */
export async function readOciLayout(directory: string): Promise<OciLayout> {
  const layoutBytes = await readLayoutFile(directory, LAYOUT_FILE);
  const version = parseJsonObject(layoutBytes, join(directory, LAYOUT_FILE), layoutBytes.length).text(
    'imageLayoutVersion',
  );
  if (version !== '1.0.0') {
    throw new Failure(
      'IMAGE_INVALID',
      `${directory} is an OCI layout of version "${version ?? ''}"; we read version 1.0.0`,
    );
  }
  const manifestBytes = await readLayoutFile(directory, INDEX_FILE);
  const manifest = parseIndexManifest(manifestBytes, join(directory, INDEX_FILE));
  const blobs = new BlobDirectory(join(directory, 'blobs', 'sha256'));
  const children = await new LayoutReader(blobs).children(manifest, 1);
  const descriptor = describeBytes(manifestBytes, manifest.mediaType);
  return { index: { kind: 'index', descriptor, manifest, manifestBytes, children }, blobs };
}

interface SourcedBlob {
  readonly descriptor: Descriptor;
  readonly source: BlobSource;
}

/** Every blob below the index once, what is named before what names it. */
function blobsBelow(index: ImageIndex, blobs: BlobSource): SourcedBlob[] {
  const found = new Map<string, SourcedBlob>();
  const add = (descriptor: Descriptor, source: BlobSource): void => {
    if (!found.has(descriptor.digest)) found.set(descriptor.digest, { descriptor, source });
  };
  const visit = (child: Image | Artifact | ImageIndex): void => {
    if (child.kind === 'index') {
      for (const grandchild of child.children) visit(grandchild);
    } else {
      for (const layer of child.manifest.layers) add(layer, blobs);
      add(child.manifest.config, child.kind === 'image' ? sourceOf(child.configBytes) : blobs);
    }
    add(child.descriptor, sourceOf(child.manifestBytes));
  };
  for (const child of index.children) visit(child);
  return [...found.values()];
}

function sourceOf(bytes: Uint8Array): BlobSource {
  return {
    async *open() {
      yield bytes;
    },
  };
}

/** Follows indexes downwards within the bounds on depth, number and bytes. */
class LayoutReader {
  readonly #blobs: BlobSource;
  #documents = 0;
  #documentBytes = 0;

  constructor(blobs: BlobSource) {
    this.#blobs = blobs;
  }

  async children(index: IndexManifest, depth: number): Promise<(Image | Artifact | ImageIndex)[]> {
    if (depth > LIMITS.imageIndexDepth) {
      throw new Failure('IMAGE_INVALID', `image indexes are nested deeper than ${LIMITS.imageIndexDepth} levels`);
    }
    const children: (Image | Artifact | ImageIndex)[] = [];
    for (const descriptor of index.manifests) children.push(await this.#child(descriptor, depth));
    return children;
  }

  async #child(descriptor: Descriptor, depth: number): Promise<Image | Artifact | ImageIndex> {
    const known = isManifestType(descriptor.mediaType) || isIndexType(descriptor.mediaType);
    if (!known) {
      throw new Failure('IMAGE_INVALID', `the image index lists ${descriptor.digest} as "${descriptor.mediaType}"`, {
        hint: `We read indexes of manifests (${MEDIA_TYPE.imageManifest}) and of indexes.`,
      });
    }
    const manifestBytes = await this.#read(descriptor);
    if (isManifestType(descriptor.mediaType)) {
      return await parseImage(descriptor, manifestBytes, (config) => this.#read(config));
    }
    const manifest = parseVerifiedIndex(descriptor, manifestBytes);
    return {
      kind: 'index',
      descriptor,
      manifest,
      manifestBytes,
      children: await this.children(manifest, depth + 1),
    };
  }

  async #read(descriptor: Descriptor): Promise<Uint8Array> {
    this.#documents += 1;
    this.#documentBytes += descriptor.sizeBytes;
    if (this.#documents > LIMITS.imageDocuments || this.#documentBytes > LIMITS.imageDocumentsBytes) {
      const bound = `${LIMITS.imageDocuments} manifests and configs, or ${LIMITS.imageDocumentsBytes} bytes of them`;
      throw new Failure('IMAGE_INVALID', `the image index leads to more than ${bound}`);
    }
    return await readSmallBlob(this.#blobs, descriptor, LIMITS.imageManifestBytes);
  }
}

async function readLayoutFile(directory: string, name: string): Promise<Uint8Array> {
  const path = join(directory, name);
  try {
    const handle = await open(path, READING);
    try {
      const found = await handle.stat();
      if (found.isFile() && found.size <= LIMITS.imageManifestBytes) return new Uint8Array(await handle.readFile());
      throw new Failure('IMAGE_INVALID', `${path} is not a file of at most ${LIMITS.imageManifestBytes} bytes`);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      throw new Failure('FILE_UNREADABLE', `cannot read ${path}: ${code}`, { cause });
    }
    throw new Failure('IMAGE_INVALID', `${directory} is not an OCI layout: it has no ${name}`, {
      hint: 'Name a folder that has the files oci-layout and index.json.',
      cause,
    });
  }
}
