// Answers of a registry that are read whole: bounded, and never larger than what they are for.
// Must never keep more than the bound in memory, whatever the server announces.

import type { IncomingHttpHeaders } from 'node:http';
import { Failure } from '../../base/failure.ts';
import { contentLength, discard, type Exchange } from '../http/exchange.ts';

export interface SmallAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Who answered, after redirects. */
  readonly url: URL;
  readonly bytes: Uint8Array;
}

/** The whole body; of an error's body, which may be a long page for people, its beginning. Failure RESPONSE_TOO_LARGE. */
export async function readSmall(exchange: Exchange, mostBytes: number, what: string): Promise<SmallAnswer> {
  const { status, headers, url, body } = exchange;
  const good = status >= 200 && status <= 299;
  const tooLarge = () =>
    new Failure('RESPONSE_TOO_LARGE', `${what} from ${url.host} is larger than ${mostBytes} bytes`, {
      hint: 'no such document is that large: the server is broken or hostile',
    });
  if (good && (contentLength(headers) ?? 0) > mostBytes && exchange.method !== 'HEAD') {
    discard(exchange);
    throw tooLarge();
  }
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    if (sizeBytes + chunk.length > mostBytes) {
      if (good) throw tooLarge();
      break;
    }
    sizeBytes += chunk.length;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(sizeBytes);
  let filled = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return { status, headers, url, bytes };
}
