// What own files do to a tree: whose they are, where they really go, what they conflict with, and what the layers hold.

import { describe, expect, it } from 'vitest';
import { buildElf } from '../../../test/support/tiny-elf.ts';
import { dumpLayers, dumpTree, emptyTree, readOf, testPackage } from '../../../test/support/trees.ts';
import { hashHex } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { ownerNames } from '../rootfs/accounts.ts';
import type { Rootfs } from '../rootfs/assemble.ts';
import { FileTree } from '../rootfs/file-tree.ts';
import { installPackage } from '../rootfs/install-package.ts';
import { addFiles } from './add-files.ts';
import type { CollectedEntry, CollectedGroup } from './collected-group.ts';
import { planFilesPackage } from './files-package.ts';
import { ownerResolver } from './owner.ts';

const BASE = testPackage({ name: 'base' }, [
  'dir etc',
  'file etc/passwd 644 root:x:0:0:r:/root:/x\nweb:x:1000:2000:w:/:/x\n',
  'file etc/group 644 root:x:0:\nweb:x:2000:\n',
  'dir usr',
  'dir usr/bin 700',
  'file usr/bin/tool 755 tool',
  'link bin usr/bin',
  'dir tmp 777',
  'link lost nowhere',
]);

// It plays no part here.
const NO_CONFIG = {} as Rootfs['config'];

function below(): Rootfs {
  const tree = new FileTree(readOf([BASE]));
  installPackage(tree, [BASE.pkg], 0);
  for (const folder of ['usr/lib/apk/db', 'etc/apk']) tree.mkdirAll(folder, 0o755);
  tree.writeFile('usr/lib/apk/db/installed', 'P:base\n\n', 0o644);
  tree.writeFile('etc/apk/world', 'base\nzebra\n', 0o644);
  const names = ownerNames(tree);
  const layers = [tree.walk()];
  return { tree, layers, names, layerNames: [names], config: NO_CONFIG, warnings: [] };
}

const file = (path: string, text = path, more: Partial<CollectedEntry & { kind: 'file' }> = {}): CollectedEntry => ({
  kind: 'file',
  path,
  owner: '',
  archs: [],
  mode: 0o644,
  sizeBytes: text.length,
  sha1: hashHex('sha1', text),
  sha256: hashHex('sha256', text),
  content: { kind: 'inline', bytes: Buffer.from(text) },
  ...more,
});

const group = (entries: readonly CollectedEntry[], name = 'g'): CollectedGroup => ({
  name,
  version: '1',
  license: 'MIT',
  image: '',
  entries,
});

function add(...groups: readonly CollectedGroup[]) {
  const base = below();
  return addFiles(base, {
    arch: 'amd64',
    packages: [BASE.pkg],
    groups,
    epochSeconds: 5,
    indexOf: () => 7,
    place: (path) => ({ file: 'i.yaml', line: Number(path[1]) + 1, column: 1 }),
  });
}

const lineOf = (tree: FileTree, path: string) =>
  dumpTree(tree).find((line) => line.split(' ')[3]?.replace(/\/$/, '') === path);

