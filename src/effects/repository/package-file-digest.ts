// The SHA-256 of a package's whole file, for provenance: it names the file at its place, where the checksum of the index covers
// the control part alone. The store keeps packages by that checksum, expanded; so the digest is remembered beside, for each
// place, when the file passes by. Two places may have files that only differ in their signature.

import type { Digest } from '../../base/digest.ts';
import type { HttpClient } from '../http/client.ts';
import { openExpandedPackage } from '../store/expand-package.ts';
import type { Store } from '../store/store.ts';
import { fetchPackage, type PackageToFetch } from './fetch-package.ts';
import { knownDigest } from './file-digests.ts';
import { placeOf } from './repository-line.ts';

/**
 * Remembered, or found out by fetching the file again: a cache may be older than the wish to know. Undefined where that would
 * need the network and it is off. Failures as `fetchPackage`.
 */
export async function packageFileDigest(
  wanted: PackageToFetch,
  http: HttpClient,
  store: Store,
): Promise<Digest | undefined> {
  const known = knownDigest(wanted, store);
  if (known !== undefined) return known;
  if (http.offline && 'remote' in placeOf(wanted.url, wanted.workdir)) return undefined;
  const expanded = openExpandedPackage(store, wanted);
  expanded?.discard();
  expanded?.close();
  const fetched = await fetchPackage({ ...wanted, digestFile: true }, http, store);
  fetched.close();
  return knownDigest(wanted, store);
}
