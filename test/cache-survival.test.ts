// Whatever happens to a cache, the image is the same: builds killed at random moments, two at once, bits flipped, entries
// removed or pruned away. Runs the built command as a user would.

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const project = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'stave-survival-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const work = join(scratch, 'quickstart');
const env = { PATH: process.env['PATH'] ?? '', HOME: scratch, CI: '1' };
let outputs = 0;

function words(cache: string, output: string): string[] {
  const flags = ['--vcs=false', '--offline', '--sbom=false', '--cache-dir', cache];
  return [join(project, 'bin/stave.js'), 'build', 'image.yaml', 'example.com/hello:1', output, ...flags];
}

function stave(...args: string[]): string {
  return execFileSync(process.execPath, [join(project, 'bin/stave.js'), ...args], { encoding: 'utf8', env });
}

/** SHA-256 of the archive that a build with this cache makes, and what it said. */
function build(cache: string, ...more: string[]): { digest: string; said: string } {
  return buildTo(join(scratch, `out-${outputs++}.tar`), cache, ...more);
}

function buildTo(output: string, cache: string, ...more: string[]): { digest: string; said: string } {
  const said = execFileSync('sh', ['-c', 'exec "$@" 2>&1', 'sh', process.execPath, ...words(cache, output), ...more], {
    cwd: work,
    env,
    encoding: 'utf8',
  });
  return { digest: createHash('sha256').update(readFileSync(output)).digest('hex'), said };
}

function cacheWith(...images: string[][]): string {
  const cache = mkdtempSync(join(scratch, 'cache-'));
  for (const more of images) build(cache, ...more);
  return cache;
}

/** Paths of all files of a kind. */
function files(cache: string, kind: string): string[] {
  const folder = join(cache, 'v1', kind);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .sort();
}

function flipBits(paths: readonly string[]): void {
  paths.forEach((path, i) => {
    const bytes = readFileSync(path);
    const at = Math.floor((bytes.length * (2 * i + 1)) / (2 * paths.length));
    bytes[at] = (bytes[at] as number) ^ 0x10;
    writeFileSync(path, bytes);
  });
}

let sound: string;
/** How long a build with an empty cache takes on this machine, today. */
let wholeMs: number;
beforeAll(() => {
  cpSync(join(project, 'examples/quickstart'), work, { recursive: true });
  const cache = cacheWith();
  const started = performance.now();
  sound = build(cache).digest;
  wholeMs = performance.now() - started;
});

