import { describe, expect, it } from 'vitest';
import { addFile } from '../../../test/support/hardened-image.ts';
import { FileTree } from '../rootfs/file-tree.ts';
import { checkOwnership } from './check-ownership.ts';
import { collectFiles } from './image-files.ts';
import type { ImageSubject } from './image-subject.ts';
import { readPackageDatabase } from './package-database.ts';

const treeOf = (files: Readonly<Record<string, string>>) => {
  const tree = new FileTree(() => new Uint8Array(0));
  for (const [path, text] of Object.entries(files)) addFile(tree, path, text);
  return tree;
};

/** What a database tells, its files under their packages. */
function databaseOf(files: Readonly<Record<string, string>>) {
  const { kind, packages, eachListing } = readPackageDatabase(treeOf(files));
  const told = packages.map((one) => ({ ...one, files: [] as string[] }));
  eachListing((index, directory, names) => {
    told[index]?.files.push(...names.map((name) => (directory === '' ? name : `${directory}/${name}`)));
  });
  return { kind, packages: told };
}

const DPKG_STATUS = `Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2-1

Package: gone
Status: deinstall ok config-files
Version: 1

Package: libx1
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 2
`;

describe('the package database of an image', () => {
  it.each([
    ['apk', { 'usr/lib/apk/db/installed': 'P:a\nV:1-r0\nF:\nR:top\nF:usr/bin\nR:a\nR:b\n\n' }],
    ['apk', { 'lib/apk/db/installed': 'P:a\nV:1-r0\nF:\nR:top\nF:usr/bin\nR:a\nR:b\n\n' }],
  ] as const)('%s', (kind, files) => {
    expect(databaseOf(files)).toEqual({
      kind,
      packages: [{ name: 'a', version: '1-r0', files: ['top', 'usr/bin/a', 'usr/bin/b'] }],
    });
  });

  it('dpkg', () => {
    const database = databaseOf({
      'var/lib/dpkg/status': DPKG_STATUS,
      'var/lib/dpkg/info/bash.list': '/.\n/bin\n/bin/bash\n',
      'var/lib/dpkg/info/libx1:amd64.list': '/usr/lib/libx.so.1\n',
    });
    expect(database).toEqual({
      kind: 'dpkg',
      packages: [
        { name: 'bash', version: '5.2-1', files: ['bin', 'bin/bash'] },
        { name: 'libx1', version: '2', files: ['usr/lib/libx.so.1'] },
      ],
    });
  });

  it('dpkg in parts, as slim images have it', () => {
    const database = databaseOf({
      'var/lib/dpkg/status.d/base': 'Package: base-files\nVersion: 12\n',
      'var/lib/dpkg/status.d/base.md5sums': `${'0'.repeat(32)}  etc/os-release\n`,
    });
    expect(database).toEqual({
      kind: 'dpkg',
      packages: [{ name: 'base-files', version: '12', files: ['etc/os-release'] }],
    });
  });

  it.each([
    ['rpm', { 'var/lib/rpm/rpmdb.sqlite': 'x' }],
    ['none', { 'etc/os-release': 'x' }],
    ['none', { 'usr/lib/apk/db/installed': '\n' }],
  ])('%s', (kind, files) => {
    expect(databaseOf(files as Record<string, string>)).toEqual({ kind, packages: [] });
  });
});

describe('ownership', () => {
  const findings = (tree: FileTree) => {
    const subject = { tree } as ImageSubject;
    return checkOwnership(subject, collectFiles(tree), readPackageDatabase(tree)).map(({ message }) => message);
  };

  it('follows links between directories, in the database and in the image', () => {
    const tree = treeOf({ 'usr/bin/bash': 'x', 'usr/lib/a': 'x' });
    tree.symlink('usr/bin', 'bin');
    const paths = 'P:a\nV:1\nF:bin\nR:bash\nF:\nR:bin\nF:usr/lib\nR:a\n\n';
    addFile(tree, 'usr/lib/apk/db/installed', paths);
    expect(findings(tree)).toEqual([]);
  });

  it('knows what builders of apk images write', () => {
    const tree = treeOf({
      'etc/apk/world': 'a\n',
      'etc/apk/keys/k.rsa.pub': 'x',
      'usr/lib/apk/db/installed': 'P:a\nV:1\nF:bin\nR:busybox\n\n',
      'usr/lib/apk/db/triggers': '',
      'etc/apko.json': '{',
      'etc/ld.so.cache': 'x',
      'etc/passwd': 'x',
      'etc/group': 'x',
      'sv/web/run': 'x',
      'etc/ssl/certs/.ca-certificates.crt.sha256': 'x',
      'bin/busybox': 'x',
    });
    tree.symlink('../usr/lib/apk', 'lib');
    tree.symlink('/bin/busybox', 'bin/ls');
    expect(findings(tree)).toEqual(['no package owns lib']);
  });

  it('names the uppermost directory that is foreign as a whole', () => {
    const tree = treeOf({
      'usr/lib/apk/db/installed': 'P:a\nV:1\nF:opt/a\nR:a\n\n',
      'opt/a/a': 'x',
      'opt/a/stray': 'x',
      'opt/b/c/one': 'x',
      'opt/b/two': 'x',
      'opt/b/d/three': 'x',
    });
    expect(findings(tree)).toEqual(['no package owns opt/a/stray', 'no package owns opt/b: 3 files']);
  });

  it('counts where a directory has many strangers', () => {
    const strangers = Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [`etc/${name}`, 'x']));
    const tree = treeOf({ ...strangers, 'etc/own': 'x', 'usr/lib/apk/db/installed': 'P:a\nV:1\nF:etc\nR:own\n\n' });
    expect(findings(tree)).toEqual(['no package owns 6 names in /etc: a, b, c and 3 more']);
  });

  it('names strangers in the order of the walk', () => {
    const strangers = Object.fromEntries(
      ['etc/z', 'etc/b/x', 'etc/c', 'etc/d/x', 'etc/e', 'etc/f'].map((p) => [p, 'x']),
    );
    const tree = treeOf({ ...strangers, 'etc/own': 'x', 'usr/lib/apk/db/installed': 'P:a\nV:1\nF:etc\nR:own\n\n' });
    expect(findings(tree)).toEqual(['no package owns 6 names in /etc: b, c, d and 3 more']);
  });

  it("takes dpkg's directories and alternatives for what they are", () => {
    const tree = treeOf({
      'var/lib/dpkg/status': DPKG_STATUS,
      'var/lib/dpkg/info/bash.list': '/.\n/bin\n/bin/bash\n',
      'var/lib/dpkg/info/libx1:amd64.list': '/bin\n/bin/x\n',
      'usr/bin/bash': 'x',
      'usr/bin/x': 'x',
    });
    tree.symlink('usr/bin', 'bin');
    tree.mkdirAll('etc/alternatives', 0o755);
    tree.symlink('/usr/bin/x', 'etc/alternatives/y');
    tree.symlink('/etc/alternatives/y', 'usr/bin/y');
    expect(findings(tree)).toEqual([]);
  });

  it('says nothing where the database cannot be read', () => {
    expect(findings(treeOf({ 'var/lib/rpm/rpmdb.sqlite': 'x', 'srv/x': 'x' }))).toEqual([]);
  });
});
