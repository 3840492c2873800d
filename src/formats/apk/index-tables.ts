// The lookup tables of one APKINDEX text (apk-format.md 3): where each record starts, and which records carry, provide or
// are installed because of a name. One pass over the bytes makes them, without making a string or a record.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { parseDependency } from './dependency.ts';

/** Lists of record numbers by key number: those of key k are items[offsets[k]] up to items[offsets[k + 1]]. */
export interface Postings {
  readonly offsets: Uint32Array;
  readonly items: Uint32Array;
}

export interface IndexTables {
  /** Byte offset of each record's first line. */
  readonly starts: Uint32Array;
  /** Keys are byte ranges of the text. */
  readonly keyOffsets: Uint32Array;
  readonly keyLengths: Uint32Array;
  /** Open-addressed hash table of key numbers plus one; the length is a power of two. */
  readonly slots: Uint32Array;
  readonly named: Postings;
  readonly provided: Postings;
  readonly installIf: Postings;
}

const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const COLON = 58;
const AT = 64;
const [LETTER_P, LETTER_p, LETTER_i] = [80, 112, 105];

/** The tables of a whole text. `label` names the index in failures (INDEX_INVALID). */
export function buildIndexTables(text: Uint8Array, label: string): IndexTables {
  const builder = new TableBuilder(text);
  // Byte ranges of the values of the record being read; a repeated letter counts the last time.
  let [start, nameAt, nameEnd, providesAt, providesEnd, installIfAt, installIfEnd] = [-1, 0, 0, 0, 0, 0, 0];
  let line = 0;
  for (let at = 0; at < text.length; ) {
    let next = at;
    while (next < text.length && text[next] !== NEWLINE) next++;
    const end = next > at && text[next - 1] === RETURN ? next - 1 : next;
    line++;
    if (end === at) {
      // Only an empty line ends a record: an unterminated last one does not count, nor does one without a name.
      if (nameEnd > nameAt) {
        builder.addRecord(start, nameAt, nameEnd);
        if (providesEnd > providesAt) builder.addProvides(providesAt, providesEnd);
        if (installIfEnd > installIfAt) builder.addInstallIf(installIfAt, installIfEnd);
      }
      start = -1;
      nameAt = nameEnd = providesAt = providesEnd = installIfAt = installIfEnd = 0;
    } else {
      if (start < 0) start = at;
      if (text[at + 1] !== COLON || end - at > LIMITS.indexLineBytes) checkLine(text, at, end, line, label);
      else if (text[at] === LETTER_P) {
        nameAt = at + 2;
        nameEnd = end;
      } else if (text[at] === LETTER_p) {
        providesAt = at + 2;
        providesEnd = end;
      } else if (text[at] === LETTER_i) {
        installIfAt = at + 2;
        installIfEnd = end;
      }
    }
    at = next + 1;
  }
  return builder.finish();
}

/** A line that does not look like `X:value`: longer keys are unknown keys, everything else is damage. */
function checkLine(text: Uint8Array, at: number, end: number, line: number, label: string): void {
  const problem =
    end - at > LIMITS.indexLineBytes
      ? `is longer than ${LIMITS.indexLineBytes} bytes`
      : end - at < 2
        ? 'is too short for "letter:value"'
        : text.subarray(at, end).includes(COLON)
          ? undefined
          : 'has no ":"';
  if (problem !== undefined) throw new Failure('INDEX_INVALID', `index ${label}: line ${line} ${problem}`);
}

/** A growing list of small numbers without boxing. */
class NumberList {
  values = new Uint32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Uint32Array(this.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }

  finish(): Uint32Array {
    return this.values.slice(0, this.length);
  }
}

class TableBuilder {
  private readonly text: Uint8Array;
  private readonly starts = new NumberList();
  private readonly keyOffsets = new NumberList();
  private readonly keyLengths = new NumberList();
  private readonly keyHashes = new NumberList();
  private slots = new Uint32Array(1 << 12);
  private readonly named = new PairList();
  private readonly provided = new PairList();
  private readonly installIf = new PairList();

  constructor(text: Uint8Array) {
    this.text = text;
  }

  addRecord(start: number, nameAt: number, nameEnd: number): void {
    this.named.push(this.key(nameAt, nameEnd), this.starts.length);
    this.starts.push(start);
  }

