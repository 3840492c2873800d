// Every command with its flags, on a small repository, as a user meets it (issue 3, "Assemble, describe, lock"; cli.md 1 and 2).
// What the bytes must be is for the conformance tests; here is what the flags do to them.

import { mkdirSync, rmSync, statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readTar } from '../../src/formats/tar/read.ts';
import { type BuiltImage, readBuiltImages } from './built-image.ts';
import { CONFIG, failureOf, filesBelow, type Json, Place, warningsOf } from './place.ts';
import { BUILD_DATE, smallRepository } from './small-repository.ts';

const text = (image: BuiltImage | undefined, path: string) => image?.files.get(path)?.content.toString();

describe('build', () => {
  it('writes a layout with one image for each architecture, and SBOMs into the working directory', async () => {
    const place = new Place();
    mkdirSync(place.path('layout'));
    const { stdout } = await place.do(['build', 'image.yaml', 'example.com/app:1', 'layout']);
    const images = readBuiltImages(place.path('layout'));
    expect([...images.keys()]).toEqual(['amd64', 'arm64']);
    expect(text(images.get('arm64'), 'etc/apk/arch')).toBe('aarch64\n');
    expect(text(images.get('amd64'), 'usr/lib/libsmall')).toBe('library 1.5\n');
    expect(
      filesBelow(place.dir)
        .filter((name) => name.startsWith('sbom-'))
        .sort(),
    ).toEqual(['sbom-aarch64.spdx.json', 'sbom-index.spdx.json', 'sbom-x86_64.spdx.json']);
    const names = place.json('sbom-x86_64.spdx.json').packages.map((each: Json) => each.name);
    expect(names).toEqual(expect.arrayContaining(['app', 'layout', 'libsmall']));
    expect(stdout).toContain(`digest  ${await place.build()}`);
    expect(stdout).toMatch(/amd64 +3 packages/);
    expect(stdout).toMatch(/time .*resolve .*write/);
  });

  it('writes an archive for docker load, the same twice, and as deep as the layout', async () => {
    const place = new Place();
    const digest = await place.build();
    const { stdout } = await place.do(['build', 'image.yaml', 'example.com/app:1', 'a.tar', '--sbom=false', '--json']);
    await place.do(['build', 'image.yaml', 'example.com/app:1', 'b.tar', '--sbom=false']);
    expect(JSON.parse(stdout).indexDigest).toBe(digest);
    expect(place.read('a.tar').equals(place.read('b.tar'))).toBe(true);
    const entries = readTar(place.read('a.tar'));
    const manifest = entries.find((entry) => entry.name === 'manifest.json')!;
    const list = JSON.parse(
      place
        .read('a.tar')
        .subarray(manifest.offset, manifest.offset + manifest.size)
        .toString(),
    );
    expect(list.map((one: Json) => one.RepoTags)).toEqual([['example.com/app:1-amd64'], ['example.com/app:1-arm64']]);
    expect(filesBelow(place.dir).filter((name) => name.includes('sbom'))).toEqual([]);
  });

  it('makes the folder of a layout when the output ends in a slash', async () => {
    const place = new Place();
    const digest = await place.build();
    const { stdout } = await place.do(['build', 'image.yaml', 'x', 'new/', '--sbom=false', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ indexDigest: digest, output: { kind: 'layout' } });
    expect(readBuiltImages(place.path('new')).size).toBe(2);
  });

  it('writes folders that everybody may read, whatever the umask', async () => {
    const place = new Place();
    const before = process.umask(0o077);
    try {
      await place.do(['build', 'image.yaml', 'x', 'layout/', '--sbom-path', 'sboms/deep']);
    } finally {
      process.umask(before);
    }
    for (const name of ['layout', 'layout/blobs', 'layout/blobs/sha256', 'sboms/deep'])
      expect((statSync(place.path(name)).mode & 0o777).toString(8), name).toBe('755');
  });

  it('--arch in any spelling, more than one, and host', async () => {
    const place = new Place();
    const built = async (...archs: string[]) => {
      await place.build(archs.flatMap((arch) => ['--arch', arch]));
      return [...readBuiltImages(place.path('layout')).keys()];
    };
    expect(await built('aarch64')).toEqual(['arm64']);
    expect(await built('x86_64,arm64')).toEqual(['amd64', 'arm64']);
    expect(await built('arm64', 'aarch64')).toEqual(['arm64']);
    expect(await built('host')).toEqual(['amd64']);
  });

  it('-r adds a repository that the image keeps, -b one that it does not, -k a key, -p a package', async () => {
    const place = new Place(CONFIG.replace(/ {2}keyring:\n.*\n/, ''), undefined);
    const extra = (name: string) => smallRepository([{ name, files: { [`opt/${name}`]: name } }]);
    for (const [folder, repository] of [
      ['repository', smallRepository()],
      ['r', extra('from-r')],
      ['b', extra('from-b')],
    ] as const)
      for (const [path, bytes] of repository.files) place.write(`${folder}/${path}`, bytes);
    place.write('keys/small.rsa.pub', smallRepository([]).key.publicKeyPem);
    expect(failureOf(await place.tryBuild()).code).toBe('SIGNATURE_MISSING');

    await place.build(['-r', './r', '-b', './b', '-k', 'keys/small.rsa.pub', '-p', 'from-r,from-b', '--arch', 'amd64']);
    const image = readBuiltImages(place.path('layout')).get('amd64');
    expect(text(image, 'opt/from-r')).toBe('from-r');
    expect(text(image, 'opt/from-b')).toBe('from-b');
    expect(text(image, 'etc/apk/repositories')).toBe('./r\n./repository\n');
    expect(text(image, 'etc/apk/world')?.split('\n')).toEqual(expect.arrayContaining(['from-r', 'from-r=1.0-r0']));
    expect(image?.files.has('etc/apk/keys/small.rsa.pub')).toBe(true);
  });

  it('--annotations reach manifest, index and labels, over those of the configuration', async () => {
    const place = new Place(`${CONFIG}annotations: {org.example.a: config, org.example.b: config}\n`);
    await place.build(['--annotations', 'org.example.a:flag', '--annotations', 'org.example.c:x:y']);
    const expected = { 'org.example.a': 'flag', 'org.example.b': 'config', 'org.example.c': 'x:y' };
    const image = readBuiltImages(place.path('layout')).get('amd64');
    expect(image?.manifest.annotations).toMatchObject(expected);
    expect(image?.config.config.Labels).toMatchObject(expected);
    expect(place.json('layout/index.json').annotations).toMatchObject(expected);
  });

  const dates: readonly (readonly [what: string, argv: string[], env: Record<string, string>, created: string])[] = [
    ['of the newest package', [], {}, new Date((BUILD_DATE + 100) * 1000).toISOString().replace('.000Z', 'Z')],
    ['of --build-date when that is later', ['--build-date', '2030-01-02T03:04:05Z'], {}, '2030-01-02T03:04:05Z'],
    [
      'of the package when --build-date is earlier',
      ['--build-date', '2001-01-01T00:00:00Z'],
      {},
      '2024-01-01T00:01:40Z',
    ],
    ['of SOURCE_DATE_EPOCH', [], { SOURCE_DATE_EPOCH: '86400' }, '1970-01-02T00:00:00Z'],
    [
      'of SOURCE_DATE_EPOCH over --build-date',
      ['--build-date', '2030-01-02T03:04:05Z'],
      { SOURCE_DATE_EPOCH: '86400' },
      '1970-01-02T00:00:00Z',
    ],
    [
      'of --build-date when SOURCE_DATE_EPOCH is empty',
      ['--build-date', '2001-01-01T00:00:00Z'],
      { SOURCE_DATE_EPOCH: '' },
      '2001-01-01T00:00:00Z',
    ],
  ];
  it.each(dates)('has the date %s', async (_what, argv, env, created) => {
    const place = new Place();
    await place.build([...argv, '--arch', 'amd64'], env);
    expect(readBuiltImages(place.path('layout')).get('amd64')?.config.created).toBe(created);
  });

  it('--include-paths finds the configuration and what it includes', async () => {
    const place = new Place();
    place.write('shared/base.yaml', CONFIG);
    place.write('shared/main.yaml', 'include: base.yaml\nstop-signal: SIGUSR1\n');
    await place.do(['build', 'main.yaml', 'x', 'out/', '--sbom=false', '--include-paths', 'nowhere,shared']);
    expect(readBuiltImages(place.path('out')).get('amd64')?.config.config.StopSignal).toBe('SIGUSR1');
  });

  it('--ignore-signatures builds without a key', async () => {
    const place = new Place(CONFIG.replace(/ {2}keyring:\n.*\n/, ''));
    expect((await place.tryBuild()).exitCode).toBe(6);
    await place.build(['--ignore-signatures']);
  });

  it('--sbom-formats writes what is asked for, --sbom-path where', async () => {
    const place = new Place();
    const sboms = async (...flags: string[]) => {
      rmSync(place.path('s'), { recursive: true, force: true });
      await place.do(['build', 'image.yaml', 'x', 'out/', '--arch', 'amd64', '--sbom-path', 's', ...flags]);
      return filesBelow(place.path('s')).sort();
    };
    expect(await sboms('--sbom-formats', 'cyclonedx')).toEqual(['sbom-index.cdx.json', 'sbom-x86_64.cdx.json']);
    expect(await sboms('--sbom-formats', 'spdx,cyclonedx')).toHaveLength(4);
    const wrong = await place.stave(['build', 'image.yaml', 'x', 'out/', '--sbom-formats', 'spdy']);
    expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('not "spdy"') });
  });

  it('layering makes a layer for each origin within the budget, with the same files', async () => {
    const place = new Place();
    await place.build(['--arch', 'amd64']);
    const one = readBuiltImages(place.path('layout')).get('amd64')!;
    place.write('image.yaml', `${CONFIG}layering: {strategy: origin, budget: 2}\n`);
    await place.build(['--arch', 'amd64']);
    const several = readBuiltImages(place.path('layout')).get('amd64')!;
    expect(several.layers).toHaveLength(3);
    expect([...several.files.keys()].sort()).toEqual([...one.files.keys()].sort());
  });

  it('records the origin of a git checkout, unless --vcs=false', async () => {
    const place = new Place();
    const commit = 'a'.repeat(40);
    place.write('.git/HEAD', `${commit}\n`);
    place.write('.git/config', '[remote "origin"]\n\turl = https://user:pw@example.com/o/r.git\n');
    mkdirSync(place.path('.git/objects'));
    mkdirSync(place.path('.git/refs'));
    await place.build();
    expect(place.json('layout/index.json').annotations).toMatchObject({
      'org.opencontainers.image.source': 'https://example.com/o/r.git',
      'org.opencontainers.image.revision': commit,
    });
    await place.build(['--vcs=false']);
    expect(place.json('layout/index.json').annotations).not.toHaveProperty(['org.opencontainers.image.source']);
  });

  type Refusal = readonly [
    what: string,
    config: string,
    argv: string[],
    exitCode: number,
    code: string,
    sentence: string,
  ];
  const NONE = CONFIG.replace(/ {2}packages:\n.*\n.*\n/, '  packages: []\n');
  const refusals: readonly Refusal[] = [
    ['no packages', NONE, ['out.tar'], 3, 'CONFIG_INVALID', '"image.yaml" asks for no packages'],
    [
      'the packages left out',
      NONE.replace('  packages: []\n', ''),
      ['out.tar'],
      3,
      'CONFIG_INVALID',
      '"image.yaml" asks for no packages',
    ],
    [
      'the packages null',
      NONE.replace('[]', '~'),
      ['out.tar'],
      3,
      'CONFIG_INVALID',
      '"image.yaml" asks for no packages',
    ],
    [
      'no repository at all',
      'contents: {packages: [app]}\n',
      ['out.tar'],
      3,
      'CONFIG_INVALID',
      'no repository to install packages from',
    ],
    [
      'only build repositories',
      CONFIG.replace('  repositories', '  build_repositories'),
      ['out.tar'],
      3,
      'CONFIG_INVALID',
      'no repository in /etc/apk/repositories',
    ],
    [
      'erofs by flag',
      CONFIG,
      ['out.tar', '--format', 'erofs'],
      8,
      'FEATURE_UNSUPPORTED',
      '"erofs" cannot be written yet',
    ],
    [
      'erofs by configuration',
      `${CONFIG}format: erofs\n`,
      ['out.tar'],
      8,
      'FEATURE_UNSUPPORTED',
      '"erofs" cannot be written yet',
    ],
    ['another format', CONFIG, ['out.tar', '--format', 'zip'], 2, 'USAGE_FLAG', '--format takes tar, erofs, not "zip"'],
    [
      'a base image without a lock',
      CONFIG.replace('contents:\n', 'contents:\n  baseimage: {image: ./b, apkindex: ./b}\n'),
      ['out.tar'],
      3,
      'CONFIG_INVALID',
      'from a lock file only',
    ],
    ['a tag that is none', CONFIG, ['out.tar'], 2, 'USAGE_ARGUMENTS', '"TAG" cannot be used'],
    ['an output without a folder', CONFIG, ['missing/out.tar'], 8, 'FILE_UNWRITABLE', 'missing'],
    ['an output below a file', CONFIG, ['image.yaml/out.tar'], 8, 'FILE_UNWRITABLE', 'out.tar'],
    ['a layout below a file', CONFIG, ['image.yaml/'], 8, 'FILE_UNWRITABLE', 'image.yaml'],
    ['a build date that is none', CONFIG, ['out.tar', '--build-date', 'yesterday'], 2, 'USAGE_FLAG', '"yesterday"'],
    ['a bound that is none', CONFIG, ['out.tar', '--max-apk-data-size', '1k'], 2, 'USAGE_FLAG', 'not "1k"'],
    [
      'an architecture nobody has packages for',
      CONFIG,
      ['out.tar', '--arch', 'riscv64'],
      4,
      'SOLVE_CONFLICT',
      'no repository has packages for the architecture "riscv64"',
    ],
    ['an unknown architecture', CONFIG, ['out.tar', '--arch', 'amd46'], 2, 'USAGE_FLAG', 'amd46'],
    ['a configuration that is not there', CONFIG, ['out.tar', '-C', 'home'], 3, 'CONFIG_NOT_FOUND', '"image.yaml"'],
    ['a key that is not there', CONFIG, ['out.tar', '-k', 'nokey.rsa.pub'], 3, 'CONFIG_NOT_FOUND', 'nokey.rsa.pub'],
    ['an annotation that is none', CONFIG, ['out.tar', '--annotations', 'x'], 2, 'USAGE_FLAG', '"x"'],
  ];
  it.each(refusals)('refuses %s', async (what, config, argv, exitCode, code, sentence) => {
    const place = new Place(config);
    const tag = what.startsWith('a tag') ? 'TAG' : 'example.com/app:1';
    const answer = await place.stave(['build', 'image.yaml', tag, ...argv, '--json']);
    const failure = failureOf(answer);
    expect(failure).toMatchObject({ code, exitCode });
    expect(failure.message).toContain(sentence);
    expect(answer.stdout).toBe('');
    expect(filesBelow(place.dir).filter((name) => /out\.tar|sbom|partial/.test(name))).toEqual([]);
  });

  it('without a folder for temporary files needs a cache, and says so', async () => {
    const place = new Place();
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = place.path('no-tmp');
    try {
      const argv = ['build', 'image.yaml', 'example.com/app:1', 'out.tar', '--json'];
      await place.do(argv);
      const homeless = await place.stave(argv, { HOME: place.path('image.yaml') });
      expect(failureOf(homeless)).toMatchObject({ code: 'CACHE_UNUSABLE', exitCode: 8 });
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
  });

  it('refuses a layout whose blobs are a file', async () => {
    const place = new Place();
    mkdirSync(place.path('bad-layout'));
    place.write('bad-layout/blobs', 'not a folder');
    const answer = await place.stave(['build', 'image.yaml', 'x', 'bad-layout', '--json']);
    expect(failureOf(answer)).toMatchObject({ code: 'FILE_UNWRITABLE', exitCode: 8 });
  });
});

