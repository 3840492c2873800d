// Version strings of packages and constraints, in the reference's dialect (apk-format.md 4): the one that decides picks.
// apk-tools' own, wider order is in apk-tools-version.ts; where a string is valid here, the two agree but for three
// spellings of zero: leading zeros (`1.01`), a suffix without number (`_rc`) and a missing revision equal zero here.

import { LIMITS } from '../../base/limits.ts';

/** `''` means any version. `~` is fuzzy: the version starts like the required one. */
export type VersionOperator = '' | '=' | '<' | '>' | '<=' | '>=' | '~';

export interface Version {
  readonly text: string;
  /** Dotted numbers; a bigint where a number would lose digits. */
  readonly numbers: readonly (number | bigint)[];
  /** 0 = absent, 1 = a ... 26 = z. */
  readonly letter: number;
  /** alpha 0 < beta < pre < rc < absent 4. */
  readonly pre: number;
  readonly preNumber: number | bigint;
  /** absent 0 < cvs < svn < git < hg < p. */
  readonly post: number;
  readonly postNumber: number | bigint;
  readonly revision: number | bigint;
}

const GRAMMAR = /^(\d+(?:\.\d+)*)([a-z]?)(?:_(alpha|beta|pre|rc)(\d*))?(?:_(cvs|svn|git|hg|p)(\d*))?(?:-r(\d+))?$/;
const PRE = ['alpha', 'beta', 'pre', 'rc'];
const NO_PRE = PRE.length;
const POST = ['', 'cvs', 'svn', 'git', 'hg', 'p'];
/** The reference holds every number of a version in 64 signed bits; a longer one makes the version invalid. */
const LARGEST = 2n ** 63n - 1n;

/** Solving compares the same few thousand strings millions of times. Emptied when full: it is only a memory. */
const parsed = new Map<string, Version | undefined>();

/** The version, or undefined where the reference could not parse it. */
export function parseVersion(text: string): Version | undefined {
  let version = parsed.get(text);
  if (version === undefined && !parsed.has(text)) {
    if (parsed.size >= LIMITS.parsedDependencies) parsed.clear();
    version = readVersion(text);
    parsed.set(text, version);
  }
  return version;
}

function readVersion(text: string): Version | undefined {
  const match = GRAMMAR.exec(text);
  if (match === null) return undefined;
  const numbers = (match[1] ?? '').split('.').map(readNumber);
  const version: Version = {
    text,
    numbers,
    letter: match[2] ? match[2].charCodeAt(0) - 96 : 0,
    pre: match[3] === undefined ? NO_PRE : PRE.indexOf(match[3]),
    preNumber: readNumber(match[4]),
    post: POST.indexOf(match[5] ?? ''),
    postNumber: readNumber(match[6]),
    revision: readNumber(match[7]),
  };
  const tooLarge = [...numbers, version.preNumber, version.postNumber, version.revision].some((n) => n > LARGEST);
  return tooLarge ? undefined : version;
}

function readNumber(digits: string | undefined): number | bigint {
  if (!digits) return 0;
  const significant = digits.replace(/^0+(?=\d)/, '');
  if (significant.length <= 15) return Number(significant);
  return significant.length > 19 ? LARGEST + 1n : BigInt(significant);
}

/** Negative, zero or positive. More dotted numbers are greater where the common ones are equal (1.2.0 > 1.2). */
export function compareVersions(a: Version, b: Version): number {
  if (a === b) return 0;
  const shared = Math.min(a.numbers.length, b.numbers.length);
  for (let i = 0; i < shared; i++) {
    const difference = compareNumbers(a.numbers[i] ?? 0, b.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return (
    a.numbers.length - b.numbers.length ||
    a.letter - b.letter ||
    a.pre - b.pre ||
    compareNumbers(a.preNumber, b.preNumber) ||
    a.post - b.post ||
    compareNumbers(a.postNumber, b.postNumber) ||
    compareNumbers(a.revision, b.revision)
  );
}

// `<` and `>` compare numbers with bigints exactly; `===` and `-` would not.
function compareNumbers(a: number | bigint, b: number | bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether `actual` fulfils `operator required`. */
export function satisfies(actual: Version, operator: VersionOperator, required: Version): boolean {
  switch (operator) {
    case '':
      return true;
    case '=':
      return compareVersions(actual, required) === 0;
    case '<':
      return compareVersions(actual, required) < 0;
    case '>':
      return compareVersions(actual, required) > 0;
    case '<=':
      return compareVersions(actual, required) <= 0;
    case '>=':
      return compareVersions(actual, required) >= 0;
    case '~':
      return startsLike(actual, required);
  }
}

function startsLike(actual: Version, required: Version): boolean {
  if (actual.numbers.length < required.numbers.length) return false;
  for (let i = 0; i < required.numbers.length; i++) {
    if (compareNumbers(actual.numbers[i] ?? 0, required.numbers[i] ?? 0) !== 0) return false;
  }
  if (actual.numbers.length > required.numbers.length) return true;
  const same = (mine: number | bigint, wanted: number | bigint) => !wanted || compareNumbers(mine, wanted) === 0;
  return (
    same(actual.letter, required.letter) &&
    (required.pre === NO_PRE || (actual.pre === required.pre && same(actual.preNumber, required.preNumber))) &&
    (required.post === 0 || (actual.post === required.post && same(actual.postNumber, required.postNumber))) &&
    same(actual.revision, required.revision)
  );
}
