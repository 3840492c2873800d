// The reference's own resolution (apk-format.md 6.1-6.7), step by step, so that where it finds a solution we find the same
// one in the same order. It never takes back a choice and gives up early; search.ts goes on from there.
// Must stay literal: rules that look odd are the reference's, and golden cases depend on them.

import { LIMITS } from '../../base/limits.ts';
import { compareBytes } from '../../base/order.ts';
import { type Dependency, parseDependency } from '../../formats/apk/dependency.ts';
import { parseVersion, satisfies } from '../../formats/apk/version.ts';
import { FewestFirst } from './fewest-first.ts';
import { bestCandidate, freshPreferences } from './preference.ts';
import type { Candidate, Universe } from './universe.ts';

export type ReferenceResult =
  | { readonly ok: true; readonly packages: readonly Candidate[] }
  /** Why it gave up: a sentence for debugging; people get an Explanation. */
  | { readonly ok: false; readonly reason: string };

/** Thrown where the reference gives up; never leaves this file. */
class GaveUp extends Error {}

/**
 * Resolves a sorted world. `unavailable` says which packages another architecture lacks (6.8). Entries `!name` exclude
 * (the reference refuses them); everything else is exactly its way.
 */
export function resolveAsReference(
  universe: Universe,
  world: readonly string[],
  unavailable: (candidate: Candidate) => boolean,
): ReferenceResult {
  try {
    return { ok: true, packages: new ReferenceResolver(universe, unavailable).resolve(world) };
  } catch (error) {
    if (error instanceof GaveUp) return { ok: false, reason: error.message };
    throw error;
  }
}

/** What is known while the dependencies of one world entry are resolved. */
interface EntryState {
  /** Tag whose repository the entry's dependencies may use. */
  readonly allowedTag: string;
  readonly existing: Layered<Candidate>;
  readonly existingOrigins: Layered<string>;
}

/** A map on another one, which it hides and does not change: pass 2 has an entry for each package, and copies would be quadratic. */
class Layered<T> {
  private readonly own = new Map<string, T>();
  private readonly below: ReadonlyMap<string, T>;

  constructor(below: ReadonlyMap<string, T>) {
    this.below = below;
  }

  get(key: string): T | undefined {
    return this.own.get(key) ?? this.below.get(key);
  }

  set(key: string, value: T): void {
    this.own.set(key, value);
  }
}

/** What is in the solution. */
class Chosen {
  readonly byName = new Map<string, Candidate>();
  /** Version by origin; the last package of an origin decides. */
  readonly origins = new Map<string, string>();

  constructor(candidates: Iterable<Candidate>) {
    for (const candidate of candidates) this.add(candidate);
  }

  /** One whose name is new. */
  add(candidate: Candidate): void {
    this.byName.set(candidate.name, candidate);
    const { origin, version } = candidate.record;
    if (origin !== '') this.origins.set(origin, version);
  }
}

class ReferenceResolver {
  private readonly universe: Universe;
  private readonly unavailable: (candidate: Candidate) => boolean;
  private readonly disqualified = new Set<Candidate>();
  private readonly selected = new Map<string, Candidate>();
  private readonly conflictNames = new Set<string>();
  private steps = 0;

  constructor(universe: Universe, unavailable: (candidate: Candidate) => boolean) {
    this.universe = universe;
    this.unavailable = unavailable;
  }

  /** 6.5 */
  resolve(world: readonly string[]): Candidate[] {
    this.constrain(world);
    const entries = world.filter((entry) => !entry.startsWith('!'));
    const chosen = new Chosen(this.chooseNamed(entries));
    const installs = new Map<string, Candidate>();
    for (const entry of entries) {
      const dependency = parseDependency(entry);
      const best = this.bestForEntry(entry);
      const dependencies = this.dependenciesOf(best, dependency.tag, chosen);
      for (const candidate of [...dependencies.values(), best]) {
        if (!installs.has(candidate.name)) installs.set(candidate.name, candidate);
      }
      for (const candidate of dependencies.values()) {
        if (!chosen.byName.has(candidate.name)) chosen.add(candidate);
      }
    }
    for (const name of this.universe.architecture.installed ?? []) {
      if (this.conflictNames.has(name)) throw new GaveUp(`cannot install due to conflict with ${name}`);
    }
    return [...installs.values()];
  }

  /** 6.5 step 2: the entry with the fewest candidates first. */
  private chooseNamed(entries: readonly string[]): Iterable<Candidate> {
    const chosen = new Map<string, Candidate>();
    const waiting = new FewestFirst(new Map(entries.map((entry) => [entry, this.candidatesOfEntry(entry)])));
    for (let next = waiting.take(); next !== undefined; next = waiting.take()) {
      const best = this.bestOf(next.candidates, next.entry);
      chosen.set(best.name, best);
      for (const gone of this.disqualifyConflicts(best)) waiting.drop(gone);
    }
    return chosen.values();
  }

