// Why a small set of wishes has no solution, as a tree: what each wish forces, down to the requirement that nothing can
// fulfil any more. Works on the minimal set that explanation.ts found; may give up on intricate cases (then less is told,
// never something wrong). It must not decide anything: the search has already proven that there is no solution.

import { exclusiveNames, fulfils } from './matching.ts';
import type { Item, PackageProblem, Requirement, WishItem } from './package-clauses.ts';

/** A package that must be installed if the wishes are to hold. */
export interface Fact {
  readonly item: Item;
  readonly requirement: Requirement;
  readonly owner: Fact | WishItem;
  /** The other packages that could have fulfilled the requirement, and what is in their way. */
  readonly closed: readonly Closed[];
}

/** A package that cannot be installed beside what is already there. */
export interface Closed {
  readonly item: Item;
  readonly by: Fact | WishItem;
  /** Goes on after the package's name: "cannot be installed beside x". */
  readonly reason: string;
}

/** A requirement that cannot be fulfilled: no options, all closed, or each open one leads to a dead end of its own. */
export interface DeadEnd {
  readonly requirement: Requirement;
  readonly owner: Fact | WishItem;
  readonly closed: readonly Closed[];
  readonly branches: readonly { readonly fact: Fact; readonly end: DeadEnd }[];
}

/** Packages looked at before the tree is called too intricate, and how often it may branch on the way to a leaf. */
const MOST_FACTS = 1_000;
const MOST_NESTED_BRANCHES = 4;

export function refute(problem: PackageProblem): DeadEnd | undefined {
  return new Refuter(problem).refute([], 0);
}

export function isFact(owner: Fact | WishItem): owner is Fact {
  return 'item' in owner;
}

class Refuter {
  private readonly problem: PackageProblem;
  private readonly names = new Map<Item, ReadonlySet<string>>();
  private readonly excluded = new Map<Item, ReadonlySet<Item>>();
  private factCount = 0;

  constructor(problem: PackageProblem) {
    this.problem = problem;
  }

  /** Follows what is forced, given `facts`, until nothing is left for some requirement. */
  refute(given: readonly Fact[], nesting: number): DeadEnd | undefined {
    const facts = [...given];
    for (;;) {
      const urgent = this.mostUrgent(facts);
      if (urgent === undefined) return undefined;
      const { requirement, owner, open, closed } = urgent;
      if (open.length === 0) return { requirement, owner, closed, branches: [] };
      if (++this.factCount > MOST_FACTS) return undefined;
      if (open.length === 1) {
        facts.push({ item: open[0]!, requirement, owner, closed });
        continue;
      }
      if (nesting >= MOST_NESTED_BRANCHES) return undefined;
      const branches: { fact: Fact; end: DeadEnd }[] = [];
      for (const item of open) {
        const fact = { item, requirement, owner, closed: [] };
        const end = this.refute([...facts, fact], nesting + 1);
        if (end === undefined) return undefined;
        branches.push({ fact, end });
      }
      return { requirement, owner, closed, branches };
    }
  }

  /** The unfulfilled requirement with the fewest open options; the earliest of equals, which keeps chains short. */
  private mostUrgent(facts: readonly Fact[]) {
    const there = new Set(facts.map((fact) => fact.item));
    const byName = this.factsByName(facts);
    let best: { requirement: Requirement; owner: Fact | WishItem; open: Item[]; closed: Closed[] } | undefined;
    for (const owner of [...this.problem.wishes, ...facts]) {
      for (const requirement of isFact(owner) ? owner.item.requirements : owner.requirements) {
        if (requirement.options.some((option) => there.has(option))) continue;
        const open: Item[] = [];
        const closed: Closed[] = [];
        for (const item of requirement.options) {
          const obstacle = this.obstacle(item, facts, byName);
          if (obstacle === undefined) open.push(item);
          else closed.push(obstacle);
        }
        if (best === undefined || open.length < best.open.length) best = { requirement, owner, open, closed };
        if (open.length === 0) return best;
      }
    }
    return best;
  }

  private factsByName(facts: readonly Fact[]): Map<string, Fact> {
    const byName = new Map<string, Fact>();
    for (const fact of facts) for (const name of this.namesOf(fact.item)) byName.set(name, fact);
    return byName;
  }

  private namesOf(item: Item): ReadonlySet<string> {
    let names = this.names.get(item);
    if (names === undefined) {
      names = exclusiveNames(item.candidate.record);
      this.names.set(item, names);
    }
    return names;
  }

  private excludedBy(item: Item): ReadonlySet<Item> {
    let excluded = this.excluded.get(item);
    if (excluded === undefined) {
      excluded = new Set(this.problem.excludedBy(item));
      this.excluded.set(item, excluded);
    }
    return excluded;
  }

  private obstacle(item: Item, facts: readonly Fact[], byName: ReadonlyMap<string, Fact>): Closed | undefined {
    const { record } = item.candidate;
    for (const wish of this.problem.wishes) {
      if (wish.dependency.negated && fulfils(record, wish.dependency)) {
        return { item, by: wish, reason: `is excluded by the wish ${wish.text}` };
      }
    }
    for (const name of this.namesOf(item)) {
      const by = byName.get(name);
      if (by === undefined) continue;
      const what = by.item.candidate.name === item.candidate.name ? '' : ` (both are ${name})`;
      return { item, by, reason: `cannot be installed beside ${by.item.candidate.label}${what}` };
    }
    const excluded = this.excludedBy(item);
    for (const by of facts) {
      if (excluded.has(by.item)) return { item, by, reason: `excludes ${by.item.candidate.label}` };
      if (this.excludedBy(by.item).has(item)) {
        return { item, by, reason: `is excluded by ${by.item.candidate.label}` };
      }
    }
    return undefined;
  }
}
