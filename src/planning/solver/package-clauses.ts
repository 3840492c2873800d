// Wishes and indexes as clauses for the complete search: which packages can come into play, what each needs, which exclude
// each other. Several architectures that must agree (apk-format.md 6.8) become one problem.

import { LIMITS } from '../../base/limits.ts';
import { compareBytes } from '../../base/order.ts';
import { type Dependency, parseDependency } from '../../formats/apk/dependency.ts';
import { ClauseSolver, no, yes } from './clause-solver.ts';
import { exclusiveNames, fulfils } from './matching.ts';
import type { Candidate, Universe } from './universe.ts';

/** One architecture's part of a search. */
export interface SearchSpace {
  readonly universe: Universe;
  /** Packages that another architecture lacks (6.8) are out of the question. */
  readonly unavailable: (candidate: Candidate) => boolean;
}

/** A package in the problem. */
export interface Item {
  readonly candidate: Candidate;
  readonly space: SearchSpace;
  readonly variable: number;
  /** What it needs; conflicts and what it fulfils itself left out. */
  readonly requirements: Requirement[];
  /** Tags whose repositories its dependencies may use: those of the wishes that can lead to it. */
  readonly tags: Set<string>;
}

/** "At least one of these": a wish in one architecture, or a dependency of a package. */
export interface Requirement {
  readonly dependency: Dependency;
  /** In nameMap order; none means that it cannot be fulfilled. */
  readonly options: Item[];
}

export interface WishItem {
  readonly text: string;
  readonly dependency: Dependency;
  readonly variable: number;
  /** One for each architecture; none for a wish that excludes. */
  readonly requirements: Requirement[];
}

export interface ProblemOptions {
  /**
   * The wishes are our own locked list, where a package from a tagged repository may stand without its tag: then every
   * wish may use the tags that any wish names. (The reference cannot resolve such a list.)
   */
  readonly locked: boolean;
}

export class PackageProblem {
  readonly clauses = new ClauseSolver();
  readonly wishes: WishItem[] = [];
  /** By variable; undefined for wishes. */
  readonly itemOf: (Item | undefined)[] = [];
  /** There are more packages than LIMITS.searchPackages: the problem is not complete. */
  overflow = false;
  private readonly spaces: readonly SearchSpace[];
  private readonly known = new Map<Candidate, Item>();
  /** Items whose dependencies are still to be looked up. */
  private readonly queue: Item[] = [];

  constructor(spaces: readonly SearchSpace[], wanted: readonly string[], options: ProblemOptions) {
    this.spaces = spaces;
    const wishes = wanted.map((text) => ({ text, dependency: parseDependency(text) }));
    const allTags = new Set(wishes.map((wish) => wish.dependency.tag).filter((tag) => tag !== ''));
    for (const { text, dependency } of wishes) {
      const variable = this.addVariable(undefined);
      const tags = options.locked ? allTags : new Set(dependency.tag === '' ? [] : [dependency.tag]);
      const requirements = dependency.negated ? [] : spaces.map((space) => this.require(space, dependency, tags));
      this.wishes.push({ text, dependency, variable, requirements });
    }
    for (let i = 0; i < this.queue.length; i++) this.expand(this.queue[i]!);
    this.addClauses();
  }

  private addVariable(item: Item | undefined): number {
    const variable = this.clauses.addVariable();
    this.itemOf.push(item);
    return variable;
  }

  private require(space: SearchSpace, dependency: Dependency, tags: ReadonlySet<string>): Requirement {
    const options = new Set<Item>();
    for (const candidate of space.universe.providers(dependency.name)) {
      const { tag } = candidate.repository;
      if ((tag !== '' && !tags.has(tag)) || !fulfils(candidate.record, dependency)) continue;
      if (space.unavailable(candidate) || clashesWithBase(candidate, space.universe)) continue;
      const item = this.itemFor(space, candidate, tags);
      if (item !== undefined) options.add(item);
    }
    return { dependency, options: [...options] };
  }

