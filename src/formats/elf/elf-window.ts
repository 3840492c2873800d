// Small reads of a big file: ELF structures lie scattered over it, and a library must not be loaded whole.
// Hostile input: every read is checked against the end of the file; what does not fit is `ElfDamage`, never wrong bytes.

/** Up to `length` bytes of the file from `offset`; fewer only at its end. */
export type ReadRange = (offset: number, length: number) => Uint8Array;

/** The file is no ELF file that we can read. Stays inside formats/elf: callers get it as an answer. */
export class ElfDamage extends Error {}

const PAGE_BYTES = 4096;
/** 1 MiB of a file in memory at most; a usual library needs three pages. */
const MAX_PAGES = 256;
/** All names read from one file together: the most versioned libraries stay below 1 MiB. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

export class ElfWindow {
  readonly wordBytes: 4 | 8;
  readonly littleEndian: boolean;
  private readonly read: ReadRange;
  private readonly pages = new Map<number, Uint8Array>();
  private textBytes = 0;

  constructor(read: ReadRange, wordBytes: 4 | 8, littleEndian: boolean) {
    this.read = read;
    this.wordBytes = wordBytes;
    this.littleEndian = littleEndian;
  }

  u16(offset: number): number {
    return this.view(offset, 2).getUint16(0, this.littleEndian);
  }

  u32(offset: number): number {
    return this.view(offset, 4).getUint32(0, this.littleEndian);
  }

  /** An address, offset or size: 4 or 8 bytes by the file's class. */
  word(offset: number): number {
    if (this.wordBytes === 4) return this.u32(offset);
    const value = this.view(offset, 8).getBigUint64(0, this.littleEndian);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ElfDamage(`the number at byte ${offset} is too large`);
    return Number(value);
  }

  /** A dynamic tag. Those that we know fit in 32 bits; all others come back as -1. */
  tag(offset: number): number {
    if (this.wordBytes === 4) return this.u32(offset);
    const [high, low] = this.littleEndian ? [offset + 4, offset] : [offset, offset + 4];
    return this.u32(high) === 0 ? this.u32(low) : -1;
  }

  /** The NUL-terminated string at `offset`. Bytes that are not UTF-8 become U+FFFD: such names match nothing. */
  text(offset: number): string {
    const chunks: Uint8Array[] = [];
    for (let at = offset; ; at += chunks.at(-1)?.length ?? 0) {
      const rest = this.page(at).subarray(at % PAGE_BYTES);
      if (rest.length === 0) throw new ElfDamage(`the name at byte ${offset} has no end`);
      const end = rest.indexOf(0);
      const chunk = end === -1 ? rest : rest.subarray(0, end);
      this.textBytes += chunk.length + 1;
      if (this.textBytes > MAX_TEXT_BYTES) throw new ElfDamage('its names are too long');
      chunks.push(chunk);
      if (end !== -1) return Buffer.concat(chunks).toString('utf8');
    }
  }

  private view(offset: number, length: number): DataView {
    const page = this.page(offset);
    const start = offset % PAGE_BYTES;
    if (start + length <= page.length) return new DataView(page.buffer, page.byteOffset + start, length);
    const bytes = Buffer.concat([page.subarray(start), this.page(offset + length - 1)]);
    if (page.length < PAGE_BYTES || bytes.length < length)
      throw new ElfDamage(`it ends before byte ${offset + length}`);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  private page(offset: number): Uint8Array {
    if (!Number.isSafeInteger(offset + 8)) throw new ElfDamage('an offset is too large');
    const start = offset - (offset % PAGE_BYTES);
    let page = this.pages.get(start);
    if (page === undefined) {
      if (this.pages.size >= MAX_PAGES) this.pages.clear();
      page = this.read(start, PAGE_BYTES);
      this.pages.set(start, page);
    }
    return page;
  }
}
