import { describe, expect, it } from 'vitest';
import { addFile } from '../../../test/support/hardened-image.ts';
import { FileTree } from '../rootfs/file-tree.ts';
import { mayExecute, resolvePath } from './tree-paths.ts';

function tree(): FileTree {
  const made = new FileTree(() => new Uint8Array(0));
  addFile(made, 'usr/bin/app', 'x', 0o750);
  made.symlink('usr/bin', 'bin');
  made.symlink('/usr/bin/app', 'usr/abs');
  made.symlink('../../../../usr/bin', 'usr/climb');
  made.symlink('loop', 'loop');
  made.symlink('nowhere', 'dangling');
  made.symlink('x/'.repeat(300_000), 'endless');
  return made;
}

describe('a path', () => {
  it.each([
    ['/usr/bin/app', 'usr/bin/app'],
    ['bin/app', 'usr/bin/app'],
    ['/bin/../bin/./app', 'usr/bin/app'],
    ['/../../bin', 'usr/bin'],
    ['usr/abs', 'usr/bin/app'],
    ['usr/climb/app', 'usr/bin/app'],
    ['/', ''],
    ['/loop', undefined],
    ['/dangling', undefined],
    ['/endless', undefined],
    ['/usr/bin/app/x', undefined],
    ['/none/x', undefined],
    ['/none/../usr', undefined],
    ['//usr//bin/', 'usr/bin'],
    ['usr/bin/app/..', 'usr/bin'],
    ['usr/bin/..', 'usr'],
    ['bin/app/x', undefined],
  ])('%s leads to %s', (path, expected) => {
    expect(resolvePath(tree(), path)?.path).toBe(expected);
  });

  it('that is relative counts from a directory', () => {
    expect(resolvePath(tree(), 'app', 'usr/bin')?.path).toBe('usr/bin/app');
    expect(resolvePath(tree(), './bin/app', 'usr')?.path).toBe('usr/bin/app');
    expect(resolvePath(tree(), '', 'usr')?.path).toBe('usr');
  });
});

describe('execution', () => {
  const may = (uid: number, gids: number[], spoil: (tree: FileTree) => void = () => {}) => {
    const spoiled = tree();
    spoil(spoiled);
    return mayExecute(resolvePath(spoiled, 'usr/bin/app')!, { uid, gids: new Set(gids) });
  };
  it.each<readonly [what: string, allowed: boolean, expected: boolean]>([
    ['by root', may(0, [0]), true],
    ['by root, without any bit', may(0, [0], (t) => t.chmod('usr/bin/app', 0o644)), false],
    ['by the group', may(5, [0]), true],
    ['by others', may(5, [5]), false],
    ['by the owner', may(7, [7], (t) => t.chown('usr/bin/app', 7, 9)), true],
    [
      'by the owner, whose bit is missing',
      may(7, [9], (t) => {
        t.chown('usr/bin/app', 7, 9);
        t.chmod('usr/bin/app', 0o070);
      }),
      false,
    ],
    ['through a closed directory', may(5, [0], (t) => t.chmod('usr', 0o700)), false],
    ['by root through a closed directory', may(0, [0], (t) => t.chmod('usr', 0o600)), true],
  ])('%s', (_what, allowed, expected) => {
    expect(allowed).toBe(expected);
  });
});
