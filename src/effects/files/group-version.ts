// The version of a group of the user's files: given, that of the git repository, or what a file says (`version-from`).

import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import type { FileGroup } from '../../planning/config/file-group.ts';
import { discoverVersion } from '../vcs/git-version.ts';
import { splitPinned } from './copy-from-image.ts';

const VERSION = /^[0-9A-Za-z][0-9A-Za-z._+~-]{0,127}$/;

/** Failures CONFIG_NOT_FOUND, CONFIG_INVALID. */
export function groupVersion(group: FileGroup, cwd: string): string {
  const { version, versionFrom, folder } = group;
  if (version !== '') return version;
  // A digest is as good a version as any.
  if (versionFrom === '') return `0~${splitPinned(group.image).digest.slice('sha256:'.length, 'sha256:'.length + 12)}`;
  const found =
    versionFrom === 'git' ? discoverVersion(resolve(cwd, folder)) : versionInFile(resolve(cwd, folder), versionFrom);
  if (found !== undefined && VERSION.test(found)) return found;
  if (versionFrom === 'git') {
    throw new Failure('CONFIG_INVALID', `there is no git commit to take the version of "${group.name}" from`, {
      hint: 'give it with "version"',
    });
  }
  throw new Failure('CONFIG_INVALID', `"${versionFrom}" has no version for "${group.name}"`, {
    hint: 'it should be JSON with a "version", or have it in its first line',
    ...(found !== undefined && { notes: [`found: ${JSON.stringify(found.slice(0, 80))}`] }),
  });
}

function versionInFile(folder: string, name: string): string | undefined {
  let text: string;
  try {
    const path = resolve(folder, name);
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > LIMITS.configBytes) return undefined;
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Failure('CONFIG_NOT_FOUND', `cannot read "${name}" for the version: ${code}`, { cause });
  }
  if (!/^\s*\{/.test(text)) return text.split('\n', 1)[0]?.trim();
  try {
    const { version } = JSON.parse(text) as { version?: unknown };
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}
