// The explanation of a conflict: a minimal set of clashing wishes, told as a short tree in plain words (wish 5). A plain
// JSON value and its text; nothing here decides anything about the solution.

import { Failure } from '../../base/failure.ts';
import { parseDependency } from '../../formats/apk/dependency.ts';
import { describeMissing, type Missing, nearestVersions } from './missing.ts';
import { PackageProblem, type SearchSpace, type WishItem } from './package-clauses.ts';
import { type Closed, type DeadEnd, type Fact, isFact, refute } from './refutation.ts';
import { type Question, solve } from './solve.ts';

export interface Explanation {
  /** OCI name of the architecture where it fails; several, joined by `, `, where each alone would do. */
  readonly arch: string;
  /** The gist in one sentence. */
  readonly sentence: string;
  /** The clashing wishes, sorted. Without any one of them the others could be fulfilled. */
  readonly wishes: readonly string[];
  /** The reasoning, from the wishes to the requirement that nothing fulfils. Depth 0 are the wishes. */
  readonly tree: readonly ExplanationLine[];
  /** What to do: whole sentences or questions. */
  readonly hints: readonly string[];
}

interface ExplanationLine {
  readonly depth: number;
  readonly text: string;
}

/** Explains a question that has no solution. `suspects` are wishes known to be enough to prevent one. */
export function explainUnsolvable(question: Question, suspects: readonly string[]): Explanation {
  const unknown = question.spaces.find((space) => space.universe.architecture.repositories.length === 0);
  if (unknown !== undefined) return explainUnknownArchitecture(unknown.universe.arch, question);
  const wishes = minimalClash(question, suspects);
  const space = question.spaces.find(
    (one) => !canSolve({ ...question, spaces: [one], wanted: wishes, together: false }),
  );
  if (space === undefined) return explainDisagreement(question, wishes);
  const problem = new PackageProblem([space], wishes, { locked: question.locked });
  const end = refute(problem);
  const teller = new Teller(problem, space, question.spaces);
  const tree = end === undefined ? wishes.map((text) => ({ depth: 0, text })) : teller.tell(end);
  const hints = [...teller.hints, ...versionHints({ ...question, wanted: wishes }, space)];
  return { arch: space.universe.arch, sentence: gist(wishes, space.universe.arch, end, teller), wishes, tree, hints };
}

function explainUnknownArchitecture(arch: string, { wanted, spaces }: Question): Explanation {
  const others = spaces.map(({ universe }) => universe).filter((u) => u.architecture.repositories.length > 0);
  return {
    arch,
    sentence: `no repository has packages for the architecture "${arch}"`,
    wishes: wanted.slice(0, 1),
    tree: [],
    hints: others.length === 0 ? [] : [`there are packages for ${others.map((u) => u.arch).join(', ')}`],
  };
}

/** Every architecture has a solution, but they differ in the packages wished for. */
function explainDisagreement(question: Question, wishes: readonly string[]): Explanation {
  const archs = question.spaces.map((space) => space.universe.arch).join(', ');
  const names = new Set(wishes.map((wish) => parseDependency(wish).name));
  const tree = question.spaces.flatMap((space) => {
    const answer = solve({ ...question, spaces: [space], wanted: wishes, together: false });
    const named = answer.ok ? answer.packages[0]!.filter((candidate) => names.has(candidate.name)) : [];
    const labels = named.map((candidate) => candidate.label).join(', ');
    return [{ depth: 0, text: `${space.universe.arch} alone could have ${labels}` }];
  });
  const sentence = `no versions of ${quoted(wishes)} fit on all of ${archs} at once`;
  return {
    arch: archs,
    sentence,
    wishes,
    tree,
    hints: ['build the architectures one by one, or ask for exact versions'],
  };
}

/** Takes away wishes as long as the rest still has no solution. */
function minimalClash(question: Question, suspects: readonly string[]): readonly string[] {
  const clashes = (wanted: readonly string[]) => !canSolve({ ...question, wanted });
  // The reference's way solves some sets that the strict search refutes, so the suspects are checked by both together.
  let clash = clashes(suspects) ? suspects : question.wanted;
  for (let at = 0; at < clash.length; ) {
    const rest = clash.filter((_, i) => i !== at);
    if (clashes(rest)) [clash, at] = [rest, 0];
    else at++;
  }
  return clash;
}

