// Whole builds as a user runs them, ours beside a peer: the tables of bench/results.md.
// Run: npm run build && STAVE_BENCH_CORPUS=DIR [STAVE_BENCH_APKO=BINARY] npm run bench [-- --write]
// DIR: a signed apk repository for x86_64 and aarch64 with the packages below and their key `corpus.rsa.pub`. With --make-corpus it is
// made there out of Debian's packages, by the script STAVE_BENCH_DEBS2APKS or the one that lies beside the project (it needs
// python3 with pyelftools and cryptography, and apt-get download for amd64 and arm64).
// Runs are interleaved; each figure is the least and the median of its rounds, since other work only ever adds time.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { startDockerRegistry } from '../test/support/docker-registry.ts';

const PACKAGES =
  'baselayout ca-certificates tzdata python3 nodejs nginx-light redis-server git curl jq sqlite3 bash coreutils'.split(
    ' ',
  );
const ROUNDS = Number(process.env['STAVE_BENCH_ROUNDS'] ?? 5);
const root = process.env['STAVE_BENCH_ROOT'] as string;
const corpus = process.env['STAVE_BENCH_CORPUS'] ?? '';
const KEY_FILE = join(corpus, 'corpus.rsa.pub');
if (corpus !== '' && !existsSync(KEY_FILE) && process.argv.includes('--make-corpus')) {
  const maker = process.env['STAVE_BENCH_DEBS2APKS'] ?? join(root, '..', 'shared', 'corpus', 'debs2apks');
  const words = [maker, '--no-doc', corpus, 'x86_64,aarch64', 'busybox-static', ...PACKAGES.slice(1)];
  execFileSync('python3', words, { stdio: ['ignore', 'inherit', 'inherit'] });
}
if (!existsSync(KEY_FILE)) {
  throw new Error(
    'STAVE_BENCH_CORPUS has to name a folder with corpus.rsa.pub and <arch>/APKINDEX.tar.gz, or one for --make-corpus',
  );
}

const scratch = mkdtempSync(join(tmpdir(), 'stave-bench-builds-'));

function config(name: string, packages: readonly string[]): string {
  const path = join(scratch, `${name}.yaml`);
  const contents = { keyring: [KEY_FILE], repositories: [corpus], packages };
  // A program that is in the image: without it the contract would be broken.
  const cmd = packages.includes('bash') ? '/bin/bash' : '/usr/bin/python3';
  writeFileSync(path, JSON.stringify({ contents, cmd, archs: ['x86_64', 'aarch64'] }));
  return path;
}

const IMAGE = config('image', PACKAGES);
const HALVES = [PACKAGES.slice(0, 6), ['baselayout', ...PACKAGES.slice(6)]].map((half, i) => config(`half-${i}`, half));
const WITHOUT_ONE = config(
  'without-one',
  PACKAGES.filter((name) => name !== 'jq'),
);
const SMALL = config('small', ['baselayout', 'python3']);

interface Tool {
  readonly name: string;
  readonly command: readonly string[];
  readonly buildFlags: readonly string[];
}

const peer = process.env['STAVE_BENCH_APKO'];
const TOOLS: readonly Tool[] = [
  { name: 'stave', command: [process.execPath, join(root, 'bin', 'stave.js')], buildFlags: ['--vcs=false'] },
  ...(peer === undefined ? [] : [{ name: 'peer', command: [peer], buildFlags: ['--vcs=false'] }]),
];

interface Measured {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssMiB: number;
}

/** One run under GNU time. */
function run(tool: Tool, words: readonly string[]): Measured {
  const report = join(scratch, 'time');
  const started = performance.now();
  const { status, stderr } = spawnSync('/usr/bin/time', ['-o', report, '-f', '%U %S %M', ...tool.command, ...words], {
    cwd: scratch,
    env: { PATH: process.env['PATH'], HOME: scratch, CI: '1' },
    encoding: 'utf8',
  });
  const wallMs = performance.now() - started;
  if (status !== 0) throw new Error(`${tool.name} ${words.join(' ')}: ${stderr}`);
  const [user = 0, system = 0, kib = 0] = readFileSync(report, 'utf8').trim().split(' ').map(Number);
  return { wallMs, cpuMs: (user + system) * 1000, rssMiB: kib / 1024 };
}

