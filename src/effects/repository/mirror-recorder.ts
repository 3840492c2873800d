// Downloads that leave a copy in a mirror's folder. Copies are staged beside it and take their places when the caller says that
// everything has been verified: packages and keys first, indexes last, so that a mirror that is being served never names what it
// does not have.

import { mkdtemp, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { EventSink } from '../../base/events.ts';
import { redactText } from '../../base/redact.ts';
import type { HttpClient } from '../http/client.ts';
import { failingUnwritable, makeFolder } from '../output/atomic-file.ts';
import { mirrorPath } from './mirror-path.ts';
import { readMirrored } from './mirrored-http.ts';

export interface RecordedFiles {
  readonly newFiles: number;
  readonly newBytes: number;
  /** Packages and pinned files that were there already; their contents were verified again. */
  readonly keptFiles: number;
}

interface Staged {
  readonly from: string;
  readonly to: string;
  readonly sizeBytes: number;
}

export class MirrorRecorder {
  readonly #folder: string;
  readonly #staging: string;
  readonly #events: EventSink;
  readonly #staged: Staged[] = [];
  readonly #kept = new Set<string>();
  readonly #pinned = new Set<string>();
  #count = 0;

  private constructor(folder: string, staging: string, events: EventSink) {
    this.#folder = folder;
    this.#staging = staging;
    this.#events = events;
  }

  /** Makes the folder where it is missing. Failure FILE_UNWRITABLE. */
  static async open(folder: string, events: EventSink): Promise<MirrorRecorder> {
    await makeFolder(folder);
    const staging = await failingUnwritable(folder, () => mkdtemp(join(folder, '.stave-mirror-')));
    return new MirrorRecorder(folder, staging, events);
  }

  /** What it took from the folder, not from the network. */
  get kept(): number {
    return this.#kept.size;
  }

  /** Whoever downloads this holds it to a digest that he knows from elsewhere. */
  pin(url: string): void {
    this.#pinned.add(this.#pathOf(url));
  }

  /** The same downloads, recorded. Packages and what is pinned are read from the folder where it has them, if `reuse`. */
  around(http: HttpClient, reuse: boolean): HttpClient {
    return {
      offline: http.offline,
      addCredentials: (url) => http.addCredentials(url),
      close: () => http.close(),
      get: async (url, request) => {
        const path = this.#pathOf(url);
        const isVerified = path.endsWith('.apk') || this.#pinned.has(path);
        const known = reuse && isVerified ? readMirrored(path, url, request) : undefined;
        if (known !== undefined) {
          this.#kept.add(path);
          return known;
        }
        const response = await http.get(url, request);
        if (response.status !== 200 || this.#isUntrusted(url, path, response.secure)) return response;
        const body = this.#recorded(response.body, path);
        return { ...response, body, bytes: () => collect(body) };
      },
    };
  }

  /** Puts everything in its place. Failure FILE_UNWRITABLE. */
  async commit(): Promise<RecordedFiles> {
    const files = new Map(this.#staged.map((one) => [one.to, one]));
    const isIndex = ({ to }: Staged) => to.endsWith('APKINDEX.tar.gz');
    const ordered = [...files.values()].sort((a, b) => Number(isIndex(a)) - Number(isIndex(b)));
    for (const { from, to } of ordered) {
      await makeFolder(dirname(to));
      await failingUnwritable(to, () => rename(from, to));
    }
    return {
      newFiles: ordered.length,
      newBytes: ordered.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      keptFiles: this.#kept.size,
    };
  }

  /** Forgets what was not committed. */
  async close(): Promise<void> {
    await rm(this.#staging, { recursive: true, force: true });
  }

  /** Keys that came over an insecure detour are not believed; from the mirror they would be. */
  #isUntrusted(url: string, path: string, secure: boolean): boolean {
    const isVerified = this.#pinned.has(path) || /\.apk$|APKINDEX\.tar\.gz$/.test(path);
    if (secure || !/^https:/i.test(url) || isVerified) return false;
    const message = `${redactText(url)} leads to a place without https: it is not mirrored`;
    this.#events({ type: 'warning', code: 'MIRROR_INCOMPLETE', message });
    return true;
  }

  #pathOf(url: string): string {
    return join(this.#folder, ...mirrorPath(url));
  }

  async *#recorded(body: AsyncIterable<Uint8Array>, to: string): AsyncGenerator<Uint8Array> {
    const from = join(this.#staging, String(this.#count++));
    const handle = await failingUnwritable(from, () => open(from, 'wx', 0o644));
    let sizeBytes = 0;
    try {
      for await (const chunk of body) {
        await failingUnwritable(from, () => handle.appendFile(chunk));
        sizeBytes += chunk.length;
        yield chunk;
      }
      await handle.chmod(0o644);
      // Only what came to its end: a transfer that breaks off is begun anew.
      this.#staged.push({ from, to, sizeBytes });
    } finally {
      await handle.close();
    }
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
