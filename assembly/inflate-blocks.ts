// Inflate (RFC 1951) that stops at every block, and can keep a block's bits as they are: the one hot loop of stave that is not
// plain TypeScript. AssemblyScript, compiled to WebAssembly by `npm run wasm`, which writes src/formats/gzip/inflate-blocks-wasm.ts.
// Its host is src/formats/gzip/block-inflater.ts; nobody else calls it.
//
// Why not zlib: zlib does not tell where blocks begin. Why not JavaScript: without 64-bit integers this loop takes three times as long.
//
// The input is hostile. Every write is to an address below a fixed bound: tables are only filled from codes that are complete
// (like zlib, a single distance code is allowed), and the symbol loop leaves before input or output could pass their ends.

// Memory, in bytes. The host relies on the exported ones.
const PRIMARY_BITS: u32 = 11;
const DISTANCE_BITS: u32 = 9;
/** Entries of 4 bytes. Complete codes need at most 2,342 and 850 (the program `enough` that comes with zlib counts them). */
const LITERALS: usize = 1024;
const DISTANCES: usize = LITERALS + 4 * 4096;
const LENGTH_CODES: usize = DISTANCES + 4 * 1024;
/** Code lengths of a block, a byte each. */
const LENGTHS: usize = LENGTH_CODES + 4 * 128;
/** By code length: how many, and the next code. */
const COUNTS: usize = LENGTHS + 512;
const NEXT: usize = COUNTS + 64;
/** By the first bits of a long code: bits of its second table. */
const SECOND: usize = NEXT + 64;

const KIB: u32 = 1024;
/** Below lie tables and constants. */
const INPUT: usize = 64 * KIB;
const INPUT_BYTES: u32 = 64 * KIB;
/** The window of 32 KiB lies before it. */
export const OUTPUT: usize = INPUT + INPUT_BYTES + KIB + 32 * KIB;
const OUTPUT_BYTES: u32 = 128 * KIB;
/** The block at hand: whole bytes of the input; bits of the first and the last one may not be its own. */
const BLOCK: usize = OUTPUT + OUTPUT_BYTES + KIB;
const BLOCK_BYTES: u32 = 512 * KIB;
/** Blocks that were kept, moved together, from a byte border on. It ends below the 30 pages of 64 KiB that the memory has. */
export const KEPT: usize = BLOCK + BLOCK_BYTES + KIB;
const KEPT_BYTES: u32 = 1024 * KIB;

/** What `step` has come to. */
const NEEDS_INPUT: u32 = 0;
const HAS_OUTPUT: u32 = 1;
const AT_BLOCK: u32 = 2;
const AT_END: u32 = 3;
const DAMAGED: u32 = 4;
/** The input ended before the stream. */
const CUT: u32 = 5;

/** Input that a block's header may take: 17 + 19 * 3 bits, then at most 320 codes of 7 + 7 bits. */
const HEADER_BYTES: u32 = 600;
/** A symbol takes at most 48 bits, read 8 bytes at a time. */
const SYMBOL_BYTES: u32 = 16;
/** The longest match, and what is written beyond its end. */
const MATCH_BYTES: u32 = 258 + 16;

let inputAt: usize = INPUT;
let inputEnd: usize = INPUT;
let isLast: bool = false;
/** Bits taken from the input and not used yet; those above `held` are zero between calls. */
let hold: u64 = 0;
let held: u32 = 0;
let outputAt: usize = OUTPUT;
/** Between blocks, in a block of symbols, in a stored one. */
let state: u32 = 0;
const BETWEEN: u32 = 0;
const ANNOUNCED: u32 = 1;
const SYMBOLS: u32 = 2;
const STORED: u32 = 3;
const OVER: u32 = 4;
let isFinal: bool = false;
let kind: u32 = 0;
let storedLeft: u32 = 0;
/** Bytes of the output that the window has, so that no match reaches before the beginning. */
let windowBytes: u32 = 0;

let isKeeping: bool = false;
let blockBytes: u32 = 0;
/** Bits of the block's first byte that are not its own. */
let blockFirstBit: u32 = 0;
/** Of the input, what was copied into BLOCK: up to here. */
let copiedTo: usize = INPUT;
/** The block that ended, in BLOCK; the end is 0 where it was not kept. */
let closedFirstBit: u32 = 0;
let closedEndBit: u32 = 0;
let keptBits: u32 = 0;