const cacheOf = (tool: Tool, name: string) => join(scratch, `${tool.name}-${name}`);
/** One for each, lest one tool has to replace what the other wrote. */
const outputOf = (tool: Tool) => join(scratch, `${tool.name}.tar`);
const build = (tool: Tool, image: string, cache: string) =>
  run(tool, [
    'build',
    image,
    'example.com/bench:1',
    outputOf(tool),
    '--cache-dir',
    cache,
    '--sbom-path',
    scratch,
    ...tool.buildFlags,
  ]);

let copies = 0;

/**
 * A cache that has seen these images; a copy by hard links for each run, since caches replace files and never change them.
 * Copies go at the very end: ext4 makes new files slowly for seconds after many were removed.
 */
function primed(tool: Tool, images: readonly string[]): () => string {
  const name = ['cache', ...images.map((image) => basename(image, '.yaml'))].join('-');
  const source = cacheOf(tool, name);
  if (!existsSync(source)) {
    mkdirSync(source, { recursive: true });
    for (const image of images) build(tool, image, source);
  }
  return () => {
    const copy = cacheOf(tool, `${name}-${copies++}`);
    execFileSync('cp', ['-al', source, copy]);
    return copy;
  };
}

interface Work {
  readonly name: string;
  /** Makes what is needed once; the function it returns is one run. */
  readonly prepare: (tool: Tool) => () => Measured;
}

/** `keep`: the archive of the build before is still there. */
const builds = (name: string, images: readonly string[], image = IMAGE, keep = false): Work => ({
  name,
  prepare: (tool) => {
    const fresh = primed(tool, images);
    if (keep) {
      const cache = fresh();
      return () => build(tool, image, cache);
    }
    return () => {
      const cache = fresh();
      rmSync(outputOf(tool), { force: true });
      return build(tool, image, cache);
    };
  },
});

/** Once before it counts, to bring the image there. */
const publishes = (host: string): Work => ({
  name: 'publish of an image that is there already',
  prepare: (tool) => {
    const cache = primed(tool, [IMAGE])();
    const words = ['publish', IMAGE, `${host}/bench/${tool.name}:1`, '--cache-dir', cache, ...tool.buildFlags];
    run(tool, words);
    return () => run(tool, words);
  },
});

/** Debian's docker-registry, where it is installed. */
const REGISTRY = 'docker-registry';
const registry = spawnSync(REGISTRY, ['--version']).status === 0 ? await startDockerRegistry() : undefined;

const WORKS: readonly Work[] = [
  builds('same image again, nothing changed', [IMAGE]),
  builds('the same, its archive still there', [IMAGE], IMAGE, true),
  builds('one package is new', [WITHOUT_ONE]),
  builds('new combination of packages in the cache', HALVES),
  builds('empty cache', []),
  ...(registry === undefined ? [] : [publishes(registry.host)]),
  builds('small image (python3), same again', [SMALL], SMALL),
  builds('small image, empty cache', [], SMALL),
  {
    name: 'lock',
    prepare: (tool) => {
      const fresh = primed(tool, [IMAGE]);
      return () => run(tool, ['lock', IMAGE, '--output', join(scratch, 'lock.json'), '--cache-dir', fresh()]);
    },
  },
  { name: 'version', prepare: (tool) => () => run(tool, ['version']) },
];

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** What hashing alone costs: the uncompressed layers for the diff_ids, the compressed ones for their digests. */
function floor(): string {
  const output = outputOf(TOOLS[0] as Tool);
  const list = spawnSync('tar', ['-tvf', output], { encoding: 'utf8' }).stdout;
  const compressed = [...list.matchAll(/\s(\d+)\s\S+\s\S+\s\S+\.tar\.gz$/gm)].map(([, size]) => Number(size));
  const blob = Buffer.alloc(64 * 1024 * 1024, 'stave');
  const started = performance.now();
  createHash('sha256').update(blob).digest();
  const perMs = blob.length / (performance.now() - started);
  const unpacked = Number(
    execFileSync(
      'sh',
      [
        '-c',
        `for l in $(tar -tf '${output}' | grep gz$); do tar -xOf '${output}' "$l" | gunzip | wc -c; done | paste -sd+ | bc`,
      ],
      {
        encoding: 'utf8',
      },
    ),
  );
  const packed = compressed.reduce((sum, size) => sum + size, 0);
  const ms = (unpacked + packed) / perMs;
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  return (
    `${mb(unpacked)} of layers, ${mb(packed)} compressed (ratio ${(unpacked / packed).toFixed(3)}), archive ${mb(statSync(output).size)}. ` +
    `SHA-256 of both: ${ms.toFixed(0)} ms of CPU at ${(perMs / 1000).toFixed(0)} MB/s, ${(ms / 2).toFixed(0)} ms on two cores.`
  );
}

