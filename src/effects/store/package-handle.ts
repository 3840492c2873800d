// A package in the store, opened for reading: what it is, and the bytes of its data tar on demand.
// Must not need a file descriptor for each package: an image may have thousands, a process often only 1,024.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { assert, Failure } from '../../base/failure.ts';
import type { Package } from '../../formats/apk/package.ts';
import type { KeptPiece } from '../../planning/rootfs/kept-piece.ts';
import type { StoredPackage } from './stored-package.ts';

export interface PackageHandle {
  readonly package: Package;
  readonly dataTarBytes: number;
  /** Where it lies, for readers on other threads. */
  readonly dataTarPath: string;
  /** The key of the package in the store, and what of its publisher's compression it has kept. */
  readonly key: string;
  readonly kept: readonly KeptPiece[];
  /** It was verified by this process: nothing has had time to damage it. */
  readonly isFresh: boolean;
  /** Bytes of the data tar. Throws CACHE_UNUSABLE when the file is gone or has another size. */
  read(offset: number, length: number): Uint8Array;
  /** The same into memory that is there already: a cold build reads everything once, and garbage costs it a tenth. */
  readInto(offset: number, into: Uint8Array): void;
  /** Reads all of the data tar: whether it is what it was when it was verified. */
  isIntact(): boolean;
  /** Takes the package out of the store because its bytes turned out not to be what they were. */
  discard(): void;
  close(): void;
}

/** Data tars open at once; the least recently read one is closed for the next. */
const OPEN_FILES = 128;

const READ_BYTES = 1024 * 1024;

const openFiles = new Map<PackageHandle, number>();

export interface PackageFile {
  readonly stored: StoredPackage;
  readonly dataTarPath: string;
  readonly key: string;
  readonly isFresh: boolean;
  discard(): void;
}

export function openPackageHandle(file: PackageFile): PackageHandle {
  const { dataTarPath, stored } = file;
  const { dataTarBytes } = stored;
  const handle: PackageHandle = {
    package: stored.package,
    dataTarBytes,
    dataTarPath,
    key: file.key,
    get kept() {
      return stored.kept;
    },
    isFresh: file.isFresh,
    read(offset, length) {
      const bytes = Buffer.allocUnsafe(length);
      handle.readInto(offset, bytes);
      return bytes;
    },
    readInto(offset, into) {
      const { length } = into;
      assert(offset >= 0 && offset + length <= dataTarBytes, `bytes ${offset}+${length} of ${dataTarPath}`);
      readFully(descriptor(handle, dataTarPath, dataTarBytes), dataTarPath, offset, into);
    },
    isIntact() {
      const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, dataTarBytes));
      let crc = 0;
      for (let at = 0; at < dataTarBytes; at += READ_BYTES) {
        const part = buffer.subarray(0, Math.min(READ_BYTES, dataTarBytes - at));
        handle.readInto(at, part);
        crc = crc32(part, crc);
      }
      return crc === stored.dataTarCrc;
    },
    discard() {
      release(handle);
      file.discard();
    },
    close: () => release(handle),
  };
  return handle;
}

function descriptor(handle: PackageHandle, path: string, sizeBytes: number): number {
  const known = openFiles.get(handle);
  if (known !== undefined) {
    // Move to the end: a Map keeps the order of insertion.
    openFiles.delete(handle);
    openFiles.set(handle, known);
    return known;
  }
  for (const oldest of openFiles.keys()) {
    if (openFiles.size < OPEN_FILES) break;
    release(oldest);
  }
  const opened = openTar(path);
  openFiles.set(handle, opened);
  if (fstatSync(opened).size === sizeBytes) return opened;
  release(handle);
  throw changed(path, undefined);
}

function openTar(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw changed(path, error);
  }
}

function readFully(fd: number, path: string, offset: number, into: Uint8Array): void {
  for (let done = 0; done < into.length; ) {
    const got = readSync(fd, into, done, into.length - done, offset + done);
    if (got === 0) throw changed(path, undefined);
    done += got;
  }
}

function release(handle: PackageHandle): void {
  const fd = openFiles.get(handle);
  if (fd === undefined) return;
  openFiles.delete(handle);
  closeSync(fd);
}

function changed(path: string, cause: unknown): Failure {
  return new Failure('CACHE_UNUSABLE', `${path} was removed or changed while it was in use`, {
    hint: 'run the build again; what is missing is fetched anew',
    cause,
  });
}
