// Downloads that come out of a mirror where it has them, and from where they belong where it does not. Nobody else notices:
// URLs in configurations, locks and images stay what they are. What comes out is verified like any download.

import { createReadStream, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../base/failure.ts';
import type { HttpClient } from '../http/client.ts';
import { mirrorPath, mirrorUrl } from './mirror-path.ts';

type HttpRequest = Parameters<HttpClient['get']>[1];
type HttpResponse = Awaited<ReturnType<HttpClient['get']>>;

/** `place` is an absolute folder, or the URL of a static site that serves one. */
export function withMirror(place: string, http: HttpClient): HttpClient {
  const fromMirror = isSite(place) ? fromSite(place, http) : fromFolder(place);
  return {
    // What an earlier run has seen does not count before what the mirror has now.
    offline: false,
    addCredentials: (url) => http.addCredentials(url),
    close: () => http.close(),
    async get(url, request) {
      const found = await fromMirror(url, request);
      if (found !== undefined) return found;
      try {
        return await http.get(url, request);
      } catch (error) {
        if (!(error instanceof Failure) || error.code !== 'NETWORK_OFFLINE') throw error;
        throw new Failure(error.code, `the mirror ${place} does not have it, and ${error.message}`, {
          hint: 'run `stave mirror` again with this configuration',
          cause: error,
        });
      }
    },
  };
}

export function isSite(place: string): boolean {
  return /^https?:\/\//i.test(place);
}

type Mirror = (url: string, request: HttpRequest) => Promise<HttpResponse | undefined>;

function fromSite(site: string, http: HttpClient): Mirror {
  return async (url, request) => {
    try {
      const response = await http.get(mirrorUrl(site, url), request);
      return { ...response, secure: isSecure(url) && response.secure };
    } catch (error) {
      const status = error instanceof Failure ? (error.data as { status?: number } | undefined)?.status : undefined;
      if (status === 404 || status === 410) return undefined;
      throw error;
    }
  };
}

function fromFolder(folder: string): Mirror {
  return async (url, request) => readMirrored(join(folder, ...mirrorPath(url)), url, request);
}

/** The file as the answer to a request for `url`; undefined where there is no such file. */
export function readMirrored(path: string, url: string, request: HttpRequest): HttpResponse | undefined {
  const found = statOf(path);
  if (!found?.isFile()) return undefined;
  if (found.size > request.maxBytes) {
    throw new Failure('RESPONSE_TOO_LARGE', `${path} in the mirror is larger than ${request.maxBytes} bytes`);
  }
  const body = readFile(path);
  return {
    status: 200,
    headers: {},
    etag: undefined,
    contentBytes: found.size,
    secure: isSecure(url),
    body,
    bytes: () => collect(body),
  };
}

/** What came over an insecure way was not put into the mirror (mirror-recorder.ts). */
function isSecure(url: string): boolean {
  return /^https:/i.test(url);
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // A part of the path is a file: then there is nothing at its end.
  }
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 256 * 1024 });
  } catch (cause) {
    throw new Failure('FILE_UNREADABLE', `cannot read ${path}: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
