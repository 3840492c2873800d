// The compact form of an index: its lookup tables as bytes, for a cache to keep beside the text, so that a second run
// skips the pass over the text. A memory of this machine, not a format for exchange: words are in native byte order.
// Must never be believed: tables of another text, another version or a torn file are refused, and then made anew.

import { crc32 } from 'node:zlib';
import { ApkIndex } from './index-lookup.ts';
import type { IndexTables } from './index-tables.ts';

const MAGIC = 0x78647461; // Reads differently in the other byte order.
const VERSION = 1;
const HEADER_WORDS = 6; // magic, version, text length, text CRC-32, body CRC-32, number of arrays

export function printCompact(index: ApkIndex): Uint8Array {
  const arrays = arraysOf(index.tables);
  const words = arrays.reduce((sum, array) => sum + array.length, HEADER_WORDS + arrays.length);
  const out = new Uint32Array(words);
  let at = HEADER_WORDS;
  for (const array of arrays) out[at++] = array.length;
  for (const array of arrays) {
    out.set(array, at);
    at += array.length;
  }
  const bytes = new Uint8Array(out.buffer);
  out.set([
    MAGIC,
    VERSION,
    index.text.length,
    crc32(index.text),
    crc32(bytes.subarray(HEADER_WORDS * 4)),
    arrays.length,
  ]);
  return bytes;
}

/** The index over `text`, or undefined when the bytes are not the compact form of this text. */
export function parseCompact(bytes: Uint8Array, text: Uint8Array, label: string): ApkIndex | undefined {
  if (bytes.length < HEADER_WORDS * 4 || bytes.length % 4 !== 0) return undefined;
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
  const [magic, version, textLength, textSum, bodySum, count] = words;
  if (magic !== MAGIC || version !== VERSION || textLength !== text.length) return undefined;
  if (crc32(bytes.subarray(HEADER_WORDS * 4)) !== bodySum || crc32(text) !== textSum) return undefined;
  const lengths = words.subarray(HEADER_WORDS, HEADER_WORDS + (count ?? 0));
  const arrays: Uint32Array[] = [];
  let at = HEADER_WORDS + lengths.length;
  for (const length of lengths) {
    arrays.push(words.subarray(at, at + length));
    at += length;
  }
  const tables = tablesOf(arrays);
  return tables && at === words.length ? new ApkIndex(text, label, tables) : undefined;
}

function arraysOf(t: IndexTables): Uint32Array[] {
  const postings = [t.named, t.provided, t.installIf].flatMap((p) => [p.offsets, p.items]);
  return [t.starts, t.keyOffsets, t.keyLengths, t.slots, ...postings];
}

function tablesOf(arrays: readonly Uint32Array[]): IndexTables | undefined {
  const [starts, keyOffsets, keyLengths, slots, ...rest] = arrays;
  const [namedAt, named, providedAt, provided, installIfAt, installIf] = rest;
  if (!starts || !keyOffsets || !keyLengths || !slots || !namedAt || !named) return undefined;
  if (!providedAt || !provided || !installIfAt || !installIf || arrays.length !== 10) return undefined;
  return {
    starts,
    keyOffsets,
    keyLengths,
    slots,
    named: { offsets: namedAt, items: named },
    provided: { offsets: providedAt, items: provided },
    installIf: { offsets: installIfAt, items: installIf },
  };
}
