import { describe, expect, it } from 'vitest';
import { dumpTree, emptyTree } from '../../../test/support/trees.ts';
import { layBaseTree, linkLibApk } from './base-tree.ts';
import type { FileTree } from './file-tree.ts';

describe('the base tree', () => {
  it('is what every image starts from', () => {
    const tree = emptyTree();
    layBaseTree(tree, 'x86_64');
    const zeros = '\0'.repeat(1000);
    expect(dumpTree(tree)).toEqual([
      '0755 0:0 0 dev/',
      '0620 0:0 0 dev/console 3 5,1',
      '0666 0:0 0 dev/null 3 1,3',
      '0666 0:0 0 dev/random 3 1,8',
      '0666 0:0 0 dev/urandom 3 1,9',
      '0666 0:0 0 dev/zero 3 1,5',
      '0755 0:0 0 etc/',
      '0755 0:0 0 etc/apk/',
      '0644 0:0 0 etc/apk/arch = x86_64\n',
      '0755 0:0 0 etc/apk/keys/',
      '0644 0:0 0 etc/apk/repositories = ',
      '0644 0:0 0 etc/apk/world = ',
      '0755 0:0 0 opt/',
      '0555 0:0 0 proc/',
      '1777 0:0 0 tmp/',
      '0755 0:0 0 usr/',
      '0755 0:0 0 usr/lib/',
      '0755 0:0 0 usr/lib/apk/',
      '0755 0:0 0 usr/lib/apk/db/',
      '0644 0:0 0 usr/lib/apk/db/installed = ',
      '0600 0:0 0 usr/lib/apk/db/lock = ',
      `0644 0:0 0 usr/lib/apk/db/scripts.tar = ${zeros}`,
      '0644 0:0 0 usr/lib/apk/db/triggers = ',
      '0755 0:0 0 usr/lib/apk/exec/',
      '0755 0:0 0 var/',
      '0755 0:0 0 var/cache/',
      '0755 0:0 0 var/cache/apk/',
      '0755 0:0 0 var/cache/misc/',
    ]);
  });
});

describe('/lib/apk', () => {
  const made = ['0755 0:0 0 lib/', '0777 0:0 0 lib/apk -> ../usr/lib/apk'];
  const table: readonly (readonly [what: string, prepare: (tree: FileTree) => void, dump: readonly string[]])[] = [
    ['no /lib', () => {}, made],
    ['an empty /lib/apk', (t) => t.mkdirAll('lib/apk', 0o755), made],
    ['only empty directories in it', (t) => t.mkdirAll('lib/apk/db', 0o755), made],
    ['/lib -> usr/lib', (t) => t.symlink('usr/lib', 'lib'), ['0777 0:0 0 lib -> usr/lib']],
    ['/lib -> /usr/lib', (t) => t.symlink('/usr/lib', 'lib'), ['0777 0:0 0 lib -> /usr/lib']],
    ['/lib -> /usr/./lib/', (t) => t.symlink('/usr/./lib/', 'lib'), ['0777 0:0 0 lib -> /usr/./lib/']],
    [
      'a link that is right already',
      (t) => {
        t.mkdirAll('lib', 0o755);
        t.symlink('/usr/lib/apk', 'lib/apk');
      },
      ['0755 0:0 0 lib/', '0777 0:0 0 lib/apk -> /usr/lib/apk'],
    ],
  ];
  it.each(table)('with %s', (_what, prepare, dump) => {
    const tree = emptyTree();
    prepare(tree);
    linkLibApk(tree);
    expect(dumpTree(tree)).toEqual(dump);
  });

  it('takes the time of /lib', () => {
    const tree = emptyTree();
    tree.mkdirAll('lib', 0o755).mtime = 77;
    linkLibApk(tree);
    expect(tree.lookup('lib/apk', { follow: false })?.mtime).toBe(77);
  });

  const refused: readonly (readonly [what: string, prepare: (tree: FileTree) => void, message: string])[] = [
    [
      'a file in /lib/apk',
      (t) => {
        t.mkdirAll('lib/apk', 0o755);
        t.writeFile('lib/apk/x', '', 0o644);
      },
      'it contains the file "x"',
    ],
    ['a full directory', (t) => t.mkdirAll('lib/apk/db/x', 0o755), '"lib/apk/db" is not empty'],
    [
      'a link elsewhere',
      (t) => {
        t.mkdirAll('lib', 0o755);
        t.symlink('../etc', 'lib/apk');
      },
      'a package has something else there',
    ],
  ];
  it.each(refused)('refuses %s', (_what, prepare, message) => {
    const tree = emptyTree();
    prepare(tree);
    expect(() => linkLibApk(tree)).toThrow(message);
  });
});