/** A search that reaches its bound counts as solvable: we claim no clash that is not proven. */
function canSolve(question: Question): boolean {
  try {
    return solve(question).ok;
  } catch (error) {
    if (error instanceof Failure && error.code === 'SOLVE_LIMIT') return true;
    throw error;
  }
}

const MOST_VERSIONS_TRIED = 8;

/** For each clashing wish for a version: the nearest version with which the clash is gone. */
function versionHints(question: Question, space: SearchSpace): string[] {
  const hints: string[] = [];
  for (const wish of question.wanted) {
    const dependency = parseDependency(wish);
    if (dependency.operator === '' || dependency.negated) continue;
    const tag = dependency.tag === '' ? '' : `@${dependency.tag}`;
    const instead = nearestVersions(dependency, space)
      .slice(0, MOST_VERSIONS_TRIED)
      .map((version) => `${dependency.name}=${version}${tag}`)
      .find((pin) => {
        const wanted = question.wanted.map((other) => (other === wish ? pin : other));
        return canSolve({ ...question, spaces: [space], together: false, wanted });
      });
    if (instead !== undefined) hints.push(`"${instead}" would do instead of "${wish}"`);
  }
  return hints;
}

function quoted(wishes: readonly string[]): string {
  return wishes.map((wish) => `"${wish}"`).join(', ');
}

function gist(wishes: readonly string[], arch: string, end: DeadEnd | undefined, teller: Teller): string {
  if (wishes.length > 1) return `on ${arch}, these wishes cannot be fulfilled together: ${quoted(wishes)}`;
  const simple = end !== undefined && end.requirement.options.length === 0;
  if (!simple) return `on ${arch}, nothing fulfils the wish ${quoted(wishes)}`;
  const { reason } = teller.missing(end);
  if (!isFact(end.owner)) return `on ${arch}, nothing fulfils the wish ${quoted(wishes)}: ${reason}`;
  const needs = `${end.owner.item.candidate.label} needs "${end.requirement.dependency.text}", but ${reason}`;
  return `on ${arch}, nothing fulfils the wish ${quoted(wishes)}: ${needs}`;
}

const MOST_LINES = 40;

/** Turns a refutation into lines. */
class Teller {
  readonly hints: string[] = [];
  private readonly problem: PackageProblem;
  private readonly space: SearchSpace;
  private readonly spaces: readonly SearchSpace[];
  private readonly lines: ExplanationLine[] = [];
  private readonly children = new Map<Fact | WishItem, Set<Fact>>();

  constructor(problem: PackageProblem, space: SearchSpace, spaces: readonly SearchSpace[]) {
    this.problem = problem;
    this.space = space;
    this.spaces = spaces;
  }

  tell(end: DeadEnd): readonly ExplanationLine[] {
    this.collect(end);
    for (const wish of this.problem.wishes) {
      this.say(0, wish.text);
      this.tellBelow(wish, 1, end);
    }
    if (this.lines.length <= MOST_LINES) return this.lines;
    const more = this.lines.length - MOST_LINES;
    return [...this.lines.slice(0, MOST_LINES), { depth: 0, text: `(and ${more} more lines)` }];
  }

  missing(end: DeadEnd): Missing {
    return describeMissing(end.requirement.dependency, this.space, this.spaces);
  }

  private say(depth: number, text: string): void {
    this.lines.push({ depth, text });
  }

  /** Notes which facts the dead end rests on, each under what brought it in. */
  private collect(end: DeadEnd): void {
    this.keep(end.owner);
    for (const { by } of end.closed) this.keep(by);
    for (const branch of end.branches) this.collect(branch.end);
  }

  private keep(owner: Fact | WishItem): void {
    for (let at = owner; isFact(at); at = at.owner) {
      const siblings = this.children.get(at.owner) ?? new Set<Fact>();
      if (siblings.has(at)) return;
      this.children.set(at.owner, siblings.add(at));
      for (const { by } of at.closed) this.keep(by);
    }
  }

  private tellBelow(owner: Fact | WishItem, depth: number, end: DeadEnd): void {
    for (const fact of this.children.get(owner) ?? []) {
      if (end.branches.some((branch) => branch.fact === fact)) continue;
      this.say(depth, this.sentenceFor(fact));
      this.tellBelow(fact, depth + 1, end);
    }
    if (end.owner === owner) this.tellEnd(end, depth);
  }

