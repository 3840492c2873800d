// Indexes in the store: by the SHA-256 of the archive, its text with the lookup tables beside it, so that an unchanged
// index is neither inflated nor read through again, and the fact that its signature was verified with a given keyring.
// An index is verified before anything in it is looked at.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestHex, hashHex, sha256 } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';
import { readIndexArchive } from '../../formats/apk/index-archive.ts';
import { parseCompact, printCompact } from '../../formats/apk/index-compact.ts';
import { ApkIndex } from '../../formats/apk/index-lookup.ts';
import { verifyIndexSignature } from '../../formats/apk/signature.ts';
import type { Store } from '../store/store.ts';

export interface IndexTrust {
  /** Names the index in messages; without user info. */
  readonly label: string;
  /** Public keys by file name; undefined = signatures are ignored. */
  readonly keys: ReadonlyMap<string, string> | undefined;
  /** Bound on the inflated index. */
  readonly maxBytes: number;
}

const FILES = { archive: 'APKINDEX.tar.gz', text: 'APKINDEX', compact: 'tables' } as const;

/** The index of an archive, whose SHA-256 (hex) is `digest`: from the store where it is there, else read and put there. */
export async function indexOfArchive(
  store: Store,
  archive: Uint8Array,
  digest: string,
  trust: IndexTrust,
): Promise<ApkIndex> {
  const known = await storedIndex(store, digest, trust);
  if (known !== undefined) return known;
  verify(store, digest, archive, trust);
  return await expand(store, digest, archive, trust);
}

/** The index with this SHA-256 (hex) from the store; undefined when it is not there or damaged beyond repair. */
export async function storedIndex(store: Store, digest: string, trust: IndexTrust): Promise<ApkIndex | undefined> {
  const folder = store.entry('indexes', digest);
  if (folder === undefined) return undefined;
  if (!isVerified(store, digest, trust)) {
    const archive = readArchive(folder, digest);
    if (archive !== undefined) verify(store, digest, archive, trust);
  }
  const text = readQuietly(join(folder, FILES.text));
  const compact = readQuietly(join(folder, FILES.compact));
  // The tables know the checksum of their text, and their own.
  const index = text && compact && parseCompact(compact, text, trust.label);
  if (index !== undefined && isVerified(store, digest, trust)) return within(index, trust);

  // Tables of another version, or damage: made anew from the archive, if that is still what it was.
  const archive = readArchive(folder, digest);
  store.discard('indexes', digest);
  if (archive === undefined) return undefined;
  verify(store, digest, archive, trust);
  return await expand(store, digest, archive, trust);
}

async function expand(store: Store, digest: string, archive: Uint8Array, trust: IndexTrust): Promise<ApkIndex> {
  let index: ApkIndex;
  try {
    index = new ApkIndex(readIndexArchive(archive, { maxBytes: trust.maxBytes }), trust.label);
  } catch (error) {
    throw error instanceof Failure ? error.within(`reading index ${trust.label}`) : error;
  }
  await store.publish('indexes', digest, async (folder) => {
    writeFileSync(join(folder, FILES.archive), archive);
    writeFileSync(join(folder, FILES.text), index.text);
    writeFileSync(join(folder, FILES.compact), printCompact(index));
  });
  return index;
}

/** Throws unless a key of the keyring signed the archive; remembers that it did. */
function verify(store: Store, digest: string, archive: Uint8Array, trust: IndexTrust): void {
  if (trust.keys === undefined || isVerified(store, digest, trust)) return;
  verifyIndexSignature({ bytes: archive, keys: trust.keys, name: `index ${trust.label}` });
  store.writeRecord('index-trust', trustKey(digest, trust.keys), '');
}

function isVerified(store: Store, digest: string, trust: IndexTrust): boolean {
  return trust.keys === undefined || store.readRecord('index-trust', trustKey(digest, trust.keys)) !== undefined;
}

function readArchive(folder: string, digest: string): Uint8Array | undefined {
  const archive = readQuietly(join(folder, FILES.archive));
  return archive !== undefined && hashHex('sha256', archive) === digest ? archive : undefined;
}

/** "This archive, under exactly these keys". */
function trustKey(digest: string, keys: ReadonlyMap<string, string>): string {
  const sorted = [...keys].sort(([a], [b]) => compareBytes(a, b));
  return digestHex(sha256('index-trust\0', JSON.stringify([digest, sorted])));
}

/** The answer to a bound must not depend on who filled the cache. */
function within(index: ApkIndex, trust: IndexTrust): ApkIndex {
  if (index.text.length <= trust.maxBytes) return index;
  const message = `index ${trust.label} is larger than the bound of ${trust.maxBytes} bytes`;
  throw new Failure('ARCHIVE_LIMIT', message, {
    hint: 'if that size is right, raise --max-apkindex-decompressed-size',
  });
}

function readQuietly(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
