import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClauseSolver, type Literal, no, yes } from './clause-solver.ts';

const VARIABLES = 7;

interface Problem {
  readonly clauses: readonly (readonly Literal[])[];
  readonly exclusive: readonly (readonly number[])[];
  readonly assumptions: readonly Literal[];
}

const literal = fc.integer({ min: 0, max: 2 * VARIABLES - 1 });
const problem: fc.Arbitrary<Problem> = fc.record({
  clauses: fc.array(fc.uniqueArray(literal, { minLength: 1, maxLength: 4 }), { maxLength: 25 }),
  exclusive: fc.array(fc.uniqueArray(fc.nat(VARIABLES - 1), { minLength: 2, maxLength: 4 }), { maxLength: 3 }),
  assumptions: fc.uniqueArray(literal, { maxLength: 4 }),
});

function holdsIn(values: number, literal: Literal): boolean {
  return ((values >> (literal >> 1)) & 1) === (literal & 1 ? 0 : 1);
}

/** Every assignment, one by one. */
function hasSolution({ clauses, exclusive }: Problem, assumptions: readonly Literal[]): boolean {
  for (let values = 0; values < 1 << VARIABLES; values++) {
    if (
      clauses.every((clause) => clause.some((l) => holdsIn(values, l))) &&
      exclusive.every((group) => group.filter((v) => holdsIn(values, yes(v))).length <= 1) &&
      assumptions.every((l) => holdsIn(values, l))
    ) {
      return true;
    }
  }
  return false;
}

function load({ clauses, exclusive }: Problem): { solver: ClauseSolver; decide: () => Literal | undefined } {
  const solver = new ClauseSolver();
  for (let v = 0; v < VARIABLES; v++) solver.addVariable();
  for (const clause of clauses) solver.addClause([...clause]);
  for (const group of exclusive) solver.addExclusive(group);
  const isOpen = (v: number) => !solver.isTrue(yes(v)) && !solver.isFalse(yes(v));
  const decide = () => {
    const open = Array.from({ length: VARIABLES }, (_, v) => v).find(isOpen);
    return open === undefined ? undefined : yes(open);
  };
  return { solver, decide };
}

describe('ClauseSolver', () => {
  it('agrees with trying every assignment, and its cores suffice', () => {
    fc.assert(
      fc.property(problem, (p) => {
        const { solver, decide } = load(p);
        const result = solver.solve(p.assumptions, decide, 1_000);
        expect(result.outcome).toBe(hasSolution(p, p.assumptions) ? 'satisfied' : 'refuted');
        if (result.outcome === 'refuted') {
          expect(p.assumptions).toEqual(expect.arrayContaining([...result.core]));
          expect(hasSolution(p, result.core)).toBe(false);
        } else {
          const isTrue = (l: Literal) => solver.isTrue(l);
          expect(p.assumptions.every(isTrue)).toBe(true);
          expect(p.clauses.every((clause) => clause.some(isTrue))).toBe(true);
          expect(p.exclusive.every((group) => group.filter((v) => isTrue(yes(v))).length <= 1)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('can be asked again with other assumptions', () => {
    fc.assert(
      fc.property(problem, fc.uniqueArray(literal, { maxLength: 4 }), (p, others) => {
        const { solver, decide } = load(p);
        for (const assumptions of [p.assumptions, others, p.assumptions]) {
          const expected = hasSolution(p, assumptions) ? 'satisfied' : 'refuted';
          expect(solver.solve(assumptions, decide, 1_000).outcome).toBe(expected);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('stops at its bound', () => {
    // Five pigeons, four holes: refuting it takes more than one dead end.
    const solver = new ClauseSolver();
    const places = Array.from({ length: 5 }, () => Array.from({ length: 4 }, () => solver.addVariable()));
    for (const pigeon of places) solver.addClause(pigeon.map(yes));
    for (let hole = 0; hole < 4; hole++) solver.addExclusive(places.map((pigeon) => pigeon[hole]!));
    const decide = () => {
      const open = places.flat().find((v) => !solver.isTrue(yes(v)) && !solver.isFalse(yes(v)));
      return open === undefined ? undefined : yes(open);
    };
    expect(solver.solve([], decide, 1)).toEqual({ outcome: 'limit' });
    expect(solver.solve([], decide, 1_000)).toEqual({ outcome: 'refuted', core: [] });
  });

  it('refuses everything once an empty clause is in', () => {
    const solver = new ClauseSolver();
    const v = solver.addVariable();
    solver.addClause([]);
    expect(solver.solve([no(v)], () => undefined, 10)).toEqual({ outcome: 'refuted', core: [] });
  });
});