  private sentenceFor({ item, requirement, owner, closed }: Fact): string {
    const only = closed.length > 0 ? 'only ' : '';
    const because = closed.length > 0 ? ` is left (${listClosed(closed)})` : '';
    const needs = isFact(owner) ? `needs ${requirement.dependency.text}: ` : '';
    return `${needs}${only}${item.candidate.label}${because}`;
  }

  private tellEnd(end: DeadEnd, depth: number): void {
    const { requirement, owner, closed, branches } = end;
    const needs = isFact(owner) ? `needs ${requirement.dependency.text}, but ` : '';
    if (requirement.options.length === 0) {
      const { reason, hints } = this.missing(end);
      this.hints.push(...hints.filter((hint) => !this.hints.includes(hint)));
      this.say(depth, `${needs}${reason}`);
      return;
    }
    if (branches.length === 0) {
      this.say(depth, `${needs}${listClosed(closed)}`);
      return;
    }
    this.say(depth, `${needs}none of these can be:`);
    if (closed.length > 0) this.say(depth + 1, listClosed(closed));
    const told = new Set<DeadEnd>();
    for (const { fact, end: below } of branches) {
      if (told.has(below)) continue;
      // A branch may end at a requirement of something outside of it; often all branches do, at the same one.
      if (!this.isBelow(below.owner, fact)) {
        const alike = branches.filter(({ end: other }) => isSameLeaf(below, other));
        for (const other of alike) told.add(other.end);
        const labels = [fact, ...alike.map((branch) => branch.fact).filter((other) => other !== fact)];
        this.say(depth + 1, listLabels(labels.map((other) => other.item.candidate.label)));
        this.tellForeign(below, depth + 2, alike.length > 1);
      } else {
        this.say(depth + 1, fact.item.candidate.label);
        this.tellBelow(fact, depth + 2, below);
      }
    }
  }

  private isBelow(owner: Fact | WishItem, fact: Fact): boolean {
    for (let at = owner; isFact(at); at = at.owner) if (at === fact) return true;
    return false;
  }

  private tellForeign(end: DeadEnd, depth: number, forSeveral: boolean): void {
    const needed = end.requirement.dependency.text;
    const what = isFact(end.owner) ? `${end.owner.item.candidate.label} needs ${needed}` : `${needed} is wished for`;
    this.say(depth, `does not go with this: ${what}`);
    // What stands in the way differs from branch to branch; one alone can be told.
    if (!forSeveral) this.tellEnd(end, depth + 1);
  }
}

const MOST_NAMED = 3;

function listLabels(labels: readonly string[]): string {
  const more = labels.length > MOST_NAMED ? ` and ${labels.length - MOST_NAMED} more` : '';
  return `${labels.slice(0, MOST_NAMED).join(', ')}${more}`;
}

function isSameLeaf(a: DeadEnd, b: DeadEnd): boolean {
  return a.requirement === b.requirement && a.branches.length === 0 && b.branches.length === 0;
}

/** "a-1, a-2 and 4 more cannot be installed beside b-1; c-1 excludes d-1" */
function listClosed(closed: readonly Closed[]): string {
  const byReason = new Map<string, string[]>();
  for (const { item, reason } of closed) {
    const labels = byReason.get(reason) ?? [];
    if (!labels.includes(item.candidate.label)) labels.push(item.candidate.label);
    byReason.set(reason, labels);
  }
  return [...byReason].map(([reason, labels]) => `${listLabels(labels)} ${reason}`).join('; ');
}

/** The text for people: sentence, tree, hints; no final newline. */
export function printExplanation(explanation: Explanation): string {
  const { sentence, tree, hints } = explanation;
  const lines = tree.map(({ depth, text }) => `  ${'  '.repeat(depth)}- ${text}`);
  return [sentence, ...lines, ...hints.map((hint) => `hint: ${hint}`)].join('\n');
}

export function explanationFailure(explanation: Explanation): Failure {
  return new Failure('SOLVE_CONFLICT', explanation.sentence, {
    notes: explanation.tree.map(({ depth, text }) => `${'  '.repeat(depth)}- ${text}`),
    ...(explanation.hints.length > 0 && { hint: explanation.hints.join('; ') }),
    data: explanation,
  });
}
