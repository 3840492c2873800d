// The installed database line by line: the spec's checked example, the order of files, and base images.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TarEntry } from '../tar/entry.ts';
import {
  installedPackages,
  parseInstalled,
  printBaseRecords,
  printInstalledRecord,
  scanInstalled,
} from './installed.ts';
import type { PackageInfo } from './package.ts';

const INFO: PackageInfo = {
  name: 'foo',
  version: '1.2-r3',
  arch: 'x86_64',
  description: 'a foo',
  license: 'MIT',
  origin: 'foos',
  maintainer: 'me',
  url: 'https://x.test',
  commit: 'abc',
  dataHash: 'ff',
  installedSize: 10,
  buildDate: 1700000000,
  providerPriority: 5,
  depends: ['a', 'b>1'],
  provides: ['cmd:foo=1.2-r3'],
  replaces: [],
  installIf: [],
  triggers: [],
};
const SHA1 = '642da1e2a1c2ac3c8d4a4c2d9b4f1a1b5e6f7a8b';

interface Row {
  readonly name: string;
  readonly type?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly sha1?: string;
}
const dir = (name: string, more: Partial<Row> = {}): Row => ({ name, type: '5', mode: 0o755, ...more });
const file = (name: string, more: Partial<Row> = {}): Row => ({ name, sha1: SHA1, ...more });

const entry = ({ name, type = '0', mode = 0o644, uid = 0, gid = 0, sha1 }: Row): TarEntry => ({
  name,
  type,
  mode,
  uid,
  gid,
  uname: '',
  gname: '',
  mtime: 0,
  size: 0,
  linkname: '',
  devmajor: 0,
  devminor: 0,
  pax: sha1 === undefined ? {} : { 'APK-TOOLS.checksum.SHA1': sha1 },
  offset: 0,
  magic: 'ustar',
});

const print = (rows: readonly Row[], info: Partial<PackageInfo> = {}) =>
  printInstalledRecord({ info: { ...INFO, ...info }, controlSha1: SHA1, sizeBytes: 99, entries: rows.map(entry) });
/** The lines about files. */
const files = (...rows: Row[]) => print(rows).split('\n').slice(17, -2);

describe('printInstalledRecord', () => {
  it('writes the fields in their order, a blank line behind them', () => {
    expect(print([])).toBe(`P:foo
V:1.2-r3
A:x86_64
L:MIT
T:a foo
o:foos
m:me
U:https://x.test
D:a b>1
p:cmd:foo=1.2-r3
c:abc
i:[]
t:1700000000
S:99
I:10
k:5
C:Q1ZC2h4qHCrDyNSkwtm08aG15veos=

`);
  });

  it('writes replaces only where there are some, install_if always in brackets', () => {
    const lines = print([], { depends: [], provides: [], replaces: ['x', 'y<2'], installIf: ['a', 'b=1'] }).split('\n');
    expect(lines.slice(8, 13)).toEqual(['D:', 'p:', 'r:x y<2', 'c:abc', 'i:[a b=1]']);
  });

  it('writes the checked example', () => {
    const sha1 = (text: string) => Buffer.from(text, 'base64').toString('hex');
    const rows = [
      dir('usr'),
      dir('usr/bin'),
      { name: 'usr/bin/afoo', type: '1' },
      file('usr/bin/foo', { uid: 10, gid: 20, mode: 0o4755, sha1: sha1('5C+sdmL+ZuUK+h5npUmlGqW2ZLA=') }),
      file('usr/bin/cap', { mode: 0o755, sha1: sha1('rEvlrGPh6mJkBAn2ObAQuftHnFs=') }),
      file('usr/bin/sfoo', { type: '2', mode: 0o777, sha1: sha1('C+7Hteo/D9vJXQ3UfzxbwnXaijM=') }),
    ];
    expect(files(...rows).join('\n')).toBe(`F:usr
F:usr/bin
R:afoo
R:cap
a:0:0:0755
Z:Q1rEvlrGPh6mJkBAn2ObAQuftHnFs=
R:foo
a:10:20:4755
Z:Q15C+sdmL+ZuUK+h5npUmlGqW2ZLA=
R:sfoo
a:0:0:0777
Z:Q1C+7Hteo/D9vJXQ3UfzxbwnXaijM=`);
  });

  it('lists files before directories, each directory with what it holds', () => {
    const rows = ['a/z/f', 'a/b/g', 'a/y', 'a.x', 'b'].map((name): Row => ({ name }));
    const lines = files(...rows, dir('a'), dir('a/z'), dir('a/b/'), dir('a-'));
    expect(lines).toEqual(['F:', 'R:a.x', 'R:b', 'F:a', 'R:y', 'F:a/b', 'R:g', 'F:a/z', 'R:f', 'F:a-']);
  });

  it('sorts by bytes', () => {
    const lines = files(
      dir('d'),
      ...['\u{1f600}', '\uff5e', 'é', 'Z', 'a'].map((name): Row => ({ name: `d/${name}` })),
    );
    expect(lines.slice(1)).toEqual(['R:Z', 'R:a', 'R:é', 'R:\uff5e', 'R:\u{1f600}']);
  });

  it('says M: only where owner or mode of a directory are unusual', () => {
    expect(files(dir('a'), dir('b', { mode: 0o1777 }), dir('c', { gid: 3 }))).toEqual([
      'F:a',
      'F:b',
      'M:0:0:1777',
      'F:c',
      'M:0:3:0755',
    ]);
  });

  it('drops what has a parent that the package does not list', () => {
    expect(files(dir('var/tmp'), file('var/tmp/x'), dir('usr'), file('usr/lib/y'))).toEqual(['F:usr']);
    expect(files(file('usr', { sha1: SHA1 }), file('usr/x'))).toEqual(['F:', 'R:usr', expect.stringMatching(/^Z:/)]);
  });

  it('does not list an ordinary root directory', () => {
    expect(files(dir('./'), { name: 'x' })).toEqual(['F:', 'R:x']);
  });

  it.each<[string, readonly Row[], Partial<PackageInfo>, RegExp]>([
    ['a package without a name', [], { name: '' }, /without a name/],
    ['a root directory of another mode', [dir('./', { mode: 0o700 })], {}, /root directory to 0:0:0700/],
    ['a line break in a value', [], { description: 'x\nP:evil' }, /line break in "T:x\\nP:evil"/],
    ['a line break in a name', [{ name: 'x\nR:evil' }], {}, /line break/],
    ['a checksum that is none', [file('x', { sha1: 'zz' })], {}, /checksum/],
  ])('refuses %s', (_, rows, info, message) => {
    const failure = { code: 'PACKAGE_INVALID', message: expect.stringMatching(message) };
    expect(() => print(rows, info)).toThrow(expect.objectContaining(failure));
  });
});

