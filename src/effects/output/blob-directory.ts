// A folder of blobs, each in a file named by the hex digits of its digest: what `blobs/sha256` of an OCI layout is
// (layer-and-oci.md 13). Files appear whole; a name is never trusted, always checked.

import { createHash } from 'node:crypto';
import { constants, type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { digestHex } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import { type BlobSource, type ByteRange, copyVerified } from '../../formats/oci/blob-source.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
import { writeFileAtomically } from './atomic-file.ts';

/** Large enough that system calls do not count, small enough for many at once. */
const READ_BYTES = 256 * 1024;

/** A pipe under a blob's name must not make us wait for its writer. */
export const READING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** `open` throws FILE_UNREADABLE where the system refuses, IMAGE_INVALID where there is no such blob. */
export class BlobDirectory implements BlobSource {
  readonly #path: string;

  /** The folder must exist. */
  constructor(path: string) {
    this.#path = path;
  }

  async *open(descriptor: Descriptor, range?: ByteRange): AsyncGenerator<Uint8Array> {
    const handle = await this.#openFile(descriptor);
    try {
      yield* readRange(handle, range ?? { start: 0, end: Number.POSITIVE_INFINITY });
    } finally {
      await handle.close();
    }
  }

  /** Whether the blob is here, whole and unchanged: its bytes are read and digested. */
  async has(descriptor: Descriptor): Promise<boolean> {
    const handle = await open(this.#fileOf(descriptor), READING).catch(() => undefined);
    if (handle === undefined) return false;
    try {
      const found = await handle.stat();
      if (!found.isFile() || found.size !== descriptor.sizeBytes) return false;
      const hash = createHash('sha256');
      for await (const chunk of readRange(handle, { start: 0, end: descriptor.sizeBytes })) hash.update(chunk);
      return hash.digest('hex') === digestHex(descriptor.digest);
    } finally {
      await handle.close();
    }
  }

  /** Copies the blob from `source` unless it is here already. Failures CHECKSUM_MISMATCH, FILE_UNWRITABLE. */
  async add(descriptor: Descriptor, source: BlobSource): Promise<void> {
    if (await this.has(descriptor)) return;
    await writeFileAtomically(this.#fileOf(descriptor), (write) => copyVerified(source, descriptor, write));
  }

  #fileOf({ digest }: Pick<Descriptor, 'digest'>): string {
    return join(this.#path, digestHex(digest));
  }

  async #openFile(descriptor: Descriptor): Promise<FileHandle> {
    const path = this.#fileOf(descriptor);
    let handle: FileHandle;
    try {
      handle = await open(path, READING);
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
      if (code === 'ENOENT')
        throw new Failure('IMAGE_INVALID', `${this.#path} has no blob ${descriptor.digest}`, { cause });
      throw new Failure('FILE_UNREADABLE', `cannot read ${path}: ${code}`, { cause });
    }
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
    throw new Failure('IMAGE_INVALID', `${path} is not a file`);
  }
}

async function* readRange(handle: FileHandle, { start, end }: ByteRange): AsyncGenerator<Uint8Array, void> {
  assert(start >= 0 && start <= end, `a range of bytes, not ${start}..${end}`);
  for (let position = start; position < end; ) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - position));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
