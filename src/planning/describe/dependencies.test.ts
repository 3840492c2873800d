import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDependency } from '../../formats/apk/dependency.ts';
import { dependencyEdges, type PackageRelations } from './dependencies.ts';

/** `'a=1-r0 : b so:c.1=1 : d>2'` -> name=version : provides : depends. */
function packagesOf(...lines: readonly string[]): PackageRelations[] {
  return lines.map((line) => {
    const [own = '', provides = [], depends = []] = line
      .split(':  ')
      .map((part, i) => (i === 0 ? part.trim() : part.split(' ').filter((word) => word !== '')));
    const [name = '', version = '1-r0'] = String(own).split('=');
    return { name, version, provides: provides as string[], depends: depends as string[] };
  });
}

describe('dependencyEdges', () => {
  it.each([
    ['a name', ['a :  :  b', 'b'], [[1], []]],
    ['a provide', ['a :  :  so:libx.so.1', 'libx :  so:libx.so.1=1.2'], [[1], []]],
    ['a version that fits', ['a :  :  b>1', 'b=2-r0'], [[1], []]],
    ['a version that does not', ['a :  :  b>3', 'b=2-r0'], [[], []]],
    ['a provided version that fits', ['a :  :  v=1.5', 'x :  v=1', 'y :  v=1.5'], [[2], [], []]],
    ['a provide without version where one is asked', ['a :  :  v>1', 'x :  v'], [[], []]],
    ['a version that is none', ['a :  :  b>x', 'b'], [[], []]],
    ['the package of that name before another that provides it', ['a :  :  b', 'x :  b=9', 'b'], [[2], [], []]],
    ['the first of several that provide it', ['a :  :  v', 'x :  v', 'y :  v'], [[1], [], []]],
    ['the same package by two dependencies', ['a :  :  cmd:b b', 'b :  cmd:b'], [[1], []]],
    ['itself', ['a :  v :  v a', 'b'], [[], []]],
    ['a conflict', ['a :  :  !b', 'b'], [[], []]],
    ['something that is not there', ['a :  :  /bin/sh'], [[]]],
    ['each other', ['a :  :  b', 'b :  :  a'], [[1], [0]]],
    ['two, in the order of the dependencies', ['a :  :  c b', 'b', 'c'], [[2, 1], [], []]],
  ])('%s', (_, lines, edges) => {
    expect(dependencyEdges(packagesOf(...lines))).toEqual(edges);
  });

  it('gives edges only between different packages, and only to one that has the name', () => {
    const name = fc.constantFrom<string>('a', 'b', 'c', 'd');
    const pkg = fc.record({
      name,
      version: fc.constantFrom('1-r0', '2-r0'),
      provides: fc.array(name, { maxLength: 2 }),
      depends: fc.array(
        fc.tuple(name, fc.constantFrom('', '>1', '=2-r0')).map((parts) => parts.join('')),
        { maxLength: 3 },
      ),
    });
    fc.assert(
      fc.property(fc.array(pkg, { maxLength: 6 }), (packages) => {
        for (const [self, targets] of dependencyEdges(packages).entries()) {
          expect(targets).not.toContain(self);
          expect(new Set(targets).size).toBe(targets.length);
          const wanted = packages[self]?.depends.map((text) => parseDependency(text).name);
          for (const target of targets) {
            const names = [packages[target]?.name, ...(packages[target]?.provides ?? [])];
            expect(wanted?.some((wish) => names.includes(wish))).toBe(true);
          }
        }
      }),
    );
  });
});
