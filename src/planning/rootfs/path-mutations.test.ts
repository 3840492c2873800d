import { describe, expect, it } from 'vitest';
import { dumpTree, emptyTree } from '../../../test/support/trees.ts';
import type { PathMutation } from '../config/image-config.ts';
import { applyPathMutation } from './path-mutations.ts';

const mutation = (path: string, type: string, more: Partial<PathMutation> = {}): PathMutation => ({
  path,
  type,
  uid: undefined,
  gid: undefined,
  permissions: 0,
  source: '',
  recursive: false,
  ...more,
});

function tree() {
  const t = emptyTree();
  t.mkdirAll('etc', 0o755).mtime = 5;
  t.writeFile('etc/conf', 'text', 0o644).mtime = 9;
  t.symlink('conf', 'etc/link');
  return t;
}

const START = ['0755 0:0 5 etc/', '0644 0:0 9 etc/conf = text', '0777 0:0 5 etc/link -> conf'];

const table: readonly (readonly [what: string, mutations: readonly PathMutation[], dump: readonly string[]])[] = [
  ['nothing', [], START],
  [
    'a directory, all new parts with its mode',
    [mutation('/a/b', 'directory', { permissions: 0o2775, uid: 7 })],
    ['2775 0:0 0 a/', '2775 7:0 0 a/b/', ...START],
  ],
  ['a mode left out: 0000', [mutation('/a', 'directory')], ['0000 0:0 0 a/', ...START]],
  [
    'an empty file, parents 0755',
    [mutation('/a/f', 'empty-file', { permissions: 0o600, gid: 3 })],
    ['0755 0:0 0 a/', '0600 0:3 0 a/f = ', ...START],
  ],
  [
    'a file emptied',
    [mutation('/etc/conf', 'empty-file', { permissions: 0o644 })],
    ['0755 0:0 5 etc/', '0644 0:0 9 etc/conf = ', '0777 0:0 5 etc/link -> conf'],
  ],
  [
    'a symlink, whose mode goes to its target',
    [mutation('/etc/s', 'symlink', { source: '/etc/conf', permissions: 0o600 })],
    ['0755 0:0 5 etc/', '0600 0:0 9 etc/conf = text', '0777 0:0 5 etc/link -> conf', '0777 0:0 5 etc/s -> /etc/conf'],
  ],
  [
    'a hard link in the place of what was there; both names share the mode',
    [mutation('/etc/link', 'hardlink', { source: '/etc/conf', permissions: 0o640 })],
    ['0755 0:0 5 etc/', '0640 0:0 9 etc/conf = text', '0640 0:0 9 etc/link = text'],
  ],
  [
    'permissions below a directory',
    [mutation('/etc', 'permissions', { permissions: 0o700, uid: 1, gid: 2, recursive: true })],
    ['0700 1:2 5 etc/', '0700 1:2 9 etc/conf = text', '0777 0:0 5 etc/link -> conf'],
  ],
];

describe('path mutations', () => {
  it.each(table)('make %s', (_what, mutations, dump) => {
    const t = tree();
    for (const m of mutations) applyPathMutation(t, m);
    expect(dumpTree(t)).toEqual(dump);
  });

  const refused: readonly (readonly [mutation: PathMutation, message: string])[] = [
    [mutation('/x', 'wormhole'), 'wormhole "/x": unknown type "wormhole"'],
    [mutation('/x', 'permissions'), 'permissions "/x": chmod "/x": it does not exist'],
    [mutation('/etc/conf', 'symlink', { source: 'y' }), '"/etc/conf" already exists'],
    [mutation('/x', 'symlink', { source: 'nowhere' }), 'chmod "/x": it does not exist'],
    [mutation('/x', 'hardlink', { source: '/nope' }), 'the source "/nope" does not exist'],
    [mutation('/x', 'hardlink', { source: '/etc' }), 'the source "/etc" is a directory'],
    [mutation('/etc/conf/x', 'directory'), 'not a directory'],
  ];
  it.each(refused)('refuse %j', (m, message) => {
    expect(() => applyPathMutation(tree(), m)).toThrow(message);
  });

  it('refuse a dangling link below a recursive permission, naming it', () => {
    const t = tree();
    t.symlink('nowhere', 'etc/dangling');
    expect(() =>
      applyPathMutation(t, mutation('/etc', 'permissions', { permissions: 0o755, recursive: true })),
    ).toThrow('chmod "/etc/dangling"');
  });
});
