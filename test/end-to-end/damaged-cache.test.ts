// A cache that rotted between two builds: the next build notices, fetches again and gives the right digest. What is damaged
// is never shipped, not even when it cannot be fetched again.

import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildElf } from '../support/tiny-elf.ts';
import { readBuiltImages } from './built-image.ts';
import { CONFIG, failureOf, filesBelow, Place, warningsOf } from './place.ts';
import { RECIPES, smallRepository } from './small-repository.ts';

/** An account is added, so that the builder edits a packaged file: its damage must not slip through in the edited one. */
const WITH_ACCOUNT = `${CONFIG}accounts: {users: [{username: nonroot, uid: 65532}]}\n`;

const entries = (place: Place, kind: string) => {
  const folder = join(place.cacheDir, 'v1', kind);
  return readdirSync(folder).map((name) => join(folder, name));
};
const packageFiles = (place: Place, name: string) => entries(place, 'packages').map((entry) => join(entry, name));

/** Flips one bit of the first file that holds the text, in the middle of the text. */
function flipIn(paths: readonly string[], text: string): void {
  const path = paths.find((one) => readFileSync(one).includes(text))!;
  const bytes = readFileSync(path);
  bytes[bytes.indexOf(text) + (text.length >> 1)]! ^= 1;
  writeFileSync(path, bytes);
}

/** Makes the next build read the packages again, instead of using what it kept of their layers. */
function forgetLayers(place: Place): void {
  for (const kind of ['pieces', 'results']) rmSync(join(place.cacheDir, 'v1', kind), { recursive: true, force: true });
}

function eachEntry(place: Place, kind: string, damage: (path: string) => void): void {
  for (const entry of entries(place, kind)) {
    if (statSync(entry).isFile()) damage(entry);
    else for (const name of filesBelow(entry)) damage(join(entry, name));
  }
}

const garbage = (path: string) => writeFileSync(path, 'garbage\0'.repeat(40));
const halve = (path: string) => truncateSync(path, statSync(path).size >> 1);
const empty = (path: string) => truncateSync(path);
const remove = (path: string) => rmSync(path);

