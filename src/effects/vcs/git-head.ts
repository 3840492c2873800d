// Where a configuration comes from: remote and commit of the git repository around it, read from its files
// (image-config.md 6). Runs no git: that would need one, and would run hooks and filters of a stranger's repository.

import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { LIMITS } from '../../base/limits.ts';
import { vcsUrlFromRemote } from '../../planning/config/vcs-url.ts';

/**
 * `<origin>@<commit>` without user info, for the repository whose root is `startDir` or above it, up to `stopDir`
 * (both absolute). Undefined where there is none, it has no origin, no commit, or is not one that we can read.
 */
export function discoverVcsUrl(startDir: string, stopDir: string): string | undefined {
  for (let folder = resolve(startDir); ; folder = dirname(folder)) {
    const git = gitFolder(folder);
    if (git !== undefined) {
      const remote = originUrl(readText(join(git.common, 'config')) ?? '');
      const commit = headCommit(git);
      return remote === undefined || commit === undefined ? undefined : vcsUrlFromRemote(remote, commit);
    }
    if (relative(stopDir, folder) === '' || folder === dirname(folder)) return undefined;
  }
}

export interface GitFolder {
  /** Has HEAD. */
  readonly own: string;
  /** Has config and refs; another one only in a linked worktree. */
  readonly common: string;
}

/** `.git` as a folder, or as a file that points to one (worktrees, submodules). */
export function gitFolder(folder: string): GitFolder | undefined {
  const dotGit = join(folder, '.git');
  const pointer = /^gitdir: (.+?)\s*$/.exec(readText(dotGit) ?? '')?.[1];
  const own = pointer === undefined ? dotGit : resolve(folder, pointer);
  if (readText(join(own, 'HEAD')) === undefined) return undefined;
  const common = readText(join(own, 'commondir'))?.trim();
  return { own, common: common === undefined ? own : resolve(own, common) };
}

const COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** Follows HEAD and symbolic refs; git itself allows five. */
export function headCommit(git: GitFolder): string | undefined {
  let name = 'HEAD';
  for (let hops = 0; hops <= 5; hops++) {
    // HEAD and the like belong to a worktree, branches to all of them together.
    const folder = name.startsWith('refs/') ? git.common : git.own;
    const text = (readText(join(folder, name)) ?? packedRef(git, name))?.trim();
    if (text === undefined) return undefined;
    if (COMMIT.test(text)) return text;
    const target = /^ref: (refs\/\S+)$/.exec(text)?.[1];
    // A ref is a path inside the repository, never out of it.
    if (target === undefined || target.split('/').includes('..')) return undefined;
    name = target;
  }
  return undefined;
}

function packedRef(git: GitFolder, name: string): string | undefined {
  for (const line of (readText(join(git.common, 'packed-refs')) ?? '').split('\n')) {
    const [commit, ref] = line.split(' ');
    if (ref === name) return commit;
  }
  return undefined;
}

/** `url` of `[remote "origin"]`; the first one, as git fetches from it. */
function originUrl(config: string): string | undefined {
  let inOrigin = false;
  for (const raw of config.split('\n')) {
    const line = raw.trim();
    // Section names ignore case, names of remotes do not.
    const section = /^\[\s*([^\s"\]]+)(?:\s+"(.*?)")?\s*\]/.exec(line);
    if (section !== null) inOrigin = section[1]?.toLowerCase() === 'remote' && section[2] === 'origin';
    const value = inOrigin ? /^(?:\[[^\]]*\]\s*)?url\s*=\s*(.*)$/i.exec(line)?.[1] : undefined;
    if (value !== undefined) return configValue(value) || undefined;
  }
  return undefined;
}

/** A value of a git config line: quotes go, escapes are read, a comment outside quotes ends it. */
function configValue(text: string): string {
  let value = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === '"') quoted = !quoted;
    else if (char === '\\') value += text[++i] ?? '';
    else if (!quoted && (char === '#' || char === ';')) break;
    else value += char;
  }
  return value.trim();
}

/** A file's text, or undefined when it is missing, no file, or larger than any ref list. */
export function readText(path: string): string | undefined {
  try {
    const stat = statSync(path);
    return stat.isFile() && stat.size <= LIMITS.editedFileBytes ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
