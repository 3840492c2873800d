// Large packages are read, and pieces of layers made, on threads by the built command, and in one thread by the sources that run here: the
// images must be the same, and so must what is said of packages that are damaged.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Answer, failureOf, type Json, Place } from './place.ts';
import { RECIPES, smallRepository } from './small-repository.ts';

/** Compresses to a half, so that the package is larger than what is read without a thread. */
function program(sizeBytes: number, seed: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let i = 0, state = seed; i < sizeBytes; i++) {
    if (i % 2 === 0) state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = (state >>> 16) & 0x3f;
  }
  return bytes;
}

const repository = smallRepository([
  ...RECIPES,
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((seed) => ({
    name: `large-${seed}`,
    files: { [`usr/bin/large-${seed}`]: program(1_500_000, seed), [`usr/share/large-${seed}`]: `words ${seed}` },
  })),
]);
const large = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => `large-${seed}`).join(', ');
const CONFIG = `contents:
  repositories: [./repository]
  keyring: [./small.rsa.pub]
  packages: [layout, app, ${large}]
archs: [amd64, arm64]
`;
const words = ['build', 'image.yaml', 'example.com/app:1', 'spawned/', '--json', '--sbom=false', '--vcs=false'];

async function onThreads(place: Place, more: readonly string[] = []): Promise<Answer> {
  return await place.spawnStave([...words, '--hardening=off', '--cache-dir', place.path('other-cache'), ...more]).done;
}

const told = ({ code, message, hint, exitCode }: Json) => ({ code, message, hint, exitCode });

describe.skipIf(availableParallelism() < 2)('packages that are read on threads (skipped on one core)', () => {
  it('have the thread beside the command', () => {
    expect(existsSync(new URL('../../dist/effects/store/data-thread.cjs', import.meta.url))).toBe(true);
  });

  it('give the same image', async () => {
    const place = new Place(CONFIG, repository);
    const here = await place.build(['--hardening=off']);
    const answer = await onThreads(place);
    expect(answer.exitCode, answer.stderr).toBe(0);
    expect(JSON.parse(answer.stdout).indexDigest).toBe(here);
  });

  const path = 'x86_64/large-3-1.0-r0.apk';
  const sound = repository.files.get(path) ?? Buffer.alloc(0);
  const flipped = Buffer.from(sound);
  flipped[600_000] = (flipped[600_000] as number) ^ 8;
  it.each<[string, Buffer, readonly string[]]>([
    ['a flipped bit', flipped, []],
    ['a missing end', sound.subarray(0, 500_000), []],
    ['more files than the bound allows', sound, ['--max-apk-data-size', '1000000']],
  ])('fail alike: %s', async (_what, bytes, more) => {
    const place = new Place(CONFIG, repository);
    place.write(`repository/${path}`, bytes);
    const here = await place.tryBuild(['--hardening=off', ...more]);
    const there = await onThreads(place, more);
    expect(told(failureOf(there)).code).toBe(told(failureOf(here)).code);
    if (more.length === 0) expect(told(failureOf(there))).toEqual(told(failureOf(here)));
  });
});

describe.skipIf(availableParallelism() < 2)('pieces that are made on threads (skipped on one core)', () => {
  // A level of one's own: nothing of the publishers' is kept, so there is enough to make.
  const level = ['--compression-level', '6'];

  it('have the thread beside the command', () => {
    expect(existsSync(new URL('../../dist/effects/output/making-thread.cjs', import.meta.url))).toBe(true);
  });

  it('give the same image, also where the cache is damaged meanwhile', async () => {
    const place = new Place(CONFIG, repository);
    const here = await place.build(['--hardening=off', ...level]);
    const digestOf = (answer: Answer): unknown => {
      expect(answer.exitCode, answer.stderr).toBe(0);
      return JSON.parse(answer.stdout).indexDigest;
    };
    expect(digestOf(await onThreads(place, level))).toBe(here);

    const store = place.path('other-cache/v1');
    for (const kind of ['pieces', 'results']) rmSync(join(store, kind), { recursive: true });
    const packages = readdirSync(join(store, 'packages')).map((key) => join(store, 'packages', key, 'data.tar'));
    const damaged = packages.find((path) => readFileSync(path).length > 1_500_000) as string;
    const bytes = readFileSync(damaged);
    bytes[1_000_000] = (bytes[1_000_000] as number) ^ 8;
    writeFileSync(damaged, bytes);
    const again = await onThreads(place, level);
    expect(digestOf(again)).toBe(here);
    expect(again.stderr).toContain('was damaged; fetching it again');
  });
});
