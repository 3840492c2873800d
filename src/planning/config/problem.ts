// Mistakes in a configuration, collected so that people see all of them at once.

import { Failure, type SourcePlace } from '../../base/failure.ts';
import type { FailureCode } from '../../base/failure-codes.ts';
import { LIMITS } from '../../base/limits.ts';
import { nearestNames } from '../../base/nearest.ts';
import { compareBytes } from '../../base/order.ts';

export interface Problem {
  readonly code: FailureCode;
  readonly message: string;
  readonly where: SourcePlace | undefined;
  readonly hint?: string | undefined;
}

/** Keys of the YAML and positions in lists. */
export type Path = readonly (string | number)[];
export type Report = (path: Path, message: string, hint?: string) => void;

/** Throws the first problem (by file as met, line and column) as a Failure, the others as its notes `line:col message`. */
export function failOnProblems(problems: readonly Problem[]): void {
  const files = [...new Set(problems.map((problem) => problem.where?.file))];
  const [first, ...others] = [...problems].sort(
    (a, b) =>
      files.indexOf(a.where?.file) - files.indexOf(b.where?.file) ||
      (a.where?.line ?? 0) - (b.where?.line ?? 0) ||
      (a.where?.column ?? 0) - (b.where?.column ?? 0) ||
      compareBytes(a.message, b.message),
  );
  if (first === undefined) return;
  const notes = others.slice(0, LIMITS.listedProblems).map((problem) => noteOf(problem, first.where?.file));
  if (others.length > notes.length) notes.push(`and ${others.length - notes.length} more`);
  throw new Failure(first.code, first.message, {
    ...(first.where !== undefined && { where: first.where }),
    ...(first.hint !== undefined && { hint: first.hint }),
    notes,
  });
}

function noteOf({ where, message, hint }: Problem, file: string | undefined): string {
  const place =
    where === undefined ? '' : `${where.file === file ? '' : `${where.file}:`}${where.line}:${where.column} `;
  return `${place}${message}${hint === undefined ? '' : ` (${hint})`}`;
}

/** `did you mean "packages"?`, or undefined where nothing is near. */
export function nearHint(name: string, candidates: Iterable<string>): string | undefined {
  const [nearest] = nearestNames(name, candidates, 1);
  return nearest === undefined ? undefined : `did you mean "${nearest}"?`;
}

/** `"a", "b" or "c"`. */
export function quotedList(names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`);
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}
