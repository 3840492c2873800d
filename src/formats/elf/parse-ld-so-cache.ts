// Reads /etc/ld.so.cache: where glibc's loader looks before its default directories (layer-and-oci.md 8). Both layouts in
// the field: the new format alone, and the new one behind the old. Hostile input: what does not fit is no cache at all, as
// for the loader; it must never throw.

export interface CachedLibrary {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** What the loader compares with its own ABI: see `libraryFlags`. */
  readonly flags: number;
}

const OLD_MAGIC = 'ld.so-1.7.0';
const OLD_HEADER_BYTES = 16;
const OLD_ENTRY_BYTES = 12;
const NEW_MAGIC = 'glibc-ld.so.cache1.1';
const NEW_HEADER_BYTES = 48;
const NEW_ENTRY_BYTES = 24;
/** A desktop has some 3,000 libraries. */
const MAX_ENTRIES = 1_000_000;

/** The entries in file order, which is the order of preference among equal names. */
export function parseLdSoCache(bytes: Uint8Array): CachedLibrary[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = newFormatStart(buffer);
  if (start === undefined) return [];
  const littleEndian = isLittleEndian(buffer, start);
  const u32 = (at: number) => (littleEndian ? buffer.readUInt32LE(at) : buffer.readUInt32BE(at));
  const count = u32(start + NEW_MAGIC.length);
  const end = start + NEW_HEADER_BYTES + count * NEW_ENTRY_BYTES;
  if (count > MAX_ENTRIES || end > buffer.length) return [];
  const text = (offset: number) => {
    const at = start + offset;
    const stop = buffer.indexOf(0, at);
    return at >= buffer.length || stop < 0 ? '' : buffer.toString('utf8', at, stop);
  };
  return Array.from({ length: count }, (_, i) => {
    const at = start + NEW_HEADER_BYTES + i * NEW_ENTRY_BYTES;
    return { flags: u32(at), name: text(u32(at + 4)), path: text(u32(at + 8)) };
  }).filter(({ name, path }) => name !== '' && path.startsWith('/'));
}

function newFormatStart(buffer: Buffer): number | undefined {
  const isNewAt = (at: number) =>
    at + NEW_HEADER_BYTES <= buffer.length && buffer.toString('latin1', at, at + NEW_MAGIC.length) === NEW_MAGIC;
  if (isNewAt(0)) return 0;
  if (buffer.length < OLD_HEADER_BYTES || buffer.toString('latin1', 0, OLD_MAGIC.length) !== OLD_MAGIC)
    return undefined;
  // The old format's count tells where the new one begins; only little-endian machines ever had both.
  const oldEnd = OLD_HEADER_BYTES + buffer.readUInt32LE(12) * OLD_ENTRY_BYTES;
  const start = Math.ceil(oldEnd / 8) * 8;
  return isNewAt(start) ? start : undefined;
}

/** Byte 28 says the order since glibc 2.31; before, and in the reference's caches, a count below 2^24 gives it away. */
function isLittleEndian(buffer: Buffer, start: number): boolean {
  const order = (buffer[start + 28] as number) & 3;
  if (order === 2 || order === 3) return order === 2;
  return buffer.readUInt32LE(start + NEW_MAGIC.length) < 2 ** 24;
}