/** For a new stream. What is kept stays. */
export function reset(): void {
  inputAt = INPUT;
  inputEnd = INPUT;
  isLast = false;
  hold = 0;
  held = 0;
  outputAt = OUTPUT;
  state = BETWEEN;
  isFinal = false;
  windowBytes = 0;
  isKeeping = false;
  closedEndBit = 0;
}

/** Where the host puts the next bytes of the input, at most `inputRoom()`. */
export function inputPlace(): usize {
  return inputEnd;
}
export function inputRoom(): u32 {
  return INPUT_BYTES - <u32>(inputEnd - INPUT);
}
/** The host has put `count` bytes there; after the last ones, `last`. */
export function addInput(count: u32, last: bool): void {
  inputEnd += count;
  isLast = last;
  // What the loop reads beyond the end.
  memory.fill(inputEnd, 0, 64);
}
/** Input after the end of the stream. */
export function unusedInput(): u32 {
  return <u32>(inputEnd - inputAt);
}
export function outputBytes(): u32 {
  return <u32>(outputAt - OUTPUT);
}
/** The host has taken the output. */
export function takeOutput(): void {
  const count = <u32>(outputAt - OUTPUT);
  windowBytes = min<u32>(32 * 1024, windowBytes + count);
  memory.copy(OUTPUT - 32 * 1024, outputAt - 32 * 1024, 32 * 1024);
  outputAt = OUTPUT;
}
/** 0 stored, 1 fixed, 2 dynamic codes; of the block that begins. */
export function blockKind(): u32 {
  return kind;
}
export function blockIsFinal(): bool {
  return isFinal;
}
/** Bytes of the stored block that begins. */
export function storedBytes(): u32 {
  return storedLeft;
}

export function step(): u32 {
  let status: u32;
  if (state === BETWEEN) status = openBlock();
  else if (state === OVER) return AT_END;
  else {
    if (state === ANNOUNCED) state = kind === 0 ? STORED : SYMBOLS;
    status = state === STORED ? copyStored() : decodeSymbols();
  }
  if (status === DAMAGED && isCut()) return CUT;
  if (status === NEEDS_INPUT) {
    if (isLast) return CUT;
    makeRoom();
  }
  return status;
}

/** Moves what is left of the input to its beginning. */
function makeRoom(): void {
  giveBack();
  if (isKeeping) copyBlock();
  const left = <u32>(inputEnd - inputAt);
  // With the byte before: a block may begin in it.
  memory.copy(INPUT - 1, inputAt - 1, left + 1);
  copiedTo = INPUT;
  inputAt = INPUT;
  inputEnd = INPUT + left;
}

/** Whole bytes that are held go back to the input. */
@inline
function giveBack(): void {
  inputAt -= held >> 3;
  held &= 7;
  hold &= (<u64>1 << held) - 1;
}

@inline
function bits(count: u32): u32 {
  while (held < count) {
    hold |= <u64>load<u8>(inputAt++) << held;
    held += 8;
  }
  const value = <u32>(hold & ((<u64>1 << count) - 1));
  hold >>= count;
  held -= count;
  return value;
}

@inline
function isCut(): bool {
  return inputAt - (held >> 3) > inputEnd;
}

function openBlock(): u32 {
  giveBack();
  if (!isLast && inputEnd - inputAt < HEADER_BYTES) return NEEDS_INPUT;
  if (inputAt >= inputEnd && held < 3) return NEEDS_INPUT;
  // A byte of which some bits belong to the block before is the block's first one.
  copiedTo = held > 0 ? inputAt - 1 : inputAt;
  blockFirstBit = (8 - held) & 7;
  isFinal = bits(1) !== 0;
  kind = bits(2);
  if (kind === 3) return DAMAGED;
  if (kind === 0) {
    bits(held & 7);
    storedLeft = bits(16);
    if ((bits(16) ^ 0xffff) !== storedLeft) return DAMAGED;
  } else if (kind === 1) {
    memory.fill(LENGTHS, 8, 144);
    memory.fill(LENGTHS + 144, 9, 112);
    memory.fill(LENGTHS + 256, 7, 24);
    memory.fill(LENGTHS + 280, 8, 8);
    fillTable(LITERALS, LENGTHS, 288, PRIMARY_BITS, 0);
    memory.fill(LENGTHS, 5, 32);
    fillTable(DISTANCES, LENGTHS, 32, DISTANCE_BITS, 1);
  } else if (!readCodes()) return DAMAGED;
  if (isCut()) return DAMAGED;
  giveBack();
  state = ANNOUNCED;
  return AT_BLOCK;
}

