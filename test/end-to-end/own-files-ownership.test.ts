// Every path has exactly one owner: what groups of files add to an image is owned by them alone and is what the database says.
// Once by a checker of ours, and once by the real apk-tools where STAVE_APK names one or several of them (`apk2:apk3`).

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownershipComplaints } from '../support/package-ownership.ts';
import { type BuiltImage, readBuiltImages } from './built-image.ts';
import { Place } from './place.ts';
import { RECIPES, smallRepository } from './small-repository.ts';

const scratch = mkdtempSync(join(tmpdir(), 'stave-ownership-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const PACKAGES = `contents:
  repositories: [./repository]
  keyring: [./small.rsa.pub]
  packages: [layout, app, docs]
accounts:
  groups: [{groupname: web, gid: 2000}]
  users: [{username: web, uid: 1000, gid: 2000}]
paths:
  - {path: /srv/www, type: directory, permissions: 0o2775, gid: 2000}
  - {path: /www, type: symlink, source: srv/www, permissions: 0o2775, gid: 2000}
  - {path: /spool, type: directory, permissions: 0o1777}
archs: [amd64]
`;

/** Files of every kind, into new folders, folders of packages and of the builder, through links, and beside each other. */
const GROUPS = `files:
  - name: shop
    version: 1.0
    files:
      - {from: dist/, to: /usr/bin/, owner: web}
      - {from: public/, to: /www/, owner: "1000:0"}
      - {inline: "one\\n", to: /etc/shop/motd, mode: 0o600}
      - {inline: "at the top", to: /top}
      - {inline: "app\\n", to: /spool/job, mode: 0o4750, owner: web}
  - name: same
    version: 2
    files:
      - {inline: "how to use the app\\n", to: /usr/share/doc/app}
      - {inline: "z", to: /srv/www/z}
`;

const VARIANT =
  'variants: {dev: {files: [{name: tools, version: 1, files: [{inline: t, to: /usr/bin/tool, mode: 0o755}]}]}}\n';

const images = new Map<string, BuiltImage>();

beforeAll(async () => {
  const place = new Place(PACKAGES, smallRepository([...RECIPES]));
  place.write('dist/shop', '#!/bin/sh\n');
  chmodSync(place.path('dist/shop'), 0o755);
  place.write('public/index.html', 'hello');
  place.write('public/deep/er', 'deeper');
  mkdirSync(place.path('public/empty'));
  symlinkSync('deep/er', place.path('public/link'));
  const build = async (name: string, config: string, ...flags: string[]) => {
    place.write('image.yaml', config);
    await place.build(['--hardening=off', ...flags]);
    images.set(name, readBuiltImages(place.path('layout')).get('amd64')!);
  };
  await build('packages alone', PACKAGES);
  await build('with files', PACKAGES + GROUPS);
  await build('with files, in layers', `${PACKAGES}layering: {strategy: origin, budget: 3}\n${GROUPS}`);
  await build('a variant', PACKAGES + GROUPS + VARIANT, '--variant', 'dev');
}, 60_000);

const NAMES = ['with files', 'with files, in layers', 'a variant'];

describe('by our own checker', () => {
  it.each(NAMES)('%s: nothing is added to what is to be said about the packages alone', (name) => {
    const alone = ownershipComplaints(images.get('packages alone')!.files);
    expect(ownershipComplaints(images.get(name)!.files)).toEqual(alone);
    // All of it is the builder's own, as the reference makes it.
    expect(alone.filter((each) => !/^(dev|etc|usr\/lib\/apk|lib|www)\b/.test(each))).toEqual([]);
  });

  it('it finds what is wrong', () => {
    const { files } = images.get('with files')!;
    const database = files.get('usr/lib/apk/db/installed')!;
    const changed = (path: string, more: object) => {
      const found = files.get(path)!;
      return ownershipComplaints(new Map([...files, [path, { ...found, ...more }]]));
    };
    expect(changed('usr/bin/shop', { content: Buffer.from('x') })).toContain(
      'usr/bin/shop of files-shop has other content',
    );
    expect(changed('usr/bin/shop', { entry: { ...files.get('usr/bin/shop')!.entry, mode: 0o700 } })).toContain(
      'usr/bin/shop of files-shop is 1000:2000:700, not 1000:2000:755',
    );
    const withDatabase = (text: string) => changed('usr/lib/apk/db/installed', { content: Buffer.from(text) });
    const text = database.content.toString();
    expect(withDatabase(text.replace('R:shop\n', 'R:shop2\n'))).toEqual(
      expect.arrayContaining(['usr/bin/shop has no owner', 'usr/bin/shop2 of files-shop is not there']),
    );
    expect(withDatabase(`${text}P:other\nF:usr/bin\nR:shop\n\n`)).toContain(
      'usr/bin/shop has the owners files-shop, other',
    );
  });

  it('what a package has already stays its own', () => {
    const text = images.get('with files')!.files.get('usr/lib/apk/db/installed')!.content.toString();
    expect(text.split('\n').filter((line) => line === 'R:app')).toHaveLength(2);
    expect(/P:files-same\n[\s\S]*/.exec(text)?.[0]).not.toContain('R:app');
  });
});

const tools = (process.env['STAVE_APK'] ?? '').split(delimiter).filter((path) => path !== '');
const skipped = tools.length === 0 ? ' (skipped: STAVE_APK names no apk)' : '';

describe.skipIf(tools.length === 0)(`by apk-tools${skipped}`, () => {
  const rootOf = (name: string) => join(scratch, name.replaceAll(/\W+/g, '-'));

  beforeAll(() => {
    for (const [name, image] of images) {
      mkdirSync(rootOf(name));
      for (const layer of image.layers) {
        writeFileSync(join(scratch, 'layer.tar'), layer);
        const argv = ['-xpf', join(scratch, 'layer.tar'), '-C', rootOf(name), '--numeric-owner', '--exclude=dev/*'];
        execFileSync('tar', argv);
      }
    }
  });

  const run = (apk: string, name: string, ...argv: string[]) => {
    const { status, stdout, stderr } = spawnSync(apk, ['--root', rootOf(name), ...argv], { encoding: 'utf8' });
    return { status, stderr, lines: stdout.trimEnd().split('\n').sort() };
  };

  for (const apk of tools) {
    it.each(NAMES)(`${apk} audit: %s`, (name) => {
      // Owners are only right where the unpacker may give them.
      const rights = process.getuid?.() === 0 ? ['--check-permissions'] : [];
      for (const flags of [[], ['--system'], ['--full', ...rights]]) {
        const [alone, mine] = ['packages alone', name].map((each) => run(apk, each, 'audit', ...flags));
        // Folders that only the builder had made have an owner now.
        const gone = alone!.lines.filter((line) => !mine!.lines.includes(line));
        expect(gone.filter((line) => !/^D (srv|spool)\//.test(line))).toEqual([]);
        expect(mine!.lines.filter((line) => !alone!.lines.includes(line))).toEqual([]);
      }
      expect(run(apk, name, 'audit').status).toBe(0);
    });

    it(`${apk} knows the groups as packages, and has nothing to fix`, () => {
      const names = run(apk, 'a variant', 'info').lines;
      expect(names).toEqual(['app', 'docs', 'files-same', 'files-shop', 'files-tools', 'layout', 'libsmall']);
      expect(run(apk, 'with files', 'info', '--who-owns', '/usr/bin/shop', '/srv/www/z').lines.join('\n')).toMatch(
        /\/srv\/www\/z is owned by files-same-2\n.*\/usr\/bin\/shop is owned by files-shop-1\.0/,
      );
      const fix = run(apk, 'with files', '--no-network', '--keys-dir', '/', '--allow-untrusted', 'fix', '--simulate');
      expect(fix.lines.join('\n')).toMatch(/^OK: .* in 6 packages$/);
    });

    it(`${apk} notices a file of a group that is not what it was`, () => {
      const path = join(rootOf('with files'), 'etc/shop/motd');
      writeFileSync(path, 'two\n');
      expect(run(apk, 'with files', 'audit').lines).toContain('U etc/shop/motd');
      writeFileSync(path, 'one\n');
      expect(run(apk, 'with files', 'audit')).toEqual(run(apk, 'packages alone', 'audit'));
    });
  }
});
