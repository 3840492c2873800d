// A line that names a repository: `URL`, `path`, `@tag URL` (image-config.md 2), and where its files are.
// What leaves here carries no user info: the HTTP client has been told it, nobody else needs it.

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from '../../base/failure.ts';
import { redactText, stripCredentials } from '../../base/redact.ts';

export interface RepositoryLine {
  /** `''` = none. */
  readonly tag: string;
  /** Without tag, user info and trailing slashes. */
  readonly url: string;
}

/** Throws CONFIG_INVALID for a tag without a URL. */
export function parseRepositoryLine(line: string): RepositoryLine {
  const match = /^@(\S*)(?:\s+(\S.*?))?\s*$/.exec(line);
  const url = match === null ? line : (match[2] ?? '');
  if (url === '' || match?.[1] === '') {
    throw new Failure('CONFIG_INVALID', `invalid repository line: "${line}"`, {
      hint: 'a repository is a URL or a path, or "@tag URL" for one that only tagged wishes may use',
    });
  }
  return { tag: match?.[1] ?? '', url: stripCredentials(url).replace(/(?<=.)\/+$/, '') };
}

/** A repository or key line as outputs may show it: without user info, secret query parameters masked. */
export function publicLine(line: string): string {
  return redactText(stripCredentials(line));
}

/** Where something lies that is named by a URL or path: a URL to fetch, or an absolute path. */
export type Place = { readonly remote: string } | { readonly local: string };

/** `cwd` is absolute; relative paths count from it. Throws CONFIG_INVALID for schemes we cannot read. */
export function placeOf(url: string, cwd: string): Place {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) return { local: resolve(cwd, url) };
  if (scheme === 'http' || scheme === 'https') return { remote: url };
  try {
    if (scheme === 'file') return { local: fileURLToPath(url) };
  } catch {
    // A file URL with a host, or with %2F: as unreadable as other schemes.
  }
  throw new Failure('CONFIG_INVALID', `"${url}" cannot be read: it is neither http, https, file nor a path`);
}