function report(results: ReadonlyMap<string, ReadonlyMap<string, readonly Measured[]>>): string {
  const lines = [
    `| work | ${TOOLS.map(({ name }) => `${name} wall (median) | CPU | peak RSS`).join(' | ')} |${peer ? ' ratio |' : ''}`,
    `| --- |${TOOLS.map(() => ' --- | --- | --- |').join('')}${peer ? ' --- |' : ''}`,
  ];
  for (const [work, byTool] of results) {
    const least = (tool: string, field: keyof Measured) => Math.min(...(byTool.get(tool) ?? []).map((m) => m[field]));
    const cells = TOOLS.map(({ name }) => {
      const all = byTool.get(name) ?? [];
      const rss = Math.max(...all.map((m) => m.rssMiB));
      const wall = `${least(name, 'wallMs').toFixed(0)} ms (${median(all.map((m) => m.wallMs)).toFixed(0)})`;
      return `${wall} | ${least(name, 'cpuMs').toFixed(0)} ms | ${rss.toFixed(0)} MiB`;
    });
    const ratio = peer ? ` ${(least('peer', 'wallMs') / least('stave', 'wallMs')).toFixed(1)} x |` : '';
    lines.push(`| ${work} | ${cells.join(' | ')} |${ratio}`);
  }
  return lines.join('\n');
}

try {
  const results = new Map<string, Map<string, Measured[]>>();
  for (const work of WORKS) {
    const runs = TOOLS.map((tool) => [tool.name, work.prepare(tool)] as const);
    const byTool = new Map(TOOLS.map(({ name }) => [name, [] as Measured[]]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, once] of runs) {
        byTool.get(name)?.push(once());
        await setImmediate(); // Takes what the registry has logged.
      }
    }
    results.set(work.name, byTool);
    console.error(
      `${work.name}: ${runs.map(([name]) => median((byTool.get(name) ?? []).map((m) => m.wallMs)).toFixed(0)).join(' / ')} ms`,
    );
  }
  build(TOOLS[0] as Tool, IMAGE, cacheOf(TOOLS[0] as Tool, 'floor'));
  const commit = spawnSync('git', ['describe', '--always', '--dirty'], { cwd: root, encoding: 'utf8' }).stdout.trim();
  const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, Node ${process.versions.node}`;
  const text = `${new Date().toISOString().slice(0, 10)}, ${machine}, commit ${commit}, ${ROUNDS} rounds.\n\n${report(results)}\n\n${floor()}`;
  console.log(text);
  if (process.argv.includes('--write')) {
    const path = join(root, 'bench', 'results.md');
    const marked = /(<!-- measured -->\n)[\s\S]*(<!-- \/measured -->)/;
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(marked, (_all, before, after) => `${before}${text}\n${after}`),
    );
  }
} finally {
  await registry?.stop();
  rmSync(scratch, { recursive: true, force: true });
}
