// Symbol versions of an ELF file: which it demands of each library (verneed) and which it offers (verdef).
// The link proof compares the two. Hostile input: counts are bounded, chains only run forward, damage is an answer.

import { ElfDamage, ElfWindow, type ReadRange } from './elf-window.ts';
import { answeringDamage, type ElfFile, type NotElf } from './read-elf.ts';

export interface ElfVersions {
  readonly kind: 'versions';
  readonly needs: readonly VersionNeed[];
  /** Names of the versions that the file defines, the base version (its own name) left out. */
  readonly definitions: readonly string[];
}

/** The versions wanted of one needed library. */
interface VersionNeed {
  /** As in DT_NEEDED. */
  readonly library: string;
  readonly versions: readonly { readonly name: string; readonly weak: boolean }[];
}

const VER_FLG_BASE = 1;
const VER_FLG_WEAK = 2;
/** glibc, the most versioned library, defines about 60 versions; large C++ libraries some thousand. */
const MAX_RECORDS = 65_536;

/** The versions of a file that `readElf` has read, through the same ranged reads. */
export function readElfVersions(read: ReadRange, elf: ElfFile): ElfVersions | NotElf {
  return answeringDamage(() => {
    const tables = elf.dynamic?.tables;
    if (tables === undefined) return { kind: 'versions', needs: [], definitions: [] };
    const window = new ElfWindow(read, elf.bits === 64 ? 8 : 4, elf.littleEndian);
    const budget = { records: MAX_RECORDS };
    const name = (offset: number) => window.text(tables.strings + window.u32(offset));

    const needs: VersionNeed[] = [];
    for (const need of chain(window, tables.versionNeeds, 12, budget)) {
      // Verneed: version, count (u16 each), file, first detail, next (u32 each). Vernaux: hash u32, flags, other (u16 each), name, next.
      const details = { offset: need + window.u32(need + 8), count: window.u16(need + 2) };
      const versions = [...chain(window, details, 12, budget)].map((at) => ({
        name: name(at + 8),
        weak: (window.u16(at + 4) & VER_FLG_WEAK) !== 0,
      }));
      needs.push({ library: name(need + 4), versions });
    }

    const definitions: string[] = [];
    for (const definition of chain(window, tables.versionDefinitions, 16, budget)) {
      // Verdef: version, flags, index, count (u16 each), hash, first detail, next (u32 each). Verdaux: name, next; the first names it.
      if ((window.u16(definition + 2) & VER_FLG_BASE) !== 0) continue;
      definitions.push(name(definition + window.u32(definition + 12)));
    }
    return { kind: 'versions', needs, definitions };
  });
}

interface Budget {
  records: number;
}

/** Offsets of a chain of records whose `next` field, relative to the record, lies at `nextAt`; 0 ends it. */
function* chain(
  window: ElfWindow,
  table: { readonly offset: number; readonly count: number } | undefined,
  nextAt: number,
  budget: Budget,
): Generator<number> {
  if (table === undefined) return;
  let at = table.offset;
  for (let i = 0; i < table.count; i++) {
    if (--budget.records < 0) throw new ElfDamage('it has too many version records');
    yield at;
    const next = window.u32(at + nextAt);
    if (next === 0) return;
    at += next;
  }
}
