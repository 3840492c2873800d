// Finds an entry in a compressed layer without reading what lies before it, by a binary search with ranges. It works for layers
// whose gzip stream can be entered (our own: pieces that end in a sync mark and refer to nothing before them, and streams like
// those of `pigz --independent`), and whose entries are sorted by path. For others it finds nothing, and nothing is lost but a few
// requests. What it gives is a hint: only a digest over the whole layer proves what is in it.

import { pipeline } from 'node:stream';
import { constants, createInflateRaw, inflateRawSync } from 'node:zlib';
import { Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
import { BLOCK_BYTES, parseHeaderBlock } from '../../formats/tar/block.ts';
import { TAR_TYPE } from '../../formats/tar/entry.ts';

/** What is asked for at once: an entry, and a file of usual size behind it. */
const WINDOW_BYTES = 128 * 1024;
/** Windows to look through for a mark from one place on: a piece of ours has at most 1 MiB. */
const WINDOWS_AT_ONE_PLACE = 9;
/** Requests in all; then the rest is read through. Large files, in which nothing begins, are what costs them. */
const MOST_WINDOWS = 24;
/** Nearer than this, reading on is cheaper than another question. */
const NEAR_BYTES = 1024 * 1024;
/** Zeros compress a thousandfold: more than this of one window is not looked at. */
const INFLATED_BYTES = 16 * 1024 * 1024;
/** Marks in one window that lead nowhere: in real data one in sixteen thousand windows has such a mark. */
const MARKS_TRIED = 16;
/** An empty stored block, which ends on a byte border: what a sync flush leaves behind. */
const SYNC_MARK = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

interface EntryPoint {
  /** Where the deflate stream can be entered: offset in the compressed layer. */
  readonly at: number;
  /** Bytes to leave out, unpacked, until the entry begins. */
  readonly skip: number;
  readonly path: string;
}

/**
 * The tar from an entry on that lies at or not far before `path`, unpacked and unchecked. undefined where the layer cannot be
 * entered. Failures of the source; ARCHIVE_INVALID where the stream is damaged further on.
 */
export async function seekEntry(
  blobs: BlobSource,
  layer: Descriptor,
  path: string,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const search = new Search(blobs, layer, path);
  const entry = await search.run();
  return entry && unpackedFrom(blobs, layer, entry);
}

class Search {
  readonly #blobs: BlobSource;
  readonly #layer: Descriptor;
  readonly #path: string;
  #windows = 0;
  /** The stream cannot be entered. */
  #isClosed = false;

  constructor(blobs: BlobSource, layer: Descriptor, path: string) {
    this.#blobs = blobs;
    this.#layer = layer;
    this.#path = path;
  }

  /** The last entry point that is known to lie at or before the path. */
  async run(): Promise<EntryPoint | undefined> {
    let best: EntryPoint | undefined;
    let above: string | undefined;
    let low = 0;
    let high = this.#layer.sizeBytes;
    while (high - low > NEAR_BYTES && this.#mayLook) {
      const middle = Math.floor((low + high) / 2);
      const found = await this.#entryBetween(middle, high);
      if (found === undefined) {
        high = middle;
        continue;
      }
      const { entry, place } = found;
      const isInOrder =
        (best === undefined || comparePaths(best.path, entry.path) <= 0) &&
        (above === undefined || comparePaths(entry.path, above) <= 0);
      // Another order than ours, or a tar inside of a file.
      if (!isInOrder) return undefined;
      if (comparePaths(entry.path, this.#path) > 0) {
        above = entry.path;
        high = place;
      } else {
        best = entry;
        low = entry.at;
      }
    }
    return best;
  }

  get #mayLook(): boolean {
    return !this.#isClosed && this.#windows < MOST_WINDOWS;
  }

  /**
   * An entry from `start` on or, where a large file fills that place, from further towards `end`. Between the places that are
   * looked at others may lie: that costs time in the end, and no entry.
   */
  async #entryBetween(
    start: number,
    end: number,
  ): Promise<{ readonly entry: EntryPoint; readonly place: number } | undefined> {
    let place = start;
    do {
      const entry = await this.#entryFrom(place);
      if (entry !== undefined) return { entry, place };
      place += Math.ceil((end - place) / 2);
    } while (end - place > NEAR_BYTES && this.#mayLook);
    return undefined;
  }

  async #entryFrom(start: number): Promise<EntryPoint | undefined> {
    const { sizeBytes } = this.#layer;
    let bytes = Buffer.alloc(0);
    for (let count = 0; count < WINDOWS_AT_ONE_PLACE && start + bytes.length < sizeBytes; count++) {
      const from = start + bytes.length;
      this.#windows += 1;
      const window = await this.#read(from, Math.min(from + WINDOW_BYTES, sizeBytes));
      bytes = Buffer.concat([bytes, window]);
      const found = entryIn(bytes);
      if (found === 'large-file') return undefined;
      if (found !== undefined) return { ...found, at: start + found.at };
    }
    // A stream like ours has a mark in every mebibyte.
    if (start + bytes.length < sizeBytes) this.#isClosed = true;
    return undefined;
  }

  async #read(start: number, end: number): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#blobs.open(this.#layer, { start, end })) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
}