describe('addFiles', () => {
  it('gives mode, owner and time, and leaves existing folders as they are', () => {
    const { tree } = add(
      group([
        file('usr/bin/app', 'app', { mode: 0o4755, owner: 'web' }),
        { kind: 'directory', path: 'tmp', owner: 'web', archs: [], mode: 0o755 },
        { kind: 'directory', path: 'srv/x', owner: '7:8', archs: [], mode: 0o1777 },
        { kind: 'symlink', path: 'srv/x/l', owner: '7', archs: [], target: '../y' },
      ]),
    );
    expect(lineOf(tree, 'usr/bin/app')).toBe('4755 1000:2000 5 usr/bin/app = app (1)');
    expect(lineOf(tree, 'usr/bin')).toBe('0700 0:0 5 usr/bin/');
    expect(lineOf(tree, 'tmp')).toBe('0777 0:0 5 tmp/');
    expect(lineOf(tree, 'srv')).toBe('0755 0:0 5 srv/');
    expect(lineOf(tree, 'srv/x')).toBe('1777 7:8 5 srv/x/');
    expect(lineOf(tree, 'srv/x/l')).toBe('0777 7:7 5 srv/x/l -> ../y (1)');
  });

  it('writes the database of what is there: real places, real modes', () => {
    const { tree } = add(group([file('bin/app')]));
    expect(tree.readText('usr/lib/apk/db/installed')).toContain('F:usr\nF:usr/bin\nM:0:0:0700\nR:app\nZ:Q1');
    expect(tree.readText('etc/apk/world')).toBe('base\nfiles-g\nzebra\n');
    expect(tree.lookup('bin', { follow: false })?.kind).toBe('symlink');
  });

  it('puts the content of a folder where a link to a folder leads', () => {
    const { tree } = add(
      group([
        { kind: 'directory', path: 'bin', owner: 'web', archs: [], mode: 0o755 },
        { kind: 'directory', path: 'bin/deep', owner: 'web', archs: [], mode: 0o755 },
        file('bin/deep/x'),
      ]),
    );
    expect(tree.lookup('bin', { follow: false })?.kind).toBe('symlink');
    const record = /P:files-g[\s\S]*/.exec(tree.readText('usr/lib/apk/db/installed') ?? '')?.[0];
    expect(record?.match(/^[FMRa]:.*$/gm)).toEqual([
      'F:usr',
      'F:usr/bin',
      'M:0:0:0700',
      'F:usr/bin/deep',
      'M:1000:2000:0755',
      'R:x',
    ]);
  });

  it('does not change the tree below', () => {
    const base = below();
    const before = dumpTree(base.tree);
    addFiles(base, {
      arch: 'amd64',
      packages: [BASE.pkg],
      groups: [group([file('usr/bin/app')])],
      epochSeconds: 5,
      indexOf: () => 7,
      place: () => undefined,
    });
    expect(dumpTree(base.tree)).toEqual(before);
  });

  it('makes a layer for each group and one for the databases', () => {
    const { layers, layerNames } = add(group([file('srv/a')], 'a'), group([file('srv/b')], 'b'));
    expect(dumpLayers(layers.slice(1))).toEqual([
      ['5 srv/', '5 srv/a'],
      ['5 srv/', '5 srv/b'],
      [
        '100 etc/',
        '0 etc/apk/',
        '0 etc/apk/world',
        '100 usr/',
        '0 usr/lib/',
        '0 usr/lib/apk/',
        '0 usr/lib/apk/db/',
        '0 usr/lib/apk/db/installed',
      ],
    ]);
    expect(layerNames).toHaveLength(4);
  });

  it('leaves a file that is there already to its owner', () => {
    const { tree, filesPackages } = add(group([file('usr/bin/tool', 'tool'), file('usr/bin/other')]));
    expect(lineOf(tree, 'usr/bin/tool')).toBe('0755 0:0 100 usr/bin/tool = tool (0)');
    expect(filesPackages[0]?.ownedPaths.has('usr/bin/tool')).toBe(false);
    expect(tree.readText('usr/lib/apk/db/installed')).not.toContain('R:tool');
  });

  it('has nothing for a group of other architectures', () => {
    const rootfs = add(group([file('a', 'a', { archs: ['arm64'] })]));
    expect(rootfs.filesPackages).toEqual([]);
    expect(rootfs.layers).toHaveLength(1);
  });

  it('reads files on disk by the index given', () => {
    const { tree } = add(group([file('a', 'a', { content: { kind: 'disk', file: '/x/a', name: 'a' } })]));
    expect(tree.lookup('a')).toMatchObject({ content: { kind: 'packaged', packageIndex: 7, offset: 0, size: 1 } });
  });

  it('makes the cache of libraries anew where there are new ones', () => {
    const library = (name: string) => {
      const bytes = buildElf({ soname: name });
      const digests = { sha1: hashHex('sha1', bytes), sha256: hashHex('sha256', bytes), sizeBytes: bytes.length };
      return file(`usr/lib/${name}`, '', { ...digests, content: { kind: 'inline', bytes } });
    };
    const conf = file('etc/ld.so.conf', '/usr/lib\n');
    const { tree, layers } = add(group([conf, library('libown.so.1')]));
    expect(tree.readText('etc/ld.so.cache')).toContain('/usr/lib/libown.so.1');
    expect([...layers.at(-1)!].map(({ path }) => path)).toContain('etc/ld.so.cache');
    expect(add(group([conf])).tree.lookup('etc/ld.so.cache')).toBeUndefined();
  });

  it.each([
    [
      'another content',
      [file('usr/bin/tool', 'mine')],
      'FILE_CONFLICT',
      '"usr/bin/tool" is already owned by base 1-r0',
    ],
    ['the same through a link', [file('bin/tool', 'mine')], 'FILE_CONFLICT', '"usr/bin/tool" is already owned by base'],
    [
      'a link over a file',
      [{ kind: 'symlink', path: 'usr/bin/tool', owner: '', archs: [], target: 'x' }],
      'FILE_CONFLICT',
      'already owned',
    ],
    ['a file over a link to a folder', [file('bin', 'x')], 'FILE_CONFLICT', '"bin" is already owned by base'],
    ['a folder in the image', [file('usr', 'x')], 'FILE_CONFLICT', '"/usr" is a folder in the image'],
    [
      'a folder over a link to nothing',
      [{ kind: 'directory', path: 'lost', owner: '', archs: [], mode: 0o755 }],
      'FILE_CONFLICT',
      '"/lost" is a link in the image, and leads to no folder',
    ],
    ['a file in the image', [file('etc/passwd/x')], 'FILE_CONFLICT', '"/etc/passwd" is a file in the image'],
    ['both file and folder', [file('x'), file('x/y')], 'FILE_CONFLICT', '"/x" is both a file and the folder of "/x/y"'],
    ['two contents', [file('x', 'a'), file('x', 'b')], 'FILE_CONFLICT', 'two things of the group "g" go to "/x"'],
    ['two modes', [file('x', 'a'), file('x', 'a', { mode: 0o755 })], 'FILE_CONFLICT', 'two things'],
    ['no such user', [file('x', 'a', { owner: 'wbe' })], 'ACCOUNT_INVALID', 'the image has no user "wbe"'],
    ['a line break', [file('a\nb')], 'PATH_INVALID', '"/a\\nb" has a line break'],
  ] as const)('refuses %s', (_name, entries, code, message) => {
    try {
      add(group(entries as readonly CollectedEntry[]));
    } catch (error) {
      expect(error).toBeInstanceOf(Failure);
      expect((error as Failure).code).toBe(code);
      expect((error as Failure).message).toContain(message);
      return;
    }
    throw new Error('nothing was thrown');
  });
});

