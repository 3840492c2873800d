// Where a mirror keeps what a URL names: `<host>[_<port>]/<path>`, the same in a folder and below a static site. The scheme and
// the query are left out. Pure; a name from a URL must never lead out of the folder.

import { Failure } from '../../base/failure.ts';
import { redactText } from '../../base/redact.ts';

/** Names of folders and the file, decoded: what lies on the disk, and what a web server finds there. Failure CONFIG_INVALID. */
export function mirrorPath(url: string): string[] {
  const { hostname, port, pathname } = new URL(url);
  const names = pathname
    .split('/')
    .filter((name) => name !== '')
    .map((name) => decoded(name, url));
  return [mirrorHost(hostname, port), ...names];
}

/** `ghcr.io`, `localhost_5000`, `--1_8080` for an IPv6 address: colons are no good in file names. */
export function mirrorHost(hostname: string, port: string): string {
  const host = hostname.replace(/[[\]]/g, '').replaceAll(':', '-');
  return port === '' ? host : `${host}_${port}`;
}

/** The same place below the address of a static site. */
export function mirrorUrl(site: string, url: string): string {
  const path = mirrorPath(url).map(encodeURIComponent).join('/');
  return `${site.replace(/\/+$/, '')}/${path}`;
}

function decoded(name: string, url: string): string {
  try {
    const text = decodeURIComponent(name);
    if (text !== '.' && text !== '..' && !/[/\\\0]/.test(text)) return text;
  } catch {
    // A stray % cannot be a file name that a web server would find either.
  }
  throw new Failure('CONFIG_INVALID', `"${redactText(url)}" has a path that cannot be mirrored`);
}
