// Whatever the two trees are: the lower one with the layers on top of it is the upper one.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dumpTree, emptyTree } from '../../../test/support/trees.ts';
import type { FileTree } from './file-tree.ts';
import type { LayerEntry } from './layer-entries.ts';
import { makeFile, makeSymlink } from './tree-node.ts';
import { planUpperLayers } from './upper-layers.ts';

/** As a runtime does. */
function apply(tree: FileTree, layer: readonly LayerEntry[]): void {
  for (const { path } of layer) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (name.startsWith('.wh.')) tree.remove(`${path.slice(0, path.length - name.length)}${name.slice(4)}`);
  }
  for (const { path, node } of layer) {
    if (/(^|\/)\.wh\./.test(path)) continue;
    const there = tree.lookup(path, { follow: false });
    if (node.kind === 'directory') {
      if (there?.kind !== 'directory') tree.remove(path);
      const { mode, uid, gid, mtime } = node;
      Object.assign(tree.mkdirAll(path, mode), { mode, uid, gid, mtime });
    } else {
      tree.remove(path);
      tree.place(path, { ...node });
    }
  }
}

type Step = readonly [kind: 'dir' | 'file' | 'link' | 'remove', path: string, value: number];

function grow(tree: FileTree, steps: readonly Step[]): FileTree {
  for (const [kind, path, value] of steps) {
    try {
      if (kind === 'dir') Object.assign(tree.mkdirAll(path, 0o755), { mtime: value });
      else if (kind === 'remove') tree.remove(path);
      else if (kind === 'link') tree.place(path, makeSymlink(String(value), { mtime: 0 }));
      else tree.place(path, makeFile({ kind: 'inline', bytes: Buffer.from(String(value)) }, { uid: value }));
    } catch {
      // A path through a file: not what this is about.
    }
  }
  return tree;
}

const names = fc.constantFrom('a', 'b', 'c');
const path = fc.array(names, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const steps = (kinds: readonly Step[0][]) =>
  fc.array(fc.tuple(fc.constantFrom(...kinds), path, fc.integer({ min: 0, max: 2 })), { maxLength: 20 });

describe('planUpperLayers', () => {
  it('gives the upper tree on top of the lower one', () => {
    // Links would make paths mean other places; they are replaced below like files.
    fc.assert(
      fc.property(steps(['dir', 'file']), steps(['dir', 'file', 'remove']), ([...first], [...second]) => {
        const below = grow(emptyTree(), first);
        const upper = grow(below.clone(), second);
        const before = dumpTree(below);
        const result = below.clone();
        for (const layer of planUpperLayers(below, upper, [(p) => p.startsWith('a')])) apply(result, layer);
        expect(dumpTree(result)).toEqual(dumpTree(upper));
        expect(dumpTree(below)).toEqual(before);
      }),
    );
  });

  it('is empty where nothing changed', () => {
    const tree = grow(emptyTree(), [
      ['dir', 'a', 1],
      ['file', 'a/b', 2],
      ['link', 'a/c', 1],
    ]);
    expect(planUpperLayers(tree, tree.clone(), [() => false])).toEqual([]);
  });

  it('sees every kind of change', () => {
    const below = grow(emptyTree(), [
      ['dir', 'd', 1],
      ['file', 'f', 1],
      ['link', 'l', 1],
      ['dir', 'x', 1],
    ]);
    const upper = below.clone();
    upper.lookup('d')!.xattrs = new Map([['user.a', 'b']]);
    upper.place('f', makeSymlink('l', {}));
    grow(upper, [
      ['link', 'l', 2],
      ['remove', 'x', 0],
    ]);
    expect(planUpperLayers(below, upper, []).map((layer) => layer.map((entry) => entry.path))).toEqual([
      ['.wh.x', 'd', 'f', 'l'],
    ]);
  });
});

describe('clone', () => {
  it('keeps shared nodes shared, and nothing else', () => {
    const tree = grow(emptyTree(), [
      ['dir', 'a', 1],
      ['file', 'a/b', 2],
    ]);
    tree.link(tree.lookup('a/b')!, 'c');
    const copy = tree.clone();
    expect(copy.lookup('c')).toBe(copy.lookup('a/b'));
    expect(copy.lookup('c')).not.toBe(tree.lookup('c'));
    copy.chmod('c', 0);
    expect(tree.lookup('c')?.mode).toBe(0o644);
  });
});

describe('realPath', () => {
  const tree = emptyTree();
  tree.mkdirAll('usr/bin', 0o755);
  tree.symlink('usr/bin', 'bin');
  tree.symlink('/bin', 'usr/sbin');
  tree.symlink('../../..', 'usr/up');
  tree.symlink('loop', 'loop');
  it.each([
    ['bin/x', 'usr/bin/x'],
    ['usr/sbin/x', 'usr/bin/x'],
    ['bin', 'bin'],
    ['usr/up/etc', 'etc'],
    ['new/folder/x', 'new/folder/x'],
    ['/a//./b/', 'a/b'],
    ['bin/../x', 'usr/x'],
  ])('%s is %s', (given, real) => {
    expect(tree.realPath(given)).toBe(real);
  });

  it('follows a link of a million parts in no time', () => {
    const hostile = emptyTree();
    hostile.symlink('a/'.repeat(1_000_000), 'long');
    expect(hostile.realPath('long/x')).toHaveLength(2_000_001);
  });

  it('does not go in circles', () => {
    expect(() => tree.realPath('loop/x')).toThrow('too many symbolic links');
  });
});
