// Digests of whole package files in the store, by the place of the file (package-file-digest.ts says what for). They are taken
// while the file passes by.

import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { type Digest, digestHex, isDigest, sha256 } from '../../base/digest.ts';
import type { Store } from '../store/store.ts';
import { placeOf } from './repository-line.ts';

/** A package's file at a place: a URL, or a path from `workdir`. */
export interface PlacedFile {
  readonly url: string;
  readonly workdir: string;
  readonly checksum: string;
}

/** Hands the bytes on to `use`; once that is done without a failure, their digest is remembered for the place. */
export async function rememberingDigest<T>(
  store: Store,
  wanted: PlacedFile,
  bytes: AsyncIterable<Uint8Array>,
  use: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const hash = createHash('sha256');
  const key = digestKey(wanted);
  const seen = async function* () {
    for await (const chunk of bytes) {
      hash.update(chunk);
      yield chunk;
    }
  };
  const used = await use(seen());
  store.writeRecord('file-digests', key, `sha256:${hash.digest('hex')}`);
  return used;
}

export function knownDigest(wanted: PlacedFile, store: Store): Digest | undefined {
  const record = store.readRecord('file-digests', digestKey(wanted));
  const text = Buffer.from(record ?? []).toString('utf8');
  return isDigest(text) ? text : undefined;
}

/** A local file may be signed anew under its name: then it is another one. */
function digestKey({ url, workdir, checksum }: PlacedFile): string {
  const place = placeOf(url, workdir);
  if ('remote' in place) return digestHex(sha256('file\0', place.remote, '\0', checksum));
  const { size, mtimeMs } = statSync(place.local, { throwIfNoEntry: false }) ?? { size: 0, mtimeMs: 0 };
  return digestHex(sha256('local file\0', place.local, '\0', checksum, '\0', `${size} ${mtimeMs}`));
}
