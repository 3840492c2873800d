// Why is a package, or a version of it, not in the solution? Asks the solver "what if it were wished for?" (wish 5).

import { sortedUnique } from '../../base/order.ts';
import { type Dependency, parseDependency } from '../../formats/apk/dependency.ts';
import { type Explanation, explainUnsolvable, printExplanation } from './explanation.ts';
import { fulfils } from './matching.ts';
import { describeMissing } from './missing.ts';
import type { SearchSpace } from './package-clauses.ts';
import { type WantedInput, wantedQuestion } from './resolve.ts';
import { type Question, solve } from './solve.ts';
import type { Candidate } from './universe.ts';

export interface WhyNot {
  readonly dependency: string;
  readonly perArch: readonly WhyNotForArch[];
}

interface WhyNotForArch {
  readonly arch: string;
  /**
   * installed: it is there after all. missing: no repository offers it to these wishes. possible: it could be there, if it
   * were wished for. excluded: the wishes rule it out, see `explanation`. unsolved: the wishes alone have no solution.
   */
  readonly answer: 'installed' | 'missing' | 'possible' | 'excluded' | 'unsolved';
  readonly sentence: string;
  readonly hints: readonly string[];
  readonly explanation?: Explanation;
}

/** Failure SOLVE_LIMIT when a search reaches its bound. */
export function whyNot(input: WantedInput, dependency: string): WhyNot {
  const question = wantedQuestion(input);
  const asked = parseDependency(dependency);
  const solution = solve(question);
  const perArch = question.spaces.map((space, at) => {
    const packages = solution.ok ? solution.packages[at]! : undefined;
    return answerFor(space, asked, question, packages, solution.ok ? [] : solution.suspects);
  });
  return { dependency, perArch };
}

function answerFor(
  space: SearchSpace,
  asked: Dependency,
  question: Question,
  packages: readonly Candidate[] | undefined,
  suspects: readonly string[],
): WhyNotForArch {
  const { arch } = space.universe;
  const there = packages?.find(({ record }) => fulfils(record, asked));
  if (there !== undefined) {
    return { arch, answer: 'installed', sentence: `on ${arch}, ${there.label} is installed`, hints: [] };
  }
  if (!isOffered(space, asked)) {
    const { reason, hints } = describeMissing(asked, space, question.spaces);
    return { arch, answer: 'missing', sentence: `on ${arch}, "${asked.text}" cannot be installed: ${reason}`, hints };
  }
  if (packages === undefined) {
    const explanation = explainUnsolvable(question, suspects);
    return { arch, answer: 'unsolved', sentence: explanation.sentence, hints: explanation.hints, explanation };
  }
  const withIt: Question = { ...question, wanted: sortedUnique([...question.wanted, asked.text]) };
  const answer = solve(withIt);
  if (!answer.ok) {
    const explanation = explainUnsolvable(withIt, answer.suspects);
    const others = explanation.wishes.filter((wish) => wish !== asked.text);
    const by = others.map((wish) => `"${wish}"`).join(', ');
    const sentence =
      others.length === 0
        ? `on ${explanation.arch}, "${asked.text}" cannot be installed at all`
        : `on ${explanation.arch}, "${asked.text}" is ruled out by ${others.length === 1 ? 'the wish' : 'the wishes'} ${by}`;
    return { arch, answer: 'excluded', sentence, hints: explanation.hints, explanation };
  }
  const instead = packages.find(({ name }) => name === asked.name);
  const sentence =
    instead === undefined
      ? `on ${arch}, nothing wishes for or needs "${asked.text}"; it would fit`
      : `on ${arch}, ${instead.label} is preferred to "${asked.text}", which would fit as well`;
  return { arch, answer: 'possible', sentence, hints: [`add "${asked.text}" to the packages to install it`] };
}

/** Whether any package that a wish of this form may use fulfils it. */
function isOffered(space: SearchSpace, asked: Dependency): boolean {
  return space.universe.providers(asked.name).some((candidate) => {
    const { tag } = candidate.repository;
    return (tag === '' || tag === asked.tag) && fulfils(candidate.record, asked) && !space.unavailable(candidate);
  });
}

/** The text for people, without a final newline. */
export function printWhyNot({ perArch }: WhyNot): string {
  const texts = perArch.map(({ sentence, hints, explanation }) => {
    const tree = explanation === undefined ? '' : printExplanation({ ...explanation, hints: [], sentence: '' });
    return [sentence + tree, ...hints.map((hint) => `hint: ${hint}`)].join('\n');
  });
  return texts.join('\n');
}
