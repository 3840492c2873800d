import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { architecture, findFaults, type SmallPackage } from '../../../test/support/small-indexes.ts';
import type { Failure } from '../../base/failure.ts';
import { sortedUnique } from '../../base/order.ts';
import type { IndexRecord } from '../../formats/apk/index-record.ts';
import { explainUnsolvable } from './explanation.ts';
import { searchSolution } from './search.ts';
import { type Question, searchSpaces, solve } from './solve.ts';

const constraint = fc
  .tuple(
    fc.constantFrom('', '', '', '!'),
    fc.constantFrom('a', 'b', 'c', 'd', 'v', 'w'),
    fc.constantFrom('', '', '=1', '=2', '<2', '>1', '~2'),
  )
  .map((parts) => parts.join(''));
const smallPackage: fc.Arbitrary<SmallPackage> = fc.record({
  is: fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2', '3')).map((parts) => parts.join('=')),
  needs: fc.array(constraint, { maxLength: 3 }),
  provides: fc.array(fc.constantFrom('v', 'w', 'v=1', 'v=2', 'w=2'), { maxLength: 1 }),
});
const smallWorld = fc.record({
  packages: fc.uniqueArray(smallPackage, { maxLength: 8, selector: (p) => p.is }),
  wanted: fc.array(constraint, { minLength: 1, maxLength: 4 }),
});

function ask(packages: readonly SmallPackage[], wanted: readonly string[]): Question {
  const spaces = searchSpaces([architecture(packages)], false);
  return { spaces, wanted: sortedUnique(wanted), locked: false, together: false };
}

/** Tries every set of packages. */
function hasSolution({ spaces, wanted }: Question): boolean {
  const { index } = spaces[0]!.universe.architecture.repositories[0]!;
  const records = Array.from({ length: index.size }, (_, i) => index.record(i));
  for (let set = 0; set < 1 << records.length; set++) {
    if (
      findFaults(
        records.filter((_, i) => (set >> i) & 1),
        wanted,
      ).length === 0
    )
      return true;
  }
  return false;
}

describe('searchSolution', () => {
  it('finds a valid solution exactly where there is one', () => {
    fc.assert(
      fc.property(smallWorld, ({ packages, wanted }) => {
        const question = ask(packages, wanted);
        const result = searchSolution(question.spaces, question.wanted, question);
        expect(result.outcome).toBe(hasSolution(question) ? 'solved' : 'unsolvable');
        if (result.outcome === 'solved') {
          const records: IndexRecord[] = result.packages[0]!.map(({ record }) => record);
          expect(findFaults(records, question.wanted)).toEqual([]);
        } else if (result.outcome === 'unsolvable') {
          expect(hasSolution({ ...question, wanted: result.wishes })).toBe(false);
        }
      }),
      { numRuns: 1_500 },
    );
  });

  it('gives the same answer every time', () => {
    fc.assert(
      fc.property(smallWorld, ({ packages, wanted }) => {
        const pins = () => {
          const question = ask(packages, wanted);
          const result = searchSolution(question.spaces, question.wanted, question);
          return result.outcome === 'solved' ? result.packages[0]!.map(({ pin }) => pin) : result;
        };
        expect(pins()).toEqual(pins());
      }),
    );
  });

  it('walks long chains without recursion', () => {
    const length = 20_000;
    const chain = Array.from({ length }, (_, i) => ({ is: `p${i}=1`, needs: i + 1 < length ? [`p${i + 1}`] : [] }));
    const question = ask(chain, ['p0']);
    const answer = solve(question);
    expect(answer.ok && answer.packages[0]!.length).toBe(length);
  });

  it('fails with SOLVE_LIMIT at its bound', () => {
    // Fourteen packages that each need one of thirteen exclusive places: hopeless, and long to prove.
    const places = Array.from({ length: 13 }, (_, hole) =>
      Array.from({ length: 14 }, (_, i) => ({ is: `p${i}h${hole}=1`, provides: [`seat${i}`, `hole${hole}=1`] })),
    ).flat();
    const question = ask(
      places,
      Array.from({ length: 14 }, (_, i) => `seat${i}`),
    );
    expect(() => solve(question)).toThrow(expect.objectContaining({ code: 'SOLVE_LIMIT' }) as Failure);
  });
});

describe('explainUnsolvable', () => {
  it('reports a minimal set: without any one wish the rest has a solution', () => {
    fc.assert(
      fc.property(smallWorld, ({ packages, wanted }) => {
        const question = ask(packages, wanted);
        const answer = solve(question);
        fc.pre(!answer.ok && packages.length > 0);
        const { wishes, tree } = explainUnsolvable(question, answer.ok ? [] : answer.suspects);
        expect(question.wanted).toEqual(expect.arrayContaining([...wishes]));
        expect(solve({ ...question, wanted: wishes }).ok).toBe(false);
        for (const wish of wishes) {
          expect(solve({ ...question, wanted: wishes.filter((other) => other !== wish) }).ok).toBe(true);
        }
        expect(tree.filter((line) => line.depth === 0).map((line) => line.text)).toEqual(wishes);
      }),
      { numRuns: 1_500 },
    );
  });
});
