// examples/own-app is what docs/config.md promises of own files, in small: built offline, run, checked, and its development image on
// the very same layers.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noEvents } from '../../src/base/events.ts';
import { buildImage } from '../../src/operations/build-image/build.ts';
import { type BuiltImage, readBuiltImages } from './built-image.ts';

const scratch = mkdtempSync(join(tmpdir(), 'stave-own-app-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const app = join(scratch, 'own-app');

beforeAll(() => {
  for (const name of ['quickstart', 'own-app']) {
    const from = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
    cpSync(from, join(scratch, name), { recursive: true });
  }
});

async function build(name: string, variant?: string): Promise<ReadonlyMap<string, BuiltImage>> {
  mkdirSync(join(scratch, name));
  await buildImage(
    {
      configPath: 'image.yaml',
      tag: 'example/saying:1',
      output: join(scratch, name),
      archs: [],
      keyringAppend: [],
      buildRepositoryAppend: [],
      repositoryAppend: [],
      packageAppend: [],
      annotations: [],
      includePaths: [],
      cacheDir: join(scratch, 'cache'),
      sbom: false,
      sbomFormats: [],
      vcs: false,
      offline: true,
      ignoreSignatures: false,
      ...(variant !== undefined && { variant }),
    },
    { cwd: app, env: {}, hostArch: 'amd64', homeDir: scratch, events: noEvents },
  );
  return readBuiltImages(join(scratch, name));
}

/** Runs the program out of the unpacked layers. */
function run(images: ReadonlyMap<string, BuiltImage>, texts: string, ...words: string[]): string {
  const root = mkdtempSync(join(scratch, 'root-'));
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  for (const layer of images.get(arch)!.layers) {
    writeFileSync(join(scratch, 'layer.tar'), layer);
    const argv = ['-xf', join(scratch, 'layer.tar'), '-C', root, '--no-same-owner', '--exclude=dev/*'];
    execFileSync('tar', argv, { stdio: 'pipe' });
  }
  const env = { SAYINGS: join(root, texts) };
  return execFileSync(join(root, 'usr/bin/saying'), words, { encoding: 'utf8', env, stdio: 'pipe' });
}

const digestsOf = (image: BuiltImage): string[] =>
  image.manifest.layers.map(({ digest }: { digest: string }) => digest);

describe('examples/own-app', () => {
  let production: ReadonlyMap<string, BuiltImage>;

  it('is built offline for both architectures, and runs', async () => {
    production = await build('production');
    expect([...production.keys()]).toEqual(['amd64', 'arm64']);
    expect(run(production, 'usr/share/saying')).toBe('Welcome. What you put in is what is in here.\n');
    expect(run(production, 'usr/share/saying', 'short')).toBe('A short list is easy to check.\n');
    for (const [arch, machine] of [['amd64', 62] as const, ['arm64', 183] as const]) {
      const { files, config } = production.get(arch)!;
      const program = files.get('usr/bin/saying')!;
      expect(program.content.readUInt16LE(18)).toBe(machine);
      expect(program.entry.mode).toBe(0o755);
      expect(files.get('etc/saying/language')).toMatchObject({ entry: { mode: 0o640, gid: 65532 } });
      expect(files.has('srv/sayings/draft.txt')).toBe(false);
      expect(config.config).toMatchObject({ User: '65532', Labels: { 'org.example.team': 'sayings' } });
      const database = files.get('usr/lib/apk/db/installed')!.content.toString();
      expect(database).toMatch(/P:files-saying\nV:1\.2\.0\n[\s\S]*P:files-sayings\nV:2026\.1\n/);
    }
  });

  it('has a development image on the same layers', async () => {
    const dev = await build('dev', 'dev');
    for (const arch of ['amd64', 'arm64']) {
      const below = digestsOf(production.get(arch)!);
      expect(digestsOf(dev.get(arch)!).slice(0, below.length)).toEqual(below);
      expect(digestsOf(dev.get(arch)!).length).toBeGreaterThan(below.length);
    }
    expect(run(dev, 'srv/sayings', 'draft')).toBe('Not ready for everybody yet.\n');
    expect(run(dev, 'srv/sayings', 'short')).toBe('A short list is easy to check.\n');
    expect(dev.get('amd64')!.config.config.Env).toContain('SAYINGS=/srv/sayings');
  });

  it('moves a few hundred bytes when a text changes', async () => {
    writeFileSync(join(app, 'sayings/short.txt'), 'Another one.\n');
    const changed = await build('changed');
    const [before, after] = [production, changed].map((images) => digestsOf(images.get('amd64')!));
    expect(after!.map((digest, i) => digest === before![i])).toEqual([true, true, false, false]);
    const bytes = after!
      .slice(2)
      .map((digest) => statSync(join(scratch, 'changed/blobs/sha256', digest.slice(7))).size);
    expect(bytes.reduce((a, b) => a + b)).toBeLessThan(3000);
  });
});
