// The complete search: finds a solution wherever there is one, preferring what the reference prefers (apk-format.md 6.4).
// Bounded by LIMITS.searchConflicts and LIMITS.searchPackages; deterministic. Used where the reference's way gives up.

import { LIMITS } from '../../base/limits.ts';
import { compareBytes } from '../../base/order.ts';
import { type Literal, no, yes } from './clause-solver.ts';
import { installOrder } from './install-order.ts';
import {
  type Item,
  PackageProblem,
  type ProblemOptions,
  type Requirement,
  type SearchSpace,
} from './package-clauses.ts';
import { bestCandidate } from './preference.ts';
import type { Candidate } from './universe.ts';

export type SearchResult =
  /** Packages for each space in install order. */
  | { readonly outcome: 'solved'; readonly packages: readonly (readonly Candidate[])[] }
  /** No solution; these wishes alone suffice to prevent one (not always the fewest). */
  | { readonly outcome: 'unsolvable'; readonly wishes: readonly string[] }
  | { readonly outcome: 'limit' };

/** Solves the wishes (sorted) in all spaces at once; with more than one space they must agree (6.8). */
export function searchSolution(
  spaces: readonly SearchSpace[],
  wanted: readonly string[],
  options: ProblemOptions,
): SearchResult {
  const problem = new PackageProblem(spaces, wanted, options);
  if (problem.overflow) return { outcome: 'limit' };
  const wishAt = new Map(problem.wishes.map((wish) => [yes(wish.variable), wish.text]));
  const chooser = new Chooser(problem);
  const result = problem.clauses.solve([...wishAt.keys()], () => chooser.next(), LIMITS.searchConflicts);
  switch (result.outcome) {
    case 'satisfied':
      return { outcome: 'solved', packages: spaces.map((space) => installOrder(problem, space)) };
    case 'refuted':
      return {
        outcome: 'unsolvable',
        wishes: result.core.map((literal) => wishAt.get(literal) ?? '').sort(compareBytes),
      };
    case 'limit':
      return result;
  }
}

/**
 * Decides which package to try next: first for wishes, then for the dependencies of what is already in, oldest first; always
 * the requirement with the fewest options left, and of these the best.
 */
class Chooser {
  private readonly problem: PackageProblem;
  /** By decision level: the first place in the trail that may have open requirements. What lies before stays fulfilled. */
  private readonly scanFrom: number[] = [];

  constructor(problem: PackageProblem) {
    this.problem = problem;
  }

  next(): Literal | undefined {
    const { wishes } = this.problem;
    // What was noted for levels above this one belongs to choices that were taken back.
    this.scanFrom.length = Math.min(this.scanFrom.length, this.problem.clauses.level + 1);
    const wish = this.mostUrgent(wishes.flatMap((w) => w.requirements));
    return wish === undefined ? this.nextDependency() : this.bestOption(wish);
  }

  private nextDependency(): Literal | undefined {
    const { clauses, itemOf } = this.problem;
    const level = clauses.level;
    for (let at = this.scanFrom[level] ?? 0; at < clauses.trail.length; at++) {
      const literal = clauses.trail[at]!;
      const item = literal % 2 === 0 ? itemOf[literal >> 1] : undefined;
      const requirement = item && this.mostUrgent(item.requirements);
      if (requirement === undefined) continue;
      this.scanFrom[level + 1] = at;
      return this.bestOption(requirement);
    }
    return undefined;
  }

  private mostUrgent(requirements: readonly Requirement[]): Requirement | undefined {
    let urgent: Requirement | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const requirement of requirements) {
      if (requirement.options.some((option) => this.isTrue(option))) continue;
      const open = requirement.options.filter((option) => !this.isFalse(option)).length;
      const earlier = urgent !== undefined && compareBytes(requirement.dependency.text, urgent.dependency.text) < 0;
      if (open < fewest || (open === fewest && earlier)) [urgent, fewest] = [requirement, open];
    }
    return urgent;
  }

  private bestOption({ dependency, options }: Requirement): Literal {
    const open = new Map<Candidate, Item>();
    for (const option of options) if (!this.isFalse(option)) open.set(option.candidate, option);
    const best = bestCandidate([...open.keys()], {
      name: dependency.name,
      tag: dependency.tag,
      existing: new Map(),
      existingOrigins: this.originsBeside(options[0]?.space),
    })!;
    return yes(open.get(best)!.variable);
  }

  /** Siblings of one origin are best kept at one version. */
  private originsBeside(space: SearchSpace | undefined): Map<string, string> {
    const origins = new Map<string, string>();
    for (const literal of this.problem.clauses.trail) {
      const item = literal % 2 === 0 ? this.problem.itemOf[literal >> 1] : undefined;
      if (item === undefined || item.space !== space) continue;
      const { origin, version } = item.candidate.record;
      if (origin !== '') origins.set(origin, version);
    }
    return origins;
  }

  private isTrue(item: Item): boolean {
    return this.problem.clauses.isTrue(yes(item.variable));
  }

  private isFalse(item: Item): boolean {
    return this.problem.clauses.isTrue(no(item.variable));
  }
}
