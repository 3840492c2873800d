// Reads the collected files where they lie, piece by piece, while layers are written. Keeps few of them open.

import { closeSync, constants, openSync, readSync } from 'node:fs';
import { Failure } from '../../base/failure.ts';

export interface DiskFile {
  readonly file: string;
  /** What the user calls it. */
  readonly name: string;
  /** Hex. */
  readonly sha256: string;
}

export interface DiskFiles {
  /** Fills `into` from the offset on. Failure CHECKSUM_MISMATCH where the file has become shorter or went away. */
  readInto(index: number, offset: number, into: Uint8Array): void;
  close(): void;
}

const OPEN_FILES = 32;

export function openDiskFiles(files: readonly DiskFile[]): DiskFiles {
  const open = new Map<number, number>();
  const close = () => {
    for (const descriptor of open.values()) closeSync(descriptor);
    open.clear();
  };
  const descriptorOf = (index: number, { file, name }: DiskFile): number => {
    const known = open.get(index);
    if (known !== undefined) return known;
    if (open.size >= OPEN_FILES) close(); // Seldom: a layer goes through them one after the other.
    try {
      const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
      open.set(index, descriptor);
      return descriptor;
    } catch (cause) {
      throw changedFile(name, cause);
    }
  };
  return {
    readInto(index, offset, into) {
      const file = files[index] as DiskFile;
      const descriptor = descriptorOf(index, file);
      for (let done = 0; done < into.length; ) {
        const got = readSync(descriptor, into, done, into.length - done, offset + done);
        if (got === 0) throw changedFile(file.name);
        done += got;
      }
    },
    close,
  };
}

export function changedFile(name: string, cause?: unknown): Failure {
  return new Failure('CHECKSUM_MISMATCH', `"${name}" was changed while the image was built from it`, {
    hint: 'run the build again when nothing writes there',
    cause,
  });
}
