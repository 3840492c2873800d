// Wishes + indexes -> packages, or an explanation (apk-format.md 6). The reference's way comes first and its solutions are
// taken as they are; only where it gives up does the complete search take over.

import { sortedUnique } from '../../base/order.ts';
import { parseDependency } from '../../formats/apk/dependency.ts';
import type { ArchitectureIndexes, ResolvedPackage } from './architecture-indexes.ts';
import { type Explanation, explainUnsolvable } from './explanation.ts';
import { type Question, searchSpaces, solve } from './solve.ts';
import type { Candidate } from './universe.ts';

export interface WantedInput {
  /** `name[op version][@tag]`, or `!name`: must not be installed. In any order. */
  readonly wanted: readonly string[];
  readonly architectures: readonly ArchitectureIndexes[];
  /** Every package must exist in the same version on every architecture (6.8). */
  readonly together: boolean;
}

interface ArchitectureResolution {
  readonly arch: string;
  /** In the order of pass 1. */
  readonly packages: readonly ResolvedPackage[];
  /** Sorted `name=version[@tag]`: the world of pass 2, the lock. */
  readonly locked: readonly string[];
}

export type Resolution =
  | { readonly ok: true; readonly perArch: readonly ArchitectureResolution[] }
  | { readonly ok: false; readonly explanation: Explanation };

/** Pass 1: what the configuration wishes for, on all architectures. Failure SOLVE_LIMIT when the search reaches its bound. */
export function resolveWanted(input: WantedInput): Resolution {
  const question = wantedQuestion(input);
  const answer = solve(question);
  if (!answer.ok) return { ok: false, explanation: explainUnsolvable(question, answer.suspects) };
  const tags = tagsByName(question.wanted);
  const perArch = answer.packages.map((packages, at) => {
    const resolved = packages.map((candidate) => toResolved(candidate, tags));
    const locked = resolved.map(({ record, tag }) => `${record.name}=${record.version}${tag === '' ? '' : `@${tag}`}`);
    return { arch: question.spaces[at]!.universe.arch, packages: resolved, locked: sortedUnique(locked) };
  });
  return { ok: true, perArch };
}

export type WorldResolution =
  /** In install order. */
  | { readonly ok: true; readonly packages: readonly ResolvedPackage[] }
  | { readonly ok: false; readonly explanation: Explanation };

/**
 * Pass 2: a world of exact versions on one architecture; its order is the install order. Where our own lock holds a package
 * of a tagged repository without its tag (a dependency of a tagged wish), the reference fails; we let the tags that occur
 * in the world apply to all of it.
 */
export function resolveWorld(world: readonly string[], architecture: ArchitectureIndexes): WorldResolution {
  const question: Question = {
    spaces: searchSpaces([architecture], false),
    wanted: sortedUnique(world),
    locked: true,
    together: false,
  };
  const answer = solve(question);
  if (!answer.ok) return { ok: false, explanation: explainUnsolvable(question, answer.suspects) };
  const tags = tagsByName(question.wanted);
  return { ok: true, packages: answer.packages[0]!.map((candidate) => toResolved(candidate, tags)) };
}

/** The question that pass 1 asks. */
export function wantedQuestion({ wanted, architectures, together }: WantedInput): Question {
  const several = together && architectures.length > 1;
  return {
    spaces: searchSpaces(architectures, several),
    wanted: sortedUnique(wanted),
    locked: false,
    together: several,
  };
}

/** The tag that a wish gives to a name; the first one that has one. */
function tagsByName(wanted: readonly string[]): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const { name, tag } of wanted.map(parseDependency)) if (tag !== '' && !tags.has(name)) tags.set(name, tag);
  return tags;
}

function toResolved({ record, repository }: Candidate, tags: ReadonlyMap<string, string>): ResolvedPackage {
  return { record, repository, tag: tags.get(record.name) ?? '' };
}
