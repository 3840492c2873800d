// A version for what lies in a git repository: the tag of its commit, else the commit. Read from git's files, like git-head.ts.
// Whether files were changed since is nothing that these files tell.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { inflateSync } from 'node:zlib';
import { LIMITS } from '../../base/limits.ts';
import { compareNaturally } from '../../planning/config/natural-order.ts';
import { type GitFolder, gitFolder, headCommit, readText } from './git-head.ts';

/**
 * `1.4.2` for a tag `v1.4.2` (of several the one with the largest numbers), `0~<12 digits of the commit>` without one; undefined where no
 * repository with a commit is around the folder.
 */
export function discoverVersion(startDir: string): string | undefined {
  for (let folder = resolve(startDir); ; folder = dirname(folder)) {
    const git = gitFolder(folder);
    if (git !== undefined) {
      const commit = headCommit(git);
      if (commit === undefined) return undefined;
      const versions = tagsOf(git, commit).flatMap(versionOfTag);
      return versions.sort(compareNaturally).at(-1) ?? `0~${commit.slice(0, 12)}`;
    }
    if (folder === dirname(folder)) return undefined;
  }
}

/** `v1.2`, `1.2` and `name/v1.2`; other tags mark something else. */
function versionOfTag(tag: string): string[] {
  const version = /(?:^|\/)v?([0-9][0-9A-Za-z._+~-]*)$/.exec(tag)?.[1];
  return version === undefined ? [] : [version];
}

function tagsOf(git: GitFolder, commit: string): string[] {
  const tags: string[] = [];
  let packed = '';
  for (const line of (readText(join(git.common, 'packed-refs')) ?? '').split('\n')) {
    const [, id = '', ref] = /^(\^?[0-9a-f]{40,64})(?: (\S+))?$/.exec(line) ?? [];
    if (ref !== undefined) packed = ref;
    // The line after an annotated tag says which commit it is of.
    if (id.replace('^', '') === commit && packed.startsWith('refs/tags/')) tags.push(packed.slice('refs/tags/'.length));
  }
  const folder = join(git.common, 'refs', 'tags');
  for (const name of looseRefs(folder)) {
    const id = readText(join(folder, name))?.trim() ?? '';
    if (id === commit || taggedObject(git, id) === commit) tags.push(name);
  }
  return tags;
}

function looseRefs(folder: string): string[] {
  try {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return names.map((name) => name.replaceAll('\\', '/'));
  } catch {
    return [];
  }
}

/** What an annotated tag points to, where it is not packed away. */
function taggedObject(git: GitFolder, id: string): string | undefined {
  if (!/^[0-9a-f]{40,64}$/.test(id)) return undefined;
  try {
    const object = readFileSync(join(git.common, 'objects', id.slice(0, 2), id.slice(2)));
    const text = inflateSync(object, { maxOutputLength: LIMITS.keyBytes }).toString('latin1');
    return /^tag \d+\0object ([0-9a-f]{40,64})\n/.exec(text)?.[1];
  } catch {
    return undefined;
  }
}
