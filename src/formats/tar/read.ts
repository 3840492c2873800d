// A whole tar archive in memory, as a list (apk-format.md 1).

import type { TarEntry } from './entry.ts';
import { type TarLimits, TarScanner } from './scan.ts';

/** All entries; the content of one is `bytes.subarray(e.offset, e.offset + e.size)`. Throws as TarScanner does. */
export function readTar(bytes: Uint8Array, limits?: TarLimits): TarEntry[] {
  const entries: TarEntry[] = [];
  const scanner = new TarScanner({ entry: (entry) => entries.push(entry) }, limits);
  scanner.push(bytes);
  scanner.end();
  return entries;
}
