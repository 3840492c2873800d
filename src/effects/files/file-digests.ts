// Digests of a file as it lies on disk. Never follows a link in the last step, and never waits for a pipe: what was a regular
// file when it was found may be something else when it is opened.

import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Failure } from '../../base/failure.ts';

export interface FileDigests {
  readonly sizeBytes: number;
  /** Hex. */
  readonly sha1: string;
  /** Hex. */
  readonly sha256: string;
  /** As the file system has it. */
  readonly mode: number;
}

const CHUNK = Buffer.allocUnsafeSlow(1024 * 1024);

/** `name` is what the user calls it. Failure FILE_UNREADABLE. */
export function digestFile(path: string, name: string): FileDigests {
  const file = open(path, name);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new Failure('FILE_UNREADABLE', `"${name}" is no regular file any more`);
    const [sha1, sha256] = [createHash('sha1'), createHash('sha256')];
    let sizeBytes = 0;
    for (;;) {
      const got = readSync(file, CHUNK, 0, CHUNK.length, null);
      if (got === 0) break;
      const bytes = CHUNK.subarray(0, got);
      sha1.update(bytes);
      sha256.update(bytes);
      sizeBytes += got;
    }
    return { sizeBytes, sha1: sha1.digest('hex'), sha256: sha256.digest('hex'), mode: stat.mode };
  } catch (cause) {
    throw unreadable(name, cause);
  } finally {
    closeSync(file);
  }
}

function open(path: string, name: string): number {
  try {
    // On Windows these flags do not exist.
    return openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

export function unreadable(name: string, cause: unknown): Failure {
  if (cause instanceof Failure) return cause;
  return new Failure('FILE_UNREADABLE', `cannot read "${name}": ${(cause as NodeJS.ErrnoException).code ?? cause}`, {
    cause,
  });
}
