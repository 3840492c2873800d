// Deflates one piece of a layer (RFC 1951): up to 1 MiB that refers to nothing before it and ends on a byte border without ending the
// stream. AssemblyScript, compiled to WebAssembly by `npm run wasm`, which writes src/formats/gzip/deflate-piece-wasm.ts. Its host is
// src/formats/gzip/piece-deflater.ts; nobody else calls it.
//
// Why not zlib: its bytes are those of the zlib that a Node happens to be built with, a stream of its own for each piece costs as much
// as deflating 20 KB, and one that is reset gives other bytes (it hashes what the piece before left behind the end of the input).
// Here the bytes depend on the input alone, on every machine. A change here changes every layer: raise the version in compression.ts.
//
// Hash chains over four bytes and lazy matching, as zlib does it at level 4. On the pieces of a corpus of packages: 153 MB/s where zlib
// takes 99 at level 4, for 0.4 % fewer bytes (Node 20).

// Memory, in bytes. The host relies on the exported ones.
const KIB: u32 = 1024;
/** By the hash of four bytes: the last position that had it. */
const HEAD_BITS: u32 = 16;
const HEADS: usize = 64 * KIB;
/** By position: the one before that had the same hash. */
const CHAIN: usize = HEADS + (4 << HEAD_BITS);
const WINDOW: u32 = 32 * KIB;
/** What the block at hand consists of, 4 bytes each: a literal, or a match. */
const SYMBOLS: usize = CHAIN + 4 * WINDOW;
/** Codes are made anew after so many symbols. 24 Ki: 0.6 % larger, and no quicker. */
const BLOCK_SYMBOLS: u32 = 8 * KIB;
/** Of literals and lengths, and of distances: how often, and code with its number of bits above it. 4 bytes each. */
const LITERAL_COUNTS: usize = SYMBOLS + 4 * BLOCK_SYMBOLS + 64;
const DISTANCE_COUNTS: usize = LITERAL_COUNTS + 4 * 288;
const LITERAL_CODES: usize = DISTANCE_COUNTS + 4 * 32;
const DISTANCE_CODES: usize = LITERAL_CODES + 4 * 288;
const RUN_COUNTS: usize = DISTANCE_CODES + 4 * 32;
const RUN_CODES: usize = RUN_COUNTS + 4 * 32;
/** Lengths of codes, a byte each: literals, distances behind them, then those of the codes that tell these. */
const LENGTHS: usize = RUN_CODES + 4 * 32;
const RUN_LENGTHS: usize = LENGTHS + 512;
/** How the lengths are told: a symbol and its extra bits, 2 bytes each. */
const RUNS: usize = RUN_LENGTHS + 64;
/** To sort the symbols of a code: frequency and symbol, 4 bytes each. */
const SORTED: usize = RUNS + 1024;
const SORTING: usize = SORTED + 4 * 320;
const BUCKETS: usize = SORTING + 4 * 320;
/** By length of a match: its symbol. */
const LENGTH_SYMBOLS: usize = BUCKETS + 1024;

const PIECE_BYTES: u32 = 1024 * KIB;
export const INPUT: usize = 768 * KIB;
/** Stored blocks add 5 bytes to 64 KiB, the mark at the end 6, and 8 bytes are written at a time. */
export const OUTPUT: usize = INPUT + PIECE_BYTES + KIB;

const SHORTEST: u32 = 4;
const LONGEST: u32 = 258;
/** A match of so many bytes is taken without looking further. */
const NICE: u32 = 24;
/** Positions of a chain that are looked at. 8: 1 % smaller, 8 % slower. */
const DEPTH: u32 = 4;
/** From this length on the next position is not tried for a longer match. */
const LAZY: u32 = 12;
/** Positions that are looked at for a longer match. */
const LAZY_DEPTH: u32 = 1;

const MATCH: u32 = 0x80000000;
const END_OF_BLOCK: u32 = 256;

/** Positions grow from piece to piece, so that heads are cleared but seldom: what is below `first` is of an earlier one. */
let first: u32 = 0;
const CLEARED_AFTER: u32 = 64 * KIB * KIB;
let isReady: bool = false;

let outputAt: usize = 0;
let hold: u64 = 0;
let held: u32 = 0;

let symbolEnd: usize = 0;
let matchLength: u32 = 0;
let matchDistance: u32 = 0;

