import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dumpTree, emptyTree, type TestPackage, testPackage } from '../../../test/support/trees.ts';
import { Failure } from '../../base/failure.ts';
import { dataEntries } from '../../formats/apk/data-entries.ts';
import type { FileTree } from './file-tree.ts';
import { installPackage, Meetings, ownedEntries } from './install-package.ts';

const DIRECTORY = 'dir d';

function install(packages: readonly TestPackage[], prepare: (tree: FileTree) => void = () => {}): FileTree {
  const tree = emptyTree(packages);
  prepare(tree);
  packages.forEach((_, i) => {
    installPackage(
      tree,
      packages.map((p) => p.pkg),
      i,
    );
  });
  return tree;
}

const one = (name: string, lines: readonly string[], more: object = {}) =>
  testPackage({ name, ...more }, [DIRECTORY, ...lines]);
const TOP = '0755 0:0 100 d/';

describe('one package', () => {
  const table: readonly (readonly [what: string, lines: readonly string[], dump: readonly string[]])[] = [
    ['keeps set-id bits and drops owners', ['file d/s 4755 x'], [TOP, '4755 0:0 100 d/s = x (0)']],
    ['loses special bits of directories', ['dir d/t 1777'], [TOP, '0777 0:0 100 d/t/']],
    [
      'gives all missing parts of a directory its mode',
      ['dir d/a/b 700'],
      [TOP, '0700 0:0 0 d/a/', '0700 0:0 100 d/a/b/'],
    ],
    [
      'makes parents that the archive lacks',
      ['file e/f/g 644 x'],
      [TOP, '0755 0:0 0 e/', '0755 0:0 0 e/f/', '0644 0:0 100 e/f/g = x (0)'],
    ],
    [
      'accepts names with ./ and trailing slashes',
      ['dir ./d/x/', 'file ./d/x/y 644 z'],
      [TOP, '0755 0:0 100 d/x/', '0644 0:0 100 d/x/y = z (0)'],
    ],
    [
      'shares a node between hard links',
      ['file d/b 600 x', 'hard d/a d/b'],
      [TOP, '0600 0:0 100 d/a = x (0)', '0600 0:0 100 d/b = x (0)'],
    ],
    ['installs devices', ['char d/dev 10 200'], [TOP, '0666 0:0 100 d/dev 3 10,200 (0)']],
    [
      'writes through a linked directory',
      ['link l d', 'file l/f 644 x'],
      [TOP, '0644 0:0 100 d/f = x (0)', '0777 0:0 100 l -> d (0)'],
    ],
    ['skips control files at its start, and none later', ['file .late 644 x'], ['0644 0:0 100 .late = x (0)', TOP]],
  ];
  it.each(table)('%s', (_what, lines, dump) => {
    expect(dumpTree(install([one('p', lines)]))).toEqual(dump);
  });

  it('skips leading entries that begin with a dot', () => {
    expect(dumpTree(install([testPackage({ name: 'p' }, ['bare .PKGINFO x', 'dir d'])]))).toEqual([TOP]);
  });

  const refused: readonly (readonly [what: string, lines: readonly string[], message: string])[] = [
    ['a file without checksum', ['bare d/f x'], 'installing p 1-r0: "d/f" carries no checksum record'],
    ['a path that climbs out', ['file d/../../etc/passwd 644 x'], 'climbs out of its own tree'],
    ['a hard link to nothing', ['hard d/h d/none'], '"d/h" is a hard link to "d/none", which does not exist'],
    ['a hard link that climbs out', ['hard d/h ../../etc/shadow'], 'climbs out of its own tree'],
    ['a hard link to a directory', ['hard d/h d'], 'hard link to the directory "d"'],
    ['a hard link over something', ['file d/f 644 x', 'hard d/f d/f'], '"d/f" already exists'],
    ['a file below a file', ['file d/f 644 x', 'file d/f/g 644 x'], 'not a directory'],
    ['a device over something', ['file d/f 644 x', 'char d/f 1 3'], '"d/f" already exists'],
  ];
  it.each(refused)('refuses %s', (_what, lines, message) => {
    expect(() => install([one('p', lines)])).toThrow(message);
  });
});

