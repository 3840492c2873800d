// The data member of a package on its way into the store, in one pass and constant memory (apk-format.md 1):
// compressed bytes -> SHA-256 and inflation -> tar entries, SHA-1 of each file, the plain tar in a file, and beside it the deflate
// blocks that layers can use as they are.

import { createHash, type Hash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { Failure } from '../../base/failure.ts';
import { entryChecksum } from '../../formats/apk/data-entries.ts';
import { BlockGunzip } from '../../formats/gzip/block-gunzip.ts';
import { TAR_TYPE, type TarEntry } from '../../formats/tar/entry.ts';
import { TarScanner } from '../../formats/tar/scan.ts';
import type { KeptPiece } from '../../planning/rootfs/kept-piece.ts';
import { KeptBlocks } from './kept-blocks.ts';

export interface DataMember {
  readonly compressedBytes: number;
  /** Hex, of the compressed bytes. */
  readonly sha256: string;
  readonly tarBytes: number;
  /** CRC-32 of the tar. */
  readonly tarCrc: number;
  readonly entries: readonly TarEntry[];
  readonly kept: readonly KeptPiece[];
  /** What was wrong behind the compression; only worth telling when the compressed bytes are the promised ones. */
  readonly trouble: Failure | undefined;
}

export interface DataMemberFiles {
  /** Open for the tar. */
  readonly tar: number;
  /** Where kept blocks go; made when there are any. */
  readonly keptPath: string;
}

export class DataMemberReader {
  readonly #compressed = createHash('sha256');
  readonly #gunzip: BlockGunzip;
  readonly #scanner: TarScanner;
  readonly #kept: KeptBlocks;
  readonly #entries: TarEntry[] = [];
  readonly #file: number;
  readonly #maxBytes: number;
  #compressedBytes = 0;
  #tarBytes = 0;
  #current: { readonly entry: TarEntry; readonly expected: string; readonly hash: Hash } | undefined;
  #trouble: Failure | undefined;

  /** `maxBytes` bounds the tar. */
  constructor({ tar, keptPath }: DataMemberFiles, maxBytes: number) {
    this.#file = tar;
    this.#maxBytes = maxBytes;
    this.#kept = new KeptBlocks(keptPath);
    this.#scanner = new TarScanner({
      entry: (entry) => this.#openEntry(entry),
      content: (_entry, chunk) => void this.#current?.hash.update(chunk),
    });
    this.#gunzip = new BlockGunzip({
      output: (bytes) => this.#take(bytes),
      block: (start) => this.#kept.block(start, this.#tarBytes),
      blockEnd: () => this.#kept.blockEnd(this.#gunzip.inflater, this.#tarBytes),
    });
  }

  /** Throws ARCHIVE_LIMIT, and errors of the file; other trouble waits for `finish`, when the digest is known. */
  push(chunk: Uint8Array): void {
    this.#compressed.update(chunk);
    this.#compressedBytes += chunk.length;
    this.#attempt(() => this.#gunzip.push(chunk));
  }

  finish(): DataMember {
    let kept: readonly KeptPiece[] = [];
    this.#attempt(() => {
      this.#gunzip.finish();
      this.#scanner.end();
      this.#closeEntry();
      kept = this.#kept.finish(this.#gunzip.inflater);
    });
    return {
      compressedBytes: this.#compressedBytes,
      sha256: this.#compressed.digest('hex'),
      tarBytes: this.#tarBytes,
      tarCrc: this.#gunzip.crc,
      entries: this.#entries,
      kept,
      trouble: this.#trouble,
    };
  }

  /** Lets go of memory and the file of kept blocks, whether or not `finish` was reached. */
  close(): void {
    this.#gunzip.close();
    this.#kept.close();
  }

  /** Nothing is attempted after trouble. */
  #attempt(work: () => void): void {
    if (this.#trouble !== undefined) return;
    try {
      work();
    } catch (error) {
      if (!(error instanceof Failure) || error.code === 'ARCHIVE_LIMIT') throw error;
      this.#trouble = error;
    }
  }

  #take(bytes: Uint8Array): void {
    this.#tarBytes += bytes.length;
    if (this.#tarBytes > this.#maxBytes) throw tooLarge(this.#maxBytes);
    this.#scanner.push(bytes);
    this.#kept.output(bytes);
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
  }

  #openEntry(entry: TarEntry): void {
    this.#closeEntry();
    this.#entries.push(entry);
    this.#kept.openEntry(entry);
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