function readCodes(): bool {
  const literals = bits(5) + 257;
  const distances = bits(5) + 1;
  const codes = bits(4) + 4;
  if (literals > 286 || distances > 30) return false;
  memory.fill(LENGTHS, 0, 19);
  for (let i: u32 = 0; i < codes; i++) store<u8>(LENGTHS + <usize>load<u8>(ORDER + i), <u8>bits(3));
  if (!fillTable(LENGTH_CODES, LENGTHS, 19, 7, 2)) return false;
  const total = literals + distances;
  let at: u32 = 0;
  let before: u32 = 0;
  while (at < total) {
    while (held < 14) {
      hold |= <u64>load<u8>(inputAt++) << held;
      held += 8;
    }
    const entry = load<u32>(LENGTH_CODES + (<usize>(hold & 127) << 2));
    const used = entry & 15;
    hold >>= used;
    held -= used;
    const symbol = entry >> 9;
    if (symbol < 16) {
      store<u8>(LENGTHS + at++, <u8>symbol);
      before = symbol;
      continue;
    }
    let times: u32;
    if (symbol === 16) {
      if (at === 0) return false;
      times = 3 + bits(2);
    } else {
      before = 0;
      times = symbol === 17 ? 3 + bits(3) : 11 + bits(7);
    }
    if (at + times > total) return false;
    memory.fill(LENGTHS + at, <u8>before, times);
    at += times;
  }
  // Without an end the block could not end.
  if (load<u8>(LENGTHS + 256) === 0) return false;
  return (
    fillTable(LITERALS, LENGTHS, literals, PRIMARY_BITS, 0) &&
    fillTable(DISTANCES, LENGTHS + literals, distances, DISTANCE_BITS, 1)
  );
}

/** In the order in which the code length codes are sent. */
const ORDER: usize = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

/**
 * An entry: bits 0-3 length of the code (of a link: bits of the second table), 4 literal, 5 link, 6 invalid or end,
 * 7-10 extra bits, 11 on: literal, base, or index of the second table. For the code lengths' codes the symbol is in bit 9 on.
 */
const LITERAL: u32 = 16;
const LINK: u32 = 32;
const OTHER: u32 = 64;

const LENGTH_BASES: usize = memory.data<u16>([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
]);
const LENGTH_EXTRAS: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]);
const DISTANCE_BASES: usize = memory.data<u16>([
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193,
  12289, 16385, 24577,
]);

function entryOf(symbol: u32, alphabet: u32): u32 {
  if (alphabet === 2) return symbol << 9;
  if (alphabet === 1) {
    if (symbol > 29) return OTHER;
    return ((symbol < 2 ? 0 : (symbol >> 1) - 1) << 7) | (<u32>load<u16>(DISTANCE_BASES + (symbol << 1)) << 11);
  }
  if (symbol < 256) return LITERAL | (symbol << 11);
  if (symbol === 256) return OTHER | (1 << 11);
  if (symbol > 285) return OTHER;
  const index = symbol - 257;
  return (<u32>load<u8>(LENGTH_EXTRAS + index) << 7) | (<u32>load<u16>(LENGTH_BASES + (index << 1)) << 11);
}

