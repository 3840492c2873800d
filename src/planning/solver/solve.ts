// One question, answered without explanations: is there a solution, and which? The reference's way first, then the
// complete search. resolve.ts asks it for the user; explanation.ts and why-not.ts ask it "what if".

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { parseDependency } from '../../formats/apk/dependency.ts';
import type { ArchitectureIndexes } from './architecture-indexes.ts';
import { fulfils } from './matching.ts';
import type { SearchSpace } from './package-clauses.ts';
import { resolveAsReference } from './reference-resolver.ts';
import { searchSolution } from './search.ts';
import { type Candidate, Universe } from './universe.ts';

export interface Question {
  readonly spaces: readonly SearchSpace[];
  /** Sorted and unique. */
  readonly wanted: readonly string[];
  /** See ProblemOptions. */
  readonly locked: boolean;
  /** The architectures must agree (apk-format.md 6.8). */
  readonly together: boolean;
}

export type Answer =
  /** For each space, in install order. */
  | { readonly ok: true; readonly packages: readonly (readonly Candidate[])[] }
  /** Without a solution: where, and a set of wishes that is enough to prevent one. */
  | { readonly ok: false; readonly spaces: readonly SearchSpace[]; readonly suspects: readonly string[] };

export function searchSpaces(architectures: readonly ArchitectureIndexes[], together: boolean): SearchSpace[] {
  const universes = architectures.map((architecture) => new Universe(architecture));
  return universes.map((universe) => {
    const others = together ? universes.filter((other) => other !== universe) : [];
    const known = new Map<Candidate, boolean>();
    const unavailable = (candidate: Candidate) => {
      let missing = known.get(candidate);
      if (missing === undefined) {
        const { name, version } = candidate.record;
        missing = others.some((other) => !other.has(name, version));
        known.set(candidate, missing);
      }
      return missing;
    };
    return { universe, unavailable: others.length === 0 ? () => false : unavailable };
  });
}

/** Failure SOLVE_LIMIT when the search reaches its bound. */
export function solve(question: Question): Answer {
  const { spaces, wanted, together } = question;
  const found = spaces.map((space) => solveAsReference(space, wanted));
  const solutions = found.filter((solution) => solution !== undefined);
  if (solutions.length === spaces.length && (!together || agree(solutions, wanted))) {
    return { ok: true, packages: solutions };
  }
  if (together) return search(question, spaces);
  const packages: (readonly Candidate[])[] = [];
  for (const [at, space] of spaces.entries()) {
    const solution = found[at];
    const answer: Answer = solution === undefined ? search(question, [space]) : { ok: true, packages: [solution] };
    if (!answer.ok) return answer;
    packages.push(...answer.packages);
  }
  return { ok: true, packages };
}

/** The reference's solution, where it finds one. It knows no wish `!name`, so we see to it ourselves. */
function solveAsReference(space: SearchSpace, wanted: readonly string[]): readonly Candidate[] | undefined {
  const result = resolveAsReference(space.universe, wanted, space.unavailable);
  if (!result.ok) return undefined;
  const unwanted = wanted.map(parseDependency).filter((wish) => wish.negated);
  const clash = result.packages.some(({ record }) => unwanted.some((wish) => fulfils(record, wish)));
  return clash ? undefined : result.packages;
}

/** 6.8: packages that are wished for by name have one version. */
function agree(solutions: readonly (readonly Candidate[])[], wanted: readonly string[]): boolean {
  const names = new Set(wanted.map((wish) => parseDependency(wish).name));
  const versions = new Map<string, string>();
  for (const { name, record } of solutions.flat()) {
    if (!names.has(name)) continue;
    if ((versions.get(name) ?? record.version) !== record.version) return false;
    versions.set(name, record.version);
  }
  return true;
}

function search(question: Question, spaces: readonly SearchSpace[]): Answer {
  const result = searchSolution(spaces, question.wanted, { locked: question.locked });
  switch (result.outcome) {
    case 'solved':
      return { ok: true, packages: result.packages };
    case 'unsolvable':
      return { ok: false, spaces, suspects: result.wishes };
    case 'limit': {
      const archs = spaces.map((space) => space.universe.arch).join(', ');
      throw new Failure('SOLVE_LIMIT', `the search for packages for ${archs} reached its bound`, {
        hint: 'give exact versions for some of the packages to narrow the choice',
        notes: [`bounds: ${LIMITS.searchConflicts} dead ends, ${LIMITS.searchPackages} packages`],
      });
    }
  }
}
