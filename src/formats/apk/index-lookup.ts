// ApkIndex: one repository index for one architecture, read lazily (apk-format.md 3). Lookups work on byte offsets; a
// record becomes a value only when somebody asks for it, since most of an index is never looked at.
// Takes text that is already verified and decompressed; keeps it, so nobody may change those bytes.

import { Failure } from '../../base/failure.ts';
import type { IndexRecord } from './index-record.ts';
import { buildIndexTables, hashBytes, type IndexTables, type Postings } from './index-tables.ts';

const NONE: Uint32Array = new Uint32Array(0);

export class ApkIndex {
  /** Names the index in failures: a path or URL without credentials. */
  readonly label: string;
  readonly text: Uint8Array;
  readonly tables: IndexTables;
  private readonly buffer: Buffer;
  private readonly records = new Map<number, IndexRecord>();

  /** Failure INDEX_INVALID for lines that are no lines. `tables` are those of this very text (index-compact.ts). */
  constructor(text: Uint8Array, label: string, tables: IndexTables = buildIndexTables(text, label)) {
    this.text = text;
    this.label = label;
    this.tables = tables;
    this.buffer = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  }

  /** How many records there are; they are numbered from 0 in the order of the text. */
  get size(): number {
    return this.tables.starts.length;
  }

  /** Every package name once, in the order of first appearance. */
  names(): Iterable<string> {
    return this.keysOf(this.tables.named);
  }

  /** Every provided name once (`so:`, `cmd:` and virtual names), in the order of first appearance. */
  providedNames(): Iterable<string> {
    return this.keysOf(this.tables.provided);
  }

  /** Records of packages that have this name, in record order. */
  named(name: string): Uint32Array {
    return this.posting(this.tables.named, name);
  }

  /** Records of packages that provide this name in any version, in record order; as often as they provide it. */
  providing(name: string): Uint32Array {
    return this.posting(this.tables.provided, name);
  }

  /** What the reference's nameMap holds for a name: packages of that name, then its providers. */
  providers(name: string): number[] {
    return [...this.named(name), ...this.providing(name)];
  }

  /** Records that have exactly this text among their install_if items. */
  installIfOf(item: string): Uint32Array {
    return this.posting(this.tables.installIf, item);
  }

  /** The number of the first record with that name and version. */
  find(name: string, version: string): number | undefined {
    for (const record of this.named(name)) if (this.record(record).version === version) return record;
    return undefined;
  }

  /** A whole record. Failure INDEX_INVALID when one of its numbers is none. */
  record(number: number): IndexRecord {
    let record = this.records.get(number);
    if (record === undefined) {
      record = this.readRecord(this.tables.starts[number] ?? this.text.length);
      this.records.set(number, record);
    }
    return record;
  }

  private readRecord(start: number): IndexRecord {
    const fields = new Map<string, string>();
    for (let at = start; at < this.text.length; ) {
      const newline = this.buffer.indexOf(10, at);
      const stop = newline < 0 ? this.text.length : newline;
      const end = stop > at && this.text[stop - 1] === 13 ? stop - 1 : stop;
      if (end === at) break;
      const letter = this.text[at + 1] === 58 ? String.fromCharCode(this.text[at] ?? 0) : '';
      fields.set(letter, this.buffer.toString('utf8', at + 2, end));
      at = stop + 1;
    }
    const number = (letter: string) => this.readNumber(fields.get(letter) ?? '', letter, start);
    return {
      name: fields.get('P') ?? '',
      version: fields.get('V') ?? '',
      arch: fields.get('A') ?? '',
      checksum: fields.get('C') ?? '',
      sizeBytes: number('S'),
      installedSize: number('I'),
      description: fields.get('T') ?? '',
      url: fields.get('U') ?? '',
      license: fields.get('L') ?? '',
      origin: fields.get('o') ?? '',
      maintainer: fields.get('m') ?? '',
      buildTime: number('t'),
      commit: fields.get('c') ?? '',
      depends: splitList(fields.get('D')),
      installIf: splitList(fields.get('i')),
      provides: splitList(fields.get('p')),
      providerPriority: number('k'),
    };
  }

  private readNumber(text: string, letter: string, start: number): number {
    if (text === '') return 0;
    // Only the build time may lie before 1970.
    if (!(letter === 't' ? /^[+-]?\d{1,19}$/ : /^\d{1,20}$/).test(text)) {
      const line = this.lineOf(start, letter);
      throw new Failure('INDEX_INVALID', `index ${this.label}: line ${line}: "${letter}:${text}" is not a number`);
    }
    return Number(text);
  }

  /** The number of the last line with that letter in the record at `start`; counted only for failures. */
  private lineOf(start: number, letter: string): number {
    let line = 1;
    for (let i = 0; i < start; i++) if (this.text[i] === 10) line++;
    const record = this.buffer.toString('latin1', start).split('\n\n', 1)[0] ?? '';
    return line + record.split('\n').findLastIndex((l) => l.startsWith(`${letter}:`));
  }

  private posting(postings: Postings, name: string): Uint32Array {
    const key = this.keyOf(name);
    if (key < 0) return NONE;
    return postings.items.subarray(postings.offsets[key], postings.offsets[key + 1]);
  }

  private keyOf(name: string): number {
    const bytes = Buffer.from(name, 'utf8');
    const { slots, keyOffsets, keyLengths } = this.tables;
    const mask = slots.length - 1;
    for (let slot = hashBytes(bytes, 0, bytes.length) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const key = slots[slot]! - 1;
      const at = keyOffsets[key]!;
      if (
        keyLengths[key] === bytes.length &&
        this.buffer.compare(bytes, 0, bytes.length, at, at + bytes.length) === 0
      ) {
        return key;
      }
    }
    return -1;
  }

  private *keysOf(postings: Postings): Iterable<string> {
    const { keyOffsets, keyLengths } = this.tables;
    for (let key = 0; key < keyOffsets.length; key++) {
      if (postings.offsets[key] === postings.offsets[key + 1]) continue;
      const at = keyOffsets[key]!;
      yield this.buffer.toString('utf8', at, at + keyLengths[key]!);
    }
  }
}

function splitList(value: string | undefined): string[] {
  return value ? value.split(' ').filter((item) => item !== '') : [];
}
