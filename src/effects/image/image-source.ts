// Images that lie in files: an OCI layout folder, or an archive as `docker save` writes it, perhaps compressed. What comes out
// is the same as from a registry: values of images, and a source for their blobs.

import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../base/failure.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { type Image, imagesOf } from '../../formats/oci/image.ts';
import { readOciLayout } from '../output/oci-layout.ts';
import { openDockerArchive } from './docker-archive-source.ts';

export interface ImageSource {
  /** One for each platform; at least one. */
  readonly images: readonly Image[];
  readonly blobs: BlobSource;
  close(): void;
}

export type ImageFileKind = 'layout' | 'archive';

/** What lies at a path: undefined where it is no image (a configuration, nothing). Failure FILE_UNREADABLE. */
export async function recognizeImage(path: string): Promise<ImageFileKind | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (found.isDirectory()) return (await isFile(join(path, 'oci-layout'))) ? 'layout' : undefined;
  return found.isFile() && (await looksLikeArchive(path)) ? 'archive' : undefined;
}

/** Failures IMAGE_INVALID, ARCHIVE_INVALID, ARCHIVE_LIMIT, CHECKSUM_MISMATCH, FILE_UNREADABLE. */
export async function openImageSource(
  path: string,
  kind: ImageFileKind,
  temporaryDirectory: string,
): Promise<ImageSource> {
  if (kind === 'archive') return await openDockerArchive(path, temporaryDirectory);
  const { index, blobs } = await readOciLayout(path);
  // Attestations that builders add are listed like images of an unknown platform.
  const images = imagesOf(index).filter(({ config }) => config.os !== 'unknown');
  if (images.length === 0) throw new Failure('IMAGE_INVALID', `the layout ${path} has no image`);
  return { images, blobs, close: () => {} };
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

/** gzip, zstd, or a tar: none of them begins a configuration. */
async function looksLikeArchive(path: string): Promise<boolean> {
  const handle = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw new Failure('FILE_UNREADABLE', `cannot read ${path}: ${cause.code ?? 'unknown error'}`, { cause });
  });
  try {
    const head = Buffer.alloc(512);
    await handle.read(head, 0, head.length, 0);
    const isCompressed = (head[0] === 0x1f && head[1] === 0x8b) || head.readUInt32LE(0) === 0xfd2fb528;
    // Old archives have no magic, but a name that is filled up with NULs.
    return isCompressed || head.toString('latin1', 257, 262) === 'ustar' || head.subarray(0, 100).includes(0);
  } finally {
    await handle.close();
  }
}
