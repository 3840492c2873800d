// A file as a row of chunks in memory that is used again: streams of Node make new memory for each, and a build with an empty cache
// reads hundreds of megabytes.

import { open } from 'node:fs/promises';

const CHUNK_BYTES = 256 * 1024;

/** Buffers that no file uses. */
const free: Buffer[] = [];
const FREE_BUFFERS = 8;

/** A chunk is good until the next one is asked for. Throws errors of the file system. */
export async function* readFileChunks(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, 'r');
  const buffer = free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    if (free.length < FREE_BUFFERS) free.push(buffer);
    await file.close();
  }
}
