// What own files promise about bytes: checkouts on different systems give one digest, a new version of the program moves the
// program, and a development image moves only what it has more than the production image.

import { execFileSync } from 'node:child_process';
import { chownSync, cpSync, mkdirSync, readFileSync, utimesSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../support/faulty-registry.ts';
import { readBuiltImages } from './built-image.ts';
import { filesBelow, Place } from './place.ts';

const registries: FaultyRegistry[] = [];
afterEach(async () => {
  for (const registry of registries.splice(0)) await registry.close();
});

const CONFIG = `contents:
  repositories: [./repository]
  keyring: [./small.rsa.pub]
  packages: [layout, app]
archs: [amd64, arm64]
files:
  - name: shop
    version-from: git
    files:
      - {from: src/, to: /srv/shop, exclude: ['*.log']}
      - {from: src/run.sh, to: /usr/bin/shop}
variants:
  dev:
    contents: {packages: [docs]}
    files: [{name: tools, version: 1, files: [{inline: "#!/bin/sh\\n", to: /usr/bin/tool, mode: 0o755}]}]
`;

function git(folder: string, ...argv: string[]): string {
  const identity = ['-c', 'user.name=n', '-c', 'user.email=e@example.test', '-c', 'commit.gpgsign=false'];
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
  return execFileSync('git', [...identity, ...argv], { cwd: folder, encoding: 'utf8', stdio: 'pipe', env });
}

/** A repository with a program, texts, links, odd names, and a folder whose names sort differently elsewhere. */
function origin(attributes: string): Place {
  const place = new Place(CONFIG);
  place.write('.gitignore', 'home\nlayout\n');
  if (attributes !== '') place.write('.gitattributes', attributes);
  place.write('src/run.sh', '#!/bin/sh\necho shop\n');
  place.write('src/page.html', 'one\ntwo\n');
  for (const name of ['B', 'a', 'Ä', 'é', 'z-1', 'z_1', 'z.1', 'space in it']) place.write(`src/names/${name}`, name);
  execFileSync('sh', ['-c', 'chmod 755 src/run.sh && ln -s ../page.html src/names/link'], { cwd: place.dir });
  git(place.dir, 'init', '-q');
  git(place.dir, 'add', '.');
  git(place.dir, 'commit', '-q', '-m', 'x');
  git(place.dir, 'tag', 'v1.2.3');
  return place;
}

interface System {
  readonly umask: number;
  readonly flags: readonly string[];
  readonly uid?: number;
  readonly seconds?: number;
}

/** The digest of what a clone on such a system becomes. */
async function digestOnSystem(from: Place, { umask, flags, uid, seconds = 1_700_000_000 }: System): Promise<string> {
  const place = new Place();
  const before = process.umask(umask);
  try {
    git(dirname(place.dir), ...flags, 'clone', '-q', from.dir, `${place.dir}-clone`);
    cpSync(`${place.dir}-clone`, place.dir, {
      recursive: true,
      force: true,
      preserveTimestamps: false,
      verbatimSymlinks: true,
    });
    for (const name of filesBelow(place.path('src'))) {
      utimesSync(place.path('src', name), seconds, seconds);
      if (uid !== undefined && process.getuid?.() === 0) chownSync(place.path('src', name), uid, uid);
    }
    place.write('src/left-over.log', String(seconds));
    return await place.build(['--vcs=false']);
  } finally {
    process.umask(before);
  }
}

describe('checkouts on different systems', () => {
  it('give one digest', async () => {
    const from = origin('* -text\n');
    const systems: System[] = [
      { umask: 0o022, flags: [] },
      { umask: 0o077, flags: ['-c', 'core.autocrlf=true'], uid: 1234, seconds: 5 },
      { umask: 0o000, flags: ['-c', 'core.autocrlf=input', '-c', 'core.precomposeUnicode=true'], uid: 77 },
      { umask: 0o027, flags: ['-c', 'core.eol=crlf'], seconds: 2_000_000_000 },
    ];
    const digests: string[] = [];
    for (const system of systems) digests.push(await digestOnSystem(from, system));
    expect(new Set(digests).size).toBe(1);
  });

  it('differ where git changes line ends, since bytes are taken as they are', async () => {
    const from = origin('');
    const unix = await digestOnSystem(from, { umask: 0o022, flags: [] });
    const windows = await digestOnSystem(from, { umask: 0o022, flags: ['-c', 'core.autocrlf=true'] });
    expect(windows).not.toBe(unix);
  });

  it('may list a folder in any order, and have the folder anywhere', async () => {
    const from = origin('* -text\n');
    const first = await from.build(['--vcs=false']);
    // The names come back in another order in a folder that was filled backwards.
    const other = new Place();
    for (const name of ['.gitignore', '.gitattributes', 'image.yaml']) other.write(name, from.read(name));
    cpSync(from.path('.git'), other.path('.git'), { recursive: true });
    for (const name of filesBelow(from.path('src')).sort().reverse()) {
      mkdirSync(dirname(other.path('src', name)), { recursive: true });
      cpSync(from.path('src', name), other.path('src', name), { verbatimSymlinks: true });
    }
    expect(await other.build(['--vcs=false'])).toBe(first);
  });
});

/** Digests of the blobs of the layout, with their sizes. */
function blobsOf(place: Place): Map<string, number> {
  const names = filesBelow(place.path('layout/blobs/sha256'));
  return new Map(names.map((name) => [`sha256:${name}`, readFileSync(place.path('layout/blobs/sha256', name)).length]));
}

async function publish(place: Place, registry: FaultyRegistry, tag: string, ...more: string[]): Promise<string[]> {
  const before = registry.requests.length;
  const flags = ['--attach-sbom=false', '--vcs=false', ...more];
  await place.do(['publish', 'image.yaml', `${registry.host}/shop:${tag}`, ...flags]);
  const pushed = registry.requests.slice(before).flatMap(({ method, path, status }) => {
    const digest = /[?&]digest=(sha256[:%][0-9a-fA-F]+)/.exec(path)?.[1];
    return (method === 'PUT' || method === 'POST') && status === 201 && digest !== undefined
      ? [decodeURIComponent(digest)]
      : [];
  });
  return [...new Set(pushed)].sort();
}

const layersOf = (place: Place, arch: string): string[] =>
  readBuiltImages(place.path('layout'))
    .get(arch)!
    .manifest.layers.map(({ digest }: { digest: string }) => digest);

describe('an update of the program', () => {
  it('moves its own layer, the databases and what names them, and nothing else', async () => {
    const place = origin('');
    const registry = await openFaultyRegistry();
    registries.push(registry);
    place.write('src/large', Buffer.alloc(300_000, 'l'));
    await place.build(['--vcs=false']);
    const before = blobsOf(place);
    const [intel, arm] = ['amd64', 'arm64'].map((arch) => layersOf(place, arch)) as [string[], string[]];
    expect(await publish(place, registry, '1')).toHaveLength(2 + 1 + 2 + 2);

    place.write('src/run.sh', '#!/bin/sh\necho shop 2\n');
    await place.build(['--vcs=false']);
    const after = blobsOf(place);
    const fresh = [...after.keys()].filter((digest) => !before.has(digest));
    const [newIntel, newArm] = ['amd64', 'arm64'].map((arch) => layersOf(place, arch)) as [string[], string[]];
    // The files are the same for both architectures, so their layer is one blob.
    expect(newIntel[1]).toBe(newArm[1]);
    expect([newIntel[0], newArm[0]]).toEqual([intel[0], arm[0]]);
    const configs = ['amd64', 'arm64'].map(
      (arch) => readBuiltImages(place.path('layout')).get(arch)!.manifest.config.digest as string,
    );
    const moved = [...new Set([newIntel[1]!, newIntel[2]!, newArm[2]!, ...configs])].sort();
    expect(await publish(place, registry, '2')).toEqual(moved);
    // Besides them only the two manifests are new; index.json lies beside the blobs.
    expect(fresh.filter((digest) => !moved.includes(digest))).toHaveLength(2);
  });

  it('of a package leaves the program where it is', async () => {
    const place = origin('');
    await place.build(['--vcs=false']);
    const [, files] = layersOf(place, 'amd64');
    place.write('image.yaml', CONFIG.replace('[layout, app]', '[layout, app, docs]'));
    await place.build(['--vcs=false']);
    expect(layersOf(place, 'amd64')[1]).toBe(files);
  });
});

describe('a development image', () => {
  it('shares its production layers byte for byte, in the registry, too', async () => {
    const place = origin('');
    const registry = await openFaultyRegistry();
    registries.push(registry);
    await publish(place, registry, '1');
    await place.build(['--vcs=false']);
    const production = layersOf(place, 'amd64');
    const pushed = await publish(place, registry, '1-dev', '--variant', 'dev');
    await place.build(['--vcs=false', '--variant', 'dev']);
    const dev = layersOf(place, 'amd64');
    expect(dev.slice(0, production.length)).toEqual(production);
    const more = ['amd64', 'arm64'].flatMap((arch) => {
      const { manifest } = readBuiltImages(place.path('layout')).get(arch)!;
      return [...layersOf(place, arch).slice(production.length), manifest.config.digest as string];
    });
    expect(pushed).toEqual([...new Set(more)].sort());
  });
});
