// What the dynamic loader sees of an ELF file: kind, machine, interpreter, and the names in its dynamic section
// (layer-and-oci.md 8). Goes by program headers as the loader does, so files without section headers are read too.
// Hostile input: every count is bounded and damage is an answer with a reason; it must never throw or load a file whole.

import { ElfDamage, ElfWindow, type ReadRange } from './elf-window.ts';

/** e_type of executables and of libraries (also of position-independent executables). */
export const ELF_TYPE = { executable: 2, shared: 3 } as const;

/** e_machine of the architectures of image-config.md 7. */
export const ELF_MACHINE = {
  i386: 3,
  ppc64: 21,
  s390: 22,
  arm: 40,
  x86_64: 62,
  aarch64: 183,
  riscv: 243,
  loongarch: 258,
} as const;

export interface ElfFile {
  readonly kind: 'elf';
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  /** e_type, see ELF_TYPE. */
  readonly type: number;
  /** e_machine, see ELF_MACHINE. */
  readonly machine: number;
  /** e_flags; holds the float ABI on arm, riscv and loongarch. */
  readonly flags: number;
  /** Path of the program interpreter (PT_INTERP). */
  readonly interpreter: string | undefined;
  /** Undefined for static programs. */
  readonly dynamic: ElfDynamic | undefined;
}

interface ElfDynamic {
  /** DT_NEEDED in file order. */
  readonly needed: readonly string[];
  readonly soname: string | undefined;
  /** DT_RPATH and DT_RUNPATH split at `:`; `$ORIGIN` and the like are left as they are. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
  /** Where the version records lie, for `readElfVersions`. */
  readonly tables: ElfTables;
}

/** File offsets of tables that the dynamic section points at; undefined = not there. */
interface ElfTables {
  readonly strings: number;
  readonly versionNeeds: { readonly offset: number; readonly count: number } | undefined;
  readonly versionDefinitions: { readonly offset: number; readonly count: number } | undefined;
}

