import { describe, expect, it } from 'vitest';
import { type TinyFile, tinyTar } from '../../../test/support/tiny-apk.ts';
import { readTar } from '../../formats/tar/read.ts';
import { FileTree } from '../../planning/rootfs/file-tree.ts';
import { applyLayer } from './apply-layer.ts';

const file = (name: string, content = name): TinyFile => ({ name, content });
const dir = (name: string, mode = 0o755): TinyFile => ({ name: `${name}/`, type: '5', mode });
const link = (name: string, linkname: string): TinyFile => ({ name, type: '2', linkname });
const hard = (name: string, linkname: string): TinyFile => ({ name, type: '1', linkname });

function treeOf(...layers: readonly (readonly TinyFile[])[]): FileTree {
  const tars = layers.map((layer) => tinyTar(layer));
  const all = Buffer.concat(tars);
  const tree = new FileTree((_index, offset, length) => all.subarray(offset, offset + length));
  let start = 0;
  for (const tar of tars) {
    applyLayer(tree, readTar(tar), start);
    start += tar.length;
  }
  return tree;
}

/** `path=content`, `path/`, `path>target` in the order of the walk. */
function dump(tree: FileTree): string[] {
  return tree.walk().map(({ path, node }) => {
    if (node.kind === 'directory') return `${path}/`;
    if (node.kind === 'symlink') return `${path}>${node.target}`;
    return node.kind === 'device' ? `${path} device` : `${path}=${Buffer.from(tree.readRange(node, 0, 99))}`;
  });
}

describe('layers above each other', () => {
  it.each<readonly [what: string, layers: readonly (readonly TinyFile[])[], expected: readonly string[]]>([
    ['files and missing parents', [[file('a/b/c')]], ['a/', 'a/b/', 'a/b/c=a/b/c']],
    ['names with ./ and /', [[file('./a'), file('/b')]], ['a=./a', 'b=/b']],
    ['a newer file', [[file('a', '1')], [file('a', '2')]], ['a=2']],
    ['a whiteout', [[file('a'), file('b')], [file('.wh.a', '')]], ['b=b']],
    ['a whiteout of a directory', [[file('d/a'), file('b')], [file('.wh.d', '')]], ['b=b']],
    ['a whiteout of nothing', [[file('a')], [file('d/.wh.b', '')]], ['a=a']],
    [
      'a whiteout beside a new file of the name',
      [[file('d/a', '1')], [file('d/a', '2'), file('d/.wh.a', '')]],
      ['d/', 'd/a=2'],
    ],
    [
      'an opaque directory',
      [
        [file('d/a'), file('d/e/f')],
        [dir('d'), file('d/.wh..wh..opq', ''), file('d/b')],
      ],
      ['d/', 'd/b=d/b'],
    ],
    ['an opaque mark after the files', [[file('d/a')], [file('d/b'), file('d/.wh..wh..opq', '')]], ['d/', 'd/b=d/b']],
    ['notes of old storage drivers', [[file('.wh..wh.plnk/1.2', ''), file('.wh..wh.aufs', ''), file('a')]], ['a=a']],
    ['a directory in the place of a file', [[file('a')], [dir('a'), file('a/b')]], ['a/', 'a/b=a/b']],
    ['a file in the place of a directory', [[file('a/b')], [file('a', 'x')]], ['a=x']],
    [
      'a directory in the place of a link',
      [
        [dir('real'), link('a', 'real')],
        [dir('a'), file('a/b')],
      ],
      ['a/', 'a/b=a/b', 'real/'],
    ],
    ['a file through a link', [[dir('real'), link('a', 'real')], [file('a/b')]], ['a>real', 'real/', 'real/b=a/b']],
    [
      'a file through an absolute link',
      [[dir('usr/bin'), link('bin', '/usr/bin')], [file('bin/x')]],
      ['bin>/usr/bin', 'usr/', 'usr/bin/', 'usr/bin/x=bin/x'],
    ],
    [
      'a link that climbs',
      [[link('a', '../../../etc'), dir('etc')], [file('a/x')]],
      ['a>../../../etc', 'etc/', 'etc/x=a/x'],
    ],
    ['a hard link', [[file('a'), hard('b', 'a')]], ['a=a', 'b=a']],
    ['a hard link to a lower layer', [[file('a')], [hard('b', '/a')]], ['a=a', 'b=a']],
    ['a device', [[{ name: 'null', type: '3', devmajor: 1, devminor: 3 }]], ['null device']],
    ['a pipe', [[{ name: 'pipe', type: '6' }]], ['pipe device']],
  ])('%s', (_what, layers, expected) => {
    expect(dump(treeOf(...layers))).toEqual(expected);
  });

  it('keep modes, owners and attributes of the last layer', () => {
    const xattr = { 'SCHILY.xattr.security.capability': '\x01' };
    const tree = treeOf(
      [dir('d', 0o700), file('d/a')],
      [
        { ...dir('d', 0o1777), uid: 5, gid: 6 },
        { ...file('x'), mode: 0o4755, pax: xattr },
      ],
    );
    expect(tree.lookup('d')).toMatchObject({ mode: 0o1777, uid: 5, gid: 6 });
    expect(tree.lookup('d/a')?.kind).toBe('file');
    expect(tree.lookup('x')?.xattrs.get('security.capability')).toBe('\x01');
    expect(tree.lookup('x')?.mode).toBe(0o4755);
  });

  it('say what the root directory is', () => {
    expect(treeOf([{ name: './', type: '5', mode: 0o700, uid: 3 }]).root).toMatchObject({ mode: 0o700, uid: 3 });
  });
});

describe('a layer that no runtime unpacks', () => {
  it.each<readonly [what: string, layers: readonly (readonly TinyFile[])[], code: string, message: RegExp]>([
    ['climbs', [[file('../etc/passwd')]], 'ARCHIVE_INVALID', /climbs out/],
    ['climbs within', [[file('a/../../b')]], 'ARCHIVE_INVALID', /climbs out/],
    ['links to what climbs', [[hard('a', '../b')]], 'ARCHIVE_INVALID', /climbs out/],
    ['links to nothing', [[hard('a', 'b')]], 'ARCHIVE_INVALID', /not in the image/],
    ['links to a directory', [[dir('d'), hard('a', 'd')]], 'ARCHIVE_INVALID', /is a directory/],
    ['goes through a file', [[file('a'), file('a/b')]], 'ARCHIVE_INVALID', /"a\/b" where nothing can be/],
    ['goes in circles', [[link('a', 'b'), link('b', 'a'), file('a/x')]], 'ARCHIVE_INVALID', /where nothing can be/],
    ['has a strange entry', [[{ name: 'a', type: 'Z' }]], 'ARCHIVE_INVALID', /type "Z"/],
    ['has an endless link', [[link('a', 'b/'.repeat(3000))]], 'ARCHIVE_LIMIT', /6000 characters/],
    ['has an endless name', [[file(`${'a/'.repeat(3000)}b`)]], 'ARCHIVE_LIMIT', /6001 characters/],
  ])('%s', (_what, layers, code, message) => {
    expect(() => treeOf(...layers)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});
