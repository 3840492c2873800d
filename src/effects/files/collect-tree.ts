// Finds what one `from:` names: a file, a folder, or the paths that fit a pattern. Nothing of the disk shows in the answer
// but names, contents, links and the executable bit. Never leaves the folder that it may look into, follows no link below
// `from`, and refuses everything that is neither file, folder nor link.

import { lstatSync, readdirSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { isAbsolute, join, posix, relative, resolve, sep } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { compareBytes } from '../../base/order.ts';
import type { FileSource } from '../../planning/config/file-group.ts';
import type { CollectedEntry } from '../../planning/files/collected-group.ts';
import {
  type Exclusion,
  exclusion,
  isPattern,
  matchesPattern,
  patternFolder,
} from '../../planning/files/path-pattern.ts';
import { type CollectionBudget, spend } from './collection-budget.ts';
import { digestFile, unreadable } from './file-digests.ts';

/**
 * The entries for one source with a `from`. `root` is the absolute folder that relative paths count from and must stay in. Failures
 * CONFIG_NOT_FOUND, CONFIG_INVALID, FILE_UNREADABLE, ARCHIVE_LIMIT. `hasExecutableBits`: the file system has them.
 */
export function collectTree(
  source: FileSource,
  root: string,
  budget: CollectionBudget,
  hasExecutableBits: boolean = process.platform !== 'win32',
): CollectedEntry[] {
  const walk = new TreeWalk(source, budget, hasExecutableBits);
  const { from, to } = source;
  if (!isPattern(from)) {
    const path = placeInside(root, from);
    const stat = statSync(path);
    if (stat.isDirectory()) walk.folder(path, '', 0);
    else walk.entry(path, to.endsWith('/') ? posix.basename(from) : '', stat);
    return walk.entries;
  }
  if (!to.endsWith('/')) {
    throw new Failure('CONFIG_INVALID', `"${from}" may stand for several files, so "${to}" must be a folder`, {
      hint: `write "${to}/"`,
    });
  }
  const folder = patternFolder(from);
  const pattern = from.slice(folder === '' || folder === '/' ? folder.length : folder.length + 1);
  walk.wanted = (path) => matchesPattern(pattern, path);
  walk.folder(placeInside(root, folder === '' ? '.' : folder), '', 0);
  if (!walk.entries.some((entry) => entry.kind !== 'directory')) {
    throw new Failure('CONFIG_NOT_FOUND', `no file fits "${from}"`, { notes: [`looked in ${join(root, folder)}`] });
  }
  return walk.entries;
}

/** The real path of what is named. A relative one must be inside of the root, links resolved; an absolute one was meant so. */
function placeInside(root: string, from: string): string {
  const named = resolve(root, from);
  let real: string;
  let realRoot: string;
  try {
    real = realpathSync(named);
    realRoot = realpathSync(root);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw unreadable(from, cause);
    throw new Failure('CONFIG_NOT_FOUND', `"${from}" does not exist`, { notes: [`looked for ${named}`], cause });
  }
  const way = relative(realRoot, real);
  if (!isAbsolute(from) && (way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way))) {
    throw new Failure('CONFIG_INVALID', `"${from}" leads out of the folder of the configuration`, {
      hint: `if that is meant, say it with the absolute path: ${real}`,
    });
  }
  return real;
}

class TreeWalk {
  readonly entries: CollectedEntry[] = [];
  /** Of a pattern: which paths below the folder are meant. Folders come along only where something in them is. */
  wanted: ((path: string) => boolean) | undefined;
  readonly #source: FileSource;
  readonly #exclusion: Exclusion;
  readonly #budget: CollectionBudget;

  readonly #hasExecutableBits: boolean;

  constructor(source: FileSource, budget: CollectionBudget, hasExecutableBits: boolean) {
    this.#hasExecutableBits = hasExecutableBits;
    this.#source = source;
    this.#exclusion = exclusion(source.exclude);
    this.#budget = budget;
  }

