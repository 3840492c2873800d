// Bytes that must not stay in memory: a temporary file that is written once and read in ranges. Always closed by its maker,
// who finds it gone from the disk then, whatever happened before.

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../base/failure.ts';

export class SpillFile {
  readonly path: string;
  readonly #folder: string;
  readonly #file: number;
  readonly #maxBytes: number;
  #sizeBytes = 0;

  /** Failure FILE_UNWRITABLE. */
  constructor(temporaryDirectory: string, maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#folder = writing(temporaryDirectory, () => mkdtempSync(join(temporaryDirectory, 'stave-image-')));
    this.path = join(this.#folder, 'spill');
    try {
      this.#file = writing(this.path, () => openSync(this.path, 'wx+', 0o600));
    } catch (error) {
      rmSync(this.#folder, { recursive: true, force: true });
      throw error;
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Failures ARCHIVE_LIMIT beyond the bound, FILE_UNWRITABLE. */
  append(chunk: Uint8Array): void {
    if (this.#sizeBytes + chunk.length > this.#maxBytes) {
      throw new Failure('ARCHIVE_LIMIT', `the image has more than ${this.#maxBytes} bytes, unpacked`);
    }
    writing(this.#folder, () => {
      for (let done = 0; done < chunk.length; ) done += writeSync(this.#file, chunk, done);
    });
    this.#sizeBytes += chunk.length;
  }

  /** Exactly those bytes, which must have been written. */
  read(offset: number, length: number): Uint8Array {
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const got = readSync(this.#file, bytes, done, length - done, offset + done);
      if (got === 0) throw new Failure('FILE_UNREADABLE', `the temporary file in ${this.#folder} was cut short`);
      done += got;
    }
    return bytes;
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function writing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Failure('FILE_UNWRITABLE', `cannot write ${path}: ${code}`, {
      cause,
      ...(code === 'ENOSPC' && { hint: 'set TMPDIR to a folder on a larger disk' }),
    });
  }
}
