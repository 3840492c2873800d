// Where the store lies and how its folder is laid out: `<root>/v1/<kind>/<key>`, `<root>/v1/tmp`,
// `<root>/v1/leases`.
// The version is in the path, so that an older or newer stave next to this one never reads what it does not understand.

import { join } from 'node:path';

/**
 * What the store keeps. A key is a digest in hex: names and URLs never appear, so neither do their secrets.
 * `packages`: expanded packages by control SHA-1. `indexes`: index texts by SHA-256 of their archive. `index-trust`:
 * "this index was signed by that key". `downloads`: files of the user's own from elsewhere, by SHA-256. `copies`: what was
 * copied out of which image. `heads`: URL -> ETag and digest of the index there. `documents`: URL -> ETag and body of small
 * files. `pieces`: compressed pieces of layers. `results`: what a build of the same inputs made. `file-digests`: SHA-256 of the
 * file of a package at a place. `facts`: what the hardening contract wants to know of a package's files. `outputs`: what the
 * archive at a place was like when it had been written. `choices`: which packages were chosen for the same wishes.
 */
export type StoreKind =
  | 'packages'
  | 'downloads'
  | 'copies'
  | 'indexes'
  | 'index-trust'
  | 'heads'
  | 'documents'
  | 'file-digests'
  | 'pieces'
  | 'results'
  | 'facts'
  | 'outputs'
  | 'choices';

export const LAYOUT_VERSION = 'v1';

/** The time of an entry's last use is its mtime, noted again when it is older than this: a note costs more than a look. */
export const USE_GRAIN_MS = 60 * 60 * 1000;

/** Marks the folder as a cache for backup programs, and as ours for `removeStore`. */
export const CACHE_TAG_FILE = 'CACHEDIR.TAG';
export const CACHE_TAG_TEXT = `Signature: 8a477f597d28d172789f06886806bc55
# This folder is a cache of stave. Everything in it can be fetched or made again.
`;

/** The user's cache folder: `$XDG_CACHE_HOME/stave` or `$HOME/.cache/stave`; undefined where neither is set (layout 15). */
export function defaultStoreRoot(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const cache = environment['XDG_CACHE_HOME'];
  // The XDG rules say that a relative path is to be ignored.
  if (cache?.startsWith('/')) return join(cache, 'stave');
  const home = environment['HOME'] || environment['USERPROFILE'];
  return home ? join(home, '.cache', 'stave') : undefined;
}
