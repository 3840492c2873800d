import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dumpTree, emptyTree } from '../../../test/support/trees.ts';
import { LIMITS } from '../../base/limits.ts';
import { compareBytes } from '../../base/order.ts';
import { FileTree } from './file-tree.ts';
import { makeFile } from './tree-node.ts';

describe('paths in the tree', () => {
  const build = () => {
    const tree = emptyTree();
    tree.mkdirAll('usr/bin', 0o755);
    tree.writeFile('usr/bin/tool', 'tool', 0o755);
    tree.symlink('usr/bin', 'bin');
    tree.symlink('/usr', 'absolute');
    tree.symlink('../../../usr', 'usr/bin/up');
    tree.symlink('loop', 'loop');
    tree.symlink('nowhere', 'dangling');
    return tree;
  };

  const table: readonly (readonly [path: string, kind: string | undefined])[] = [
    ['usr/bin/tool', 'file'],
    ['/usr//bin/./tool', 'file'],
    ['bin/tool', 'file'],
    ['absolute/bin/tool', 'file'],
    ['usr/bin/up/bin/tool', 'file'],
    ['usr/../usr/bin/../bin/tool', 'file'],
    ['../../etc', undefined],
    ['../../usr', 'directory'],
    ['/', 'directory'],
    ['', 'directory'],
    ['dangling', undefined],
    ['dangling/x', undefined],
    ['missing/x', undefined],
  ];
  it.each(table)('%j leads to %s', (path, kind) => {
    expect(build().lookup(path)?.kind).toBe(kind);
  });

  it('does not follow the last link when told so', () => {
    expect(build().lookup('bin', { follow: false })?.kind).toBe('symlink');
  });

  it('refuses endless links and files used as directories', () => {
    expect(() => build().lookup('loop')).toThrow('too many symbolic links');
    expect(() => build().lookup('usr/bin/tool/x')).toThrow('not a directory');
  });

  it('follows a target of a million parts', () => {
    const tree = build();
    tree.symlink(`${'./'.repeat(1_000_000)}usr`, 'far');
    tree.symlink(`${'../'.repeat(500_000)}usr`, 'up');
    expect(tree.lookup('far/bin/tool')?.kind).toBe('file');
    expect(tree.lookup('up/bin/tool')?.kind).toBe('file');
  });

  it('refuses to make directories below a link that leads nowhere', () => {
    expect(() => build().mkdirAll('dangling/x', 0o755)).toThrow(
      '"/dangling": it is a symbolic link that leads nowhere',
    );
    expect(() => build().mkdirAll('usr/bin/tool/x', 0o755)).toThrow('not a directory');
  });

  it('makes directories through links', () => {
    const tree = build();
    tree.mkdirAll('bin/deep/er', 0o700);
    expect(tree.lookup('usr/bin/deep/er')?.mode).toBe(0o700);
    expect(tree.lookup('usr/bin')?.mode).toBe(0o755);
  });

  it('names the path in every refusal', () => {
    const tree = build();
    expect(() => tree.chmod('dangling', 0)).toThrow('chmod "dangling": it does not exist');
    expect(() => tree.chown('x', 0, 0)).toThrow('chown "x": it does not exist');
    expect(() => tree.writeFile('no/such', '', 0o644)).toThrow('"no/such": it is in a directory that does not exist');
    expect(() => tree.writeFile('usr', '', 0o644)).toThrow('"usr" exists, but is not a regular file');
    expect(() => tree.symlink('x', 'bin')).toThrow('"bin" already exists');
  });
});

describe('files', () => {
  it('keep mode, time and owner when overwritten, and take new content', () => {
    const tree = emptyTree();
    tree.place('a', makeFile({ kind: 'inline', bytes: Buffer.from('old') }, { mode: 0o600, mtime: 7, owner: 3 }));
    tree.writeFile('a', 'new', 0o777);
    expect(dumpTree(tree)).toEqual(['0600 0:0 7 a = new (3)']);
  });

  it('show the shipped content again when a packaged file is truncated', () => {
    const shipped = { kind: 'inline' as const, bytes: Buffer.from('shipped') };
    const tree = emptyTree();
    tree.place('a', makeFile({ kind: 'inline', bytes: Buffer.from('edited') }, { owner: 0 }, shipped));
    tree.writeFile('a', '', 0o644);
    expect(tree.readText('a')).toBe('shipped');
  });

  it('are written through links, also to a target that is not there yet', () => {
    const tree = emptyTree();
    tree.symlink('real', 'link');
    tree.writeFile('link', 'x', 0o644);
    expect(tree.readText('real')).toBe('x');
  });

  it('made by the builder as links and devices take the time of their directory', () => {
    const tree = emptyTree();
    tree.mkdirAll('d', 0o755).mtime = 42;
    tree.symlink('x', 'd/link');
    tree.charDevice('d/dev', 0o600, 1, 3);
    tree.writeFile('d/file', '', 0o644);
    expect(dumpTree(tree)).toEqual([
      '0755 0:0 42 d/',
      '0600 0:0 42 d/dev 3 1,3',
      '0644 0:0 0 d/file = ',
      '0777 0:0 42 d/link -> x',
    ]);
  });

  it('too large to be edited are refused by name, without being read', () => {
    const tree = new FileTree(() => {
      throw new Error('must not be read');
    });
    tree.place('big', makeFile({ kind: 'packaged', packageIndex: 0, offset: 0, size: LIMITS.editedFileBytes + 1 }));
    expect(() => tree.readBytes('big')).toThrow('"big" is too large');
  });

  it('are gone after remove, with everything below a directory', () => {
    const tree = emptyTree();
    tree.mkdirAll('a/b', 0o755);
    tree.remove('a');
    tree.remove('never/there');
    expect(dumpTree(tree)).toEqual([]);
  });
});

describe('the walk', () => {
  it('goes depth first, children in byte order of their names', () => {
    const tree = emptyTree();
    for (const path of ['b/z', 'b.d', 'b-a', 'a', 'é', 'z']) tree.mkdirAll(path, 0o755);
    expect(tree.walk().map(({ path }) => path)).toEqual(['a', 'b', 'b/z', 'b-a', 'b.d', 'z', 'é']);
  });

  it('lists what is below a path, whichever way the path is written', () => {
    const tree = emptyTree();
    tree.mkdirAll('a/b/c', 0o755);
    expect(tree.walkBelow('/a/').map(({ path }) => path)).toEqual(['/a/b', '/a/b/c']);
    expect(tree.walkBelow('none')).toEqual([]);
  });

  it('visits every path that was made, once, each after its parent (property)', () => {
    const name = fc.stringMatching(/^[a-c.é-]{1,2}$/).filter((s) => s !== '.' && s !== '..');
    fc.assert(
      fc.property(fc.array(fc.array(name, { minLength: 1, maxLength: 4 })), (paths) => {
        const tree = emptyTree();
        const expected = new Set<string>();
        for (const segments of paths) {
          tree.mkdirAll(segments.join('/'), 0o755);
          for (const i of segments.keys()) expected.add(segments.slice(0, i + 1).join('/'));
        }
        const walked = tree.walk().map(({ path }) => path);
        expect(walked).toHaveLength(expected.size);
        expect(new Set(walked)).toEqual(expected);
        const byComponent = [...expected].sort((a, b) => {
          const [x, y] = [a.split('/'), b.split('/')];
          for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return compareBytes(x[i]!, y[i]!);
          return x.length - y.length;
        });
        expect(walked).toEqual(byComponent);
      }),
    );
  });
});
