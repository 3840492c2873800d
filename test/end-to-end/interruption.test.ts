// Builds that are killed, and builds that run at once (issue 3, "Repositories": "safe under two builds at once and under kill -9
// at any moment"). The built command runs in processes of its own; delays are drawn with a seed.

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readTar } from '../../src/formats/tar/read.ts';
import { readBuiltImages } from './built-image.ts';
import { CONFIG, Place } from './place.ts';
import { RECIPES, type Recipe, smallRepository } from './small-repository.ts';

/** Large enough that a build spends its time in every phase. */
const LARGE: readonly Recipe[] = Array.from({ length: 6 }, (_, i) => ({
  name: `large-${i}`,
  files: { [`opt/random-${i}`]: noise(i + 1, 600_000), [`opt/text-${i}`]: `line ${i}\n`.repeat(60_000) },
}));
const REPOSITORY = smallRepository([...RECIPES, ...LARGE]);
const NAMES = LARGE.map(({ name }) => `    - ${name}\n`).join('');
const LARGE_CONFIG = CONFIG.replace('    - app\n', `    - app\n${NAMES}`);

/** Bytes that do not compress, the same in every run. */
function noise(seed: number, length: number): Buffer {
  const next = random(seed);
  return Buffer.from(Array.from({ length }, () => Math.floor(next() * 256)));
}

/** 0 <= x < 1 */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const buildInto = (output: string) => ['build', 'image.yaml', 'example.com/app:1', output, '--sbom=false', '--json'];

let digest: string;
let fullMs: number;
let archive: Buffer;

beforeAll(async () => {
  // Twice: the first run of a command that was just built takes longer.
  for (let run = 0; run < 2; run++) {
    const place = new Place(LARGE_CONFIG, REPOSITORY);
    const started = performance.now();
    const answer = await place.spawnStave(buildInto('right.tar')).done;
    expect(answer.exitCode, answer.stderr).toBe(0);
    fullMs = performance.now() - started;
    digest = JSON.parse(answer.stdout).indexDigest;
    archive = place.read('right.tar');
  }
});

describe('kill -9', () => {
  const outputs = ['layout', 'app.tar'] as const;
  it.each(outputs)('at any moment leaves a usable cache and no half %s', async (output) => {
    const place = new Place(LARGE_CONFIG, REPOSITORY);
    mkdirSync(place.path('layout'));
    mkdirSync(place.path('tmp'));
    const next = random(output.length);
    let killed = 0;
    for (let round = 0; round < 12 && killed < 4; round++) {
      const { child, done } = place.spawnStave(buildInto(output), { TMPDIR: place.path('tmp') });
      // The first tenth is the start of the process.
      const timer = setTimeout(() => child.kill('SIGKILL'), fullMs * (0.1 + 0.9 * next()));
      const { exitCode } = await done;
      clearTimeout(timer);
      if (exitCode !== 0) killed++;
      // What is whole in the cache makes builds too quick to be caught.
      else rmSync(place.path('home'), { recursive: true });
      if (output === 'layout') assertWholeLayout(place);
      else if (existsSync(place.path(output))) expect(place.read(output).equals(archive)).toBe(true);
    }
    expect(killed, 'otherwise this test proves nothing').toBeGreaterThan(1);
    const answer = await place.spawnStave(buildInto(output)).done;
    expect(answer.exitCode, answer.stderr).toBe(0);
    expect(JSON.parse(answer.stdout).indexDigest).toBe(digest);
    if (output === 'layout') assertWholeLayout(place);
    else expect(place.read(output).equals(archive)).toBe(true);
  });

  /** index.json is absent, or everything that it names is there with the right digest. */
  function assertWholeLayout(place: Place): void {
    if (!existsSync(join(place.path('layout'), 'index.json'))) return;
    expect([...readBuiltImages(place.path('layout')).keys()]).toEqual(['amd64', 'arm64']);
  }
});

describe('two builds at once', () => {
  it('on one empty cache both give the right digest', async () => {
    const place = new Place(LARGE_CONFIG, REPOSITORY);
    const both = [place.spawnStave(buildInto('one.tar')), place.spawnStave(buildInto('two.tar'))];
    for (const { done } of both) {
      const answer = await done;
      expect(answer.exitCode, answer.stderr).toBe(0);
      expect(JSON.parse(answer.stdout).indexDigest).toBe(digest);
    }
    expect(place.read('one.tar').equals(archive)).toBe(true);
    expect(place.read('two.tar').equals(archive)).toBe(true);
    expect(readTar(archive).length).toBeGreaterThan(3);
  });

  it('into one layout leave it whole', async () => {
    const place = new Place(LARGE_CONFIG, REPOSITORY);
    mkdirSync(place.path('layout'));
    const both = [place.spawnStave(buildInto('layout')), place.spawnStave(buildInto('layout'))];
    for (const { done } of both) {
      const answer = await done;
      expect(answer.exitCode, answer.stderr).toBe(0);
      expect(JSON.parse(answer.stdout).indexDigest).toBe(digest);
    }
    expect(readBuiltImages(place.path('layout')).size).toBe(2);
  });
});
