// Dependencies, provides and wishes as text: `name[op version][@tag]`, with `!` for conflicts (apk-format.md 4).

import { LIMITS } from '../../base/limits.ts';
import type { VersionOperator } from './version.ts';

export interface Dependency {
  /** As written, `!` and tag included. */
  readonly text: string;
  readonly name: string;
  /** `''` when any version will do: no operator, or a run of operator signs that means nothing (`~=`). */
  readonly operator: VersionOperator;
  /** `''` exactly when the operator is `''`. */
  readonly version: string;
  /** Repository tag without the `@`; `''` = none. */
  readonly tag: string;
  /** Written with a leading `!`: must not be installed. */
  readonly negated: boolean;
}

const GRAMMAR = /^([^@=><~]+)(?:([=><~]+)([^@]+))?(?:@([a-zA-Z0-9]+))?$/;
const OPERATORS: Readonly<Record<string, VersionOperator>> = {
  '=': '=',
  '<': '<',
  '>': '>',
  '<=': '<=',
  '>=': '>=',
  '~': '~',
  '=~': '~',
};

const parsed = new Map<string, Dependency>();

/** Never fails: a text that is not of that form is a bare name, as in the reference. Results are shared; do not alter. */
export function parseDependency(text: string): Dependency {
  let dependency = parsed.get(text);
  if (dependency === undefined) {
    if (parsed.size >= LIMITS.parsedDependencies) parsed.clear();
    dependency = readDependency(text);
    parsed.set(text, dependency);
  }
  return dependency;
}

function readDependency(text: string): Dependency {
  const negated = text.startsWith('!');
  const body = negated ? text.slice(1) : text;
  const match = GRAMMAR.exec(body);
  if (match === null) return { text, name: body, operator: '', version: '', tag: '', negated };
  const [, name = '', signs = '', written = '', tag = ''] = match;
  const operator = OPERATORS[signs] ?? '';
  return { text, name, operator, version: operator === '' ? '' : readable(body, written), tag, negated };
}

/** The reference reads `so:libz.so.1=1.3` as version 0.1.3, so that a package's own version (`-rN`) is always greater. */
function readable(body: string, version: string): string {
  return body.startsWith('so:') && body.includes('=') && !/-r\d+$/.test(version) ? `0.${version}` : version;
}

/** The text of a dependency with these parts. `parseDependency` of it gives them back, the `so:` prefix aside. */
export function printDependency(parts: Omit<Dependency, 'text'>): string {
  const tag = parts.tag === '' ? '' : `@${parts.tag}`;
  return `${parts.negated ? '!' : ''}${parts.name}${parts.operator}${parts.version}${tag}`;
}
