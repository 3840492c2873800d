// The version order of apk-tools itself, wider than the reference's (version.ts): suffix chains, `~` commit hashes, and a
// place in the order even for malformed strings, whose readable beginning counts.
// Must never decide a pick that the reference's dialect can decide.

import { compareBytes } from '../../base/order.ts';
import type { VersionOperator } from './version.ts';

// The order of these kinds matters: of two versions that are equal so far, the one whose next part is of the earlier kind
// is greater.
const KIND = {
  first: 0,
  number: 1,
  letter: 2,
  suffix: 3,
  suffixNumber: 4,
  hash: 5,
  revision: 6,
  end: 7,
  invalid: 8,
} as const;

interface Part {
  readonly kind: (typeof KIND)[keyof typeof KIND];
  readonly text: string;
}

const SUFFIXES = ['alpha', 'beta', 'pre', 'rc', '', 'cvs', 'svn', 'git', 'hg', 'p'];
const RELEASE = SUFFIXES.indexOf('');

/** Whether apk-tools accepts the string as a package version. */
export function isApkToolsVersion(text: string): boolean {
  return splitVersion(text).at(-1)?.kind === KIND.end;
}

/**
 * Negative, zero or positive. With `fuzzy`, also zero when `b` is the beginning of `a`.
 */
export function compareApkToolsVersions(a: string, b: string, fuzzy = false): number {
  const left = splitVersion(a);
  const right = splitVersion(b);
  for (let i = 0; ; i++) {
    const x = left[i] ?? END;
    const y = right[i] ?? END;
    if (x.kind !== y.kind) return compareRest(x, y, fuzzy);
    if (x.kind >= KIND.end) return 0;
    const difference = compareParts(x, y);
    if (difference !== 0) return difference;
  }
}

/** Whether `actual` fulfils `operator required` in apk-tools' order. */
export function satisfiesApkTools(actual: string, operator: VersionOperator, required: string): boolean {
  if (operator === '') return true;
  const difference = compareApkToolsVersions(actual, required, operator === '~');
  if (difference < 0) return operator.includes('<');
  if (difference > 0) return operator.includes('>');
  return operator.includes('=') || operator === '~';
}

const END: Part = { kind: KIND.end, text: '' };
const INVALID: Part = { kind: KIND.invalid, text: '' };

/** The parts of a version; the last one is END or INVALID. */
function splitVersion(text: string): Part[] {
  const first = /^\d+/.exec(text);
  if (first === null) return [INVALID];
  const parts: Part[] = [{ kind: KIND.first, text: first[0] }];
  let rest = text.slice(first[0].length);
  while (rest !== '') {
    const [part, length] = nextPart(rest, parts.at(-1)?.kind ?? KIND.first);
    parts.push(part);
    if (part === INVALID) return parts;
    rest = rest.slice(length);
  }
  parts.push(END);
  return parts;
}

/** Each spelling of a part, the kinds it may follow, and its kind. */
const PARTS: readonly { pattern: RegExp; after: (kind: number) => boolean; kind: Part['kind'] }[] = [
  { pattern: /^\.(\d+)/, after: (kind) => kind <= KIND.number, kind: KIND.number },
  { pattern: /^([a-z])/, after: (kind) => kind <= KIND.number, kind: KIND.letter },
  { pattern: /^(\d+)/, after: (kind) => kind === KIND.suffix, kind: KIND.suffixNumber },
  {
    pattern: /^_(alpha|beta|pre|rc|cvs|svn|git|hg|p)(?![a-z])/,
    after: (kind) => kind <= KIND.suffixNumber,
    kind: KIND.suffix,
  },
  { pattern: /^~([0-9a-f]+)/, after: (kind) => kind < KIND.hash, kind: KIND.hash },
  { pattern: /^-r(\d+)/, after: (kind) => kind < KIND.revision, kind: KIND.revision },
];

function nextPart(rest: string, before: number): [Part, number] {
  for (const { pattern, after, kind } of PARTS) {
    const match = pattern.exec(rest);
    if (match !== null && after(before)) return [{ kind, text: match[1] ?? '' }, match[0].length];
  }
  return [INVALID, 0];
}

function compareParts(a: Part, b: Part): number {
  switch (a.kind) {
    case KIND.suffix:
      return SUFFIXES.indexOf(a.text) - SUFFIXES.indexOf(b.text);
    case KIND.letter:
    case KIND.hash:
      return compareBytes(a.text, b.text);
    case KIND.number:
      // A leading zero makes it a decimal fraction: 1.0015 < 1.002.
      if (a.text.startsWith('0') || b.text.startsWith('0')) return compareBytes(a.text, b.text);
      return compareDigits(a.text, b.text);
    default:
      return compareDigits(a.text, b.text);
  }
}

function compareDigits(a: string, b: string): number {
  const x = a.replace(/^0+/, '');
  const y = b.replace(/^0+/, '');
  return x.length - y.length || compareBytes(x, y);
}

/** One ended, or they go on differently. */
function compareRest(a: Part, b: Part, fuzzy: boolean): number {
  if (fuzzy && b.kind === KIND.end) return 0;
  if (isPreRelease(a)) return -1;
  if (isPreRelease(b)) return 1;
  return b.kind - a.kind;
}

function isPreRelease(part: Part): boolean {
  return part.kind === KIND.suffix && SUFFIXES.indexOf(part.text) < RELEASE;
}
