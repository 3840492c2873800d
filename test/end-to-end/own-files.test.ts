// The user's own program in an image: from a checkout to a container's files, on any system the same; refused where it conflicts;
// held to the lock; in a layer that nothing else moves.

import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { digestHex, sha256 } from '../../src/base/digest.ts';
import { parseInstalled } from '../../src/formats/apk/installed.ts';
import { type BuiltImage, readBuiltImages } from './built-image.ts';
import { failureOf, Place } from './place.ts';
import { RECIPES, smallRepository } from './small-repository.ts';

const scratch = mkdtempSync(join(tmpdir(), 'stave-own-files-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const CONFIG = `contents:
  repositories: [./repository]
  keyring: [./small.rsa.pub]
  packages: [layout, app]
accounts:
  groups: [{groupname: web, gid: 2000}]
  users: [{username: web, uid: 1000, gid: 2000}]
archs: [amd64, arm64]
files:
  - name: shop
    version: 1.0
    license: MIT
    files:
      - {from: dist/shop, to: /usr/bin/shop}
      - {from: public/, to: /srv/www, exclude: ['*.map', 'drafts/'], owner: web}
      - {inline: "one\\r\\ntwo\\n", to: /etc/shop/motd, mode: 0o600}
      - {inline: "arm", to: /etc/shop/arch, archs: [aarch64]}
`;

/** A checkout as another machine would have it. */
function checkOut(place: Place, { umask = 0o022, time = 1_700_000_000, reversed = false } = {}): void {
  const files: [string, string][] = [
    ['dist/shop', '#!/bin/sh\necho "shop $1"\n'],
    ['public/index.html', 'hello\r\n'],
    ['public/app.js', 'js'],
    ['public/app.js.map', 'map'],
    ['public/drafts/x', 'x'],
    ['public/deep/er/y', 'y'],
  ];
  for (const [name, text] of reversed ? files.reverse() : files) {
    place.write(name, text);
    chmodSync(place.path(name), (name === 'dist/shop' ? 0o777 : 0o666) & ~umask);
    utimesSync(place.path(name), time, time);
  }
  symlinkSync('../index.html', place.path('public/deep/link'));
  chmodSync(place.path('public/deep'), 0o777 & ~umask);
}

function shopPlace(config = CONFIG): Place {
  const place = new Place(config);
  checkOut(place);
  return place;
}

function image(place: Place, arch = 'amd64', layout = 'layout'): BuiltImage {
  return readBuiltImages(place.path(layout)).get(arch)!;
}

const describeFile = (built: BuiltImage, path: string) => {
  const found = built.files.get(path);
  return (
    found &&
    `${found.entry.mode.toString(8)} ${found.entry.uid}:${found.entry.gid} ${found.entry.mtime} ${found.content}`
  );
};

describe('an image with own files', () => {
  const place = shopPlace();

  it('has them as the configuration says', async () => {
    await place.build();
    const built = image(place);
    expect(describeFile(built, 'usr/bin/shop')).toBe('755 0:0 0 #!/bin/sh\necho "shop $1"\n');
    expect(describeFile(built, 'srv/www/index.html')).toBe('644 1000:2000 0 hello\r\n');
    expect(describeFile(built, 'srv/www/deep')).toBe('755 1000:2000 0 ');
    expect(describeFile(built, 'etc/shop/motd')).toBe('600 0:0 0 one\r\ntwo\n');
    expect(built.files.get('srv/www/deep/link')?.entry.linkname).toBe('../index.html');
    for (const path of ['srv/www/app.js.map', 'srv/www/drafts', 'etc/shop/arch'])
      expect(built.files.has(path)).toBe(false);
    expect(describeFile(image(place, 'arm64'), 'etc/shop/arch')).toBe('644 0:0 0 arm');
    expect(built.files.get('etc/apk/world')?.content.toString()).toBe(
      'app=2.0-r1\nfiles-shop\nlayout=1.0-r0\nlibsmall=1.5-r0\n',
    );
    expect(built.files.get('etc/apko.json')?.content.toString()).not.toContain('shop');
  });

  it('runs what was put in', async () => {
    const out = join(scratch, 'root');
    mkdirSync(out);
    for (const [i, layer] of image(place).layers.entries()) {
      writeFileSync(join(scratch, `${i}.tar`), layer);
      execFileSync('tar', ['-xf', join(scratch, `${i}.tar`), '-C', out, '--exclude=dev/*', '--no-same-owner'], {
        stdio: 'pipe',
      });
    }
    expect(execFileSync(join(out, 'usr/bin/shop'), ['open'], { encoding: 'utf8' })).toBe('shop open\n');
  });

  it('has one owner for every path of the database, with its checksum', () => {
    const { files } = image(place);
    const records = parseInstalled(files.get('usr/lib/apk/db/installed')!.content.toString());
    expect(records.map(({ name }) => name)).toEqual(['libsmall', 'app', 'layout', 'files-shop']);
    const paths = records.flatMap((r) => r.files.filter((f) => !f.isDirectory).map((f) => f.path));
    expect(new Set(paths).size).toBe(paths.length);
    expect(records.at(-1)?.files.map(({ path }) => path)).toEqual([
      'etc',
      'etc/shop',
      'etc/shop/motd',
      'srv',
      'srv/www',
      'srv/www/app.js',
      'srv/www/index.html',
      'srv/www/deep',
      'srv/www/deep/link',
      'srv/www/deep/er',
      'srv/www/deep/er/y',
      'usr',
      'usr/bin',
      'usr/bin/shop',
    ]);
  });

  it('is described in the SBOM', async () => {
    await place.do(['build', 'image.yaml', 'example.com/app:1', 'layout/', '--sbom-path', 'sbom']);
    const { packages } = place.json('sbom/sbom-x86_64.spdx.json');
    const shop = packages.find((each: { name: string }) => each.name === 'shop');
    expect(shop).toMatchObject({ versionInfo: '1.0', licenseDeclared: 'MIT' });
    expect(shop.externalRefs[0].referenceLocator).toBe('pkg:generic/shop@1.0');
    const flags = ['--sbom-path', 'sbom', '--sbom-formats', 'cyclonedx'];
    await place.do(['build', 'image.yaml', 'example.com/app:1', 'layout/', ...flags]);
    const { components } = place.json('sbom/sbom-x86_64.cdx.json');
    expect(components.filter(({ name }: { name: string }) => name === 'shop')).toMatchObject([
      { version: '1.0', purl: 'pkg:generic/shop@1.0' },
    ]);
  });

  it('comes from the folder of the file that says so, wherever that file is found', async () => {
    const other = new Place(
      `include: [common.yaml, team/app.yaml]\n${CONFIG.slice(0, CONFIG.indexOf('files:'))}files: [{name: own, version: 1, files: [{from: here, to: /here}]}]\n`,
    );
    other.write('here', 'main');
    other.write('team/app.yaml', 'files: [{name: team, version: 2, files: [{from: ./here, to: /team}]}]\n');
    other.write('team/here', 'of the team');
    other.write(
      'shared/common.yaml',
      'files: [{name: common, version-from: VERSION, files: [{from: "*.txt", to: /c/}]}]\n',
    );
    other.write('shared/a.txt', 'shared');
    other.write('shared/VERSION', '7\n');
    await other.build(['--include-paths', 'shared']);
    const { files } = image(other);
    const texts = ['here', 'team', 'c/a.txt'].map((path) => files.get(path)?.content.toString());
    expect(texts).toEqual(['main', 'of the team', 'shared']);
    expect(files.get('usr/lib/apk/db/installed')?.content.toString()).toContain('P:files-common\nV:7\n');
    other.write('shared/common.yaml', 'files: [{name: common, version: 1, files: [{from: ../here, to: /c/}]}]\n');
    const failure = failureOf(await other.tryBuild(['--include-paths', 'shared']));
    expect(failure).toMatchObject({ code: 'CONFIG_INVALID', where: { file: 'shared/common.yaml', line: 1 } });
  });

  it('is the same from another checkout on another system', async () => {
    const digest = await place.build();
    const other = new Place(CONFIG);
    checkOut(other, { umask: 0o077, time: 1, reversed: true });
    const before = process.umask(0o077);
    try {
      expect(await other.build()).toBe(digest);
    } finally {
      process.umask(before);
    }
  });

  it('is the same from the cache, and follows what changes', async () => {
    const digest = await place.build();
    expect(await place.build()).toBe(digest);
    place.write('public/index.html', 'changed');
    expect(await place.build()).not.toBe(digest);
    expect(describeFile(image(place), 'srv/www/index.html')).toBe('644 1000:2000 0 changed');
    place.write('public/index.html', 'hello\r\n');
    expect(await place.build()).toBe(digest);
  });

  it('may say which ports it listens on, and have labels of its own', async () => {
    const other = shopPlace(`${CONFIG}ports: [8080, 53/udp]\nlabels: {team: shop}\nannotations: {a.b: c}\n`);
    await other.build();
    const { config, manifest } = image(other);
    expect(config.config.ExposedPorts).toEqual({ '53/udp': {}, '8080/tcp': {} });
    expect(config.config.Labels).toMatchObject({ team: 'shop', 'a.b': 'c' });
    expect(manifest.annotations).not.toHaveProperty('team');
  });

  it('has the time of the build', async () => {
    await place.build([], { SOURCE_DATE_EPOCH: '1000' });
    expect(describeFile(image(place), 'usr/bin/shop')).toMatch(/^755 0:0 1000 /);
    await place.build();
  });
});

describe('layers', () => {
  it('below are those of an image without files, and neither moves the other', async () => {
    const place = shopPlace();
    await place.build();
    const layersOf = () => image(place).manifest.layers.map(({ digest }: { digest: string }) => digest);
    const [base, files, database] = layersOf();
    place.write('image.yaml', CONFIG.slice(0, CONFIG.indexOf('files:')));
    await place.build();
    expect(layersOf()).toEqual([base]);

    place.write('image.yaml', CONFIG.replace('version: 1.0', 'version: 1.1'));
    await place.build();
    expect(layersOf().slice(0, 2)).toEqual([base, files]);
    expect(layersOf()[2]).not.toBe(database);

    place.write('image.yaml', CONFIG.replace('[layout, app]', '[layout, app, docs]'));
    await place.build();
    expect(layersOf()[0]).not.toBe(base);
    expect(layersOf()[1]).toBe(files);

    place.write('image.yaml', CONFIG);
    place.write('dist/shop', 'new');
    await place.build();
    expect(layersOf()[0]).toBe(base);
    expect(layersOf()[1]).not.toBe(files);
  });

  it('of packages by origin stay, too', async () => {
    const place = shopPlace(`${CONFIG}layering: {strategy: origin, budget: 3}\n`);
    await place.build();
    const with_ = image(place).manifest.layers.map(({ digest }: { digest: string }) => digest);
    place.write('image.yaml', `${CONFIG.slice(0, CONFIG.indexOf('files:'))}layering: {strategy: origin, budget: 3}\n`);
    await place.build();
    expect(with_.slice(0, -2)).toEqual(image(place).manifest.layers.map(({ digest }: { digest: string }) => digest));
  });

  it('are one for each group, above one another', async () => {
    const place = shopPlace(`${CONFIG}  - {name: more, version: 2, files: [{inline: x, to: /srv/more}]}\n`);
    await place.build();
    const [, shop, more, database] = image(place).layers.map((tar) => tar.toString('latin1'));
    expect(shop).toContain('usr/bin/shop');
    expect(more).toContain('srv/more');
    expect(more).not.toContain('usr/bin');
    expect(database).toContain('P:files-shop');
    expect(database).toContain('P:files-more');
  });
});

describe('what cannot be', () => {
  const rows: [name: string, files: string, code: string, message: string][] = [
    [
      'a packaged file',
      '{from: dist/shop, to: /usr/bin/app}',
      'FILE_CONFLICT',
      '"usr/bin/app" is already owned by app 2.0-r1',
    ],
    ['a file of the builder', '{inline: x, to: /etc/apko.json}', 'FILE_CONFLICT', 'was already made by the builder'],
    ['a folder of the image', '{inline: x, to: /usr/bin}', 'FILE_CONFLICT', '"/usr/bin" is a folder in the image'],
    ['below a file', '{inline: x, to: /usr/bin/app/x}', 'FILE_CONFLICT', '"/usr/bin/app" is a file in the image'],
    [
      'two contents',
      '{inline: x, to: /x}, {inline: y, to: /x}',
      'FILE_CONFLICT',
      'two things of the group "g" go to "/x"',
    ],
    ['an unknown owner', '{inline: x, to: /x, owner: wbe}', 'ACCOUNT_INVALID', 'the image has no user "wbe"'],
    [
      'an unknown group',
      '{inline: x, to: /x, owner: "web:nobody"}',
      'ACCOUNT_INVALID',
      'the image has no group "nobody"',
    ],
    ['nothing there', '{from: nothing, to: /x}', 'CONFIG_NOT_FOUND', '"nothing" does not exist'],
    ['no match', '{from: "public/*.css", to: /x/}', 'CONFIG_NOT_FOUND', 'no file fits "public/*.css"'],
    ['a pattern to a file', '{from: "public/*.js", to: /x}', 'CONFIG_INVALID', 'so "/x" must be a folder'],
    ['out of the folder', '{from: ../, to: /x/}', 'CONFIG_INVALID', 'leads out of the folder of the configuration'],
    ['through a link out', '{from: out/x, to: /x}', 'CONFIG_INVALID', 'leads out of the folder of the configuration'],
    [
      'a link that climbs out',
      '{from: climbing/, to: /x}',
      'CONFIG_INVALID',
      'is a link to "../../x", out of what is copied',
    ],
    ['a pipe', '{from: odd/, to: /x}', 'CONFIG_INVALID', 'odd/pipe is a pipe, which cannot be copied'],
    ['a device', '{from: /dev/null, to: /x}', 'CONFIG_INVALID', 'is a device, which cannot be copied'],
    ['what cannot be read', '{from: /proc/self/mem, to: /x}', 'FILE_UNREADABLE', 'cannot read "/proc/self/mem": EIO'],
    [
      'a URL that is none',
      `{url: "http://[x", sha256: ${'0'.repeat(64)}, to: /x}`,
      'CONFIG_INVALID',
      'is no valid URL',
    ],
    ['the root of the image', '{inline: x, to: /}', 'CONFIG_INVALID', '"/" is the root folder, not a file'],
    ['a climbing place', '{inline: x, to: /a/../../x}', 'CONFIG_INVALID', 'has a ".." in it'],
    ['a line break in a name', '{inline: x, to: "/a\\nb"}', 'PATH_INVALID', 'has a line break'],
  ];
  it.each(rows)('%s', async (_name, files, code, message) => {
    const place = shopPlace(
      `${CONFIG.slice(0, CONFIG.indexOf('files:'))}files:\n  - {name: g, version: 1, files: [${files}]}\n`,
    );
    symlinkSync(tmpdir(), place.path('out'));
    writeFileSync(join(scratch, 'x'), 'x');
    place.write('climbing/a/b', 'b');
    symlinkSync('../../x', place.path('climbing/a/up'));
    mkdirSync(place.path('odd'));
    execFileSync('mkfifo', [place.path('odd/pipe')]);
    if (code === 'CONFIG_INVALID' && files.includes('out/x')) {
      rmSync(place.path('out'));
      symlinkSync(scratch, place.path('out'));
    }
    const failure = failureOf(await place.tryBuild());
    expect(failure.code).toBe(code);
    expect(failure.message.replace(/^"odd\//, 'odd/')).toContain(message);
    expect(failure.where).toMatchObject({ file: 'image.yaml', line: 10 });
  });

  it.each<[what: string, first: string, second: string, message: string]>([
    ['the same file', '/x', '/x', '"x" is already owned by files-a 1'],
    ['a file where a folder is', '/x/y', '/x', '"/x" is a folder in the image'],
    ['a folder where a file is', '/x', '/x/y', '"/x" is a file in the image'],
    ['the same file by another way', '/usr/lib/apk/x', '/lib/apk/x', '"usr/lib/apk/x" is already owned by files-a 1'],
  ])('%s in a second group', async (_what, first, second, message) => {
    const groups = [first, second].map(
      (to, i) => `  - {name: ${'ab'[i]}, version: 1, files: [{inline: ${i}, to: ${to}}]}\n`,
    );
    const place = shopPlace(`${CONFIG.slice(0, CONFIG.indexOf('files:'))}files:\n${groups.join('')}`);
    const failure = failureOf(await place.tryBuild());
    expect(failure).toMatchObject({ code: 'FILE_CONFLICT', where: { line: 11 } });
    expect(failure.message).toContain(message);
  });

  it('a key among the files is found by the hardening contract, and so is what their owners may do', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const place = shopPlace(
      `${CONFIG}      - {from: conf/, to: /etc/shop}\n      - {inline: x, to: /usr/bin/root, mode: 0o4755}\n`,
    );
    place.write('conf/server.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const { stdout } = await place.stave(['check', 'image.yaml', '--arch', 'amd64', '--json']);
    const findings = JSON.parse(stdout).images[0].findings.map((one: { check: string; path: string }) => [
      one.check,
      one.path,
    ]);
    expect(findings).toContainEqual(['locked/private-key', 'etc/shop/server.pem']);
    expect(findings).toContainEqual(['locked/setuid', 'usr/bin/root']);
    expect(findings.filter(([check]: string[]) => check === 'accountable/unowned-file')).toEqual([]);
    // A build with the profile "strict" does not let it go.
    const refused = failureOf(await place.tryBuild(['--hardening', 'strict']));
    expect([refused.message, ...refused.notes].join('\n')).toContain('etc/shop/server.pem');
  });
});

describe('the lock', () => {
  it('holds the files to their digests and names what changed', async () => {
    const place = shopPlace();
    await place.do(['lock', 'image.yaml']);
    const locked = place.json('image.lock.json');
    expect(locked.stave.files[0]).toMatchObject({ name: 'shop', version: '1.0' });
    expect(locked.stave.files[0].files).toContainEqual({
      path: '/usr/bin/shop',
      mode: '0755',
      owner: '',
      archs: '',
      content: `sha256-${digestHex(sha256(place.read('dist/shop')))}`,
    });
    await place.build(['--lockfile', 'image.lock.json']);

    place.write('public/index.html', 'changed');
    place.write('public/new.html', 'new');
    const failure = failureOf(await place.tryBuild(['--lockfile', 'image.lock.json']));
    expect(failure).toMatchObject({ code: 'LOCK_MISMATCH', notes: ['/srv/www/new.html is new'] });
    expect(failure.message).toContain('/srv/www/index.html has other content');
  });

  it('of an image without files is the one it always was', async () => {
    const place = new Place();
    await place.do(['lock', 'image.yaml']);
    expect(Object.keys(place.json('image.lock.json'))).toEqual(['version', 'config', 'contents']);
  });

  it('knows the variables', async () => {
    const place = shopPlace(
      CONFIG.replace('version: 1.0', "version: '${{vars.v}}'").replace('archs:', 'vars: {v: 1}\narchs:'),
    );
    await place.do(['lock', 'image.yaml', '--var', 'v=3']);
    const failure = failureOf(await place.tryBuild(['--lockfile', 'image.lock.json']));
    expect(failure.message).toContain('the variable "v" had another value');
    await place.build(['--lockfile', 'image.lock.json', '--var', 'v=3']);
  });
});

describe('a variant', () => {
  const VARIANTS = `${CONFIG}variants:
  dev:
    contents: {packages: [docs]}
    environment: {DEV: "1"}
    accounts: {users: [{username: dev, uid: 1001, gid: 2000}]}
    files: [{name: tools, version: 1, files: [{inline: tool, to: /usr/bin/tool}]}]
`;
  const layersOf = (place: Place) => image(place).manifest.layers.map(({ digest }: { digest: string }) => digest);

  it('lies on the layers of its production image, byte for byte', async () => {
    const place = shopPlace(VARIANTS);
    await place.build();
    const production = layersOf(place);
    const runtime = image(place);
    await place.build(['--variant', 'dev']);
    const dev = layersOf(place);
    expect(dev.slice(0, production.length)).toEqual(production);
    expect(dev.length).toBe(production.length + 3);
    const { files, config } = image(place);
    expect(config.config.Env).toContain('DEV=1');
    expect(files.get('usr/share/doc/app')?.content.toString()).toBe('how to use the app\n');
    expect(files.get('usr/bin/tool')?.content.toString()).toBe('tool');
    expect(files.get('etc/passwd')?.content.toString()).toContain('dev:x:1001');
    expect(files.get('usr/lib/apk/db/installed')?.content.toString()).toMatch(
      /P:docs[\s\S]*P:files-shop[\s\S]*P:files-tools/,
    );
    expect(runtime.files.has('usr/bin/tool')).toBe(false);
    await place.build(['--variant', 'runtime']);
    expect(layersOf(place)).toEqual(production);
  });

  it('is what it would be if it shared nothing', async () => {
    const place = shopPlace(VARIANTS);
    await place.build(['--variant', 'dev']);
    const dev = image(place);
    const alone = CONFIG.replace('[layout, app]', '[layout, app, docs]')
      .replace(
        'gid: 2000}]\narchs',
        'gid: 2000}, {username: dev, uid: 1001, gid: 2000}]\nenvironment: {DEV: "1"}\narchs',
      )
      .concat('  - {name: tools, version: 1, files: [{inline: tool, to: /usr/bin/tool}]}\n');
    place.write('image.yaml', alone);
    await place.build();
    const whole = image(place);
    const listing = (built: BuiltImage) =>
      [...built.files]
        .filter(([path]) => !['usr/lib/apk/db/installed', 'usr/lib/apk/db/scripts.tar'].includes(path))
        .map(([path]) => `${path} ${describeFile(built, path)}`)
        .sort();
    expect(listing(dev)).toEqual(listing(whole));
  });

  it('keeps the versions of the production image', async () => {
    const place = new Place(
      VARIANTS.replace('[layout, app]', '[layout, app, libsmall=1.4-r0]'),
      smallRepository([...RECIPES.filter(({ name }) => name !== 'docs'), { name: 'docs', depends: ['libsmall'] }]),
    );
    checkOut(place);
    await place.build(['--variant', 'dev']);
    expect(image(place).files.get('usr/lib/libsmall')?.content.toString()).toBe('library 1.4\n');
  });

  it('is shown as it is built', async () => {
    const repository = smallRepository([
      ...RECIPES.filter(({ name }) => name !== 'docs'),
      { name: 'docs', depends: ['libsmall'] },
    ]);
    const place = new Place(VARIANTS.replace('[layout, app]', '[layout, app, libsmall=1.4-r0]'), repository);
    checkOut(place);
    const names = (text: string) => text.trimEnd().split('\n').sort();
    const shown = async (...more: string[]) =>
      names((await place.do(['show-packages', 'image.yaml', '--arch', 'amd64', ...more])).stdout);
    expect(await shown()).toEqual(['app 2.0-r1', 'files-shop 1.0', 'layout 1.0-r0', 'libsmall 1.4-r0']);
    const dev = ['app 2.0-r1', 'docs 1.0-r0', 'files-shop 1.0', 'files-tools 1', 'layout 1.0-r0', 'libsmall 1.4-r0'];
    expect(await shown('--variant', 'dev')).toEqual(dev);
    const answer = await place.do(['why', 'image.yaml', 'tools', '--variant', 'dev', '--arch', 'amd64']);
    expect(answer.stdout).toBe('"tools" is files-tools-1\n  from files of the configuration, image.yaml line 23\n');
    expect((await place.do(['why', 'image.yaml', 'docs', '--variant', 'dev'])).stdout).toBe(
      '"docs" is docs-1.0-r0\nwish docs\n  docs-1.0-r0\n',
    );
    const dot = (await place.do(['dot', 'image.yaml', '--variant', 'dev'])).stdout;
    for (const text of ['"files-tools" [', 'label="libsmall-1.4-r0"', 'label="docs-1.0-r0"'])
      expect(dot).toContain(text);
    expect((await place.do(['dot', 'image.yaml'])).stdout).not.toContain('docs');
  });

  it('is built from its own lock', async () => {
    const place = shopPlace(VARIANTS);
    await place.do(['lock', 'image.yaml', '--variant', 'dev', '--output', 'dev.lock.json']);
    await place.build(['--lockfile', 'dev.lock.json', '--variant', 'dev']);
    const { files } = image(place);
    expect(files.has('usr/share/doc/app')).toBe(true);
    const failure = failureOf(await place.tryBuild(['--lockfile', 'dev.lock.json']));
    expect(failure.message).toContain('of the variant "dev", not "runtime"');
  });
});

describe('files from elsewhere', () => {
  it('are downloaded once, and must have their digest', async () => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked++;
      response.end('agent');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/agent.jar`;
    const group = (sum: string) =>
      `  - {name: agent, version: 2, files: [{url: "${url}", sha256: ${sum}, to: /opt/}]}\n`;
    try {
      const place = shopPlace(CONFIG + group(digestHex(sha256('agent'))));
      await place.build();
      expect(describeFile(image(place), 'opt/agent.jar')).toBe('644 0:0 0 agent');
      await place.build(['--offline']);
      expect(asked).toBe(1);
      place.write('image.yaml', CONFIG + group('0'.repeat(64)));
      const failure = failureOf(await place.tryBuild());
      expect(failure).toMatchObject({ code: 'CHECKSUM_MISMATCH', where: { line: 18 } });
      expect(failure.message).toContain(digestHex(sha256('agent')));
      expect(failureOf(await place.tryBuild(['--offline'])).code).toBe('NETWORK_OFFLINE');
    } finally {
      server.close();
    }
  });

  it('are copied out of another image by its digest', async () => {
    const place = shopPlace();
    const digest = await place.build();
    execFileSync('cp', ['-r', place.path('layout'), place.path('other')]);
    const copy = (reference: string, paths: string) =>
      `${CONFIG.slice(0, CONFIG.indexOf('files:'))}files:\n  - {name: copied, image: "./other@${reference}", paths: [${paths}]}\n`;
    place.write('image.yaml', copy(digest, '/srv/www, /usr/bin/shop'));
    await place.build();
    const built = image(place);
    expect(describeFile(built, 'srv/www/index.html')).toBe('644 1000:2000 0 hello\r\n');
    expect(describeFile(built, 'usr/bin/shop')).toMatch(/^755 0:0 0 #!/);
    expect(built.files.get('usr/lib/apk/db/installed')?.content.toString()).toContain(`V:0~${digest.slice(7, 19)}\n`);

    place.write('image.yaml', copy(digest, '/nothing'));
    expect(failureOf(await place.tryBuild()).message).toContain('has no "/nothing" for amd64');
    place.write('image.yaml', copy(`sha256:${'0'.repeat(64)}`, '/srv'));
    expect(failureOf(await place.tryBuild()).message).toContain('there is no image ./other@sha256:0000');
    place.write('image.yaml', copy(digest, '/srv').replace('./other', 'alpine'));
    expect(failureOf(await place.tryBuild())).toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      hint: 'an image in a registry is named with its host, as docker.io/library/alpine',
      where: { line: 10 },
    });
  });

  it('have the version of git', async () => {
    const place = shopPlace(CONFIG.replace('version: 1.0', 'version-from: git'));
    expect(failureOf(await place.tryBuild()).message).toContain('there is no git commit');
    const git = (...argv: string[]) =>
      execFileSync('git', ['-c', 'user.name=n', '-c', 'user.email=e@example.test', ...argv], {
        cwd: place.dir,
        stdio: 'pipe',
        encoding: 'utf8',
      });
    git('init', '-q');
    git('commit', '-q', '--allow-empty', '-m', 'x');
    const version = () =>
      /P:files-shop\nV:(.*)/.exec(image(place).files.get('usr/lib/apk/db/installed')!.content.toString())?.[1];
    await place.build(['--vcs=false']);
    expect(version()).toBe(`0~${git('rev-parse', 'HEAD').slice(0, 12)}`);
    git('tag', '-a', 'v1.2.0', '-m', 'x');
    await place.build(['--vcs=false']);
    expect(version()).toBe('1.2.0');
    git('tag', 'v1.10.0');
    await place.build(['--vcs=false']);
    expect(version()).toBe('1.10.0');
    git('tag', '-d', 'v1.10.0');
    git('pack-refs', '--all');
    git('gc', '-q');
    await place.build(['--vcs=false']);
    expect(version()).toBe('1.2.0');
    place.write('package.json', '{"version": "3.1.4"}');
    place.write('image.yaml', CONFIG.replace('version: 1.0', 'version-from: package.json'));
    await place.build();
    expect(version()).toBe('3.1.4');
  });
});

