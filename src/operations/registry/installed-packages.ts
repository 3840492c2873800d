// The packages that an image says it has: its apk database, read out of the top layer, which has all of it however many layers
// there are (layer-and-oci.md 11). Bounded memory: the layer streams by.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { decompressed } from '../../effects/image/decompress.ts';
import { parseInstalled } from '../../formats/apk/installed.ts';
import { type BlobSource, openVerified } from '../../formats/oci/blob-source.ts';
import type { Image } from '../../formats/oci/image.ts';
import { TAR_TYPE, type TarEntry } from '../../formats/tar/entry.ts';
import { TarScanner } from '../../formats/tar/scan.ts';

export interface InstalledPackages {
  readonly packages: readonly InstalledPackage[];
  /** Whether the whole layer was read and has its digest; else the list is what the source says. */
  readonly verified: boolean;
}

interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

export interface ReadInstalledOptions {
  /** Read large layers to their end, to verify them. */
  readonly verify: boolean;
}

const DATABASES: ReadonlySet<string> = new Set(['usr/lib/apk/db/installed', 'lib/apk/db/installed']);
/** Smaller layers are read to their end anyway: that takes no longer than to think about it. */
const SMALL_LAYER_BYTES = 8 * 1024 * 1024;

/** undefined where the top layer has no database. Failures of the source, IMAGE_INVALID, ARCHIVE_*, CHECKSUM_MISMATCH. */
export async function readInstalledPackages(
  image: Image,
  blobs: BlobSource,
  options: ReadInstalledOptions,
): Promise<InstalledPackages | undefined> {
  const layer = image.manifest.layers.at(-1);
  if (layer === undefined) return undefined;
  const verified = options.verify || layer.sizeBytes <= SMALL_LAYER_BYTES;
  const finder = new DatabaseFinder();
  const scanner = new TarScanner(finder);
  const what = `the layer ${layer.digest}`;
  const compressed = verified ? openVerified(blobs, layer) : blobs.open(layer);
  let unpackedBytes = 0;
  for await (const chunk of decompressed(compressed, what)) {
    unpackedBytes += chunk.length;
    if (unpackedBytes > LIMITS.imageUnpackedBytes) {
      throw new Failure('ARCHIVE_LIMIT', `${what} has more than ${LIMITS.imageUnpackedBytes} bytes, unpacked`);
    }
    scanner.push(chunk);
    if (finder.isDone && !verified) break;
  }
  const { text } = finder;
  if (text === undefined) return undefined;
  const records = parseInstalled(text);
  return { packages: records.map(({ name, version, license }) => ({ name, version, license })), verified };
}

/** Takes the first database of a tar. */
class DatabaseFinder {
  #entry: TarEntry | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;

  get isDone(): boolean {
    return this.#entry !== undefined && this.#bytes === this.#entry.size;
  }

  get text(): string | undefined {
    return this.isDone ? Buffer.concat(this.#chunks).toString('utf8') : undefined;
  }

  entry(entry: TarEntry): void {
    const name = entry.name.replace(/^(\.?\/)+/, '');
    if (this.#entry !== undefined || entry.type !== TAR_TYPE.file || !DATABASES.has(name)) return;
    if (entry.size > LIMITS.editedFileBytes) {
      throw new Failure(
        'ARCHIVE_LIMIT',
        `the package database has ${entry.size} bytes; we read at most ${LIMITS.editedFileBytes}`,
      );
    }
    this.#entry = entry;
  }

  content(entry: TarEntry, chunk: Uint8Array): void {
    if (entry !== this.#entry) return;
    this.#chunks.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
  }
}
