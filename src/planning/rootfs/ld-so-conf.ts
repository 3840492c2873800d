// Reads /etc/ld.so.conf inside the image: the loader's directories beside /lib (layer-and-oci.md 8).
// Hostile input: includes are bounded in number, patterns match in time linear in pattern times name.

import { Failure } from '../../base/failure.ts';
import type { FileTree } from './file-tree.ts';
import { listDirectory, regularFile } from './tolerant-lookup.ts';

export const LD_SO_CONF = 'etc/ld.so.conf';

/** Configuration files read at most; a distribution has some dozen. Ends circles of includes too. */
const MAX_FILES = 1000;

/**
 * The directories in the order of the file, as spelled there.
 * @throws Failure CONFIG_INVALID when includes go round in a circle
 */
export function readLdSoConf(tree: FileTree): string[] {
  return readConf(tree, LD_SO_CONF, { files: MAX_FILES });
}

/** The reference stops reading a file at its first include. So do we: the cache shows it. */
function readConf(tree: FileTree, path: string, budget: { files: number }): string[] {
  if (--budget.files < 0) {
    throw new Failure('CONFIG_INVALID', `/${LD_SO_CONF} includes more than ${MAX_FILES} files`, {
      hint: `Does ${path} include itself?`,
    });
  }
  const directories = new Set<string>();
  for (const raw of (tree.readText(path) ?? '').split('\n')) {
    const line = raw.replace(/#.*/s, '').trim();
    if (line.startsWith('include ')) {
      const included = matchingFiles(tree, line.slice('include '.length).trim());
      return [...directories, ...included.flatMap((file) => readConf(tree, file, budget))];
    }
    if (line !== '') directories.add(line);
  }
  return [...directories];
}

/** Regular files that a pattern of `*`, `?`, `[a-z]`, `[^a-z]` and `\x` matches, by name. A broken pattern matches none. */
function matchingFiles(tree: FileTree, pattern: string): string[] {
  let paths = [''];
  for (const segment of pattern.split('/').filter((s) => s !== '')) {
    const tokens = parseGlob(segment);
    if (tokens === undefined) return [];
    paths = paths.flatMap((path) =>
      listDirectory(tree, path)
        .filter(([name]) => matchesGlob(tokens, [...name]))
        .map(([name]) => `${path}/${name}`),
    );
  }
  return paths.filter((path) => regularFile(tree, path) !== undefined);
}

type GlobToken = '*' | ((character: string) => boolean);

function parseGlob(segment: string): GlobToken[] | undefined {
  const tokens: GlobToken[] = [];
  const syntax = /\*+|\?|\[(?<not>\^?)(?<set>[^\\\]]+)\]|\\(?<escaped>.)|(?<plain>[^*?[\\])/suy;
  while (syntax.lastIndex < segment.length) {
    const match = syntax.exec(segment);
    if (match === null) return undefined;
    const { not, set, escaped, plain } = match.groups ?? {};
    if (set !== undefined) {
      const ranges = [...set.matchAll(/(.)(?:-(.))?/gsu)].map(([, low = '', high = low]) => [low, high] as const);
      tokens.push((c) => ranges.some(([low, high]) => low <= c && c <= high) === (not === ''));
    } else if (match[0].startsWith('*')) tokens.push('*');
    else if (match[0] === '?') tokens.push(() => true);
    else tokens.push((c) => c === (escaped ?? plain));
  }
  return tokens;
}

/** Only the last star ever needs another try: an earlier one that matched less would find nothing more. */
function matchesGlob(tokens: readonly GlobToken[], characters: readonly string[]): boolean {
  let [token, at] = [0, 0];
  let star: { readonly token: number; at: number } | undefined;
  while (at < characters.length) {
    const wanted = tokens[token];
    if (wanted === '*') {
      star = { token: token++, at };
    } else if (wanted?.(characters[at] ?? '')) {
      token++;
      at++;
    } else if (star !== undefined) {
      token = star.token + 1;
      at = ++star.at;
    } else return false;
  }
  return tokens.slice(token).every((t) => t === '*');
}
