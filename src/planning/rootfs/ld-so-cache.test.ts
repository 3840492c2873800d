// Which files of an image get into the cache, and which directories its ld.so.conf names.

import { describe, expect, it } from 'vitest';
import { buildElf, type TinyElf } from '../../../test/support/tiny-elf.ts';
import { Failure } from '../../base/failure.ts';
import { FileTree } from './file-tree.ts';
import { applyLdSoCache } from './ld-so-cache.ts';
import { readLdSoConf } from './ld-so-conf.ts';

/** Files (bytes or text) and links (`-> target`) by path; parents are made. */
function treeOf(files: Readonly<Record<string, string | Uint8Array>>): FileTree {
  const tree = new FileTree(() => new Uint8Array(0));
  tree.mkdirAll('etc', 0o755);
  for (const [path, content] of Object.entries(files)) {
    tree.mkdirAll(path.slice(0, path.lastIndexOf('/')), 0o755);
    if (typeof content === 'string' && content.startsWith('-> ')) tree.symlink(content.slice(3), path);
    else tree.writeFile(path, content, 0o644);
  }
  return tree;
}

const library = (soname: string | undefined, more: TinyElf = {}) => buildElf({ ...(soname && { soname }), ...more });

/** Paths in the cache, in its order; undefined when there is no cache. */
function cached(files: Readonly<Record<string, string | Uint8Array>>, apkArch = 'x86_64'): string[] | undefined {
  const tree = treeOf(files);
  applyLdSoCache(tree, apkArch);
  const bytes = tree.readBytes('etc/ld.so.cache');
  if (bytes === undefined) return undefined;
  const cache = Buffer.from(bytes);
  const count = apkArch === 's390x' ? cache.readUInt32BE(20) : cache.readUInt32LE(20);
  return cache
    .toString('utf8', 48 + 24 * count)
    .split('\0')
    .slice(0, count);
}

const CONF = { 'etc/ld.so.conf': '/usr/lib\n' };

describe('applyLdSoCache', () => {
  it('does nothing without ld.so.conf', () => {
    expect(cached({ 'usr/lib/liba.so.1': library('liba.so.1') })).toBeUndefined();
  });

  it('makes an empty cache where there are no libraries', () => {
    expect(cached(CONF)).toEqual([]);
  });

  it('takes libraries by soname, link name, and links to them', () => {
    expect(
      cached({
        ...CONF,
        'usr/lib/liba.so.1.2.3': library('liba.so.1'),
        'usr/lib/liba.so.1': '-> liba.so.1.2.3',
        'usr/lib/liba.so': '-> /usr/lib/liba.so.1',
      }),
    ).toEqual(['/usr/lib/liba.so.1', '/usr/lib/liba.so']);
  });

  it('lists a library under each of its directories, /lib first', () => {
    expect(cached({ ...CONF, 'usr/lib/liba.so.1': library('liba.so.1'), lib: '-> usr/lib' })).toEqual([
      '/lib/liba.so.1',
      '/usr/lib/liba.so.1',
    ]);
  });

  it.each<[string, string, string | Uint8Array, boolean]>([
    ['no soname, but .so at the end', 'libplain.so', library(undefined), true],
    ['no soname and a version', 'libplain.so.1', library(undefined), false],
    ['the loader', 'ld-linux.so.2', library('ld-linux.so.2'), true],
    ['another name', 'demo.so', library('demo.so'), false],
    ['a name without .so', 'libdemo.a', library('libdemo.a'), false],
    ['a soname that is no library name', 'libdemo.so', library('demo.so'), false],
    ['.so within a word', 'libdemo.solid', library('libdemo.solid'), false],
    ['a program', 'libdemo.so', library('libdemo.so', { type: 2 }), false],
    ['a linker script', 'libdemo.so', 'INPUT(libdemo.so.1)', false],
    ['a damaged library', 'libdemo.so', library('libdemo.so').subarray(0, 200), false],
    ['a link to nothing', 'libdemo.so', '-> nothing', false],
    ['a link to itself', 'libdemo.so', '-> libdemo.so', false],
    ['a link to a directory', 'libdemo.so', '-> /etc', false],
  ])('%s', (_, name, content, taken) => {
    expect(cached({ ...CONF, [`usr/lib/${name}`]: content })).toEqual(taken ? [`/usr/lib/${name}`] : []);
  });

  it('skips directories that are missing, no directories, or behind a file', () => {
    expect(cached({ 'etc/ld.so.conf': '/none\n/etc/ld.so.conf\n/etc/ld.so.conf/x\n' })).toEqual([]);
  });

  it('cleans directories and knows the root', () => {
    expect(
      cached({
        'etc/ld.so.conf': 'opt/./x//\n/\n',
        'opt/x/liba.so': library('liba.so'),
        '/libb.so': library('libb.so'),
      }),
    ).toEqual(['/libb.so', '/opt/x/liba.so']);
  });

  it('writes mode 0644 and time 0, and the byte order of the architecture', () => {
    const tree = treeOf({ ...CONF, 'usr/lib/liba.so': library('liba.so', { machine: 22, littleEndian: false }) });
    applyLdSoCache(tree, 's390x');
    expect(tree.lookup('etc/ld.so.cache')).toMatchObject({ mode: 0o644, mtime: 0 });
    expect(Buffer.from(tree.readBytes('etc/ld.so.cache') ?? []).readUInt32BE(48)).toBe(0x0403);
  });

  it('refuses a library of an unknown machine', () => {
    const files = { ...CONF, 'usr/lib/liba.so': library('liba.so', { machine: 9999 }) };
    expect(() => cached(files)).toThrow(
      new Failure(
        'PACKAGE_INVALID',
        'library /usr/lib/liba.so is for a machine that we do not know (ELF machine 9999)',
      ),
    );
  });
});