/** The answer for everything that is not an ELF file, or a damaged one. `reason` completes "it is not used because ...". */
export interface NotElf {
  readonly kind: 'not-elf';
  readonly reason: string;
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;

const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
const DT_VERDEF = 0x6ffffffc;
const DT_VERDEFNUM = 0x6ffffffd;
const DT_VERNEED = 0x6ffffffe;
const DT_VERNEEDNUM = 0x6fffffff;

/** Real files have about a dozen segments and a few dozen dynamic entries; the largest program has some hundred needs. */
const MAX_SEGMENTS = 1024;
const MAX_DYNAMIC_ENTRIES = 8192;

/** Reads an ELF file of either class and byte order through small ranged reads. */
export function readElf(read: ReadRange): ElfFile | NotElf {
  return answeringDamage(() => {
    const window = openWindow(read);
    const wide = window.wordBytes === 8;
    const segments = readSegments(window);
    const interpreter = segments.find((s) => s.type === PT_INTERP);
    const dynamic = segments.find((s) => s.type === PT_DYNAMIC && s.fileSize > 0);
    return {
      kind: 'elf',
      bits: wide ? 64 : 32,
      littleEndian: window.littleEndian,
      type: window.u16(16),
      machine: window.u16(18),
      flags: window.u32(wide ? 48 : 36),
      interpreter: interpreter && window.text(interpreter.offset),
      dynamic: dynamic && readDynamic(window, dynamic, segments),
    };
  });
}

/** Runs a reader; damage met on the way becomes the answer. */
export function answeringDamage<T>(reader: () => T): T | NotElf {
  try {
    return reader();
  } catch (error) {
    if (error instanceof ElfDamage) return { kind: 'not-elf', reason: error.message };
    throw error;
  }
}

function openWindow(read: ReadRange): ElfWindow {
  const ident = read(0, 16);
  const magic = ident[0] === 0x7f && ident[1] === 0x45 && ident[2] === 0x4c && ident[3] === 0x46;
  if (!magic) throw new ElfDamage('it does not begin as ELF files do');
  const [bits, order] = [ident[4], ident[5]];
  if (bits !== 1 && bits !== 2) throw new ElfDamage('it is neither a 32-bit nor a 64-bit file');
  if (order !== 1 && order !== 2) throw new ElfDamage('its byte order is unknown');
  return new ElfWindow(read, bits === 2 ? 8 : 4, order === 1);
}

function readSegments(window: ElfWindow): Segment[] {
  const wide = window.wordBytes === 8;
  const start = window.word(wide ? 32 : 28);
  const entryBytes = window.u16(wide ? 54 : 42);
  const count = window.u16(wide ? 56 : 44);
  if (count > MAX_SEGMENTS) throw new ElfDamage(`it claims ${count} segments`);
  if (count > 0 && entryBytes < (wide ? 56 : 32)) throw new ElfDamage('its program headers are too short');
  return Array.from({ length: count }, (_, i) => {
    const at = start + i * entryBytes;
    return {
      type: window.u32(at),
      offset: window.word(at + (wide ? 8 : 4)),
      address: window.word(at + (wide ? 16 : 8)),
      fileSize: window.word(at + (wide ? 32 : 16)),
    };
  });
}

function readDynamic(window: ElfWindow, segment: Segment, segments: readonly Segment[]): ElfDynamic {
  const entryBytes = 2 * window.wordBytes;
  const entries: { readonly tag: number; readonly value: number }[] = [];
  for (let at = segment.offset; at + entryBytes <= segment.offset + segment.fileSize; at += entryBytes) {
    const tag = window.tag(at);
    if (tag === DT_NULL) break;
    if (!KEPT_TAGS.has(tag)) continue;
    entries.push({ tag, value: window.word(at + window.wordBytes) });
    if (entries.length > MAX_DYNAMIC_ENTRIES) throw new ElfDamage('its dynamic section is too long');
  }
  const valueFor = (tag: number) => entries.find((e) => e.tag === tag)?.value;
  const table = (tag: number, countTag: number) => {
    const address = valueFor(tag);
    return address === undefined
      ? undefined
      : { offset: fileOffset(address, segments), count: valueFor(countTag) ?? 0 };
  };
  const stringsAddress = valueFor(DT_STRTAB);
  const strings = stringsAddress === undefined ? undefined : fileOffset(stringsAddress, segments);
  const texts = (tag: number) =>
    entries
      .filter((e) => e.tag === tag)
      .map((e) => {
        if (strings === undefined) throw new ElfDamage('its dynamic section has no string table');
        return window.text(strings + e.value);
      });
  const paths = (tag: number) => texts(tag).flatMap((t) => t.split(':'));
  return {
    needed: texts(DT_NEEDED),
    soname: texts(DT_SONAME)[0],
    rpath: paths(DT_RPATH),
    runpath: paths(DT_RUNPATH),
    tables: {
      strings: strings ?? 0,
      versionNeeds: table(DT_VERNEED, DT_VERNEEDNUM),
      versionDefinitions: table(DT_VERDEF, DT_VERDEFNUM),
    },
  };
}

const KEPT_TAGS: ReadonlySet<number> = new Set([
  DT_NEEDED,
  DT_STRTAB,
  DT_SONAME,
  DT_RPATH,
  DT_RUNPATH,
  DT_VERDEF,
  DT_VERDEFNUM,
  DT_VERNEED,
  DT_VERNEEDNUM,
]);

/** The dynamic section speaks of addresses in memory; the loaded segments say where those bytes are in the file. */
function fileOffset(address: number, segments: readonly Segment[]): number {
  const segment = segments.find((s) => s.type === PT_LOAD && address >= s.address && address < s.address + s.fileSize);
  if (segment === undefined) throw new ElfDamage(`nothing is loaded at address 0x${address.toString(16)}`);
  return address - segment.address + segment.offset;
}
