import { describe, expect, it } from 'vitest';
import { dumpLayers, emptyTree, testPackage } from '../../../test/support/trees.ts';
import { installPackage } from './install-package.ts';
import { planGroups, planLayers } from './layer-entries.ts';

const info = (name: string, installedSize: number, more: object = {}) =>
  testPackage({ name, origin: name, installedSize, ...more }, []).pkg.info;

describe('groups', () => {
  const table: readonly (readonly [
    what: string,
    packages: readonly ReturnType<typeof info>[],
    budget: number,
    groups: readonly (readonly number[])[],
  ])[] = [
    ['nothing', [], 3, []],
    ['largest first, equal sizes by name', [info('b', 1), info('a', 1), info('z', 9)], 5, [[2], [1], [0]]],
    [
      'one origin together, by name',
      [info('b', 1, { origin: 'o' }), info('c', 5), info('a', 1, { origin: 'o' })],
      5,
      [[1], [2, 0]],
    ],
    ['no origin is one group', [info('h', 1, { origin: '' }), info('i', 1, { origin: '' })], 5, [[0, 1]]],
    ['replaces joins', [info('a', 1), info('b', 1, { replaces: ['a'] })], 5, [[0, 1]]],
    [
      'replaces joins when its version holds',
      [info('a', 1, { version: '2-r0' }), info('b', 1, { replaces: ['a<3'] })],
      5,
      [[0, 1]],
    ],
    [
      'replaces does not join when its version fails',
      [info('a', 1, { version: '2-r0' }), info('b', 1, { replaces: ['a>5'] })],
      5,
      [[0], [1]],
    ],
    ['replaces of what is not there', [info('a', 1, { replaces: ['x'] })], 5, [[0]]],
    [
      'replaces chains',
      [info('a', 1, { replaces: ['b'] }), info('b', 1, { replaces: ['c'] }), info('c', 1)],
      5,
      [[0, 1, 2]],
    ],
    ['the rest shares the last', [info('a', 3), info('b', 2), info('c', 1)], 2, [[0], [1, 2]]],
    ['a budget of 1', [info('b', 3), info('a', 2)], 1, [[1, 0]]],
    ['a budget of 0', [info('b', 3), info('a', 2)], 0, [[1, 0]]],
    ['just enough', [info('b', 3), info('a', 2)], 2, [[0], [1]]],
  ];
  it.each(table)('%s', (_what, packages, budget, groups) => {
    expect(planGroups(packages, budget)).toEqual(groups);
  });
});

describe('layers', () => {
  const packages = [
    testPackage({ name: 'base', origin: 'base', installedSize: 1 }, [
      'dir usr',
      'dir usr/lib',
      'dir usr/lib/apk',
      'dir usr/lib/apk/db',
    ]),
    testPackage({ name: 'big', origin: 'big', installedSize: 50 }, [
      'dir usr',
      'dir usr/bin',
      'file usr/bin/big 755 x',
    ]),
    testPackage({ name: 'small', origin: 'small', installedSize: 20 }, [
      'dir usr',
      'dir usr/share',
      'dir usr/share/doc',
      'file usr/share/doc/x 644 x',
      'file usr/zz 644 x',
    ]),
  ];
  const build = () => {
    const tree = emptyTree(packages);
    packages.forEach((_, i) => {
      installPackage(
        tree,
        packages.map((p) => p.pkg),
        i,
      );
    });
    tree.lookup('usr/bin/big')!.mtime = 1;
    tree.lookup('usr/share/doc/x')!.mtime = 2;
    tree.lookup('usr/zz')!.mtime = 3;
    tree.writeFile('usr/lib/apk/db/installed', 'all', 0o644).mtime = 9;
    return tree;
  };
  const plan = (layering: Parameters<typeof planLayers>[3]) =>
    planLayers(
      build(),
      packages.map((p) => p.pkg),
      ['base.', 'big.', 'small.'],
      layering,
    );

  it.each([undefined, { strategy: '', budget: 0 }])('%j is one layer', (layering) => {
    expect(plan(layering)).toHaveLength(1);
    expect(dumpLayers(plan(layering))[0]).toContain('9 usr/lib/apk/db/installed');
  });

  it('by origin: a layer for each group with the directories it needs, and the rest on top', () => {
    expect(dumpLayers(plan({ strategy: 'origin', budget: 3 }))).toEqual([
      [
        '1 usr/',
        '1 usr/bin/',
        '1 usr/bin/big',
        '9 usr/lib/',
        '9 usr/lib/apk/',
        '9 usr/lib/apk/db/',
        '9 usr/lib/apk/db/installed',
      ],
      [
        '9 usr/',
        '9 usr/lib/',
        '9 usr/lib/apk/',
        '9 usr/lib/apk/db/',
        '9 usr/lib/apk/db/installed',
        '2 usr/share/',
        '2 usr/share/doc/',
        '2 usr/share/doc/x',
        '3 usr/zz',
      ],
      ['9 usr/', '9 usr/lib/', '9 usr/lib/apk/', '9 usr/lib/apk/db/', '9 usr/lib/apk/db/installed'],
      [
        '100 usr/',
        '100 usr/bin/',
        '100 usr/lib/',
        '100 usr/lib/apk/',
        '100 usr/lib/apk/db/',
        '9 usr/lib/apk/db/installed',
        '100 usr/share/',
        '100 usr/share/doc/',
      ],
    ]);
  });

  it('each group layer lists its own packages as installed', () => {
    const contents = plan({ strategy: 'origin', budget: 2 }).map((layer) => {
      const entry = [...layer].find((e) => e.path.endsWith('/installed'))!;
      return entry.content?.kind === 'inline' ? Buffer.from(entry.content.bytes).toString() : undefined;
    });
    expect(contents).toEqual(['big.', 'base.small.', undefined]);
  });

  it('refuse an unknown strategy', () => {
    expect(() => plan({ strategy: 'magic', budget: 3 })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => plan({ strategy: '', budget: 3 })).toThrow('unknown layering strategy ""');
  });
});
