// Patterns of paths in `files:`: `*` and `?` stand for characters of one name, `**` for any number of folders. Everything else,
// brackets and braces too, stands for itself: people have files of such names. Linear: no pattern can take long to match.

import { assert } from '../../base/failure.ts';

export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

/** The folders of a pattern before its first name with a wildcard: `a/b/*.c` -> `a/b`; '' where there are none. */
export function patternFolder(pattern: string): string {
  const names = pattern.split('/');
  const first = names.findIndex(isPattern);
  assert(first >= 0, `"${pattern}" is a pattern`);
  // The root of an absolute path is a folder, too.
  return first === 1 && names[0] === '' ? '/' : names.slice(0, first).join('/');
}

/** Whether a path (without leading slash) is one of those that a pattern stands for. */
export function matchesPattern(pattern: string, path: string): boolean {
  return matchNames(namesOf(pattern), namesOf(path));
}

/** `exclude`: which of the paths below a folder stay out. */
export interface Exclusion {
  excludes(path: string, isDirectory: boolean): boolean;
}

/**
 * Without a slash inside, a pattern means every name, at any depth; with one, a path from the top. A final slash means folders
 * only; `!` in front takes back in. The last pattern that fits decides. What is in an excluded folder is out with it.
 */
export function exclusion(patterns: readonly string[]): Exclusion {
  const rules = patterns.map((text) => {
    const isBack = text.startsWith('!');
    const bare = isBack ? text.slice(1) : text;
    const names = namesOf(bare);
    const isAnchored = /\/./.test(bare);
    return { isBack, names: isAnchored ? names : ['**', ...names], onlyDirectories: bare.endsWith('/') };
  });
  return {
    excludes(path, isDirectory) {
      const names = namesOf(path);
      const last = rules.findLast((rule) => (isDirectory || !rule.onlyDirectories) && matchNames(rule.names, names));
      return last !== undefined && !last.isBack;
    },
  };
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function matchNames(pattern: readonly string[], names: readonly string[]): boolean {
  return matchWildcards(pattern, names, (name) => name === '**', matchName);
}

function matchName(pattern: string, name: string): boolean {
  const isSame = (wanted: string, character: string) => wanted === '?' || wanted === character;
  return matchWildcards([...pattern], [...name], (character) => character === '*', isSame);
}

/** Goes back to the last wildcard only: what an earlier one took can stay as it was. */
function matchWildcards(
  pattern: readonly string[],
  items: readonly string[],
  isAny: (wanted: string) => boolean,
  isSame: (wanted: string, item: string) => boolean,
): boolean {
  let [p, i] = [0, 0];
  let last: { p: number; i: number } | undefined;
  while (i < items.length) {
    const wanted = pattern[p];
    if (wanted !== undefined && isAny(wanted)) {
      last = { p, i };
      p++;
    } else if (wanted !== undefined && isSame(wanted, items[i] as string)) {
      p++;
      i++;
    } else if (last !== undefined) {
      p = last.p + 1;
      i = ++last.i;
    } else return false;
  }
  return pattern.slice(p).every(isAny);
}
