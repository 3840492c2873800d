import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addFile } from '../../../test/support/hardened-image.ts';
import { FileTree } from '../rootfs/file-tree.ts';
import { hasOneOwner, listDirectories, ownersOf } from './file-owners.ts';
import { collectFiles } from './image-files.ts';
import type { PackageDatabase } from './package-database.ts';
import { resolvePath } from './tree-paths.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd', 'sub');
const names = fc.array(name, { maxLength: 5 });
const inOrder = fc.uniqueArray(name, { maxLength: 5 }).map((list) => list.toSorted());
const directory = fc.constantFrom('usr', 'usr/sub', 'bin', 'bin/sub', '/usr', 'usr//sub', 'gone');
const listing = fc.record({ packageIndex: fc.nat(2), directory, names: fc.oneof(names, inOrder) });

it('owners of files are told as by asking for each, and one for all only where it is so', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(name),
      fc.uniqueArray(name),
      fc.array(listing, { maxLength: 5 }),
      (above, below, all) => {
        const tree = new FileTree(() => new Uint8Array(0));
        for (const file of above) if (file !== 'sub') addFile(tree, `usr/${file}`, 'x');
        for (const file of below) addFile(tree, `usr/sub/${file}`, 'x');
        tree.mkdirAll('usr', 0o755);
        tree.symlink('usr', 'bin');
        const database: PackageDatabase = {
          kind: 'apk',
          packages: [],
          eachListing: (visit) => {
            for (const one of all) visit(one.packageIndex, one.directory, one.names);
          },
        };
        const { directories } = collectFiles(tree);
        const listed = listDirectories(directories, database, (path) => resolvePath(tree, path)?.path);
        expect(listed.map(({ path }) => path)).toEqual(directories.map(({ path }) => path));
        for (const one of listed) {
          const here = all.filter(({ directory }) => resolvePath(tree, directory)?.path === one.path);
          const ownersAt = (file: string) => {
            const indexes = here.flatMap(({ packageIndex, names }) =>
              (names as string[]).includes(file) ? [packageIndex] : [],
            );
            return [...new Set(indexes)];
          };
          const owners = ownersOf(one);
          for (const [file, node] of one.node.children) {
            expect([...new Set([owners.get(file) ?? []].flat())]).toEqual(ownersAt(file));
            if (node.kind !== 'directory' && hasOneOwner(one)) expect(ownersAt(file)).toEqual([here[0]?.packageIndex]);
          }
        }
      },
    ),
    { numRuns: 1000 },
  );
});

it('the one owner of all files is seen', () => {
  const tree = new FileTree(() => new Uint8Array(0));
  for (const file of ['b', 'a', 'sub/c']) addFile(tree, `usr/${file}`, 'x');
  const database: PackageDatabase = {
    kind: 'apk',
    packages: [],
    eachListing: (visit) => visit(0, 'usr', ['a', 'b']),
  };
  const listed = listDirectories(collectFiles(tree).directories, database, () => undefined);
  expect(listed.map((one) => [one.path, hasOneOwner(one)])).toEqual([
    ['usr', true],
    ['usr/sub', false],
  ]);
});
