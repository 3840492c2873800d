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
  /** It begins as programs and scripts do. */
  readonly isProgram: boolean;
}

const PROGRAMS = [Buffer.from('\x7fELF', 'latin1'), Buffer.from('#!')];

const CHUNK = Buffer.allocUnsafeSlow(1024 * 1024);

/** `name` is what the user calls it. Failures FILE_UNREADABLE, ARCHIVE_LIMIT for a file that has, or goes on to, more bytes. */
export function digestFile(path: string, name: string, mostBytes = Number.POSITIVE_INFINITY): FileDigests {
  const file = open(path, name);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new Failure('FILE_UNREADABLE', `"${name}" is no regular file any more`);
    const [sha1, sha256] = [createHash('sha1'), createHash('sha256')];
    let sizeBytes = 0;
    let isProgram = false;
    for (;;) {
      const got = readSync(file, CHUNK, 0, CHUNK.length, null);
      if (got === 0) break;
      const bytes = CHUNK.subarray(0, got);
      if (sizeBytes === 0) isProgram = PROGRAMS.some((start) => bytes.subarray(0, start.length).equals(start));
      sha1.update(bytes);
      sha256.update(bytes);
      sizeBytes += got;
      if (sizeBytes > mostBytes) throw new Failure('ARCHIVE_LIMIT', `"${name}" has more bytes than may be copied`);
    }
    return { sizeBytes, sha1: sha1.digest('hex'), sha256: sha256.digest('hex'), mode: stat.mode, isProgram };
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
