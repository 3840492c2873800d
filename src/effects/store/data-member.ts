// The data member of a package on its way into the store, in one pass and constant memory (apk-format.md 1):
// compressed bytes -> SHA-256 and inflation -> tar entries, SHA-1 of each file, and the plain tar in a file.
// Inflation runs on zlib's threads; hashing and writing stay here, since they are quicker than handing chunks around.

import { createHash, type Hash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { Failure } from '../../base/failure.ts';
import { entryChecksum } from '../../formats/apk/data-entries.ts';
import { TAR_TYPE, type TarEntry } from '../../formats/tar/entry.ts';
import { TarScanner } from '../../formats/tar/scan.ts';

export interface DataMember {
  readonly compressedBytes: number;
  /** Hex, of the compressed bytes. */
  readonly sha256: string;
  readonly tarBytes: number;
  readonly tarSha256: string;
  readonly entries: readonly TarEntry[];
  /** What was wrong behind the compression; only worth telling when the compressed bytes are the promised ones. */
  readonly trouble: Failure | undefined;
}

/** One inflated piece: large enough that the trips to zlib's threads do not count. */
const PIECE_BYTES = 256 * 1024;

export class DataMemberReader {
  readonly #compressed = createHash('sha256');
  readonly #tar = createHash('sha256');
  readonly #gunzip = createGunzip({ chunkSize: PIECE_BYTES });
  readonly #scanner: TarScanner;
  readonly #entries: TarEntry[] = [];
  readonly #file: number;
  readonly #maxBytes: number;
  #compressedBytes = 0;
  #tarBytes = 0;
  #current: { readonly entry: TarEntry; readonly expected: string; readonly hash: Hash } | undefined;
  #trouble: unknown;
  /** Goes on with what waits for zlib. */
  #wake: () => void = () => {};

  /** Writes the tar into the open file; `maxBytes` bounds the tar. */
  constructor(file: number, maxBytes: number) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#scanner = new TarScanner({
      entry: (entry) => this.#openEntry(entry),
      content: (_entry, chunk) => void this.#current?.hash.update(chunk),
    });
    this.#gunzip.on('data', (piece: Buffer) => this.#take(piece));
    this.#gunzip.on('error', (error) => this.#stop(damaged(error)));
  }

  /** Throws ARCHIVE_LIMIT, and errors of the file; other trouble waits for `finish`, when the digest is known. */
  async push(chunk: Uint8Array): Promise<void> {
    this.#compressed.update(chunk);
    this.#compressedBytes += chunk.length;
    if (this.#trouble !== undefined) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#gunzip.write(chunk, () => resolve());
    });
    this.#throwHopeless();
  }

  async finish(): Promise<DataMember> {
    if (this.#trouble === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#gunzip.on('end', resolve).end();
      });
    }
    try {
      if (this.#trouble === undefined) {
        this.#scanner.end();
        this.#closeEntry();
      }
    } catch (error) {
      this.#trouble = error;
    }
    this.#throwHopeless();
    return {
      compressedBytes: this.#compressedBytes,
      sha256: this.#compressed.digest('hex'),
      tarBytes: this.#tarBytes,
      tarSha256: this.#tar.digest('hex'),
      entries: this.#entries,
      trouble: this.#trouble as Failure | undefined,
    };
  }

  /** Lets go of zlib's memory; needed when `finish` is never reached. */
  close(): void {
    this.#gunzip.destroy();
  }

  #take(piece: Buffer): void {
    if (this.#trouble !== undefined) return;
    try {
      this.#tarBytes += piece.length;
      if (this.#tarBytes > this.#maxBytes) throw tooLarge(this.#maxBytes);
      this.#tar.update(piece);
      this.#scanner.push(piece);
      for (let done = 0; done < piece.length; ) done += writeSync(this.#file, piece, done);
    } catch (error) {
      // An exception in this callback would end the process.
      this.#stop(error);
    }
  }

  #stop(error: unknown): void {
    this.#trouble ??= error;
    this.#gunzip.destroy();
    this.#wake();
  }

  #throwHopeless(): void {
    const error = this.#trouble;
    if (error === undefined || (error instanceof Failure && error.code !== 'ARCHIVE_LIMIT')) return;
    this.close();
    throw error;
  }

  #openEntry(entry: TarEntry): void {
    this.#closeEntry();
    this.#entries.push(entry);
    const expected = entry.type === TAR_TYPE.file ? entryChecksum(entry) : undefined;
    this.#current = expected === undefined ? undefined : { entry, expected, hash: createHash('sha1') };
  }

  #closeEntry(): void {
    if (this.#current === undefined) return;
    const { entry, expected, hash } = this.#current;
    this.#current = undefined;
    const got = hash.digest('hex');
    if (got === expected) return;
    throw new Failure(
      'CHECKSUM_MISMATCH',
      `checksum mismatch: "${entry.name}" should have SHA-1 ${expected}, has ${got}`,
      {
        hint: 'the package was made wrongly: tell whoever publishes it',
      },
    );
  }
}

export function tooLarge(maxBytes: number): Failure {
  return new Failure('ARCHIVE_LIMIT', `its files are larger than the bound of ${maxBytes} bytes`, {
    hint: 'if that size is right, raise the bound (--max-apk-data-size)',
  });
}

function damaged(error: Error): Failure {
  const cut = 'code' in error && error.code === 'Z_BUF_ERROR';
  return new Failure('ARCHIVE_INVALID', `its data cannot be decompressed (${error.message})`, {
    cause: error,
    data: { cut },
  });
}