describe('a damaged package', () => {
  const flips: readonly (readonly [what: string, text: string, packageName: string])[] = [
    ['in a file that is copied', 'library 1.5', 'libsmall 1.5-r0'],
    ['in a file that the builder edits', 'root:x:0:0', 'layout 1.0-r0'],
    ['in a file that describes the image', 'ID=small', 'layout 1.0-r0'],
  ];
  it.each(flips)('a flipped bit %s is noticed and told', async (_what, text, packageName) => {
    const place = new Place(WITH_ACCOUNT);
    const digest = await place.build();
    flipIn(packageFiles(place, 'data.tar'), text);
    forgetLayers(place);
    const answer = await place.tryBuild();
    expect(answer.exitCode, answer.stderr).toBe(0);
    expect(JSON.parse(answer.stdout).indexDigest).toBe(digest);
    const [warning, ...others] = warningsOf(answer);
    expect(warning).toMatchObject({ code: 'CACHE_DAMAGED', message: expect.stringContaining(packageName) });
    expect(others).toEqual([]);
    const next = await place.tryBuild();
    expect([JSON.parse(next.stdout).indexDigest, warningsOf(next)]).toEqual([digest, []]);
  });

  it.each(['kept', 'forgotten'])('is not the reason why the contract does not hold (facts %s)', async (facts) => {
    const program = { name: 'program', files: { 'usr/bin/run': buildElf({ dynamic: false }) } };
    const entrypoint = 'entrypoint: {command: /usr/bin/run}\n';
    const paths = 'paths: [{path: /usr/bin/run, type: permissions, permissions: 0o755}]\n';
    const config = `${CONFIG.replace('- app', '- program').replace('[amd64, arm64]', '[amd64]')}${entrypoint}${paths}`;
    const place = new Place(config, smallRepository([...RECIPES, program]));
    const first = await place.tryBuild();
    expect(first.exitCode, first.stderr).toBe(0);
    flipIn(packageFiles(place, 'data.tar'), '\x7fELF');
    forgetLayers(place);
    if (facts === 'forgotten') rmSync(join(place.cacheDir, 'v1', 'facts'), { recursive: true });
    for (const warnings of [1, 0]) {
      const answer = await place.tryBuild();
      expect(answer.exitCode, answer.stderr).toBe(0);
      const { indexDigest, contract } = JSON.parse(answer.stdout);
      const expected = JSON.parse(first.stdout);
      expect([indexDigest, contract]).toEqual([expected.indexDigest, expected.contract]);
      expect(warningsOf(answer)).toHaveLength(warnings);
    }
  });

  it('several damaged packages are all fetched again', async () => {
    const place = new Place();
    const digest = await place.build();
    for (const text of ['library 1.5', 'echo app', 'ID=small']) flipIn(packageFiles(place, 'data.tar'), text);
    forgetLayers(place);
    const answer = await place.tryBuild(['--arch', 'amd64,arm64']);
    expect(answer.exitCode, answer.stderr).toBe(0);
    expect(JSON.parse(answer.stdout).indexDigest).toBe(digest);
    expect(warningsOf(answer)).toHaveLength(3);
  });

  it('is not shipped when it cannot be fetched again', async () => {
    const place = new Place();
    await place.do(['lock', 'image.yaml']);
    flipIn(packageFiles(place, 'data.tar'), 'echo app');
    for (const arch of ['x86_64', 'aarch64']) rmSync(place.path('repository', arch, 'app-2.0-r1.apk'));
    const answer = await place.tryBuild(['--lockfile', 'image.lock.json']);
    expect(failureOf(answer)).toMatchObject({ code: 'FILE_UNREADABLE', exitCode: 8 });
    expect(filesBelow(place.path('layout'))).toEqual([]);
  });

  const damages: readonly (readonly [what: string, damage: (place: Place) => void])[] = [
    ['truncated', (place) => packageFiles(place, 'data.tar').forEach(halve)],
    ['deleted', (place) => packageFiles(place, 'data.tar').forEach(remove)],
    ['with a garbage description', (place) => packageFiles(place, 'package.sealed').forEach(garbage)],
    ['with half a description', (place) => packageFiles(place, 'package.sealed').forEach(halve)],
    ['without a description', (place) => packageFiles(place, 'package.sealed').forEach(remove)],
    ['with an empty description', (place) => packageFiles(place, 'package.sealed').forEach(empty)],
  ];
  it.each(damages)('%s is fetched again', async (_what, damage) => {
    const place = new Place();
    const digest = await place.build();
    damage(place);
    forgetLayers(place);
    expect(await place.build()).toBe(digest);
    expect(await place.build()).toBe(digest);
  });
});

describe('damaged records', () => {
  const kinds = ['indexes', 'index-trust'] as const;
  const damages = { garbage, halved: halve, removed: remove } as const;
  const rows = kinds.flatMap((kind) => Object.entries(damages).map(([what, damage]) => ({ kind, what, damage })));
  it.each(rows)('$kind: $what', async ({ kind, damage }) => {
    const place = new Place();
    const digest = await place.build();
    eachEntry(place, kind, damage);
    expect(await place.build()).toBe(digest);
    expect(await place.build()).toBe(digest);
  });

  it('one flipped bit in an index is noticed, wherever it is', async () => {
    const place = new Place();
    const digest = await place.build();
    for (const name of ['APKINDEX', 'APKINDEX.tar.gz', 'tables']) {
      for (const entry of entries(place, 'indexes')) {
        const bytes = readFileSync(join(entry, name));
        bytes[bytes.length >> 1]! ^= 1;
        writeFileSync(join(entry, name), bytes);
      }
      expect(await place.build(), name).toBe(digest);
    }
  });

  it('one flipped bit in every file of the cache, whatever it is for, changes nothing', async () => {
    const place = new Place(WITH_ACCOUNT);
    const digest = await place.build();
    for (const kind of readdirSync(join(place.cacheDir, 'v1'))) {
      eachEntry(place, kind, (path) => {
        const bytes = readFileSync(path);
        if (bytes.length > 0) bytes[bytes.length >> 1]! ^= 1;
        writeFileSync(path, bytes);
      });
      expect(await place.build(), kind).toBe(digest);
      readBuiltImages(place.path('layout'));
    }
  });

  it('a cache with garbage in every file is as good as an empty one', async () => {
    const place = new Place();
    const digest = await place.build();
    for (const kind of readdirSync(join(place.cacheDir, 'v1'))) eachEntry(place, kind, garbage);
    expect(await place.build()).toBe(digest);
  });
});