describe('readLdSoConf', () => {
  const INCLUDED = {
    'etc/ld.so.conf.d/b.conf': '/b # second\n',
    'etc/ld.so.conf.d/a.conf': '# nothing\n\n  /a  \n/a\n',
    'etc/ld.so.conf.d/c.txt': '/c\n',
    'etc/ld.so.conf.d/[.conf': '/bracket',
    'etc/ld.so.conf.d/directory.conf/x': '',
  };
  it.each([
    ['/one\n/two\n/one\n', ['/one', '/two']],
    ['/one#comment\r\n#/two', ['/one']],
    ['include /etc/ld.so.conf.d/*.conf', ['/bracket', '/a', '/b']],
    ['include etc/ld.so.conf.d/?.conf', ['/bracket', '/a', '/b']],
    ['include /etc/ld.so.conf.d/[a-b].conf', ['/a', '/b']],
    ['include /etc/ld.so.conf.d/[^ab].*', ['/bracket', '/c']],
    ['include /etc/*/*a*.*f', ['/a']],
    ['include /etc/ld.so.conf.d/\\[.conf', ['/bracket']],
    ['include /etc/ld.so.conf.d/[.conf', []],
    ['include /etc/ld.so.conf.d/a.conf', ['/a']],
    ['include /none/*', []],
    ['/one\ninclude /etc/ld.so.conf.d/b.conf\n/three', ['/one', '/b']],
    ['/b\ninclude /etc/ld.so.conf.d/b.conf', ['/b', '/b']],
    ['include\t/etc/ld.so.conf.d/b.conf', ['include\t/etc/ld.so.conf.d/b.conf']],
  ])('%j', (conf, directories) => {
    expect(readLdSoConf(treeOf({ ...INCLUDED, 'etc/ld.so.conf': conf }))).toEqual(directories);
  });

  it('refuses includes that go round in a circle', () => {
    const tree = treeOf({ 'etc/ld.so.conf': 'include /etc/ld.so.conf' });
    expect(() => readLdSoConf(tree)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: '/etc/ld.so.conf includes more than 1000 files',
        hint: 'Does /etc/ld.so.conf include itself?',
      }),
    );
  });

  it('matches hostile patterns quickly', () => {
    const files = { [`etc/${'a'.repeat(255)}`]: '', 'etc/ld.so.conf': `include /etc/${'*a'.repeat(100)}b` };
    expect(readLdSoConf(treeOf(files))).toEqual([]);
  });
});
