// What the hardening contract adds to a warm build: packages and layers are in the cache, their combination is new.
// Run: npm run build && STAVE_BENCH_CORPUS=DIR npm run bench -- contract (the corpus of bench/builds.ts)
// Runs with and without are interleaved; CPU time is what counts, since other work only ever adds to the rest.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PACKAGES =
  'baselayout ca-certificates tzdata python3 nodejs nginx-light redis-server git curl jq sqlite3 bash coreutils'.split(
    ' ',
  );
const ROUNDS = Number(process.env['STAVE_BENCH_ROUNDS'] ?? 7);
const program = join(process.env['STAVE_BENCH_ROOT'] as string, 'bin', 'stave.js');
const corpus = process.env['STAVE_BENCH_CORPUS'] ?? '';
if (!existsSync(join(corpus, 'corpus.rsa.pub'))) {
  throw new Error('STAVE_BENCH_CORPUS has to name a folder with corpus.rsa.pub and <arch>/APKINDEX.tar.gz');
}
const scratch = mkdtempSync(join(tmpdir(), 'stave-bench-contract-'));

function config(name: string, packages: readonly string[]): string {
  const path = join(scratch, `${name}.yaml`);
  const contents = { keyring: [join(corpus, 'corpus.rsa.pub')], repositories: [corpus], packages };
  writeFileSync(path, JSON.stringify({ contents, archs: ['x86_64', 'aarch64'] }));
  return path;
}

function build(image: string, cache: string, profile: string): { readonly cpuMs: number; readonly rssMiB: number } {
  const report = join(scratch, 'time');
  const words = ['build', image, 'example.com/bench:1', join(scratch, 'out.tar'), '--cache-dir', cache];
  const flags = ['--sbom-path', scratch, '--vcs=false', `--hardening=${profile}`];
  const { status, stderr } = spawnSync(
    '/usr/bin/time',
    ['-o', report, '-f', '%U %S %M', process.execPath, program, ...words, ...flags],
    { cwd: scratch, env: { PATH: process.env['PATH'], HOME: scratch, CI: '1' }, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  const [user = 0, system = 0, kib = 0] = readFileSync(report, 'utf8').trim().split(' ').map(Number);
  return { cpuMs: (user + system) * 1000, rssMiB: kib / 1024 };
}

const cache = join(scratch, 'cache');
const halves = [PACKAGES.slice(0, 6), ['baselayout', ...PACKAGES.slice(6)]];
for (const [i, half] of halves.entries()) build(config(`half-${i}`, half), cache, 'default');
const image = config('image', PACKAGES);

const PROFILES = ['off', 'default'] as const;
const runs = PROFILES.map((): ReturnType<typeof build>[] => []);
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, profile] of PROFILES.entries()) {
    const copy = `${cache}-${round}-${profile}`;
    execFileSync('cp', ['-al', cache, copy]);
    runs[i]?.push(build(image, copy, profile));
  }
}
for (const [i, profile] of PROFILES.entries()) {
  const figures = (['cpuMs', 'rssMiB'] as const).map((key) => {
    const sorted = (runs[i] ?? []).map((run) => run[key]).sort((a, b) => a - b);
    return `${key} ${Math.round(sorted[0] ?? 0)} to ${Math.round(sorted[sorted.length >> 1] ?? 0)}`;
  });
  console.log(`--hardening=${profile}: ${figures.join(', ')} (least and median of ${ROUNDS})`);
}
rmSync(scratch, { recursive: true, force: true });