/** Deflates what the host has put at INPUT; the size of what is at OUTPUT then. */
export function deflate(sizeBytes: u32): u32 {
  if (!isReady) prepare();
  if (first > CLEARED_AFTER) {
    memory.fill(HEADS, 0, 4 << HEAD_BITS);
    first = 0;
  }
  first += WINDOW;
  outputAt = OUTPUT;
  hold = 0;
  held = 0;
  for (let at: u32 = 0; at < sizeBytes; ) at = deflateBlock(at, sizeBytes);
  first += sizeBytes;
  // An empty stored block, as Z_SYNC_FLUSH ends with.
  put(0, 3);
  alignToByte();
  store<u32>(outputAt, 0xffff0000);
  return <u32>(outputAt + 4 - OUTPUT);
}

function prepare(): void {
  isReady = true;
  for (let symbol: u32 = 0; symbol < 29; symbol++) {
    const base = <u32>load<u16>(LENGTH_BASES + (symbol << 1));
    const end = symbol === 28 ? LONGEST + 1 : symbol === 27 ? LONGEST : <u32>load<u16>(LENGTH_BASES + ((symbol + 1) << 1));
    for (let length = base; length < end; length++) store<u8>(LENGTH_SYMBOLS + length, <u8>symbol);
  }
}

/** Deflates from `at` on until a block is full. Where the next one begins. */
function deflateBlock(at: u32, sizeBytes: u32): u32 {
  const start = at;
  memory.fill(LITERAL_COUNTS, 0, 4 * (288 + 32));
  symbolEnd = SYMBOLS;
  const lastSymbol = SYMBOLS + 4 * (BLOCK_SYMBOLS - 2);
  while (at < sizeBytes && symbolEnd < lastSymbol) {
    if (sizeBytes - at < SHORTEST + 1) {
      addLiteral(at++);
      continue;
    }
    findMatch(at, sizeBytes, SHORTEST - 1, DEPTH);
    if (matchLength < SHORTEST) {
      addLiteral(at++);
      continue;
    }
    let length = matchLength;
    let distance = matchDistance;
    let from = at;
    while (length < LAZY && sizeBytes - from > SHORTEST + 1) {
      findMatch(from + 1, sizeBytes, length, LAZY_DEPTH);
      from++;
      if (matchLength <= length) break;
      addLiteral(at);
      at++;
      length = matchLength;
      distance = matchDistance;
    }
    addMatch(length, distance);
    const end = at + length;
    const last = min<u32>(end, sizeBytes - SHORTEST);
    for (let next = from + 1; next < last; next++) insert(next);
    at = end;
  }
  writeBlock(start, at);
  return at;
}

@inline
function hashAt(at: u32): usize {
  return HEADS + (<usize>((load<u32>(INPUT + at) * 0x9e3779b1) >> (32 - HEAD_BITS)) << 2);
}

@inline
function insert(at: u32): void {
  const head = hashAt(at);
  const position = first + at;
  store<u32>(CHAIN + ((position & (WINDOW - 1)) << 2), load<u32>(head));
  store<u32>(head, position);
}

/** The longest match at `at` that is longer than `best`; makes its position known. At least 4 bytes must follow. */
@inline
function findMatch(at: u32, sizeBytes: u32, best: u32, depth: u32): void {
  const head = hashAt(at);
  const position = first + at;
  let candidate = load<u32>(head);
  store<u32>(CHAIN + ((position & (WINDOW - 1)) << 2), candidate);
  store<u32>(head, position);
  const most = min<u32>(LONGEST, sizeBytes - at);
  const nice = min<u32>(NICE, most);
  matchLength = best;
  if (best >= most) return;
  const lowest = max<u32>(first, position - (WINDOW - 1));
  const here = INPUT + at;
  const begin = load<u32>(here);
  let end = load<u32>(here + best - 3);
  while (candidate >= lowest) {
    const there = INPUT + (candidate - first);
    if (load<u32>(there + best - 3) === end && load<u32>(there) === begin) {
      const length = commonBytes(here, there, most);
      if (length > best) {
        best = length;
        matchLength = length;
        matchDistance = position - candidate;
        if (length >= nice) return;
        end = load<u32>(here + best - 3);
      }
    }
    if (--depth === 0) return;
    candidate = load<u32>(CHAIN + ((candidate & (WINDOW - 1)) << 2));
  }
}

/** Of which the first four are known to be equal. */
@inline
function commonBytes(here: usize, there: usize, most: u32): u32 {
  let length: u32 = 4;
  while (length < most) {
    const difference = load<u64>(here + length) ^ load<u64>(there + length);
    if (difference !== 0) return min<u32>(most, length + <u32>(ctz(difference) >> 3));
    length += 8;
  }
  return most;
}

@inline
function addLiteral(at: u32): void {
  const byte = <u32>load<u8>(INPUT + at);
  store<u32>(symbolEnd, byte);
  symbolEnd += 4;
  count(LITERAL_COUNTS, byte);
}