describe('planFilesPackage', () => {
  const target = { arch: 'arm64', tree: emptyTree(), epochSeconds: 0 };

  it('does not depend on the order in which files were found', () => {
    const entries = [file('b/c'), file('a'), file('b.d'), file('b/a')];
    const plans = [entries, [...entries].reverse()].map((each) => planFilesPackage(group(each), target)?.package);
    expect(plans[0]).toEqual(plans[1]);
    expect(plans[0]?.entries.map(({ name }) => name)).toEqual(['a', 'b', 'b/a', 'b/c', 'b.d']);
    expect(plans[0]?.info).toMatchObject({ name: 'files-g', arch: 'aarch64', origin: 'files-g', replaces: [] });
  });

  it.each([
    ['', 'g: files of the image configuration'],
    ['r.io/a/b@sha256:12', 'g: paths of r.io/a/b@sha256:12'],
    ['./other@sha256:12', 'g: paths of the image sha256:12'],
    ['/home/me/other@sha256:12', 'g: paths of the image sha256:12'],
  ])('out of %j describes itself without places of a machine', (image, description) => {
    expect(planFilesPackage({ ...group([file('a')]), image }, target)?.package.info.description).toBe(description);
  });

  it('has another identity for another content, mode, owner or version', () => {
    const ids = [
      group([file('a')]),
      group([file('a', 'x')]),
      group([file('a', 'a', { mode: 0o600 })]),
      group([file('a', 'a', { owner: '1' })]),
      { ...group([file('a')]), version: '2' },
    ].map((each) => planFilesPackage(each, target)?.package.controlSha1);
    expect(new Set(ids).size).toBe(5);
  });
});

describe('owners', () => {
  const ownerOf = ownerResolver(below().tree);
  it.each([
    ['', 0, 0],
    ['web', 1000, 2000],
    ['web:root', 1000, 0],
    ['1000', 1000, 2000],
    ['1000:5', 1000, 5],
    ['77', 77, 77],
    ['root:web', 0, 2000],
  ])('%j is %i:%i', (text, uid, gid) => {
    expect(ownerOf(text)).toEqual({ uid, gid });
  });

  it('are refused with a near name', () => {
    expect(() => ownerOf('wbe')).toThrow(expect.objectContaining({ hint: 'did you mean "web"?' }));
    expect(() => ownerOf('web:x')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('it has root, web') }),
    );
    expect(() => ownerOf('99999999999')).toThrow('the image has no user "99999999999"');
  });
});