  private candidatesOfEntry(entry: string): Candidate[] {
    const dependency = parseDependency(entry);
    return this.filter(dependency, dependency.tag, undefined);
  }

  private bestForEntry(entry: string): Candidate {
    return this.bestOf(this.candidatesOfEntry(entry), entry);
  }

  private bestOf(candidates: readonly Candidate[], entry: string): Candidate {
    const { name, tag } = parseDependency(entry);
    const best = bestCandidate(candidates, freshPreferences(name, tag));
    if (best === undefined) throw new GaveUp(`nothing is left for "${entry}"`);
    return best;
  }

  /** 6.5 step 3 and 6.7: the dependencies of one entry's package by name, in install order, install_if packages last. */
  private dependenciesOf(best: Candidate, tag: string, chosen: Chosen): Map<string, Candidate> {
    const state: EntryState = {
      allowedTag: tag,
      existing: new Layered(chosen.byName),
      existingOrigins: new Layered(chosen.origins),
    };
    const found = new Map<string, Candidate>();
    for (const candidate of this.resolveDependencies(best, new Set(), state)) {
      if (!found.has(candidate.name)) found.set(candidate.name, candidate);
    }
    for (const triggered of installIfPackages(this.universe, found)) found.set(triggered.name, triggered);
    return found;
  }

  /** 6.6: depth-first, children before parents. */
  private resolveDependencies(pkg: Candidate, parents: ReadonlySet<string>, state: EntryState): Candidate[] {
    if (parents.has(pkg.name)) return [];
    if (parents.size > LIMITS.dependencyDepth) throw new GaveUp('dependencies are nested too deeply');
    this.constrain(pkg.record.depends);
    const offered = new Set(pkg.provides.flatMap((provide) => [provide.text, provide.name]));
    const ownParents = new Set(parents).add(pkg.name);
    const result: Candidate[] = [];
    let remaining = [...pkg.record.depends];
    for (;;) {
      const options = new Map<string, readonly Candidate[]>();
      for (const text of remaining) {
        const candidates = this.optionsFor(text, pkg, offered, state);
        if (candidates !== undefined) options.set(text, candidates);
      }
      if (options.size === 0) return result;
      const next = fewestOptions(options);
      remaining = [...options.keys()].filter((text) => text !== next);
      const { allowedTag: _, ...known } = state;
      const best = bestCandidate(options.get(next)!, { name: parseDependency(next).name, tag: '', ...known })!;
      this.disqualifyConflicts(best);
      this.select(pkg);
      const below = this.resolveDependencies(best, ownParents, state);
      for (const child of below) {
        result.push(child);
        state.existing.set(child.name, child);
        if (child.record.origin !== '') state.existingOrigins.set(child.record.origin, child.record.version);
      }
      result.push(best);
    }
  }

  /** The candidates for a dependency, or undefined when nothing is to be done for it. */
  private optionsFor(
    text: string,
    pkg: Candidate,
    offered: ReadonlySet<string>,
    state: EntryState,
  ): readonly Candidate[] | undefined {
    const dependency = parseDependency(text);
    if (dependency.negated) {
      this.conflictNames.add(dependency.name);
      return undefined;
    }
    if (offered.has(dependency.name) || offered.has(text)) return undefined;
    if (dependency.name === pkg.name && ownVersionMeets(pkg, dependency)) return undefined;
    const selected = this.selected.get(dependency.name);
    if (selected !== undefined) {
      if (
        dependency.operator === '' ||
        providesExactly(selected, dependency) ||
        ownVersionMeets(selected, dependency)
      ) {
        return undefined;
      }
      throw new GaveUp(`${selected.label} is already selected, which conflicts with "${text}"`);
    }
    const candidates = this.filter(dependency, state.allowedTag, state.existing.get(dependency.name));
    if (candidates.length === 0) throw new GaveUp(`nothing is left for "${text}", which ${pkg.label} needs`);
    return candidates;
  }

  /** 6.6, "select the parent". */
  private select(pkg: Candidate): void {
    const claim = (name: string) => {
      const other = this.selected.get(name);
      if (other !== undefined && other !== pkg)
        throw new GaveUp(`${pkg.label} conflicts with ${other.label} on "${name}"`);
    };
    claim(pkg.name);
    this.selected.set(pkg.name, pkg);
    for (const provide of pkg.provides) {
      claim(provide.name);
      if (provide.operator !== '') this.selected.set(provide.name, pkg);
    }
  }