describe('two packages', () => {
  const a = (more: object = {}) => one('a', ['file d/f 644 a'], { origin: 'oa', ...more });
  const b = (more: object = {}, content = 'b') => one('b', [`file d/f 600 ${content}`], { origin: 'ob', ...more });
  const first = '0644 0:0 100 d/f = a (0)';
  const second = '0600 0:0 100 d/f = b (1)';

  const table: readonly (readonly [what: string, packages: readonly TestPackage[], file: string])[] = [
    ['equal content: the first keeps the file and its mode', [a(), b({}, 'a')], first],
    ['the first replaces the second', [a({ replaces: ['b'] }), b()], first],
    ['the second replaces the first', [a(), b({ replaces: ['a'] })], second],
    ['equal origin: the second wins', [a({ origin: 'o' }), b({ origin: 'o' })], second],
    ['both without origin: the second wins', [a({ origin: '' }), b({ origin: '' })], second],
  ];
  it.each(table)('%s', (_what, packages, file) => {
    expect(dumpTree(install(packages))).toEqual([TOP, file]);
  });

  it('versioned replaces do not settle a conflict', () => {
    expect(() => install([a({ replaces: ['b<2'] }), b()])).toThrow(
      'installing b 1-r0: "d/f" is already owned by a 1-r0',
    );
  });

  it('clash over different content, saying who owns it', () => {
    expect(() => install([a(), b()])).toThrow(
      expect.objectContaining({ code: 'FILE_CONFLICT', data: { path: 'd/f', packages: ['a', 'b'] } }),
    );
  });

  it('equal links are no conflict, different ones are', () => {
    const linked = (name: string, target: string) => one(name, [`link d/l ${target}`], { origin: name });
    expect(dumpTree(install([linked('a', 'x'), linked('b', 'x')]))).toEqual([TOP, '0777 0:0 100 d/l -> x (0)']);
    expect(() => install([linked('a', 'x'), linked('b', 'y')])).toThrow('already owned by a');
  });

  it('the first gives a directory its mode, the last its time', () => {
    const early = testPackage({ name: 'a' }, ['dir d 700']);
    const late = testPackage({ name: 'b' }, ['dir d 755']);
    (late.pkg.entries[0] as { mtime: number }).mtime = 200;
    expect(dumpTree(install([early, late]))).toEqual(['0700 0:0 200 d/']);
  });

  it('the database of a package leaves out files that another owns in the end', () => {
    const packages = [a({ origin: 'o' }), b({ origin: 'o' })];
    const tree = install(packages);
    const owned = packages.map((p, i) => ownedEntries(tree, p.pkg, i).map((e) => e.name));
    expect(owned).toEqual([['d'], ['d', 'd/f']]);
  });
});

describe('packages that met no other', () => {
  const path = fc.constantFrom('d/a', 'd/b', 'd/l', 'd/l/a', 'd/l/b', 'e/a', 'e/b', 'e/l');
  const line = fc.oneof(
    fc.tuple(path, fc.constantFrom('x', 'y')).map(([at, text]) => `file ${at} 644 ${text}`),
    fc.tuple(path, fc.constantFrom('a', '../e', '../d', 'l')).map(([at, to]) => `link ${at} ${to}`),
    fc.tuple(path, path).map(([at, to]) => `hard ${at} ${to}`),
  );
  const many = fc.array(fc.tuple(fc.array(line, { maxLength: 4 }), fc.boolean()), { minLength: 2, maxLength: 4 });

  it('own all that they brought (property)', () => {
    let installed = 0;
    fc.assert(
      fc.property(many, (described) => {
        const packages = described.map(([lines, isKin], i) =>
          one(`p${i}`, ['dir e', ...lines], { origin: isKin ? 'o' : `o${i}` }),
        );
        const pkgs = packages.map(({ pkg }) => pkg);
        const tree = emptyTree(packages);
        const meetings = new Meetings();
        try {
          for (const i of pkgs.keys()) installPackage(tree, pkgs, i, meetings);
        } catch (error) {
          if (error instanceof Failure) return;
          throw error;
        }
        installed++;
        for (const [i, pkg] of pkgs.entries()) {
          if (!meetings.has(i)) expect(ownedEntries(tree, pkg, i)).toEqual(dataEntries(pkg.entries));
        }
      }),
      { numRuns: 2000 },
    );
    expect(installed).toBeGreaterThan(200);
  });
});

describe('what the builder made', () => {
  const prepare = (tree: FileTree) => {
    tree.mkdirAll('d', 0o755);
    tree.writeFile('d/key', 'pem', 0o600);
    tree.writeFile('d/empty', '', 0o600);
    tree.symlink('x', 'd/link');
  };
  it('stays when a package ships the same', () => {
    const tree = install([one('p', ['file d/key 644 pem', 'link d/link x'])], prepare);
    expect(tree.lookup('d/key')).toMatchObject({ mode: 0o600, owner: undefined });
  });
  const refused: readonly (readonly [line: string, message: string])[] = [
    ['file d/key 644 other', '"d/key" was already made by the builder with other content'],
    ['file d/empty 644 x', '"d/empty" was already made by the builder'],
    ['link d/link y', '"d/link" was already made by the builder'],
  ];
  it.each(refused)('refuses %s', (line, message) => {
    expect(() => install([one('p', [line])], prepare)).toThrow(message);
  });
});
