// One package from its repository, through the store: verified and expanded while it arrives (apk-format.md 1, cli.md 4).
// A package that is in the store is not asked for again: its checksum determines every byte of it.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import type { HttpClient } from '../http/client.ts';
import { expandPackage, openExpandedPackage, type PackageLimits, type WantedPackage } from '../store/expand-package.ts';
import type { PackageHandle } from '../store/package-handle.ts';
import type { Store } from '../store/store.ts';
import { readFileChunks } from './file-chunks.ts';
import { rememberingDigest } from './file-digests.ts';
import { placeOf } from './repository-line.ts';
import { startingOverWhenCut } from './restart.ts';

export interface PackageToFetch extends WantedPackage {
  /** `<repo>/<arch>/<name>-<version>.apk`: a URL or a path; user info only where nobody told the HTTP client before. */
  readonly url: string;
  /** Absolute; relative paths count from here. */
  readonly workdir: string;
  readonly limits?: PackageLimits & { readonly responseBytes?: number };
  /** Whether the digest of the file as a whole is remembered, see file-digests.ts. */
  readonly digestFile?: boolean;
}

/** Packages on their way, so that two architectures do not fetch a noarch package twice. */
const underWay = new WeakMap<Store, Map<string, Promise<unknown>>>();

/** Throws what `expandPackage` and HttpClient.get throw, and FILE_UNREADABLE; every message names the package. */
export async function fetchPackage(wanted: PackageToFetch, http: HttpClient, store: Store): Promise<PackageHandle> {
  const running = underWay.get(store) ?? new Map<string, Promise<unknown>>();
  underWay.set(store, running);
  for (let other = running.get(wanted.checksum); other !== undefined; other = running.get(wanted.checksum)) {
    // When the other one fails, this one may still succeed: it may come from another place.
    await other.catch(() => {});
  }
  const known = openExpandedPackage(store, wanted);
  if (known !== undefined) return known;
  const work = startingOverWhenCut(async () => {
    const bytes = await openPackageFile(wanted, http);
    if (wanted.digestFile !== true) return await expandPackage(store, wanted, bytes);
    return await rememberingDigest(store, wanted, bytes, (seen) => expandPackage(store, wanted, seen));
  });
  running.set(wanted.checksum, work);
  try {
    return await work;
  } finally {
    running.delete(wanted.checksum);
  }
}

async function openPackageFile(wanted: PackageToFetch, http: HttpClient): Promise<AsyncIterable<Uint8Array>> {
  const place = placeOf(wanted.url, wanted.workdir);
  if ('local' in place) return readLocalFile(place.local, wanted);
  try {
    const maxBytes = wanted.limits?.responseBytes ?? LIMITS.responseBytes;
    return (await http.get(place.remote, { maxBytes })).body;
  } catch (error) {
    throw error instanceof Failure ? missingOnServer(error, wanted) : error;
  }
}

async function* readLocalFile(path: string, wanted: PackageToFetch): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* readFileChunks(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure('FILE_UNREADABLE', `${wanted.url} cannot be read (${code})`, {
      hint:
        code === 'ENOENT'
          ? 'the index or lock names it, but the repository does not have it: add it, or make the index anew'
          : 'check the permissions of the repository',
      cause: error,
    });
  }
}

/** An index is often published minutes before its packages, or by a mirror that has another age than the next one. */
function missingOnServer(failure: Failure, wanted: PackageToFetch): Failure {
  const context = `package ${wanted.label}`;
  const status = (failure.data as { status?: number } | undefined)?.status;
  if (status !== 404 && status !== 410) return failure.within(context);
  return new Failure(failure.code, `${context}: ${failure.message}`, {
    hint:
      'the index or lock names this package, but the server does not have it: either the mirror is being updated ' +
      '(try again in a few minutes), or the package was withdrawn (make the lock anew)',
    data: failure.data,
  });
}