describe('a cache', () => {
  it('has pieces of layers, and the result', () => {
    const cache = cacheWith([]);
    expect(files(cache, 'pieces').length).toBeGreaterThan(2);
    expect(files(cache, 'results')).toHaveLength(1);
    expect(files(cache, 'leases')).toEqual([]);
  });

  it('answers a build of the same inputs without assembling anything, and no other', () => {
    const cache = cacheWith([]);
    expect(build(cache)).toMatchObject({ digest: sound, said: expect.not.stringContaining('assembling') });
    expect(build(cache, '--annotations', 'a:b').said).toContain('assembling');
    expect(build(cache, '--build-date', '2026-01-01T00:00:00Z').said).toContain('assembling');
    expect(build(cache, '--max-apk-data-size', '123456789').said).toContain('assembling');
  });

  it.each([
    ['results', ['results']],
    ['pieces', ['pieces']],
    ['pieces, without the result', ['pieces'], true],
    ['data of packages, without the result', ['packages'], true],
    ['everything', ['results', 'pieces', 'packages', 'indexes', 'index-trust']],
  ])('with flipped bits in its %s gives the same image, and is sound again', (_what, kinds, forget = false) => {
    const cache = cacheWith([]);
    if (forget) rmSync(join(cache, 'v1', 'results'), { recursive: true });
    for (const kind of kinds) flipBits(files(cache, kind));
    expect(build(cache).digest).toBe(sound);
    expect(build(cache)).toMatchObject({ digest: sound, said: expect.not.stringContaining('assembling') });
  });

  describe('and the archive of the same build', () => {
    const cache = mkdtempSync(join(scratch, 'cache-'));
    const output = join(scratch, 'again.tar');
    const inode = () => statSync(output).ino;
    const flipBit = () => flipBits([output]);
    const inPlace = () => {
      const { atime, mtime } = statSync(output);
      flipBit();
      utimesSync(output, atime, mtime);
    };

    it('leave it where it is, as new', () => {
      buildTo(output, cache);
      utimesSync(output, 1, 1);
      buildTo(output, cache);
      const before = inode();
      expect(buildTo(output, cache).digest).toBe(sound);
      expect(inode()).toBe(before);
      expect(Date.now() - statSync(output).mtimeMs).toBeLessThan(60 * 60 * 1000);
    });

    it.each<[string, () => void]>([
      ['was changed', flipBit],
      ['was changed in place, its time set back', inPlace],
      ['was cut', () => truncateSync(output, 1000)],
      ['has another mode', () => chmodSync(output, 0o600)],
      ['is gone', () => rmSync(output)],
      ['is another file', () => cpSync(join(project, 'package.json'), output)],
    ])('replace one that %s', (_what, change) => {
      buildTo(output, cache);
      change();
      expect(buildTo(output, cache).digest).toBe(sound);
      expect(statSync(output).mode & 0o777).toBe(0o644);
    });

    it('replace one of other layers', () => {
      const small = buildTo(output, cache, '--compression-level', '9');
      expect(small.digest).not.toBe(sound);
      expect(buildTo(output, cache).digest).toBe(sound);
      expect(buildTo(output, cache, '--compression-level', '9').digest).toBe(small.digest);
    });
  });

  it('keeps levels apart', () => {
    const cache = cacheWith();
    const small = build(cache, '--compression-level', '9');
    expect(small.digest).not.toBe(sound);
    expect(build(cache).digest).toBe(sound);
    expect(build(cache, '--compression-level', '9').digest).toBe(small.digest);
  });

  it('survives builds that are killed at any moment', async () => {
    const cache = cacheWith();
    for (let part = 1; part <= 14; part++) {
      const child = spawn(process.execPath, words(cache, join(scratch, 'killed.tar')), {
        cwd: work,
        env,
        stdio: 'ignore',
      });
      const exited = once(child, 'exit');
      setTimeout(() => child.kill('SIGKILL'), (wholeMs * part) / 15);
      await exited;
    }
    expect(build(cache).digest).toBe(sound);
    expect(files(cache, 'leases')).not.toEqual([]);
    stave('cache', 'prune', '--max-size', '1TB', '--cache-dir', cache);
    expect(files(cache, 'leases'), 'what the killed ones left').toEqual([]);
  });

  it('serves two builds that run at once', async () => {
    const cache = cacheWith();
    const children = ['a.tar', 'b.tar', 'c.tar'].map((name) =>
      spawn(process.execPath, words(cache, join(scratch, name)), { cwd: work, env, stdio: 'ignore' }),
    );
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]));
    expect(codes).toEqual([0, 0, 0]);
    expect(build(cache).digest).toBe(sound);
  });

  it('can be pruned to nothing, and is filled again', () => {
    const cache = cacheWith([]);
    expect(stave('cache', 'show', '--cache-dir', cache)).toMatch(/packages +\S+ [KM]iB, \d+ entries/);
    expect(stave('cache', 'prune', '--max-size', '1TB', '--cache-dir', cache)).toContain('removed 0 entries');
    expect(stave('cache', 'prune', '--max-size', '0', '--cache-dir', cache)).toMatch(
      /removed \d\d+ entries .*, 0 B are left/,
    );
    expect(files(cache, 'pieces')).toEqual([]);
    expect(build(cache).digest).toBe(sound);
  });
});
