// How long reading a big index and solving nine wishes takes: cold (one pass over the text) and with the compact form that
// a cache keeps. The big index is a real one with the versions of every package multiplied to about 100,000 entries.
// Run: npx esbuild bench/solver.ts --bundle --platform=node --format=esm --outfile=/tmp/solver-bench.mjs && \
//      node --expose-gc /tmp/solver-bench.mjs PATH/TO/APKINDEX.tar.gz   (or the path in STAVE_BENCH_INDEX)

import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { parseCompact, printCompact } from '../src/formats/apk/index-compact.ts';
import { ApkIndex } from '../src/formats/apk/index-lookup.ts';
import { resolveWanted, resolveWorld } from '../src/planning/solver/resolve.ts';

const ENTRIES = 100_000;
const RUNS = 7;
const WISHES = ['bash', 'ca-certificates', 'curl', 'git', 'nginx', 'openssh', 'python3', 'redis', 'tzdata'];
/** The reference on such an index, read and solved: what issue 3 measured. */
const REFERENCE = { ms: 500, mib: 160 };

/** The APKINDEX text in the archive: everything from the tar entry of that name. */
function readIndexText(path: string): Buffer {
  const tar = gunzipSync(readFileSync(path));
  for (let at = 0; at + 512 <= tar.length; ) {
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*/s, '');
    const sizeBytes = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8) || 0;
    if (name === 'APKINDEX') return tar.subarray(at + 512, at + 512 + sizeBytes);
    at += 512 + Math.ceil(sizeBytes / 512) * 512;
  }
  throw new Error(`no APKINDEX in ${path}`);
}

function multiply(text: Buffer): Buffer {
  const records = text
    .toString('utf8')
    .split('\n\n')
    .filter((record) => record.includes('P:'));
  const copies = Math.ceil(ENTRIES / records.length);
  const out: string[] = [];
  for (const record of records) {
    for (let copy = 0; copy < copies; copy++) {
      // Revisions stay in order, and the first copy keeps its version for those who depend on exactly that.
      out.push(
        copy === 0 ? record : record.replace(/^(V:.*-r)(\d+)$/m, (_, head, n) => `${head}${Number(n) * 100 + copy}`),
      );
    }
  }
  return Buffer.from(`${out.join('\n\n')}\n\n`);
}

function median(work: () => void): number {
  const times = Array.from({ length: RUNS }, () => {
    globalThis.gc?.();
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[RUNS >> 1] ?? Number.NaN;
}

function solve(index: ApkIndex): number {
  const architecture = { arch: 'amd64', repositories: [{ url: './repo', tag: '', index }] };
  const pass1 = resolveWanted({ wanted: WISHES, architectures: [architecture], together: true });
  if (!pass1.ok) throw new Error(pass1.explanation.sentence);
  const pass2 = resolveWorld(pass1.perArch[0]?.locked ?? [], architecture);
  if (!pass2.ok) throw new Error(pass2.explanation.sentence);
  return pass2.packages.length;
}

const path = process.argv[2] ?? process.env['STAVE_BENCH_INDEX'];
if (path === undefined) throw new Error('give the path of an APKINDEX.tar.gz');
const text = multiply(readIndexText(path));
const compressed = gzipSync(text);
const compact = printCompact(new ApkIndex(text, 'bench'));
const fromCompact = () => {
  const index = parseCompact(compact, text, 'bench');
  if (index === undefined) throw new Error('the compact form was refused');
  return index;
};

/** Bytes in use after a collection, buffers included. */
function usedBytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const before = usedBytes();
const index = new ApkIndex(text, 'bench');
const packages = solve(index);
const held = usedBytes() - before + index.text.length;

const unpack = median(() => gunzipSync(compressed));
const pass = median(() => new ApkIndex(text, 'bench'));
const cold = median(() => solve(new ApkIndex(text, 'bench')));
const warm = median(() => solve(fromCompact()));

const ms = (value: number) => `${value.toFixed(0).padStart(6)} ms`;
const ratio = (value: number) => `${(REFERENCE.ms / value).toFixed(1)} x the reference's speed`;
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
console.log(
  `index           ${mib(text.length)} text, compact form ${mib(compact.length)}, ${packages} packages solved`,
);
console.log(`unpack          ${ms(unpack)}`);
console.log(`one pass        ${ms(pass)}`);
console.log(`cold, in all    ${ms(unpack + cold)}   ${ratio(unpack + cold)}`);
console.log(`compact form    ${ms(warm)}   ${ratio(warm)}, ${((unpack + cold) / warm).toFixed(1)} x cold`);
console.log(`memory held     ${mib(held)} after solving, text included (reference: ${REFERENCE.mib} MiB at its peak)`);
