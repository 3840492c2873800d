// A file from a URL, kept in the store under its digest. Nothing that has not this digest is ever used, nor kept.

import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { redactText } from '../../base/redact.ts';
import type { HttpClient } from '../http/client.ts';
import type { Store } from '../store/store.ts';
import { digestFile, type FileDigests } from './file-digests.ts';

export interface StoredFile extends FileDigests {
  readonly file: string;
}

/** `sha256` is hex. Failures CHECKSUM_MISMATCH, and what `HttpClient.get` throws. */
export async function downloadFile(
  url: string,
  sha256: string,
  http: HttpClient,
  store: Store,
  maxBytes: number = LIMITS.responseBytes,
): Promise<StoredFile> {
  const known = storedFile(store, sha256);
  if (known !== undefined) return known;
  const response = await http.get(url, { maxBytes });
  await storeFile(store, sha256, response.body, redactText(url));
  return storedFile(store, sha256) as StoredFile;
}

/** Puts bytes into the store under the SHA-256 that they must have. `name` is for the Failure CHECKSUM_MISMATCH. */
export async function storeFile(
  store: Store,
  sha256: string,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  name: string,
): Promise<void> {
  await store.publish('downloads', sha256, async (directory) => {
    const hash = createHash('sha256');
    async function* hashed() {
      for await (const chunk of bytes) {
        hash.update(chunk);
        yield chunk;
      }
    }
    await pipeline(hashed(), createWriteStream(join(directory, 'file'), { mode: 0o600 }));
    const got = hash.digest('hex');
    if (got === sha256) return;
    throw new Failure('CHECKSUM_MISMATCH', `${name} should have the SHA-256 ${sha256}, but has ${got}`, {
      hint: 'if the new content is right, write its digest into the configuration',
    });
  });
}

/** The file in the store, digested again: a damaged one is thrown away. */
export function storedFile(store: Store, sha256: string): StoredFile | undefined {
  const directory = store.entry('downloads', sha256);
  if (directory === undefined) return undefined;
  const file = join(directory, 'file');
  try {
    const digests = digestFile(file, file);
    if (digests.sha256 === sha256) return { ...digests, file };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
  store.discard('downloads', sha256);
  return undefined;
}
