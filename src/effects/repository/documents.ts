// Small files from the network (keys, key sets, release lists), each asked for once in a run, kept with its ETag for
// the next run and for --offline.

import { digestHex, sha256 } from '../../base/digest.ts';
import { LIMITS } from '../../base/limits.ts';
import type { HttpClient } from '../http/client.ts';
import type { Store } from '../store/store.ts';

export interface Document {
  readonly text: string;
  /** It came over HTTPS all the way. */
  readonly secure: boolean;
}

interface StoredDocument extends Document {
  readonly etag: string | undefined;
}

export class Documents {
  readonly #http: HttpClient;
  readonly #store: Store;
  readonly #asked = new Map<string, Promise<Document>>();

  constructor(http: HttpClient, store: Store) {
    this.#http = http;
    this.#store = store;
  }

  /** `url` is without user info. Throws what HttpClient.get throws; offline only when no earlier run has seen it. */
  get(url: string, options: { readonly maxAttempts?: number } = {}): Promise<Document> {
    const known = this.#asked.get(url) ?? this.#read(url, options);
    this.#asked.set(url, known);
    return known;
  }

  async #read(url: string, options: { readonly maxAttempts?: number }): Promise<Document> {
    const key = digestHex(sha256('document\0', url));
    const record = this.#store.readRecord('documents', key);
    const stored: StoredDocument | undefined = record && JSON.parse(Buffer.from(record).toString());
    if (this.#http.offline && stored !== undefined) return stored;
    const response = await this.#http.get(url, { maxBytes: LIMITS.keyBytes, ifNoneMatch: stored?.etag, ...options });
    if (response.status === 304 && stored !== undefined) return stored;
    const text = Buffer.from(await response.bytes()).toString();
    const fresh: StoredDocument = { text, secure: response.secure, etag: response.etag };
    this.#store.writeRecord('documents', key, JSON.stringify(fresh));
    return fresh;
  }
}
