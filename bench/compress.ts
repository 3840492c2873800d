// Speed and size of the layer compressor, beside plain gzip and the choices that were not taken.
// Run: npm run bench -- compress FILE.tar

import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { constants, deflateRaw, gzip } from 'node:zlib';
import { compressLayer } from '../src/effects/output/compress-layer.ts';

const ROUNDS = 3;

async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

/** What dictionaries across the pieces would give: 8 in flight, as the compressor has. */
async function chained(bytes: Uint8Array, level: number): Promise<number> {
  const piece = 1024 * 1024;
  const inFlight: Promise<Uint8Array>[] = [];
  let size = 0;
  for (let at = 0; at < bytes.length; at += piece) {
    const dictionary = at === 0 ? undefined : bytes.subarray(at - 32 * 1024, at);
    const options = { level, finishFlush: constants.Z_SYNC_FLUSH, ...(dictionary && { dictionary }) };
    inFlight.push(promisify(deflateRaw)(bytes.subarray(at, at + piece), options) as Promise<Uint8Array>);
    if (inFlight.length === 8) size += (await (inFlight.shift() as Promise<Uint8Array>)).length;
  }
  for (const deflated of inFlight) size += (await deflated).length;
  return size;
}

const cases: readonly (readonly [string, (bytes: Uint8Array) => Promise<number>])[] = [
  ...[1, 4, 6].map(
    (level) =>
      [
        `compressLayer, level ${level}`,
        async (bytes: Uint8Array) => (await compressLayer(inChunks(bytes, 64 * 1024), () => {}, { level })).sizeBytes,
      ] as const,
  ),
  ['pieces with dictionary, level 4, no hashes', (bytes) => chained(bytes, 4)],
  ['one gzip stream, level 4, no hashes', async (bytes) => (await promisify(gzip)(bytes, { level: 4 })).length],
];

const file = process.argv[2];
if (file === undefined) throw new Error('usage: bench/compress.ts FILE.tar');
const bytes = readFileSync(file);
const best = new Map<string, { wallMs: number; cpuMs: number; size: number }>();
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, compress] of cases) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    const size = await compress(bytes);
    const wallMs = performance.now() - start;
    const used = process.cpuUsage(cpu);
    const cpuMs = (used.user + used.system) / 1000;
    if (wallMs < (best.get(name)?.wallMs ?? Number.POSITIVE_INFINITY)) best.set(name, { wallMs, cpuMs, size });
  }
}
console.log(`${bytes.length} bytes, best of ${ROUNDS}`);
for (const [name, { wallMs, cpuMs, size }] of best) {
  const figures = [
    `ratio ${(bytes.length / size).toFixed(4)}`,
    `${wallMs.toFixed(0)} ms`,
    `cpu ${cpuMs.toFixed(0)} ms`,
    `${(bytes.length / 1000 / cpuMs).toFixed(0)} MB/cpu-s`,
  ];
  console.log(`${name.padEnd(45)} ${figures.join('  ')}`);
}
