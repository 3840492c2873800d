// The indexes of all repositories for one architecture, in the reference's order: local folders, file URLs, HTTP(S) with
// ETag revalidation in one request (apk-format.md 3 and 6, cli.md 4). Offline, what an earlier run has seen is used.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { mapBounded } from '../../base/bounded.ts';
import { digestHex, hashHex, sha256 } from '../../base/digest.ts';
import type { EventSink } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { sortedUnique } from '../../base/order.ts';
import type { ApkIndex } from '../../formats/apk/index-lookup.ts';
import type { IndexedRepository } from '../../planning/solver/architecture-indexes.ts';
import type { HttpClient } from '../http/client.ts';
import type { Store } from '../store/store.ts';
import { type IndexTrust, indexOfArchive, storedIndex } from './index-cache.ts';
import { parseRepositoryLine, placeOf } from './repository-line.ts';
import { startingOverWhenCut } from './restart.ts';

export interface RepositoriesOptions {
  /** Lines `URL`, `path` or `@tag URL`, in any order; user info in them goes to the HTTP client and nowhere else. */
  readonly repositories: readonly string[];
  readonly apkArch: string;
  /** Public keys by file name; undefined = signatures are ignored (--ignore-signatures). */
  readonly keys: ReadonlyMap<string, string> | undefined;
  /** Absolute; relative paths count from here. */
  readonly workdir: string;
  readonly limits?: { readonly indexBytes?: number; readonly responseBytes?: number };
}

type FoundIndex = Pick<IndexedRepository, 'index' | 'sha256'>;

/** Where indexes come from and go to. */
interface Effects {
  readonly http: HttpClient;
  readonly store: Store;
  readonly events: EventSink;
}

/**
 * One repository for each line that has an index; a missing local index is a warning. Throws CONFIG_INVALID,
 * FILE_UNREADABLE, ARCHIVE_LIMIT, INDEX_INVALID, SIGNATURE_*, KEY_INVALID, and what HttpClient.get throws.
 */
export async function openRepositories(
  options: RepositoriesOptions,
  http: HttpClient,
  store: Store,
  events: EventSink,
): Promise<IndexedRepository[]> {
  const effects: Effects = { http, store, events };
  for (const line of options.repositories) http.addCredentials(line);
  // Sorted as written: the reference's order, which decides between equal packages.
  const lines = sortedUnique(options.repositories).map(parseRepositoryLine);
  const open = await mapBounded(lines, LIMITS.parallelDownloads, async ({ tag, url }) => {
    const label = `${url}/${options.apkArch}/APKINDEX.tar.gz`;
    const trust: IndexTrust = {
      label,
      keys: options.keys,
      maxBytes: options.limits?.indexBytes ?? LIMITS.indexBytes,
    };
    const responseBytes = Math.min(options.limits?.responseBytes ?? LIMITS.responseBytes, trust.maxBytes);
    const place = placeOf(url, options.workdir);
    const found = await ('local' in place
      ? readLocalIndex(join(place.local, options.apkArch, 'APKINDEX.tar.gz'), trust, effects)
      : readRemoteIndex(label, trust, responseBytes, effects));
    return found === undefined ? [] : [{ url, tag, ...found }];
  });
  return open.flat();
}

async function readLocalIndex(
  path: string,
  trust: IndexTrust,
  { store, events }: Effects,
): Promise<FoundIndex | undefined> {
  if (!existsSync(path)) {
    const message = `the repository has no index ${trust.label} and is ignored`;
    events({ type: 'warning', code: 'INDEX_MISSING', message, hint: 'check the path and the architecture' });
    return undefined;
  }
  let archive: Uint8Array;
  try {
    // An archive above the bound for its content has no business being read.
    if (statSync(path).size > trust.maxBytes) throw tooLarge(trust);
    archive = readFileSync(path);
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure('FILE_UNREADABLE', `the index ${trust.label} cannot be read (${code})`, { cause: error });
  }
  const sha256 = hashHex('sha256', archive);
  return { index: await indexOfArchive(store, archive, sha256, trust), sha256 };
}

async function readRemoteIndex(
  url: string,
  trust: IndexTrust,
  maxBytes: number,
  { http, store }: Effects,
): Promise<FoundIndex> {
  const headKey = digestHex(sha256('index\0', url));
  const record = store.readRecord('heads', headKey);
  const head: { etag?: string; sha256: string } | undefined = record && JSON.parse(Buffer.from(record).toString());
  const index = head && (await knownIndex(store, head.sha256, trust, http));
  const known = index && { index, sha256: head.sha256 };
  if (http.offline && known !== undefined) return known;
  const archive = await startingOverWhenCut(async () => {
    const ifNoneMatch = known === undefined ? undefined : head?.etag;
    const response = await http.get(url, { maxBytes, ifNoneMatch });
    return response.status === 304 ? undefined : { bytes: await response.bytes(), etag: response.etag };
  });
  if (archive === undefined) return known as FoundIndex;
  const digest = hashHex('sha256', archive.bytes);
  const verified = await indexOfArchive(store, archive.bytes, digest, trust);
  // Only now: what did not verify is not remembered as the index of this URL.
  store.writeRecord('heads', headKey, JSON.stringify({ etag: archive.etag, sha256: digest }));
  return { index: verified, sha256: digest };
}

/** What we have of the last run. A signature that does not satisfy is for the server to mend while it can be asked. */
async function knownIndex(
  store: Store,
  digest: string,
  trust: IndexTrust,
  http: HttpClient,
): Promise<ApkIndex | undefined> {
  try {
    return await storedIndex(store, digest, trust);
  } catch (error) {
    if (error instanceof Failure && !http.offline) return undefined;
    throw error;
  }
}

function tooLarge(trust: IndexTrust): Failure {
  return new Failure('ARCHIVE_LIMIT', `index ${trust.label} is larger than the bound of ${trust.maxBytes} bytes`, {
    hint: 'if that size is right, raise --max-apkindex-decompressed-size',
  });
}