  /** 6.1 */
  private filter(dependency: Dependency, allowedTag: string, installed: Candidate | undefined): Candidate[] {
    const required = dependency.operator === '' ? undefined : parseVersion(dependency.version);
    if (dependency.operator !== '' && required === undefined) return [];
    const all = this.universe.providers(dependency.name);
    this.steps += all.length;
    if (this.steps > LIMITS.referenceSteps) throw new GaveUp('too many packages to look at');
    return all.filter((candidate) => {
      if (this.disqualified.has(candidate) || this.unavailable(candidate)) return false;
      const { tag, url } = candidate.repository;
      if (
        tag !== '' &&
        tag !== allowedTag &&
        !(installed?.name === candidate.name && installed.repository.url === url)
      ) {
        return false;
      }
      if (required === undefined) return true;
      const meets = (version: string) => {
        const actual = parseVersion(version);
        return actual !== undefined && satisfies(actual, dependency.operator, required);
      };
      return (
        meets(candidate.record.version) ||
        candidate.provides.some((provide) => provide.operator !== '' && meets(provide.version))
      );
    });
  }

  /** 6.2 */
  private constrain(constraints: readonly string[]): void {
    for (const text of constraints) {
      const dependency = parseDependency(text);
      if (dependency.negated) {
        for (const candidate of this.filter(dependency, '', undefined)) this.disqualified.add(candidate);
      } else if (dependency.operator !== '') {
        const required = parseVersion(dependency.version);
        if (required === undefined) throw new GaveUp(`cannot parse the version of "${text}"`);
        for (const candidate of this.universe.providers(dependency.name)) {
          if (failsConstraint(candidate, dependency)) this.disqualified.add(candidate);
        }
      }
    }
  }

  /** 6.3; returns those that were not disqualified before. */
  private disqualifyConflicts(pkg: Candidate): Candidate[] {
    const gone: Candidate[] = [];
    const disqualify = (other: Candidate) => {
      this.disqualified.add(other);
      gone.push(other);
    };
    for (const provide of pkg.provides) {
      for (const other of this.universe.providers(provide.name)) {
        if (other === pkg || this.disqualified.has(other)) continue;
        if (provide.operator !== '') disqualify(other);
        else if (other.name === provide.name) {
          if (other.record.version !== '') disqualify(other);
        } else if (other.provides.find((p) => p.name === provide.name)?.operator !== '') disqualify(other);
      }
    }
    return gone;
  }
}

function ownVersionMeets(candidate: Candidate, dependency: Dependency): boolean {
  if (dependency.operator === '') return true;
  const required = parseVersion(dependency.version);
  return (
    required !== undefined &&
    candidate.version !== undefined &&
    satisfies(candidate.version, dependency.operator, required)
  );
}

/** Whether a versioned provide of the name meets the required version by the provide's own operator. */
function providesExactly(candidate: Candidate, dependency: Dependency): boolean {
  const required = parseVersion(dependency.version);
  return candidate.provides.some((provide) => {
    if (provide.name !== dependency.name || provide.operator === '' || required === undefined) return false;
    const provided = parseVersion(provide.version);
    return provided !== undefined && satisfies(provided, provide.operator, required);
  });
}

function failsConstraint(candidate: Candidate, dependency: Dependency): boolean {
  if (candidate.name === dependency.name) return !ownVersionMeets(candidate, dependency);
  const required = parseVersion(dependency.version);
  return candidate.provides.some((provide) => {
    if (provide.name !== dependency.name || provide.operator === '') return false;
    const provided = parseVersion(provide.version);
    return !(provided && required && satisfies(provided, dependency.operator, required));
  });
}

/** The dependency with the fewest options; ties go to the smallest text. */
function fewestOptions(options: ReadonlyMap<string, readonly Candidate[]>): string {
  let best: string | undefined;
  let count = 0;
  for (const [text, { length }] of options) {
    if (best === undefined || length < count || (length === count && compareBytes(text, best) < 0))
      [best, count] = [text, length];
  }
  return best!;
}

/**
 * 6.7: packages whose install_if items are all met by `dependencies` (by name). In byte order of the triggering names, where
 * the reference's order is random; packages added on the way take part at once.
 */
export function installIfPackages(universe: Universe, dependencies: ReadonlyMap<string, Candidate>): Candidate[] {
  const present = new Map(dependencies);
  const added: Candidate[] = [];
  for (const name of [...dependencies.keys()].sort(compareBytes)) {
    const { version } = dependencies.get(name)!.record;
    const byName = universe.installIfOf(name);
    for (const candidate of byName.length > 0 ? byName : universe.installIfOf(`${name}=${version}`)) {
      if (present.has(candidate.name) || !candidate.record.installIf.every((item) => isMet(item, present))) continue;
      present.set(candidate.name, candidate);
      added.push(candidate);
    }
  }
  return added;
}

function isMet(item: string, present: ReadonlyMap<string, Candidate>): boolean {
  if (present.has(item)) return true;
  const { name, operator, version } = parseDependency(item);
  return operator === '=' && present.get(name)?.record.version === version;
}