describe('parseInstalled', () => {
  it('reads back what was written', () => {
    const text =
      print([dir('usr', { mode: 0o700 }), file('usr/x'), { name: 'top' }]) +
      print([], { name: 'bar', installIf: ['a'] });
    const records = parseInstalled(text);
    expect(records).toHaveLength(2);
    expect(records[0]).toEqual({
      name: 'foo',
      version: '1.2-r3',
      arch: 'x86_64',
      checksum: 'Q1ZC2h4qHCrDyNSkwtm08aG15veos=',
      sizeBytes: 99,
      installedSize: 10,
      description: 'a foo',
      url: 'https://x.test',
      license: 'MIT',
      origin: 'foos',
      maintainer: 'me',
      buildTime: 1700000000,
      commit: 'abc',
      depends: ['a', 'b>1'],
      installIf: ['[]'],
      provides: ['cmd:foo=1.2-r3'],
      replaces: [],
      providerPriority: 5,
      files: [
        { path: '', isDirectory: true },
        { path: 'top', isDirectory: false },
        { path: 'usr', isDirectory: true },
        { path: 'usr/x', isDirectory: false },
      ],
    });
    expect(records[1]).toMatchObject({ name: 'bar', installIf: ['[a]'] });
  });

  it.each<[string, string, string[]]>([
    ['nothing', '', []],
    ['a record without its blank line', 'P:a\nV:1', ['a']],
    ['several blank lines', 'P:a\n\n\n\nP:b\n\n', ['a', 'b']],
    ['a record without a name', 'V:1\n\nP:b\n\n', ['b']],
    ['unknown lines', 'P:a\nq:x\nnonsense\n\n', ['a']],
  ])('takes %s', (_, text, names) => {
    expect(parseInstalled(text).map((record) => record.name)).toEqual(names);
  });

  it('reads missing and unreadable numbers as 0', () => {
    expect(parseInstalled('P:a\nS:x\nI:-1\n\n')[0]).toMatchObject({ sizeBytes: 0, installedSize: 0, buildTime: 0 });
  });
});

describe('scanInstalled', () => {
  it('tells the packages and files that parseInstalled reads', () => {
    const head = fc.constantFrom<string[]>(
      ['P:a'],
      ['P:b', 'V:1'],
      ['V:1', 'P:c'],
      ['V:2'],
      ['P:'],
      ['C:Q1', 'P:d', 'q'],
    );
    const files = fc.array(fc.constantFrom('F:usr', 'F:usr/bin', 'F:', 'R:x', 'R:y', 'a:0:0:0755', 'Z:Q1'));
    const record = fc
      .tuple(head, files, fc.constantFrom('', '\n', '\n\n'))
      .map(([a, b, gap]) => [...a, ...b, gap].join('\n'));
    fc.assert(
      fc.property(fc.array(record), (records) => {
        const text = records.join('\n');
        const told: { name: string; version: string; files: string[] }[] = [];
        scanInstalled(text, {
          package: (name, version) => told.push({ name, version, files: [] }),
          files: (directory, names) => {
            expect(names).not.toEqual([]);
            told.at(-1)?.files.push(...names.map((name) => (directory === '' ? name : `${directory}/${name}`)));
          },
        });
        const parsed = parseInstalled(text).map(({ name, version, files }) => ({
          name,
          version,
          files: files.filter((file) => !file.isDirectory).map((file) => file.path),
        }));
        expect(told).toEqual(parsed);
        expect(installedPackages(text)).toEqual(parsed.map(({ name, version }) => ({ name, version })));
      }),
    );
  });
});

describe('printBaseRecords', () => {
  it('loses owners, modes and checksums, and wraps install_if once more', () => {
    const text = print([dir('usr', { mode: 0o700 }), file('usr/x', { mode: 0o755 })]);
    expect(printBaseRecords(text)).toBe(
      text
        .replace('i:[]', 'i:[[]]')
        .replace('M:0:0:0700\n', '')
        .replace(/a:0:0:0755\nZ:.*\n/, ''),
    );
  });

  it('writes an index record as a database record', () => {
    expect(printBaseRecords('C:Q1x\nP:a\nV:1\nS:5\nD:\n\n').split('\n')).toEqual([
      'P:a',
      'V:1',
      'A:',
      'L:',
      'T:',
      'o:',
      'm:',
      'U:',
      'D:',
      'p:',
      'c:',
      'i:[]',
      't:0',
      'S:5',
      'I:0',
      'k:0',
      'C:Q1x',
      '',
      '',
    ]);
  });
});