describe('lock', () => {
  it('gives the same digest with --lockfile, without a look at any index', async () => {
    const place = new Place();
    await place.do(['lock', 'image.yaml']);
    await place.build(['--lockfile', 'image.lock.json']);
    const locked = await place.build(['--lockfile', 'image.lock.json']);
    rmSync(place.path('repository/x86_64/APKINDEX.tar.gz'));
    rmSync(place.path('repository/aarch64/APKINDEX.tar.gz'));
    rmSync(place.cacheDir, { recursive: true });
    expect(await place.build(['--lockfile', 'image.lock.json'])).toBe(locked);
  });

  it('tells what it wrote, by default beside the configuration', async () => {
    const place = new Place();
    place.write('configs/app.yaml', CONFIG);
    const { stdout } = await place.do(['lock', 'configs/app.yaml']);
    expect(stdout).toBe('configs/app.lock.json: amd64 3 packages, arm64 3 packages\n');
    expect(place.json('configs/app.lock.json').contents.packages).toHaveLength(6);
    const json = await place.do(['lock', 'image.yaml', '--output', 'l', '--arch', 'arm64', '--json']);
    expect(JSON.parse(json.stdout)).toEqual({ path: place.path('l'), images: [{ arch: 'arm64', packageCount: 3 }] });
  });

  it('records neither the repositories nor the keys of flags', async () => {
    const place = new Place(CONFIG.replace(/ {2}keyring:\n.*\n/, ''));
    place.write('extra.rsa.pub', place.read('small.rsa.pub'));
    await place.do(['lock', 'image.yaml', '-k', 'small.rsa.pub', '-r', './repository', '-b', 'repository']);
    const { contents } = place.json('image.lock.json');
    expect(contents.keyring).toEqual([]);
    expect(contents.repositories.map((one: Json) => one.name)).toEqual(['./repository/x86_64', './repository/aarch64']);
    expect(contents.build_repositories).toEqual([]);
  });

  it('is refused for another configuration', async () => {
    const place = new Place();
    await place.do(['lock', 'image.yaml']);
    place.write('image.yaml', `${CONFIG}# changed\n`);
    const failure = failureOf(await place.tryBuild(['--lockfile', 'image.lock.json']));
    expect(failure).toMatchObject({ code: 'LOCK_MISMATCH', exitCode: 3, hint: 'make it again with `stave lock`' });
    expect(failure.message).toContain('image.lock.json was made from another state of the configuration image.yaml');
  });

  it('locks noarch packages under the architecture, so that they are installed', async () => {
    const place = new Place(CONFIG.replace('- app', '- app\n    - docs'));
    await place.do(['lock', 'image.yaml']);
    const docs = place.json('image.lock.json').contents.packages.filter((one: Json) => one.name === 'docs');
    expect(docs.map((one: Json) => one.architecture)).toEqual(['x86_64', 'aarch64']);
    await place.build(['--lockfile', 'image.lock.json']);
    expect(readBuiltImages(place.path('layout')).get('arm64')?.files.has('usr/share/doc/app')).toBe(true);
  });

  it('warns of packages that another tool locked as noarch: nobody installs them', async () => {
    const place = new Place(CONFIG.replace('- app', '- app\n    - docs'));
    await place.do(['lock', 'image.yaml']);
    const lock = place.json('image.lock.json');
    for (const one of lock.contents.packages) if (one.name === 'docs') one.architecture = 'noarch';
    place.write('image.lock.json', JSON.stringify(lock));
    const answer = await place.tryBuild(['--lockfile', 'image.lock.json']);
    expect(answer.exitCode, answer.stderr).toBe(0);
    expect(warningsOf(answer).map((one) => one.code)).toEqual(['LOCK_NOARCH_IGNORED']);
    expect(warningsOf(answer)[0].message).toContain('docs');
  });

  it('builds the architectures that the lock has, warns of the others, and refuses when there is none', async () => {
    const place = new Place();
    await place.do(['lock', 'image.yaml', '--arch', 'amd64']);
    const answer = await place.tryBuild(['--lockfile', 'image.lock.json']);
    expect(warningsOf(answer).map((one) => one.code)).toEqual(['LOCK_WITHOUT_ARCH']);
    expect([...readBuiltImages(place.path('layout')).keys()]).toEqual(['amd64']);
    const none = failureOf(await place.tryBuild(['--lockfile', 'image.lock.json', '--arch', 'arm64']));
    expect(none).toMatchObject({ code: 'LOCK_INVALID', exitCode: 3 });
    expect(none.message).toContain('image.lock.json has no packages for arm64');
  });

  const damages: readonly (readonly [
    what: string,
    damage: (text: string) => string,
    code: string,
    exitCode: number,
  ])[] = [
    ['is not JSON', (lock) => lock.slice(0, 300), 'LOCK_INVALID', 3],
    ['has another version', (lock) => lock.replace('"v1"', '"v2"'), 'LOCK_INVALID', 3],
    ['lost a checksum', (lock) => lock.replace(/"checksum": "Q1[^"]*"/, '"checksum": ""'), 'LOCK_INVALID', 3],
    [
      'promises another package',
      (lock) => lock.replace(/"Q1[^"]*"/, '"Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA="'),
      'CHECKSUM_MISMATCH',
      6,
    ],
    ['names a package that is gone', (lock) => lock.replaceAll('libsmall-1.5', 'libsmall-1.6'), 'FILE_UNREADABLE', 8],
  ];
  it.each(damages)('fails clearly when it %s', async (_what, damage, code, exitCode) => {
    const place = new Place();
    await place.do(['lock', 'image.yaml', '--cache-dir', 'other-cache']);
    place.write('image.lock.json', damage(place.text('image.lock.json')));
    expect(failureOf(await place.tryBuild(['--lockfile', 'image.lock.json']))).toMatchObject({ code, exitCode });
  });

  it('is written under its old name by resolve', async () => {
    const place = new Place();
    await place.do(['resolve', 'image.yaml']);
    await place.do(['lock', 'image.yaml']);
    expect(place.text('image.resolved.json')).toBe(place.text('image.lock.json'));
  });
});

describe('the commands that look', () => {
  it('show-packages lists in install order, in all formats', async () => {
    const place = new Place();
    const rows: readonly (readonly [format: string, line: string])[] = [
      ['name-version', 'libsmall 1.5-r0'],
      ['name-version-source', 'libsmall 1.5-r0 ./repository/x86_64/libsmall-1.5-r0.apk'],
      ['name=version', 'libsmall=1.5-r0'],
      ['name=version-source', 'libsmall=1.5-r0 ./repository/x86_64/libsmall-1.5-r0.apk'],
      ['name-(version)', 'libsmall (1.5-r0)'],
      ['name-(version)-source', 'libsmall (1.5-r0) ./repository/x86_64/libsmall-1.5-r0.apk'],
      ['packagelock', '- libsmall=1.5-r0'],
      ['packagelock-source', '- libsmall=1.5-r0 # ./repository/x86_64/libsmall-1.5-r0.apk'],
      ['<{{ .Name }}|{{.Version}}>', '<libsmall|1.5-r0>'],
    ];
    for (const [format, line] of rows) {
      const { stdout } = await place.do(['show-packages', 'image.yaml', '--arch', 'amd64', '--format', format]);
      expect(stdout.split('\n')[0], format).toBe(line);
    }
    const { stdout } = await place.do(['show-packages', 'image.yaml', '--json']);
    expect(JSON.parse(stdout).map((list: Json) => [list.arch, list.packages.map((one: Json) => one.name)])).toEqual([
      ['amd64', ['libsmall', 'app', 'layout']],
      ['arm64', ['libsmall', 'app', 'layout']],
    ]);
  });

  it('show-config prints the effective configuration without what flags add', async () => {
    const place = new Place(`${CONFIG}accounts: {users: [{username: u, uid: 7}]}\n`);
    const { stdout } = await place.do(['show-config', 'image.yaml', '-r', './other', '-k', 'k.rsa.pub']);
    expect(stdout).toContain('homedir: /home/u\n');
    expect(stdout).not.toContain('other');
  });

  it('dot draws the first architecture, with --spanning-tree only what is not drawn yet', async () => {
    const place = new Place(CONFIG.replace('- app', '- app\n    - libsmall'));
    const { stdout } = await place.do(['dot', 'image.yaml']);
    expect(stdout).toContain('app [label="app-2.0-r1", tooltip="the app package"];');
    const arrowsToLibrary = (dot: string) => dot.split('\n').filter((line) => line.endsWith('-> libsmall'));
    expect(arrowsToLibrary(stdout)).toHaveLength(2);
    expect(arrowsToLibrary((await place.do(['dot', 'image.yaml', '-S'])).stdout)).toHaveLength(1);
  });

  it('version, completion and help need no configuration', async () => {
    const place = new Place('', undefined);
    expect(JSON.parse((await place.do(['version', '--json'])).stdout)).toHaveProperty('version');
    for (const shell of ['bash', 'zsh', 'fish'])
      expect((await place.do(['completion', shell])).stdout).toContain('why-not');
    expect((await place.do(['--help'])).stdout).toContain('build an image');
    expect((await place.do(['build', '--help'])).stdout).toContain('--lockfile');
  });

  it('clean removes the cache and nothing else', async () => {
    const place = new Place();
    await place.build();
    place.write('home/.cache/stave/mine.txt', 'not yours');
    expect((await place.do(['clean', '--dry-run'])).stdout).toMatch(/^would remove .*\.cache\/stave \(\d/);
    expect((await place.do(['clean'])).stdout).toMatch(/^removed /);
    expect(filesBelow(place.cacheDir)).toEqual(['mine.txt']);
    expect((await place.do(['clean'])).stdout).toMatch(/^nothing to remove/);
  });
});

describe('the file tree of one architecture', () => {
  it('build-minirootfs writes it as a tar', async () => {
    const place = new Place();
    const { stdout } = await place.do(['build-minirootfs', 'image.yaml', 'root.tar', '--build-arch', 'aarch64']);
    expect(stdout).toMatch(/^root\.tar: arm64, .*, sha256:/);
    const bytes = place.read('root.tar');
    const arch = readTar(bytes).find((entry) => entry.name === 'etc/apk/arch')!;
    expect(bytes.subarray(arch.offset, arch.offset + arch.size).toString()).toBe('aarch64\n');
  });

  it('build-cpio writes it as a cpio, compressed by its name', async () => {
    const place = new Place();
    await place.do(['build-cpio', 'image.yaml', 'root.cpio', '-p', 'docs']);
    await place.do(['build-cpio', 'image.yaml', 'root.cpio.gz', '-p', 'docs']);
    const plain = place.read('root.cpio');
    expect(plain.toString('latin1', 0, 6)).toBe('070701');
    expect(plain.includes('usr/share/doc/app')).toBe(true);
    expect(gunzipSync(place.read('root.cpio.gz')).equals(plain)).toBe(true);
    const flag = await place.stave(['build-cpio', 'image.yaml', 'x.cpio', '--ignore-signatures']);
    expect(flag).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('no flag --ignore-signatures') });
  });
});
