// A checksum of cached bytes: quick rather than standard, since a warm build takes it of every byte that it reads. AssemblyScript with
// 128-bit vectors, compiled to WebAssembly by `npm run wasm`, which writes src/base/checksum-wasm.ts. Its hosts are src/base/checksum.ts
// and the hashing thread.
//
// 32 lanes of 32 bits take a word each out of 128 bytes: lane = rotate(lane + word * SPREAD) * FACTOR, the step of XXH32. It is a
// bijection of the lane and of the word, so that any damage within one word is seen for certain; any other with a chance of 2^32 to 1,
// also where the same line of a memory or a bus fails again and again (with one product the highest bit of a word could cancel a bit of
// the next one). 15 GB/s where zlib's CRC-32 takes 4.5 (Node 20, one core). Against accidents alone: whoever may write to the cache
// can make a checksum fit.

/** The lanes between two calls, 128 bytes, and behind them what is left of the last 128. */
const LANES: usize = 0;
const REST: usize = 128;
/** Where the host may put bytes. */
export const ROOM: usize = 1024;

const STRIPE: u32 = 128;
const FACTOR: i32 = 0x9e3779b1;
const SPREAD: i32 = 0x85ebca77;
const ROTATION: i32 = 13;

let restBytes: u32 = 0;
let totalBytes: u32 = 0;

export function begin(): void {
  for (let i: u32 = 0; i < 32; i++) store<u32>(LANES + 4 * i, (i + 1) * 0xc2b2ae3d);
  restBytes = 0;
  totalBytes = 0;
}

/** The next bytes, anywhere in memory but before ROOM. */
export function add(at: usize, sizeBytes: u32): void {
  totalBytes += sizeBytes;
  let next = at;
  const end = at + sizeBytes;
  if (restBytes > 0) {
    const missing = min(STRIPE - restBytes, sizeBytes);
    memory.copy(REST + restBytes, next, missing);
    restBytes += missing;
    next += missing;
    if (restBytes < STRIPE) return;
    mixStripes(REST, REST + STRIPE);
  }
  const whole = next + ((end - next) & ~(STRIPE - 1));
  mixStripes(next, whole);
  restBytes = <u32>(end - whole);
  memory.copy(REST, whole, restBytes);
}

/** Of all bytes so far; more may follow. */
export function end(): u32 {
  let sum = mix(totalBytes, 0);
  for (let i: u32 = 0; i < 32; i++) sum = mix(sum, load<u32>(LANES + 4 * i));
  for (let i: u32 = 0; i < restBytes; i++) sum = mix(sum, load<u8>(REST + i));
  sum ^= sum >>> 15;
  sum *= <u32>SPREAD;
  return sum ^ (sum >>> 13);
}

function mix(sum: u32, word: u32): u32 {
  return rotl<u32>(sum + word * <u32>SPREAD, ROTATION) * <u32>FACTOR;
}

function mixStripes(start: usize, end: usize): void {
  let a = v128.load(LANES);
  let b = v128.load(LANES + 16);
  let c = v128.load(LANES + 32);
  let d = v128.load(LANES + 48);
  let e = v128.load(LANES + 64);
  let f = v128.load(LANES + 80);
  let g = v128.load(LANES + 96);
  let h = v128.load(LANES + 112);
  for (let at = start; at < end; at += STRIPE) {
    a = mixWords(a, v128.load(at));
    b = mixWords(b, v128.load(at + 16));
    c = mixWords(c, v128.load(at + 32));
    d = mixWords(d, v128.load(at + 48));
    e = mixWords(e, v128.load(at + 64));
    f = mixWords(f, v128.load(at + 80));
    g = mixWords(g, v128.load(at + 96));
    h = mixWords(h, v128.load(at + 112));
  }
  v128.store(LANES, a);
  v128.store(LANES + 16, b);
  v128.store(LANES + 32, c);
  v128.store(LANES + 48, d);
  v128.store(LANES + 64, e);
  v128.store(LANES + 80, f);
  v128.store(LANES + 96, g);
  v128.store(LANES + 112, h);
}

// @ts-ignore: decorator of AssemblyScript
@inline
function mixWords(lanes: v128, words: v128): v128 {
  const sums = i32x4.add(lanes, i32x4.mul(words, i32x4.splat(SPREAD)));
  const rotated = v128.or(i32x4.shl(sums, ROTATION), i32x4.shr_u(sums, 32 - ROTATION));
  return i32x4.mul(rotated, i32x4.splat(FACTOR));
}
