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

/** The whole body. Failure RESPONSE_TOO_LARGE; `what` names it there. */
export async function readSmall(exchange: Exchange, mostBytes: number, what: string): Promise<SmallAnswer> {
  const { status, headers, url, body } = exchange;
  const tooLarge = () =>
    new Failure('RESPONSE_TOO_LARGE', `${what} from ${url.host} is larger than ${mostBytes} bytes`, {
      hint: 'no such document is that large: the server is broken or hostile',
    });
  if ((contentLength(headers) ?? 0) > mostBytes && exchange.method !== 'HEAD') {
    discard(exchange);
    throw tooLarge();
  }
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.length;
    if (sizeBytes > mostBytes) throw tooLarge();
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
