// Builds small ELF files for tests: headers, one loaded segment and a dynamic section; no code. Either class and byte order.

export interface TinyElf {
  readonly bits?: 32 | 64;
  readonly littleEndian?: boolean;
  readonly type?: number;
  readonly machine?: number;
  readonly flags?: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  /** Library -> versions wanted; a version that starts with `?` is weak. */
  readonly needs?: Readonly<Record<string, readonly string[]>>;
  /** The first is the base version. */
  readonly definitions?: readonly string[];
  /** False leaves the dynamic section out, as in static programs. */
  readonly dynamic?: boolean;
}

const LOAD_ADDRESS = 0x10000;

export function buildElf(elf: TinyElf): Buffer {
  const { bits = 64, littleEndian = true } = elf;
  const wide = bits === 64;
  const word = wide ? 8 : 4;
  const number = (value: number, bytes: number) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigUInt64LE(BigInt(value));
    const field = Buffer.from(buffer.subarray(0, bytes));
    return littleEndian ? field : field.reverse();
  };
  const u16 = (value: number) => number(value, 2);
  const u32 = (value: number) => number(value, 4);
  const uword = (value: number) => number(value, word);

  let strings = Buffer.from([0]);
  const string = (text: string) => {
    const at = strings.length;
    strings = Buffer.concat([strings, Buffer.from(`${text}\0`)]);
    return at;
  };

  const tags: (readonly [tag: number, value: number])[] = (elf.needed ?? []).map((name) => [1, string(name)]);
  if (elf.soname !== undefined) tags.push([14, string(elf.soname)]);
  if (elf.rpath !== undefined) tags.push([15, string(elf.rpath)]);
  if (elf.runpath !== undefined) tags.push([29, string(elf.runpath)]);
  const needs = Object.entries(elf.needs ?? {});
  const needRecords = Buffer.concat(
    needs.flatMap(([library, versions], i) => [
      u16(1),
      u16(versions.length),
      u32(string(library)),
      u32(16),
      u32(i + 1 < needs.length ? 16 + 16 * versions.length : 0),
      ...versions.flatMap((version, j) => [
        u32(0),
        u16(version.startsWith('?') ? 2 : 0),
        u16(j + 2),
        u32(string(version.replace('?', ''))),
        u32(j + 1 < versions.length ? 16 : 0),
      ]),
    ]),
  );
  const definitions = elf.definitions ?? [];
  const definitionRecords = Buffer.concat(
    definitions.flatMap((version, i) => [
      u16(1),
      u16(i === 0 ? 1 : 0),
      u16(i + 1),
      u16(1),
      u32(0),
      u32(20),
      u32(i + 1 < definitions.length ? 28 : 0),
      u32(string(version)),
      u32(0),
    ]),
  );

  // Layout: header, three program headers, interpreter, strings, version records, dynamic section.
  const headerBytes = wide ? 64 : 52;
  const segmentBytes = wide ? 56 : 32;
  const interpreter = Buffer.from(`${elf.interpreter ?? ''}\0`);
  const interpreterAt = headerBytes + 3 * segmentBytes;
  const stringsAt = interpreterAt + interpreter.length;
  const needsAt = stringsAt + strings.length;
  const definitionsAt = needsAt + needRecords.length;
  const dynamicAt = definitionsAt + definitionRecords.length;
  tags.push([5, LOAD_ADDRESS + stringsAt]);
  if (needs.length > 0) tags.push([0x6ffffffe, LOAD_ADDRESS + needsAt], [0x6fffffff, needs.length]);
  if (definitions.length > 0) tags.push([0x6ffffffc, LOAD_ADDRESS + definitionsAt], [0x6ffffffd, definitions.length]);
  tags.push([0, 0]);
  const dynamic = Buffer.concat(tags.flatMap(([tag, value]) => [uword(tag), uword(value)]));

  const segment = (type: number, offset: number, size: number) => {
    const [o, a, s] = [uword(offset), uword(LOAD_ADDRESS + offset), uword(size)];
    return wide ? [u32(type), u32(4), o, a, a, s, s, uword(8)] : [u32(type), o, a, a, s, s, u32(4), u32(4)];
  };
  const unused = 0x12345678;
  return Buffer.concat([
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, littleEndian ? 1 : 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    u16(elf.type ?? 3),
    u16(elf.machine ?? 62),
    u32(1),
    uword(0),
    uword(headerBytes),
    uword(0),
    u32(elf.flags ?? 0),
    u16(headerBytes),
    u16(segmentBytes),
    u16(3),
    u16(0),
    u16(0),
    u16(0),
    ...segment(elf.interpreter === undefined ? unused : 3, interpreterAt, interpreter.length),
    ...segment(1, 0, dynamicAt + dynamic.length),
    ...segment(elf.dynamic === false ? unused : 2, dynamicAt, dynamic.length),
    interpreter,
    strings,
    needRecords,
    definitionRecords,
    dynamic,
  ]);
}

/** A `ReadRange` over bytes in memory. */
export function rangeOf(bytes: Uint8Array): (offset: number, length: number) => Uint8Array {
  return (offset, length) => bytes.subarray(offset, offset + length);
}
