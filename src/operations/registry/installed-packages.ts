// The packages that an image says it has: its apk database, read out of the top layer, which has all of it however many layers
// there are (layer-and-oci.md 11). A large layer is searched with ranges where that is possible; else it streams by.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { decompressed } from '../../effects/image/decompress.ts';
import { comparePaths, seekEntry } from '../../effects/image/seek-entry.ts';
import { parseInstalled } from '../../formats/apk/installed.ts';
import { type BlobSource, openVerified } from '../../formats/oci/blob-source.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
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

/** Where images of today have it; the other place is near the beginning of a layer anyway. */
const SOUGHT_DATABASE = 'usr/lib/apk/db/installed';
const DATABASES: ReadonlySet<string> = new Set([SOUGHT_DATABASE, 'lib/apk/db/installed']);
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
  const text =
    (verified ? undefined : await soughtDatabase(layer, blobs)) ?? (await readDatabase(layer, blobs, verified));
  if (text === undefined) return undefined;
  const records = parseInstalled(text);
  return { packages: records.map(({ name, version, license }) => ({ name, version, license })), verified };
}

/** undefined where ranges do not lead to it: it may be there all the same. */
async function soughtDatabase(layer: Descriptor, blobs: BlobSource): Promise<string | undefined> {
  if (blobs.readsRanges !== undefined && !(await blobs.readsRanges(layer))) return undefined;
  try {
    const tar = await seekEntry(blobs, layer, SOUGHT_DATABASE);
    return tar && (await databaseIn(tar, layer, (finder) => finder.isDone || finder.isPast));
  } catch (error) {
    // What looked like the middle of a tar was none.
    if (error instanceof Failure && error.code === 'ARCHIVE_INVALID') return undefined;
    throw error;
  }
}

async function readDatabase(layer: Descriptor, blobs: BlobSource, verified: boolean): Promise<string | undefined> {
  const compressed = verified ? openVerified(blobs, layer) : blobs.open(layer);
  const tar = decompressed(compressed, `the layer ${layer.digest}`);
  return await databaseIn(tar, layer, (finder) => finder.isDone && !verified);
}

async function databaseIn(
  tar: AsyncIterable<Uint8Array>,
  layer: Descriptor,
  isEnough: (finder: DatabaseFinder) => boolean,
): Promise<string | undefined> {
  const finder = new DatabaseFinder();
  const scanner = new TarScanner(finder);
  let unpackedBytes = 0;
  for await (const chunk of tar) {
    unpackedBytes += chunk.length;
    if (unpackedBytes > LIMITS.imageUnpackedBytes) {
      throw new Failure(
        'ARCHIVE_LIMIT',
        `the layer ${layer.digest} has more than ${LIMITS.imageUnpackedBytes} bytes, unpacked`,
      );
    }
    scanner.push(chunk);
    if (isEnough(finder)) break;
  }
  return finder.text;
}

/** Takes the first database of a tar. */
class DatabaseFinder {
  #entry: TarEntry | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #isPast = false;

  /** In a sorted tar, the database that is sought does not come any more. */
  get isPast(): boolean {
    return this.#isPast && this.#entry === undefined;
  }

  get isDone(): boolean {
    return this.#entry !== undefined && this.#bytes === this.#entry.size;
  }

  get text(): string | undefined {
    return this.isDone ? Buffer.concat(this.#chunks).toString('utf8') : undefined;
  }

  entry(entry: TarEntry): void {
    const name = entry.name.replace(/^(\.?\/)+/, '');
    this.#isPast ||= comparePaths(name, SOUGHT_DATABASE) > 0;
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