  /** `below` is the path from `from` on. */
  folder(path: string, below: string, depth: number): void {
    if (depth > LIMITS.collectedDepth) {
      throw new Failure(
        'ARCHIVE_LIMIT',
        `${this.#name(below)} is nested more than ${LIMITS.collectedDepth} folders deep`,
      );
    }
    if (this.wanted === undefined) this.#add({ kind: 'directory', ...this.#fields(below), mode: 0o755 });
    for (const name of this.#names(path, below)) {
      const inner = below === '' ? name : `${below}/${name}`;
      const stat = this.#stat(join(path, name), inner);
      if (this.#exclusion.excludes(inner, stat.isDirectory())) continue;
      if (stat.isDirectory()) this.folder(join(path, name), inner, depth + 1);
      else if (this.wanted === undefined || this.wanted(inner)) this.entry(join(path, name), inner, stat);
    }
  }

  /** Anything but a folder. */
  entry(path: string, below: string, stat: Stats): void {
    const fields = this.#fields(below);
    if (stat.isSymbolicLink()) {
      this.#add({ kind: 'symlink', ...fields, target: this.#target(path, below) });
      return;
    }
    if (!stat.isFile()) {
      throw new Failure('CONFIG_INVALID', `${this.#name(below)} is a ${kindOf(stat)}, which cannot be copied`, {
        hint: 'leave it out with "exclude"',
      });
    }
    const { sizeBytes, sha1, sha256, mode, isProgram } = digestFile(path, this.#name(below), this.#budget.bytes);
    // Where the disk does not know it, what programs and scripts begin with has to do.
    const isExecutable = this.#hasExecutableBits ? (mode & 0o111) !== 0 : isProgram;
    this.#add({
      kind: 'file',
      ...fields,
      mode: this.#source.mode ?? (isExecutable ? 0o755 : 0o644),
      sizeBytes,
      sha1,
      sha256,
      content: { kind: 'disk', file: path, name: this.#name(below) },
    });
  }

  #add(entry: CollectedEntry): void {
    // The root of the image is nobody's.
    if (entry.path === '') return;
    spend(this.#budget, entry.kind === 'file' ? entry.sizeBytes : 0);
    this.entries.push(entry);
  }

  #fields(below: string) {
    const { to, owner, archs } = this.#source;
    const path = `${to}/${below}`.split('/').filter((name) => name !== '' && name !== '.');
    return { path: path.join('/'), owner, archs };
  }

  /** Relative links must stay inside what is copied; absolute ones are paths of the image, as in a virtual environment. */
  #target(path: string, below: string): string {
    const target = readlinkSync(path);
    const way = posix.normalize(posix.join(posix.dirname(below), target));
    if (target.startsWith('/') || (way !== '..' && !way.startsWith('../'))) return target;
    throw new Failure('CONFIG_INVALID', `${this.#name(below)} is a link to "${target}", out of what is copied`, {
      hint: 'leave it out with "exclude", or copy what it leads to by an entry of its own',
    });
  }

  #names(path: string, below: string): string[] {
    try {
      return readdirSync(path).sort(compareBytes);
    } catch (cause) {
      throw unreadable(this.#name(below), cause);
    }
  }

  #stat(path: string, below: string): Stats {
    try {
      return lstatSync(path);
    } catch (cause) {
      throw unreadable(this.#name(below), cause);
    }
  }

  /** What the user would call it. */
  #name(below: string): string {
    const { from } = this.#source;
    const folder = isPattern(from) ? patternFolder(from) : from;
    if (below === '' || (!isPattern(from) && posix.basename(from) === below)) return folder;
    return folder === '' ? below : `${folder.replace(/\/+$/, '')}/${below}`;
  }
}

function kindOf(stat: Stats): string {
  if (stat.isSocket()) return 'socket';
  if (stat.isFIFO()) return 'pipe';
  return 'device';
}
