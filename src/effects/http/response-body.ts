// A response body as a stream that survives cut connections: it goes on by Range where it was, provided that the server
// vouches by ETag or date that the resource is still the same, or that its digest does. Bounded in size and in attempts.

import type { IncomingHttpHeaders } from 'node:http';
import { Failure } from '../../base/failure.ts';
import type { Exchange } from './exchange.ts';
import { cutFailure, tooLargeFailure } from './http-failure.ts';
import { attemptsWorth, MAX_ATTEMPTS } from './retry.ts';

export interface BodyOptions {
  readonly maxBytes: number;
  /** Where in the resource the body begins, and its last byte where only a part was asked for. */
  readonly start: number;
  readonly end: number | undefined;
  /** The URL names its content by digest and somebody checks that: no validator is needed to go on. */
  readonly immutable?: boolean;
  /** A new request for the same resource with these headers in addition. */
  reopen(headers: Readonly<Record<string, string>>): Promise<Exchange>;
  pause(attempt: number, error: unknown): Promise<void>;
}

/** A break after this much progress does not count as another attempt: slow lines get through large files. */
const PROGRESS_BYTES = 1024 * 1024;

/** The body's bytes, each once and in order. `url` is for messages. */
export async function* readBody(
  url: URL,
  first: Exchange,
  options: BodyOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let exchange = first;
  let received = 0;
  let receivedBefore = 0;
  let attempt = 0;
  /** Bytes at the front of the present exchange that we have already. */
  let skip = 0;
  for (;;) {
    let trouble: unknown;
    try {
      for await (const piece of exchange.body as AsyncIterable<Uint8Array>) {
        const chunk = piece.subarray(Math.min(skip, piece.length));
        skip -= piece.length - chunk.length;
        received += chunk.length;
        if (received > options.maxBytes) throw tooLargeFailure(url, options.maxBytes);
        if (chunk.length > 0) yield chunk;
      }
      return;
    } catch (error) {
      if (error instanceof Failure) throw error;
      trouble = error;
    }

    attempt = received - receivedBefore >= PROGRESS_BYTES ? 1 : attempt + 1;
    receivedBefore = received;
    const validator = options.immutable ? '' : resumeValidator(first.headers);
    if (validator === undefined) throw cutFailure(url, received, 'the server does not say how to resume it', trouble);
    if (attempt >= Math.min(MAX_ATTEMPTS, attemptsWorth(trouble))) {
      throw cutFailure(url, received, `the connection failed ${attempt} times`, trouble);
    }
    await options.pause(attempt, trouble);
    exchange = await reopenAt(url, options, received, validator, trouble);
    skip = exchange.status === 200 ? received : 0;
    if (!continues(first, exchange, options.start + received, options.immutable === true)) {
      exchange.body.on('error', () => {}).destroy();
      throw cutFailure(url, received, 'it was changed on the server meanwhile', trouble);
    }
  }
}

async function reopenAt(
  url: URL,
  options: BodyOptions,
  received: number,
  validator: string,
  trouble: unknown,
): Promise<Exchange> {
  const range = `bytes=${options.start + received}-${options.end ?? ''}`;
  try {
    return await options.reopen(validator === '' ? { range } : { range, 'if-range': validator });
  } catch (error) {
    // "Range not satisfiable" means that the resource has become shorter.
    const status = error instanceof Failure ? (error.data as { status?: number } | undefined)?.status : undefined;
    if (status !== 416 && status !== 412) throw error;
    throw cutFailure(url, received, 'it was changed on the server meanwhile', trouble);
  }
}

/** What If-Range may carry: a strong ETag, or else the date. */
function resumeValidator(headers: IncomingHttpHeaders): string | undefined {
  const { etag } = headers;
  if (etag?.startsWith('"')) return etag;
  return etag === undefined ? headers['last-modified'] : undefined;
}

/** Whether the new exchange is the same resource, from the byte we want (206) or from its beginning (200). */
function continues(first: Exchange, again: Exchange, wantedStart: number, immutable: boolean): boolean {
  const sameEtag = immutable || again.headers.etag === undefined || again.headers.etag === first.headers.etag;
  if (again.status === 206) {
    return sameEtag && new RegExp(`^bytes ${wantedStart}-`).test(again.headers['content-range'] ?? '');
  }
  // The whole resource again: fine when a strong ETag says that it is the same, and we began at its beginning.
  const strong = first.headers.etag?.startsWith('"') === true && again.headers.etag === first.headers.etag;
  return again.status === 200 && first.status === 200 && (immutable || strong);
}
