// What kind of file somebody named: an archive of images, one that is compressed as a whole, or something else, such as a
// configuration. And a compressed archive unpacked for as long as it is read, since blobs are read at any offset.

import { open } from 'node:fs/promises';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { decompressed } from './decompress.ts';
import { SpillFile } from './spill-file.ts';

export type ArchiveKind = 'archive' | 'compressed-archive';

/** Undefined for what is no archive. None of the archives begins as a text does. Failure FILE_UNREADABLE. */
export async function recognizeArchive(path: string): Promise<ArchiveKind | undefined> {
  for await (const head of readFile(path, 512)) {
    const start = Buffer.concat([head], 512);
    if ((start[0] === 0x1f && start[1] === 0x8b) || start.readUInt32LE(0) === 0xfd2fb528) return 'compressed-archive';
    // Old archives have no magic, but a name that is filled up with NULs.
    return start.toString('latin1', 257, 262) === 'ustar' || head.subarray(0, 100).includes(0) ? 'archive' : undefined;
  }
  return undefined;
}

/**
 * Unpacks the archive into a temporary file, which is gone when `work` is done. Failures FILE_UNREADABLE, FILE_UNWRITABLE,
 * ARCHIVE_INVALID, ARCHIVE_LIMIT, FEATURE_UNSUPPORTED.
 */
export async function withUnpackedArchive<T>(
  path: string,
  temporaryDirectory: string,
  work: (unpackedPath: string) => Promise<T>,
): Promise<T> {
  const spill = new SpillFile(temporaryDirectory, LIMITS.imageUnpackedBytes);
  try {
    for await (const chunk of decompressed(readFile(path), `the archive ${path}`)) spill.append(chunk);
    return await work(spill.path);
  } finally {
    spill.close();
  }
}

async function* readFile(path: string, chunkBytes = 256 * 1024): AsyncGenerator<Uint8Array> {
  const handle = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw new Failure('FILE_UNREADABLE', `cannot read ${path}: ${cause.code ?? 'unknown error'}`, { cause });
  });
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafeSlow(chunkBytes);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