/** False for codes that are not complete. Not so for no distance code, or one: then what the code lacks is invalid. */
function fillTable(table: usize, lengths: usize, symbols: u32, primary: u32, alphabet: u32): bool {
  memory.fill(COUNTS, 0, 64);
  for (let i: u32 = 0; i < symbols; i++) {
    const at = COUNTS + (<usize>load<u8>(lengths + i) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  store<u32>(COUNTS, 0);
  let code: u32 = 0;
  let used: u32 = 0;
  let isLong = false;
  for (let length: u32 = 1; length <= 15; length++) {
    code = (code + load<u32>(COUNTS + ((length - 1) << 2))) << 1;
    store<u32>(NEXT + (length << 2), code);
    const count = load<u32>(COUNTS + (length << 2));
    used += count << (15 - length);
    if (length > primary && count > 0) isLong = true;
  }
  const isSingle = alphabet === 1 && (used === 0 || (used === 1 << 14 && load<u32>(COUNTS + 4) === 1));
  if (used !== 1 << 15 && !isSingle) return false;
  const size = <u32>1 << primary;
  for (let i: u32 = 0; i < size; i++) store<u32>(table + (i << 2), OTHER | 1);
  if (isLong) linkSecondTables(table, lengths, symbols, primary);
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const length = <u32>load<u8>(lengths + symbol);
    if (length === 0) continue;
    const reversed = nextCode(length);
    const entry = entryOf(symbol, alphabet);
    if (length <= primary) {
      for (let i = reversed; i < size; i += 1 << length) store<u32>(table + (i << 2), entry | length);
      continue;
    }
    const link = load<u32>(table + ((reversed & (size - 1)) << 2));
    const second = table + ((link >> 11) << 2);
    const end = <u32>1 << (link & 15);
    const rest = length - primary;
    for (let i = reversed >> primary; i < end; i += 1 << rest) store<u32>(second + (i << 2), entry | length);
  }
  return true;
}

/** The next code of that length, first bit lowest. */
@inline
function nextCode(length: u32): u32 {
  const at = NEXT + (length << 2);
  const code = load<u32>(at);
  store<u32>(at, code + 1);
  return reverse(code, length);
}

@inline
function reverse(code: u32, length: u32): u32 {
  let x = code;
  x = ((x & 0x5555) << 1) | ((x >> 1) & 0x5555);
  x = ((x & 0x3333) << 2) | ((x >> 2) & 0x3333);
  x = ((x & 0x0f0f) << 4) | ((x >> 4) & 0x0f0f);
  x = ((x & 0x00ff) << 8) | ((x >> 8) & 0x00ff);
  return x >> (16 - length);
}

function linkSecondTables(table: usize, lengths: usize, symbols: u32, primary: u32): void {
  const size = <u32>1 << primary;
  memory.fill(SECOND, 0, size);
  const next = NEXT + 128 + 2048;
  memory.copy(next, NEXT, 64);
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const length = <u32>load<u8>(lengths + symbol);
    if (length <= primary) continue;
    const at = next + (length << 2);
    const code = load<u32>(at);
    store<u32>(at, code + 1);
    const place = SECOND + (reverse(code, length) & (size - 1));
    if (length - primary > <u32>load<u8>(place)) store<u8>(place, <u8>(length - primary));
  }
  let end = size;
  for (let i: u32 = 0; i < size; i++) {
    const secondBits = <u32>load<u8>(SECOND + i);
    if (secondBits === 0) continue;
    store<u32>(table + (i << 2), LINK | (end << 11) | secondBits);
    end += 1 << secondBits;
  }
}

function copyStored(): u32 {
  while (storedLeft > 0) {
    const have = <u32>(inputEnd - inputAt);
    if (have === 0) return NEEDS_INPUT;
    const room = OUTPUT_BYTES - <u32>(outputAt - OUTPUT);
    if (room === 0) return HAS_OUTPUT;
    const count = min<u32>(storedLeft, min<u32>(have, room));
    memory.copy(outputAt, inputAt, count);
    outputAt += count;
    inputAt += count;
    storedLeft -= count;
  }
  return closeBlock();
}

function closeBlock(): u32 {
  giveBack();
  if (isKeeping) copyBlock();
  closedFirstBit = blockFirstBit;
  closedEndBit = isKeeping ? blockBytes * 8 - held : 0;
  isKeeping = false;
  state = isFinal ? OVER : BETWEEN;
  if (isFinal) {
    hold = 0;
    held = 0;
    return AT_END;
  }
  return openBlock();
}

