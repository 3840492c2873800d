// Any image as one file tree: its layers unpacked into a temporary file, applied one above the other in memory. Where the
// layers come from is the blob source's business: a layout, an archive, a registry. Every layer is checked against its digest
// and its diff_id; sizes and counts are bounded.

import { createHash } from 'node:crypto';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { type BlobSource, openVerified } from '../../formats/oci/blob-source.ts';
import { MEDIA_TYPE } from '../../formats/oci/descriptor.ts';
import { type Image, type ImageLayer, imageLayers } from '../../formats/oci/image.ts';
import type { TarEntry } from '../../formats/tar/entry.ts';
import { TarScanner } from '../../formats/tar/scan.ts';
import type { PackagedRead } from '../../planning/rootfs/content.ts';
import { FileTree } from '../../planning/rootfs/file-tree.ts';
import { applyLayer } from './apply-layer.ts';
import { decompressed } from './decompress.ts';
import { SpillFile } from './spill-file.ts';

export interface ImageTree {
  /** Readable until `close`. */
  readonly tree: FileTree;
  /** What the tree reads with. */
  readonly read: PackagedRead;
  close(): void;
}

/** Failures ARCHIVE_INVALID, ARCHIVE_LIMIT, CHECKSUM_MISMATCH, FEATURE_UNSUPPORTED, FILE_UNWRITABLE, and those of `blobs`. */
export async function openImageTree(image: Image, blobs: BlobSource, temporaryDirectory: string): Promise<ImageTree> {
  const layers = imageLayers(image);
  if (layers.length > LIMITS.imageLayers) {
    throw new Failure('ARCHIVE_LIMIT', `the image has ${layers.length} layers; at most ${LIMITS.imageLayers} are read`);
  }
  const spill = new SpillFile(temporaryDirectory, LIMITS.imageUnpackedBytes);
  try {
    const read: PackagedRead = (_index, offset, length) => spill.read(offset, length);
    const tree = new FileTree(read);
    let entriesLeft: number = LIMITS.archiveEntries;
    for (const layer of layers) {
      const start = spill.sizeBytes;
      const entries = await unpackLayer(layer, blobs, spill, entriesLeft);
      entriesLeft -= entries.length;
      applyLayer(tree, entries, start);
    }
    return { tree, read, close: () => spill.close() };
  } catch (error) {
    spill.close();
    throw error;
  }
}

/** The plain tar goes to the end of the spill file. */
async function unpackLayer(
  { descriptor, diffId }: ImageLayer,
  blobs: BlobSource,
  spill: SpillFile,
  maxEntries: number,
): Promise<TarEntry[]> {
  const what = `the layer ${descriptor.digest}`;
  if (descriptor.mediaType === MEDIA_TYPE.layerErofs) {
    throw new Failure('FEATURE_UNSUPPORTED', `${what} is an EROFS image, which we do not read`);
  }
  const entries: TarEntry[] = [];
  const scanner = new TarScanner({ entry: (entry) => entries.push(entry) }, { maxEntries });
  const hash = createHash('sha256');
  for await (const chunk of decompressed(openVerified(blobs, descriptor), what)) {
    hash.update(chunk);
    spill.append(chunk);
    scanner.push(chunk);
  }
  scanner.end();
  const got = `sha256:${hash.digest('hex')}`;
  if (got !== diffId) {
    throw new Failure('CHECKSUM_MISMATCH', `${what} unpacks to ${got}, but the image's config promises ${diffId}`);
  }
  return entries;
}
