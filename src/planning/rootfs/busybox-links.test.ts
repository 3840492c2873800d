// Where the list of links comes from, what they look like, and what is left alone.

import { describe, expect, it } from 'vitest';
import { testPackage } from '../../../test/support/trees.ts';
import { busyboxAppletPaths } from './busybox-applets.ts';
import { applyBusyboxLinks } from './busybox-links.ts';
import { FileTree } from './file-tree.ts';

const MTIME = 1_700_000_000;

function imageTree(manifests: Readonly<Record<string, string>> = {}): FileTree {
  const tree = new FileTree(() => new Uint8Array(0));
  for (const path of ['bin', 'usr/bin', 'etc/busybox-paths.d']) tree.mkdirAll(path, 0o700);
  tree.writeFile('bin/busybox', 'program', 0o755).mtime = MTIME;
  for (const [name, text] of Object.entries(manifests)) tree.writeFile(`etc/busybox-paths.d/${name}`, text, 0o644);
  return tree;
}

const busybox = (version = '1.36.1-r0') => testPackage({ name: 'busybox', version }, []).pkg;

/** Links to busybox, as paths, in the order of the tree. */
function links(tree: FileTree): string[] {
  return tree
    .walk()
    .filter(({ node }) => node.kind === 'symlink' && node.target === '/bin/busybox')
    .map(({ path }) => path);
}

describe('applyBusyboxLinks', () => {
  it('does nothing without /bin/busybox, whatever is installed', () => {
    const tree = new FileTree(() => new Uint8Array(0));
    applyBusyboxLinks(tree, []);
    applyBusyboxLinks(tree, [busybox()]);
    expect(tree.walk()).toEqual([]);
  });

  it('follows the manifest of the package', () => {
    const tree = imageTree({ busybox: '/bin/busybox\n/bin/ls\n\nusr/bin/vi\nnowhere\n/top\n/opt/x/y\n' });
    applyBusyboxLinks(tree, [busybox('anything')]);
    expect(links(tree)).toEqual(['bin/ls', 'opt/x/y', 'top', 'usr/bin/vi']);
  });

  it('gives directories and links the time of busybox, and new directories mode 0755', () => {
    const tree = imageTree({ busybox: '/bin/ls\n/usr/bin/vi\n/opt/x/y\n' });
    tree.writeFile('usr/bin/vi', 'another', 0o755);
    applyBusyboxLinks(tree, [busybox()]);
    expect(tree.lookup('usr/bin')).toMatchObject({ mtime: MTIME, mode: 0o700 });
    expect(tree.lookup('opt/x')).toMatchObject({ mtime: MTIME, mode: 0o755 });
    expect(tree.lookup('opt')).toMatchObject({ mtime: 0 });
    expect(tree.lookup('bin/ls', { follow: false })).toMatchObject({ mtime: MTIME, mode: 0o777 });
    expect(tree.readText('usr/bin/vi')).toBe('another');
  });

  it('leaves links alone that are there, also those to nothing', () => {
    const tree = imageTree({ busybox: '/bin/ls\n' });
    tree.symlink('/nowhere', 'bin/ls');
    applyBusyboxLinks(tree, [busybox()]);
    expect(tree.lookup('bin/ls', { follow: false })).toMatchObject({ target: '/nowhere' });
  });

  it('links the applets of the version where there is no manifest', () => {
    const tree = imageTree();
    applyBusyboxLinks(tree, [busybox('1.35.0-r29')]);
    expect(links(tree)).toEqual(
      busyboxAppletPaths([1, 35, 0])
        .map((p) => p.slice(1))
        .toSorted(),
    );
  });

  const provider = (name: string, provides: string) =>
    testPackage({ name, version: '1.35.0-r0', provides: [provides] }, []).pkg;
  it.each([
    ['the package named busybox', [busybox(), provider('other', 'cmd:busybox=1')], 'busybox'],
    ['also when it comes later', [provider('other', 'cmd:busybox=1'), busybox()], 'busybox'],
    [
      'else the last provider',
      [provider('one', 'busybox'), provider('two', 'x-busybox-y'), provider('three', 'sh')],
      'two',
    ],
  ])('asks %s', (_, packages, name) => {
    const tree = imageTree(Object.fromEntries(['busybox', 'one', 'two', 'three', 'other'].map((n) => [n, `/by/${n}`])));
    applyBusyboxLinks(tree, packages);
    expect(links(tree)).toEqual([`by/${name}`]);
  });

  it.each([
    ['no package', [], 'the image has /bin/busybox, but no installed package is or provides busybox'],
    ['no release', [busybox('1.36-r0')], 'the version of busybox, "1.36-r0", tells no busybox release such as 1.36.1'],
  ])('refuses %s', (_, packages, sentence) => {
    expect(() => applyBusyboxLinks(imageTree(), packages)).toThrow(
      expect.objectContaining({ code: 'PACKAGE_INVALID', message: sentence }),
    );
  });

  it.each(['1.36.1', 'v1.36.1-r0', '1.36.1-alpha-r3'])('takes the version %s', (version) => {
    const tree = imageTree();
    applyBusyboxLinks(tree, [busybox(version)]);
    expect(links(tree)).toContain('usr/bin/tree');
  });
});

describe('busyboxAppletPaths', () => {
  const added = (from: readonly [number, number, number], to: readonly [number, number, number]) => {
    const before = new Set(busyboxAppletPaths(from));
    return busyboxAppletPaths(to).filter((path) => !before.has(path));
  };

  it('grows with the releases', () => {
    expect(added([1, 32, 1], [1, 33, 0])).toEqual(['/bin/base32']);
    expect(added([1, 33, 2], [1, 34, 1])).toEqual(['/usr/bin/ascii', '/usr/bin/crc32']);
    expect(added([1, 35, 0], [1, 36, 0])).toEqual(['/usr/bin/tree', '/usr/bin/tsort', '/usr/sbin/seedrng']);
    expect(added([1, 36, 0], [2, 0, 0])).toEqual([]);
  });

  it('falls back to all of them for older releases', () => {
    expect(busyboxAppletPaths([1, 31, 9])).toEqual(busyboxAppletPaths([1, 36, 1]));
    expect(busyboxAppletPaths([0, 99, 0])).toHaveLength(busyboxAppletPaths([1, 36, 1]).length);
  });

  it('holds absolute paths, each once', () => {
    const paths = busyboxAppletPaths([1, 36, 1]);
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths.filter((path) => !/^(\/bin|\/sbin|\/usr\/bin|\/usr\/sbin|\/root)\/[^/\s]+$/.test(path))).toEqual([]);
    expect(paths).toEqual(
      expect.arrayContaining(['/bin/sh', '/usr/bin/[[', '/sbin/init', '/usr/sbin/httpd', '/root/linuxrc']),
    );
  });
});
