// The facts of all files of one package. They depend on the package alone, so they are taken once and kept beside it. A file that
// has several names is known under that of its first entry.

import type { ReadRange } from '../../formats/elf/elf-window.ts';
import { TAR_TYPE, type TarEntry } from '../../formats/tar/entry.ts';
import { type FileFacts, readFileFacts } from './file-facts.ts';

/** By the offset of the content in the package's data tar; files without facts are left out. */
export type PackageFacts = ReadonlyMap<number, FileFacts>;

/** What is known of the package with that index; undefined: nothing yet, the file has to be read. */
export type KnownFacts = (packageIndex: number) => PackageFacts | undefined;

/** `read` gives ranges of the data tar. */
export function readPackageFacts(entries: readonly TarEntry[], read: ReadRange): PackageFacts {
  const known = new Map<number, FileFacts>();
  for (const { name, type, offset, size } of entries) {
    if (type !== TAR_TYPE.file || size === 0) continue;
    const facts = readFileFacts(name, size, (at, length) => read(offset + at, Math.min(length, size - at)));
    if (facts !== undefined) known.set(offset, facts);
  }
  return known;
}

export function printPackageFacts(facts: PackageFacts): string {
  return JSON.stringify([...facts]);
}

/** Of what `printPackageFacts` made. */
export function parsePackageFacts(text: string): PackageFacts {
  return new Map(JSON.parse(text));
}