  private itemFor(space: SearchSpace, candidate: Candidate, tags: ReadonlySet<string>): Item | undefined {
    let item = this.known.get(candidate);
    if (item === undefined) {
      if (this.known.size >= LIMITS.searchPackages) {
        this.overflow = true;
        return undefined;
      }
      item = { candidate, space, variable: this.itemOf.length, requirements: [], tags: new Set(tags) };
      this.addVariable(item);
      this.known.set(candidate, item);
      this.queue.push(item);
    } else if ([...tags].some((tag) => !item?.tags.has(tag))) {
      // A wish with another tag leads here too: look again, from here on, at what that tag's repository offers.
      for (const tag of tags) item.tags.add(tag);
      this.queue.push(item);
    }
    return item;
  }

  private expand(item: Item): void {
    const { candidate, space, tags } = item;
    item.requirements.length = 0;
    for (const text of new Set(candidate.record.depends)) {
      const dependency = parseDependency(text);
      if (dependency.negated || fulfils(candidate.record, dependency)) continue;
      item.requirements.push(this.require(space, dependency, tags));
    }
  }

  private addClauses(): void {
    const groups = new Map<SearchSpace, Map<string, number[]>>(this.spaces.map((space) => [space, new Map()]));
    for (const item of this.known.values()) {
      for (const { options } of item.requirements) {
        this.clauses.addClause([no(item.variable), ...options.map((option) => yes(option.variable))]);
      }
      for (const excluded of this.excludedBy(item)) {
        this.clauses.addClause([no(item.variable), no(excluded.variable)]);
      }
      const bySpace = groups.get(item.space)!;
      for (const name of exclusiveNames(item.candidate.record)) {
        const group = bySpace.get(name);
        if (group === undefined) bySpace.set(name, [item.variable]);
        else group.push(item.variable);
      }
    }
    for (const bySpace of groups.values()) {
      for (const group of bySpace.values()) if (group.length > 1) this.clauses.addExclusive(group);
    }
    for (const wish of this.wishes) this.addWish(wish);
    this.addAgreement();
  }

  private addWish(wish: WishItem): void {
    for (const { options } of wish.requirements) {
      this.clauses.addClause([no(wish.variable), ...options.map((option) => yes(option.variable))]);
    }
    if (!wish.dependency.negated) return;
    for (const space of this.spaces) {
      for (const item of this.itemsFulfilling(space, wish.dependency)) {
        this.clauses.addClause([no(wish.variable), no(item.variable)]);
      }
    }
  }

  /** What a package in the problem forbids by `!name` dependencies. */
  excludedBy(item: Item): Item[] {
    return item.candidate.record.depends.flatMap((text) => {
      const dependency = parseDependency(text);
      if (!dependency.negated) return [];
      return this.itemsFulfilling(item.space, dependency).filter((other) => other !== item);
    });
  }

  private itemsFulfilling(space: SearchSpace, dependency: Dependency): Item[] {
    const found = new Set<Item>();
    for (const candidate of space.universe.providers(dependency.name)) {
      const item = this.known.get(candidate);
      if (item !== undefined && fulfils(candidate.record, dependency)) found.add(item);
    }
    return [...found];
  }

  /** 6.8: packages that are wished for by name come in the same version on every architecture. */
  private addAgreement(): void {
    if (this.spaces.length < 2) return;
    const names = new Set(this.wishes.map((wish) => wish.dependency.name));
    const byPin = new Map<string, Map<SearchSpace, Item[]>>();
    for (const item of this.known.values()) {
      if (!names.has(item.candidate.name)) continue;
      const bySpace = byPin.get(item.candidate.pin) ?? new Map<SearchSpace, Item[]>();
      byPin.set(item.candidate.pin, bySpace.set(item.space, [...(bySpace.get(item.space) ?? []), item]));
    }
    for (const [, bySpace] of [...byPin].sort(([a], [b]) => compareBytes(a, b))) {
      for (const item of [...bySpace.values()].flat()) {
        for (const space of this.spaces) {
          if (space === item.space) continue;
          const others = bySpace.get(space) ?? [];
          this.clauses.addClause([no(item.variable), ...others.map((other) => yes(other.variable))]);
        }
      }
    }
  }
}

/** A dependency `!name` on a package that the base image has already. */
function clashesWithBase({ record }: Candidate, { architecture: { installed = [] } }: Universe): boolean {
  if (installed.length === 0) return false;
  return record.depends.some((text) => text.startsWith('!') && installed.includes(parseDependency(text).name));
}
