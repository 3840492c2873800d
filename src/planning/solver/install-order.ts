// The install order of a solution that the search found: depth-first, children before parents, like the reference's own
// (apk-format.md 6.6), but with siblings in byte order.

import { compareBytes } from '../../base/order.ts';
import { parseDependency } from '../../formats/apk/dependency.ts';
import { yes } from './clause-solver.ts';
import { exclusiveNames, fulfils } from './matching.ts';
import type { Item, PackageProblem, SearchSpace } from './package-clauses.ts';
import { installIfPackages } from './reference-resolver.ts';
import type { Candidate } from './universe.ts';

/**
 * The packages of one space that the wishes lead to; what the search switched on without need is left out. At the end come
 * packages that install_if brings in (6.7), as far as they fit.
 */
export function installOrder(problem: PackageProblem, space: SearchSpace): Candidate[] {
  const chosen = (item: Item) => problem.clauses.isTrue(yes(item.variable));
  const order = new Set<Candidate>();
  const triggered = new Set<Candidate>();
  for (const wish of problem.wishes) {
    const root = wish.requirements.flatMap((r) => r.options).find((item) => item.space === space && chosen(item));
    if (root === undefined) continue;
    const closure = childrenFirst(root, chosen);
    for (const { candidate } of closure) order.add(candidate);
    const dependencies = new Map(closure.slice(0, -1).map(({ candidate }) => [candidate.name, candidate]));
    for (const candidate of installIfPackages(space.universe, dependencies)) triggered.add(candidate);
  }
  const unwanted = problem.wishes.filter((wish) => wish.dependency.negated);
  const solution = [...order];
  for (const candidate of triggered) {
    if (unwanted.some((wish) => fulfils(candidate.record, wish.dependency))) continue;
    if (!space.unavailable(candidate) && fits(candidate, solution)) solution.push(candidate);
  }
  return solution;
}

/** The chosen packages that `root` leads to, itself last. Without recursion: chains in hostile indexes may be long. */
function childrenFirst(root: Item, chosen: (item: Item) => boolean): Item[] {
  const order: Item[] = [];
  const seen = new Set([root]);
  const stack = [{ item: root, children: childrenOf(root, chosen) }];
  while (stack.length > 0) {
    const { item, children } = stack.at(-1)!;
    const next = children.shift();
    if (next === undefined) {
      order.push(item);
      stack.pop();
    } else if (!seen.has(next)) {
      seen.add(next);
      stack.push({ item: next, children: childrenOf(next, chosen) });
    }
  }
  return order;
}

function childrenOf(item: Item, chosen: (item: Item) => boolean): Item[] {
  return [...item.requirements]
    .sort((a, b) => compareBytes(a.dependency.text, b.dependency.text))
    .flatMap((requirement) => requirement.options.find(chosen) ?? []);
}

/** Whether a package can be added to a solution without bringing in anything else. */
function fits(candidate: Candidate, solution: readonly Candidate[]): boolean {
  if (candidate.repository.tag !== '') return false;
  const names = exclusiveNames(candidate.record);
  const clashes = solution.some(
    (other) =>
      [...exclusiveNames(other.record)].some((name) => names.has(name)) ||
      excludes(other, candidate) ||
      excludes(candidate, other),
  );
  return (
    !clashes &&
    candidate.record.depends.every((text) => {
      const dependency = parseDependency(text);
      return dependency.negated || [candidate, ...solution].some((other) => fulfils(other.record, dependency));
    })
  );
}

/** Whether a dependency `!name` of the one keeps the other out. */
function excludes(one: Candidate, other: Candidate): boolean {
  return one.record.depends.some((text) => text.startsWith('!') && fulfils(other.record, parseDependency(text)));
}