function decodeSymbols(): u32 {
  let from = inputAt;
  let have = hold;
  let count = held;
  let to = outputAt;
  const lastFrom = isLast ? inputEnd + 8 : inputEnd - SYMBOL_BYTES;
  const lastTo = OUTPUT + OUTPUT_BYTES - MATCH_BYTES;
  const first = OUTPUT - windowBytes;
  let status = DAMAGED;
  if (!isLast && inputEnd - INPUT < SYMBOL_BYTES) return NEEDS_INPUT;
  for (;;) {
    if (from > lastFrom) {
      status = NEEDS_INPUT;
      break;
    }
    if (to > lastTo) {
      status = HAS_OUTPUT;
      break;
    }
    have |= load<u64>(from) << count;
    from += (63 - count) >> 3;
    count |= 56;
    let entry = load<u32>(LITERALS + (<usize>(have & 2047) << 2));
    if (entry & LITERAL) {
      store<u8>(to++, <u8>(entry >> 11));
      have >>= entry & 15;
      count -= entry & 15;
      entry = load<u32>(LITERALS + (<usize>(have & 2047) << 2));
      if (entry & LITERAL) {
        store<u8>(to++, <u8>(entry >> 11));
        have >>= entry & 15;
        count -= entry & 15;
        continue;
      }
      // Up to 11 bits are gone: what is left may be too little for a match.
      have |= load<u64>(from) << count;
      from += (63 - count) >> 3;
      count |= 56;
    }
    if (entry & LINK) {
      entry = load<u32>(LITERALS + (((entry >> 11) + (<u32>(have >> PRIMARY_BITS) & ((1 << (entry & 15)) - 1))) << 2));
    }
    have >>= entry & 15;
    count -= entry & 15;
    if (entry & LITERAL) {
      store<u8>(to++, <u8>(entry >> 11));
      continue;
    }
    if (entry & OTHER) {
      if (entry >> 11 === 1) {
        inputAt = from;
        hold = have;
        held = count;
        outputAt = to;
        return isCut() ? DAMAGED : closeBlock();
      }
      break;
    }
    let extra = (entry >> 7) & 15;
    const length = (entry >> 11) + (<u32>have & ((1 << extra) - 1));
    have >>= extra;
    count -= extra;
    entry = load<u32>(DISTANCES + (<usize>(have & 511) << 2));
    if (entry & LINK) {
      entry = load<u32>(DISTANCES + (((entry >> 11) + (<u32>(have >> DISTANCE_BITS) & ((1 << (entry & 15)) - 1))) << 2));
    }
    if (entry & OTHER) break;
    have >>= entry & 15;
    count -= entry & 15;
    extra = (entry >> 7) & 15;
    const distance = (entry >> 11) + (<u32>have & ((1 << extra) - 1));
    have >>= extra;
    count -= extra;
    let source = to - distance;
    if (source < first) break;
    const end = to + length;
    if (distance >= 8) {
      do {
        store<u64>(to, load<u64>(source));
        to += 8;
        source += 8;
      } while (to < end);
    } else if (distance === 1) {
      const same = <u64>load<u8>(source) * 0x0101010101010101;
      do {
        store<u64>(to, same);
        to += 8;
      } while (to < end);
    } else {
      do {
        store<u8>(to++, load<u8>(source++));
      } while (to < end);
    }
    to = end;
  }
  inputAt = from;
  hold = have;
  held = count;
  outputAt = to;
  giveBack();
  return status;
}

/** The host wants the bits of the block that begins, should it turn out right. */
export function keepBlock(): void {
  isKeeping = true;
  blockBytes = 0;
  copyBlock();
}

/** Takes the block's bytes from the input, up to where the reader is. */
function copyBlock(): void {
  const count = <u32>(inputAt - copiedTo);
  if (blockBytes + count > BLOCK_BYTES) {
    isKeeping = false;
    return;
  }
  memory.copy(BLOCK + blockBytes, copiedTo, count);
  blockBytes += count;
  copiedTo = inputAt;
}

/** Lays the block that ended behind what is kept. False where it was not kept, or there is no room. */
export function addKept(): bool {
  if (closedEndBit === 0) return false;
  let left = closedEndBit - closedFirstBit;
  if (keptBits + left > (KEPT_BYTES - 64) * 8) return false;
  let from = closedFirstBit;
  let to = KEPT + (keptBits >> 3);
  const shift = <u64>(keptBits & 7);
  keptBits += left;
  let bits = <u64>load<u8>(to) & (((<u64>1) << shift) - 1);
  while (left >= 32) {
    bits |= ((load<u64>(BLOCK + (from >> 3)) >> (from & 7)) & 0xffffffff) << shift;
    store<u64>(to, bits);
    to += 4;
    bits >>= 32;
    from += 32;
    left -= 32;
  }
  const rest = (load<u64>(BLOCK + (from >> 3)) >> (from & 7)) & (((<u64>1) << left) - 1);
  store<u64>(to, bits | (rest << shift));
  return true;
}

/** Ends what is kept on a byte border, by an empty stored block (as Z_SYNC_FLUSH does), and gives its size in bytes. */
export function closeKept(): u32 {
  const end = KEPT + ((keptBits + 3 + 7) >> 3);
  const last = KEPT + (keptBits >> 3);
  store<u8>(last, <u8>(load<u8>(last) & ((<u32>1 << (keptBits & 7)) - 1)));
  if (end > last + 1) store<u8>(last + 1, 0);
  store<u32>(end, 0xffff0000);
  return <u32>(end - KEPT) + 4;
}

export function clearKept(): void {
  keptBits = 0;
}