describe('the other outputs', () => {
  it('have the files, too', async () => {
    const place = shopPlace();
    await place.do(['build-minirootfs', 'image.yaml', 'root.tar', '--build-arch', 'x86_64']);
    const listing = execFileSync('tar', ['-tf', place.path('root.tar')], { encoding: 'utf8' });
    expect(listing).toContain('srv/www/index.html');
    expect((await place.do(['show-config', 'image.yaml'])).stdout).toContain('/usr/bin/shop');
  });

  it('show them as packages, and say where the configuration has them', async () => {
    const place = shopPlace(`${CONFIG}  - {name: arm, version: 3, files: [{inline: x, to: /x, archs: [arm64]}]}\n`);
    const { stdout } = await place.do(['show-packages', 'image.yaml', '--arch', 'amd64', '--json']);
    expect(JSON.parse(stdout)[0].packages.at(-1)).toEqual({
      name: 'files-shop',
      version: '1.0',
      source: 'files of the configuration, image.yaml line 10',
    });
    const why = async (...argv: string[]) => (await place.do(argv)).stdout;
    const reason = 'files-shop-1.0\n  from files of the configuration, image.yaml line 10\n';
    expect(await why('why', 'image.yaml', 'files-shop')).toBe(reason);
    expect(await why('why', 'image.yaml', 'shop')).toBe(`"shop" is ${reason}`);
    expect(await why('why', 'image.yaml', 'shop=1.0')).toBe(`"shop=1.0" is ${reason}`);
    expect(await why('why', 'image.yaml', 'shop=2.0')).toContain('"shop=2.0" is not installed');
    expect(await why('why', 'image.yaml', 'files-shpo')).toContain('did you mean "files-shop"?');
    expect(await why('why-not', 'image.yaml', 'files-shop')).toBe(reason);
    expect(await why('why', 'image.yaml', 'arm')).toMatch(
      /^amd64:\n"arm" is not installed\n[\s\S]*arm64:\n"arm" is files-arm-3/,
    );
    expect(await why('why', 'image.yaml', 'app')).not.toContain('files');
    const dot = await why('dot', 'image.yaml', '--arch', 'amd64');
    expect(dot).toContain(
      '"files-shop" [label="files-shop-1.0", tooltip="files of the configuration, image.yaml line 10"];\n"image.yaml" -> "files-shop"\n',
    );
    expect(dot).not.toContain('files-arm');
  });

  it('ask for the version of a group with the place of the question', async () => {
    const place = shopPlace(CONFIG.replace('version: 1.0', 'version-from: VERSION'));
    const failure = failureOf(await place.stave(['show-packages', 'image.yaml', '--json']));
    expect(failure).toMatchObject({ code: 'CONFIG_NOT_FOUND', where: { line: 11 } });
  });

  it('refuse ours with --strict-apko', async () => {
    const place = shopPlace();
    const failure = failureOf(await place.tryBuild(['--strict-apko']));
    expect(failure).toMatchObject({ code: 'CONFIG_UNKNOWN_KEY', where: { line: 9 } });
    expect(failure.message).toBe('"files" is understood by stave only');
  });
});

it('a file that changes while the image is built is noticed', async () => {
  const place = shopPlace();
  place.write('public/large', Buffer.alloc(3_000_000, 'a'));
  const { operations } = await import('../../src/cli/operations.ts');
  const building = operations.buildImage(
    {
      configPath: 'image.yaml',
      tag: 'example.com/app:1',
      output: 'layout/',
      archs: [],
      keyringAppend: [],
      buildRepositoryAppend: [],
      repositoryAppend: [],
      packageAppend: [],
      annotations: [],
      includePaths: [],
      sbomFormats: [],
      sbom: false,
      vcs: false,
      offline: false,
      ignoreSignatures: false,
    },
    {
      cwd: place.dir,
      env: { HOME: place.path('home') },
      hostArch: 'amd64',
      homeDir: place.path('home'),
      events: (event) => {
        if (event.type === 'phase-started' && event.phase === 'fetch')
          place.write('public/large', Buffer.alloc(3_000_000, 'b'));
      },
    },
  );
  await expect(building).rejects.toMatchObject({ code: 'CHECKSUM_MISMATCH' });
  await expect(building).rejects.toThrow(/"\/srv\/www\/large" was changed while the image was built/);
});
