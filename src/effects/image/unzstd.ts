// Zstandard (RFC 8878) unpacked where Node itself cannot, which is before 22.15; blocks are decoded by fzstd. Frames are taken apart
// here: a header that asks for more memory than its bound is refused before any is taken, and skippable frames are left out.
// Checksums of frames are not looked at: whoever unpacks a layer knows its digest.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';

const FRAME_MAGIC = 0xfd2fb528;
/** `0x184D2A50` to `0x184D2A5F`. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const MOST_BLOCK_BYTES = 128 * 1024;
const RLE_BLOCK = 1;

/** Failures of the source pass; ARCHIVE_INVALID for damage, ARCHIVE_LIMIT for too large a window. `what` is unpacked. */
export async function* unzstd(source: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import('fzstd');
  const bytes = new ExactReader(source, what);
  try {
    for (let magic = await bytes.next(4, true); magic !== undefined; magic = await bytes.next(4, true)) {
      const number = magic.readUInt32LE(0);
      if (number === FRAME_MAGIC) yield* unpackFrame(bytes, what, Decompress);
      else if ((number & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) await bytes.skip((await bytes.next(4)).readUInt32LE(0));
      else throw damaged(what, 'what follows a frame is none');
    }
  } finally {
    await bytes.close();
  }
}

async function* unpackFrame(
  bytes: ExactReader,
  what: string,
  Decompress: typeof import('fzstd').Decompress,
): AsyncGenerator<Uint8Array> {
  const { header, hasChecksum } = await readHeader(bytes, what);
  const unpacked: Uint8Array[] = [];
  const decoder = new Decompress((chunk) => unpacked.push(chunk));
  const decode = (chunk: Uint8Array, isLast: boolean): void => {
    try {
      decoder.push(chunk, isLast);
    } catch (cause) {
      throw damaged(what, (cause as Error).message, cause);
    }
  };
  decode(header, false);
  for (let isLast = false; !isLast; ) {
    const blockHeader = await bytes.next(3);
    const fields = blockHeader.readUIntLE(0, 3);
    isLast = (fields & 1) === 1;
    const type = (fields >> 1) & 3;
    const size = type === RLE_BLOCK ? 1 : fields >> 3;
    if (size > MOST_BLOCK_BYTES || fields >> 3 > MOST_BLOCK_BYTES) throw damaged(what, 'a block is too large');
    const content = await bytes.next(size);
    const checksum = isLast && hasChecksum ? await bytes.next(4) : Buffer.alloc(0);
    decode(Buffer.concat([blockHeader, content, checksum]), isLast);
    yield* unpacked.splice(0);
  }
}

/** The header with its magic, its window within the bound. */
async function readHeader(bytes: ExactReader, what: string): Promise<{ header: Buffer; hasChecksum: boolean }> {
  const first = await bytes.next(1);
  const flags = first[0] as number;
  const isSingleSegment = (flags & 0x20) !== 0;
  const windowBytes = isSingleSegment ? 0 : 1;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3] as number;
  const sizeFlag = flags >> 6;
  const sizeBytes = sizeFlag === 0 ? Number(isSingleSegment) : 1 << sizeFlag;
  const rest = await bytes.next(windowBytes + dictionaryBytes + sizeBytes);
  if (rest.subarray(windowBytes, windowBytes + dictionaryBytes).some((byte) => byte !== 0)) {
    throw new Failure('FEATURE_UNSUPPORTED', `${what} is compressed with a dictionary, which we do not have`);
  }
  const size = rest.subarray(windowBytes + dictionaryBytes);
  const window = isSingleSegment ? contentSize(size) : windowSize(rest[0] as number);
  if (window > LIMITS.zstdWindowBytes) {
    throw new Failure(
      'ARCHIVE_LIMIT',
      `${what} wants ${window} bytes of memory to be decompressed; at most ${LIMITS.zstdWindowBytes} are given`,
    );
  }
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(FRAME_MAGIC);
  return { header: Buffer.concat([magic, first, rest]), hasChecksum: (flags & 4) !== 0 };
}

function contentSize(field: Buffer): number {
  if (field.length === 8) return Number(field.readBigUInt64LE(0));
  // Two bytes count from 256: what one byte can say needs no two.
  return field.length === 2 ? field.readUInt16LE(0) + 256 : field.readUIntLE(0, field.length);
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** Just as many bytes of a stream as are asked for, however it is cut. */
class ExactReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #what: string;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>, what: string) {
    this.#chunks = source[Symbol.asyncIterator]();
    this.#what = what;
  }

  next(count: number): Promise<Buffer>;
  next(count: number, mayEnd: true): Promise<Buffer | undefined>;
  async next(count: number, mayEnd = false): Promise<Buffer | undefined> {
    const parts: Uint8Array[] = [];
    let missing = count;
    while (missing > 0) {
      if (this.#rest.length === 0 && !(await this.#fill())) {
        if (mayEnd && missing === count) return undefined;
        throw damaged(this.#what, 'it is cut short');
      }
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; left -= MOST_BLOCK_BYTES) await this.next(Math.min(left, MOST_BLOCK_BYTES));
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #fill(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (done !== true) this.#rest = value;
    return done !== true;
  }
}

function damaged(what: string, why: string, cause?: unknown): Failure {
  return new Failure('ARCHIVE_INVALID', `${what} cannot be decompressed (${why})`, { cause });
}