@inline
function addMatch(length: u32, distance: u32): void {
  store<u32>(symbolEnd, MATCH | (length << 16) | (distance - 1));
  symbolEnd += 4;
  count(LITERAL_COUNTS, 257 + <u32>load<u8>(LENGTH_SYMBOLS + length));
  count(DISTANCE_COUNTS, distanceSymbol(distance - 1));
}

@inline
function count(counts: usize, symbol: u32): void {
  const at = counts + (symbol << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** Of a distance less one. */
@inline
function distanceSymbol(distance: u32): u32 {
  if (distance < 4) return distance;
  const top = 31 - clz(distance);
  return (top << 1) + ((distance >> (top - 1)) & 1);
}

/** As dynamic codes have it, or stored where that takes less. */
function writeBlock(start: u32, end: u32): void {
  store<u32>(LITERAL_COUNTS + 4 * END_OF_BLOCK, 1);
  makeLengths(LITERAL_COUNTS, LENGTHS, 286, 15);
  let literals: u32 = 286;
  while (literals > 257 && load<u8>(LENGTHS + literals - 1) === 0) literals--;
  // Behind the literals, as they are told.
  makeLengths(DISTANCE_COUNTS, LENGTHS + literals, 30, 15);
  let distances: u32 = 30;
  while (distances > 1 && load<u8>(LENGTHS + literals + distances - 1) === 0) distances--;
  const runs = findRuns(literals + distances);
  makeLengths(RUN_COUNTS, RUN_LENGTHS, 19, 7);
  let runCodes: u32 = 19;
  while (runCodes > 4 && load<u8>(RUN_LENGTHS + <usize>load<u8>(RUN_ORDER + runCodes - 1)) === 0) runCodes--;

  let bits: u32 = 17 + 3 * runCodes;
  for (let i: u32 = 0; i < 19; i++) {
    bits += load<u32>(RUN_COUNTS + (i << 2)) * (<u32>load<u8>(RUN_LENGTHS + i) + runExtra(i));
  }
  for (let i: u32 = 0; i < literals; i++) {
    const extra = i < 257 ? 0 : <u32>load<u8>(LENGTH_EXTRAS + i - 257);
    bits += load<u32>(LITERAL_COUNTS + (i << 2)) * (<u32>load<u8>(LENGTHS + i) + extra);
  }
  for (let i: u32 = 0; i < distances; i++) {
    bits += load<u32>(DISTANCE_COUNTS + (i << 2)) * (<u32>load<u8>(LENGTHS + literals + i) + distanceExtra(i));
  }
  const sizeBytes = end - start;
  if (bits >= 8 * sizeBytes + 40 * ((sizeBytes + 0xfffe) / 0xffff)) {
    writeStored(start, end);
    return;
  }
  put(2 << 1, 3);
  put((literals - 257) | ((distances - 1) << 5) | ((runCodes - 4) << 10), 14);
  for (let i: u32 = 0; i < runCodes; i++) put(<u32>load<u8>(RUN_LENGTHS + <usize>load<u8>(RUN_ORDER + i)), 3);
  makeCodes(RUN_LENGTHS, RUN_CODES, 19);
  for (let i: u32 = 0; i < runs; i++) {
    const symbol = <u32>load<u8>(RUNS + (i << 1));
    const code = load<u32>(RUN_CODES + (symbol << 2));
    put(code & 0xffff, code >> 16);
    put(<u32>load<u8>(RUNS + (i << 1) + 1), runExtra(symbol));
  }
  makeCodes(LENGTHS, LITERAL_CODES, literals);
  makeCodes(LENGTHS + literals, DISTANCE_CODES, distances);
  writeSymbols();
}

function writeStored(start: u32, end: u32): void {
  for (let at = start; at < end; ) {
    const sizeBytes = min<u32>(end - at, 0xffff);
    put(0, 3);
    alignToByte();
    store<u32>(outputAt, sizeBytes | ((sizeBytes ^ 0xffff) << 16));
    memory.copy(outputAt + 4, INPUT + at, sizeBytes);
    outputAt += 4 + sizeBytes;
    at += sizeBytes;
  }
}

function writeSymbols(): void {
  let to = outputAt;
  let have = hold;
  let bits = held;
  for (let at = SYMBOLS; at < symbolEnd; at += 4) {
    const symbol = load<u32>(at);
    if ((symbol & MATCH) === 0) {
      const code = load<u32>(LITERAL_CODES + (symbol << 2));
      have |= <u64>(code & 0xffff) << bits;
      bits += code >> 16;
    } else {
      const length = (symbol >> 16) & 0x7fff;
      const lengthSymbol = <u32>load<u8>(LENGTH_SYMBOLS + length);
      let code = load<u32>(LITERAL_CODES + ((257 + lengthSymbol) << 2));
      have |= <u64>(code & 0xffff) << bits;
      bits += code >> 16;
      have |= <u64>(length - <u32>load<u16>(LENGTH_BASES + (lengthSymbol << 1))) << bits;
      bits += <u32>load<u8>(LENGTH_EXTRAS + lengthSymbol);
      const distance = symbol & 0xffff;
      const place = distanceSymbol(distance);
      code = load<u32>(DISTANCE_CODES + (place << 2));
      have |= <u64>(code & 0xffff) << bits;
      bits += code >> 16;
      const extra = distanceExtra(place);
      have |= <u64>(distance & ((1 << extra) - 1)) << bits;
      bits += extra;
    }
    // A match takes at most 48 bits.
    if (bits >= 16) {
      store<u64>(to, have);
      to += bits >> 3;
      have >>= bits & 56;
      bits &= 7;
    }
  }
  outputAt = to;
  hold = have;
  held = bits;
  const code = load<u32>(LITERAL_CODES + 4 * END_OF_BLOCK);
  put(code & 0xffff, code >> 16);
}

/** At most 32 bits. */
@inline
function put(value: u32, bits: u32): void {
  hold |= <u64>value << held;
  held += bits;
  store<u64>(outputAt, hold);
  outputAt += held >> 3;
  hold >>= held & 56;
  held &= 7;
}

@inline
function alignToByte(): void {
  if (held > 0) outputAt++;
  hold = 0;
  held = 0;
}

@inline
function distanceExtra(symbol: u32): u32 {
  return symbol < 4 ? 0 : (symbol >> 1) - 1;
}

@inline
function runExtra(symbol: u32): u32 {
  return symbol < 16 ? 0 : symbol === 16 ? 2 : symbol === 17 ? 3 : 7;
}

/** The code lengths at LENGTHS as runs; counts their symbols. How many there are. */
function findRuns(total: u32): u32 {
  memory.fill(RUN_COUNTS, 0, 4 * 19);
  let runs: u32 = 0;
  for (let at: u32 = 0; at < total; ) {
    const length = load<u8>(LENGTHS + at);
    let times: u32 = 1;
    while (at + times < total && load<u8>(LENGTHS + at + times) === length) times++;
    at += times;
    if (length !== 0) {
      addRun(runs++, length, 0);
      times--;
      for (; times >= 3; runs++) {
        const some = min<u32>(times, 6);
        addRun(runs, 16, some - 3);
        times -= some;
      }
    } else {
      for (; times >= 3; runs++) {
        const some = min<u32>(times, 138);
        if (some < 11) addRun(runs, 17, some - 3);
        else addRun(runs, 18, some - 11);
        times -= some;
      }
    }
    for (; times > 0; times--) addRun(runs++, length, 0);
  }
  return runs;
}

@inline
function addRun(index: u32, symbol: u32, extra: u32): void {
  store<u8>(RUNS + (index << 1), <u8>symbol);
  store<u8>(RUNS + (index << 1) + 1, <u8>extra);
  count(RUN_COUNTS, symbol);
}

/** Lengths of a prefix code with the least bits, none longer than `longest`. At least two symbols get one, used or not. */
function makeLengths(counts: usize, lengths: usize, symbols: u32, longest: u32): void {
  memory.fill(lengths, 0, symbols);
  let used: u32 = 0;
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const frequency = load<u32>(counts + (symbol << 2));
    if (frequency > 0) store<u32>(SORTED + (used++ << 2), (frequency << 9) | symbol);
  }
  if (used < 2) {
    const only = used === 0 ? 0 : load<u32>(SORTED) & 511;
    store<u8>(lengths + only, 1);
    store<u8>(lengths + (only === 0 ? 1 : 0), 1);
    return;
  }
  // Frequencies are below 64 Ki: twice by 8 bits.
  sortBy(SORTED, SORTING, used, 9);
  sortBy(SORTING, SORTED, used, 17);
  // Depths in place of frequencies (Moffat and Katajainen); symbols stay where they are, in SORTING.
  for (let i: u32 = 0; i < used; i++) {
    const one = load<u32>(SORTED + (i << 2));
    store<u32>(SORTING + (i << 2), one & 511);
    store<u32>(SORTED + (i << 2), one >> 9);
  }
  findDepths(used);
  memory.fill(BUCKETS, 0, 4 * 64);
  for (let i: u32 = 0; i < used; i++) count(BUCKETS, min<u32>(longest, load<u32>(SORTED + (i << 2))));
  // Codes that were cut take more than there is: others get longer until it fits.
  let taken: u32 = 0;
  for (let length: u32 = 1; length <= longest; length++) taken += load<u32>(BUCKETS + (length << 2)) << (longest - length);
  for (; taken > <u32>1 << longest; taken--) {
    let length = longest - 1;
    while (load<u32>(BUCKETS + (length << 2)) === 0) length--;
    store<u32>(BUCKETS + (length << 2), load<u32>(BUCKETS + (length << 2)) - 1);
    store<u32>(BUCKETS + ((length + 1) << 2), load<u32>(BUCKETS + ((length + 1) << 2)) + 2);
    store<u32>(BUCKETS + (longest << 2), load<u32>(BUCKETS + (longest << 2)) - 1);
  }
  let at = used;
  for (let length: u32 = 1; length <= longest; length++) {
    for (let left = load<u32>(BUCKETS + (length << 2)); left > 0; left--) {
      at--;
      store<u8>(lengths + load<u32>(SORTING + (at << 2)), <u8>length);
    }
  }
}

/** By the 8 bits from `shift` on, equal ones in their order. */
function sortBy(from: usize, to: usize, entries: u32, shift: u32): void {
  memory.fill(BUCKETS, 0, 1024);
  for (let i: u32 = 0; i < entries; i++) count(BUCKETS, (load<u32>(from + (i << 2)) >> shift) & 255);
  let sum: u32 = 0;
  for (let i: u32 = 0; i < 256; i++) {
    const here = load<u32>(BUCKETS + (i << 2));
    store<u32>(BUCKETS + (i << 2), sum);
    sum += here;
  }
  for (let i: u32 = 0; i < entries; i++) {
    const entry = load<u32>(from + (i << 2));
    const bucket = BUCKETS + (((entry >> shift) & 255) << 2);
    const place = load<u32>(bucket);
    store<u32>(bucket, place + 1);
    store<u32>(to + (place << 2), entry);
  }
}

@inline
function sorted(index: u32): u32 {
  return load<u32>(SORTED + (index << 2));
}
@inline
function setSorted(index: u32, value: u32): void {
  store<u32>(SORTED + (index << 2), value);
}

/** Frequencies, least first, become depths in the tree. */
function findDepths(n: u32): void {
  let leaf: u32 = 0;
  let root: u32 = 0;
  for (let next: u32 = 0; next < n - 1; next++) {
    let sum: u32 = 0;
    for (let child = 0; child < 2; child++) {
      if (leaf >= n || (root < next && sorted(root) < sorted(leaf))) {
        sum += sorted(root);
        setSorted(root++, next);
      } else sum += sorted(leaf++);
    }
    setSorted(next, sum);
  }
  // Parents become depths of the inner nodes, the root last.
  setSorted(n - 2, 0);
  for (let next: i32 = <i32>n - 3; next >= 0; next--) setSorted(next, sorted(sorted(next)) + 1);
  let open: u32 = 1;
  let depth: u32 = 0;
  let inner: i32 = <i32>n - 2;
  let next: i32 = <i32>n - 1;
  while (open > 0) {
    let used: u32 = 0;
    while (inner >= 0 && sorted(inner) === depth) {
      used++;
      inner--;
    }
    for (; open > used; open--) setSorted(next--, depth);
    open = 2 * used;
    depth++;
  }
}

/** Canonical codes, first bit lowest, with their number of bits from bit 16 on. */
function makeCodes(lengths: usize, codes: usize, symbols: u32): void {
  memory.fill(BUCKETS, 0, 64);
  for (let i: u32 = 0; i < symbols; i++) count(BUCKETS, <u32>load<u8>(lengths + i));
  store<u32>(BUCKETS, 0);
  let code: u32 = 0;
  let before: u32 = 0;
  for (let length: u32 = 1; length <= 15; length++) {
    code = (code + before) << 1;
    before = load<u32>(BUCKETS + (length << 2));
    store<u32>(BUCKETS + (length << 2), code);
  }
  for (let i: u32 = 0; i < symbols; i++) {
    const length = <u32>load<u8>(lengths + i);
    if (length === 0) continue;
    const at = BUCKETS + (length << 2);
    const own = load<u32>(at);
    store<u32>(at, own + 1);
    store<u32>(codes + (i << 2), reverse(own, length) | (length << 16));
  }
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

/** The order in which lengths of the run codes are told. */
const RUN_ORDER = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);
const LENGTH_BASES = memory.data<u16>([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
]);
const LENGTH_EXTRAS = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]);