/** The first entry behind the first mark that leads somewhere; `large-file` where no entry begins for a window behind it. */
function entryIn(bytes: Buffer): EntryPoint | 'large-file' | undefined {
  let mark = -1;
  for (let tried = 0; tried < MARKS_TRIED; tried++) {
    mark = bytes.indexOf(SYNC_MARK, mark + 1);
    if (mark < 0) return undefined;
    const at = mark + SYNC_MARK.length;
    const tar = inflated(bytes.subarray(at));
    const entry = tar && firstEntry(tar);
    if (entry !== undefined) return { at, ...entry };
    // A mark that leads into a stream is a real one: others behind it are inside of what was just looked at. A piece may begin with
    // the end of a large file, so that its first entry is in the next window.
    if (tar !== undefined) return bytes.length - at < WINDOW_BYTES ? undefined : 'large-file';
  }
  return undefined;
}

/** undefined where no stream begins, or hardly anything of it is there yet. */
function inflated(bytes: Buffer): Buffer | undefined {
  try {
    const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: INFLATED_BYTES };
    const tar = inflateRawSync(bytes, options);
    return tar.length < BLOCK_BYTES ? undefined : tar;
  } catch {
    return undefined;
  }
}

/** Pieces begin where a block of the tar begins. Names that need an extended header are left to their neighbours. */
function firstEntry(tar: Buffer): Pick<EntryPoint, 'skip' | 'path'> | undefined {
  const types: readonly string[] = Object.values(TAR_TYPE);
  let isExtended = false;
  for (let at = 0; at + BLOCK_BYTES <= tar.length; at += BLOCK_BYTES) {
    // "ustar" stands at the same place of every header: a quick look before a thorough one.
    if (tar.toString('latin1', at + 257, at + 262) !== 'ustar') continue;
    try {
      const header = parseHeaderBlock(tar, at, at);
      if (header === undefined) continue;
      if (types.includes(header.type) && !isExtended) return { skip: at, path: header.name };
      isExtended = !types.includes(header.type);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
  return undefined;
}

async function* unpackedFrom(
  blobs: BlobSource,
  layer: Descriptor,
  { at, skip }: EntryPoint,
): AsyncGenerator<Uint8Array> {
  const unpacker = createInflateRaw({ chunkSize: 256 * 1024 });
  // Errors of the source reach the reader through the unpacker, which pipeline destroys with them.
  pipeline(blobs.open(layer, { start: at, end: layer.sizeBytes }), unpacker, () => {});
  let left = skip;
  try {
    for await (const chunk of unpacker as AsyncIterable<Buffer>) {
      if (left < chunk.length) yield chunk.subarray(left);
      left = Math.max(0, left - chunk.length);
    }
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure('ARCHIVE_INVALID', `the layer ${layer.digest} cannot be decompressed from byte ${at} on`, {
      cause,
    });
  }
}

/** In the order of a walk through the tree: names of a folder are sorted, and what is in one comes right after it. */
export function comparePaths(a: string, b: string): number {
  const [left, right] = [a, b].map((path) => path.replace(/^(\.?\/)+|\/+$/g, '').split('/')) as [string[], string[]];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareBytes(left[i] as string, right[i] as string);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}