  /** The provides of the record added last: each is known by its name alone. */
  addProvides(at: number, end: number): void {
    const record = this.starts.length - 1;
    for (let item = at; item < end; ) {
      let itemEnd = item;
      let nameEnd = -1;
      let unusual = false;
      for (; itemEnd < end && this.text[itemEnd] !== SPACE; itemEnd++) {
        const byte = this.text[itemEnd]!;
        if (nameEnd < 0 && ((byte >= 60 && byte <= 62) || byte === 126)) nameEnd = itemEnd; // one of < = > ~
        if (byte === AT) unusual = true;
      }
      if (unusual || nameEnd === item || nameEnd === itemEnd - 1) nameEnd = this.unusualNameEnd(item, itemEnd);
      if (itemEnd > item) this.provided.push(this.key(item, nameEnd < 0 ? itemEnd : nameEnd), record);
      item = itemEnd + 1;
    }
  }

  /** Where the name ends in a provide with a tag, or with operator signs in unusual places: the grammar decides. */
  private unusualNameEnd(at: number, end: number): number {
    const written = Buffer.from(this.text.buffer, this.text.byteOffset + at, end - at).toString('utf8');
    return at + Buffer.byteLength(parseDependency(written).name);
  }

  /** The install_if items of the record added last: each is a key as a whole, version included. */
  addInstallIf(at: number, end: number): void {
    const record = this.starts.length - 1;
    for (let item = at; item < end; ) {
      let itemEnd = item;
      while (itemEnd < end && this.text[itemEnd] !== SPACE) itemEnd++;
      if (itemEnd > item) this.installIf.push(this.key(item, itemEnd), record);
      item = itemEnd + 1;
    }
  }

  private key(at: number, end: number): number {
    const hash = hashBytes(this.text, at, end);
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (; this.slots[slot] !== 0; slot = (slot + 1) & mask) {
      const key = this.slots[slot]! - 1;
      if (this.keyHashes.values[key] === hash && this.isKey(key, at, end)) return key;
    }
    const key = this.keyOffsets.length;
    this.keyOffsets.push(at);
    this.keyLengths.push(end - at);
    this.keyHashes.push(hash);
    this.slots[slot] = key + 1;
    if (this.keyOffsets.length * 2 > this.slots.length) this.growSlots();
    return key;
  }

  private isKey(key: number, at: number, end: number): boolean {
    const length = end - at;
    if (this.keyLengths.values[key] !== length) return false;
    const offset = this.keyOffsets.values[key]!;
    for (let i = 0; i < length; i++) if (this.text[offset + i] !== this.text[at + i]) return false;
    return true;
  }

  private growSlots(): void {
    this.slots = new Uint32Array(this.slots.length * 2);
    const mask = this.slots.length - 1;
    for (let key = 0; key < this.keyOffsets.length; key++) {
      let slot = this.keyHashes.values[key]! & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = key + 1;
    }
  }

  finish(): IndexTables {
    const keys = this.keyOffsets.length;
    return {
      starts: this.starts.finish(),
      keyOffsets: this.keyOffsets.finish(),
      keyLengths: this.keyLengths.finish(),
      slots: this.slots,
      named: this.named.finish(keys),
      provided: this.provided.finish(keys),
      installIf: this.installIf.finish(keys),
    };
  }
}

/** (key, record) pairs in record order. */
class PairList {
  private readonly keys = new NumberList();
  private readonly records = new NumberList();

  push(key: number, record: number): void {
    this.keys.push(key);
    this.records.push(record);
  }

  /** A counting sort by key; records keep their order. */
  finish(keyCount: number): Postings {
    const offsets = new Uint32Array(keyCount + 1);
    for (let i = 0; i < this.keys.length; i++) offsets[this.keys.values[i]! + 1]!++;
    for (let key = 0; key < keyCount; key++) offsets[key + 1]! += offsets[key]!;
    const next = offsets.slice();
    const items = new Uint32Array(this.records.length);
    for (let i = 0; i < this.keys.length; i++) items[next[this.keys.values[i]!]!++] = this.records.values[i]!;
    return { offsets, items };
  }
}

/** FNV-1a, 32 bits, unsigned. */
export function hashBytes(bytes: Uint8Array, at: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = at; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  // The low bits choose the slot: let the high ones, which are mixed better, take part.
  return (hash ^ (hash >>> 15)) >>> 0;
}
