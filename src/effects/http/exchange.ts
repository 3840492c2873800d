// One request and its answer, whatever the method: redirects, retries and the rules about who may see an Authorization
// header (cli.md 4). The download client and the registry client stand on it; what a status means is theirs to say.
// Must never send a private header to another server than the one it is for.

import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { type EventSink, noEvents } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import { redactText } from '../../base/redact.ts';
import { Connections } from './connections.ts';
import { redirectFailure, unreachableFailure } from './http-failure.ts';
import type { Environment } from './proxy.ts';
import { attemptsWorth, backoffMs, isRetryableStatus, type RetryClock, retryAfterMs, systemClock } from './retry.ts';

export interface ExchangerOptions {
  /** Our version: the user agent is `stave/<version>`. */
  readonly version: string;
  /** HTTP_PROXY, HTTPS_PROXY and NO_PROXY are looked up in here. */
  readonly environment: Environment;
  /** PEM certificates to trust in addition to those of Node. */
  readonly extraCertificates?: string | undefined;
  /** Accept every certificate. Only where somebody asked for exactly that. */
  readonly insecureSkipVerify?: boolean | undefined;
  readonly events?: EventSink | undefined;
  readonly clock?: RetryClock | undefined;
  /** One stalled step; the whole transfer may take any time. */
  readonly timeoutMs: number;
  readonly maxPerHost: number;
}

export interface ExchangeRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Made anew for each attempt. A stream needs a `content-length` among the headers. */
  readonly body?: (() => Uint8Array | AsyncIterable<Uint8Array>) | undefined;
  /** The Authorization value for a request to this URL. Asked again whenever a redirect leads to another server. */
  authorizationFor(url: URL): string | undefined;
  /**
   * Which redirects are followed: all, or those that stay on the server. The others are the answer. Requests that are
   * no reading are only ever sent on by 307 and 308, since the other statuses would turn them into something else.
   */
  readonly redirects: 'all' | 'same-server' | 'none';
  /** Requests in all for broken connections and statuses that may pass. */
  readonly maxAttempts: number;
  /** Instead of the exchanger's bound on a stalled step: how long the server may think before it answers. */
  readonly answerTimeoutMs?: number | undefined;
}

/** One answer of a server, body unread. */
export interface Exchange {
  readonly method: ExchangeRequest['method'];
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** Who answered, after redirects. */
  readonly url: URL;
  /** Every hop used HTTPS. */
  readonly secure: boolean;
  readonly sentCredentials: boolean;
}

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Those that keep method and body. */
const FAITHFUL_REDIRECTS = new Set([307, 308]);
/** Headers that must not follow a redirect to another host. */
const PRIVATE_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization']);

/** Owns connections; `close` it when done. */
export class HttpExchanger {
  readonly #userAgent: string;
  readonly #events: EventSink;
  readonly #clock: RetryClock;
  readonly #connections: Connections;

  constructor(options: ExchangerOptions) {
    this.#userAgent = `stave/${options.version}`;
    this.#events = options.events ?? noEvents;
    this.#clock = options.clock ?? systemClock;
    this.#connections = new Connections(options);
  }

  /**
   * The first answer that another attempt would not better, whatever its status. Its body has to be read or discarded.
   * Failure NETWORK_UNREACHABLE; a Failure that `request.body` throws passes unchanged.
   */
  async exchange(target: URL, request: ExchangeRequest): Promise<Exchange> {
    return await this.#attempts(target, request, async (exchange) => exchange);
  }

  /** The same, with `read` as a part of each attempt: what breaks off while it reads the body is tried again as a whole. */
  async exchangeAndRead<T>(
    target: URL,
    request: ExchangeRequest,
    read: (exchange: Exchange) => Promise<T>,
  ): Promise<T> {
    return await this.#attempts(target, request, read);
  }

  async #attempts<T>(target: URL, request: ExchangeRequest, read: (exchange: Exchange) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const exchange = await this.#follow(target, request);
        const wanted = retryAfterMs(exchange.headers['retry-after'], this.#clock);
        const final = !isRetryableStatus(exchange.status) || attempt >= request.maxAttempts || wanted === 'too-long';
        if (final) return await read(exchange);
        discard(exchange);
        await this.pause(target, attempt, `status ${exchange.status}`, wanted);
      } catch (error) {
        if (error instanceof Failure) throw error;
        if (attempt >= Math.min(request.maxAttempts, attemptsWorth(error))) {
          throw unreachableFailure(target, error, attempt, request.method);
        }
        await this.pause(target, attempt, error);
      }
    }
  }

  /** One request and the redirects it leads to. */
  async #follow(target: URL, request: ExchangeRequest): Promise<Exchange> {
    let url = target;
    let headers = request.headers;
    let authorization = request.authorizationFor(url);
    let secure = true;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      secure &&= url.protocol === 'https:';
      const exchange = await this.#send(url, { ...request, headers }, authorization, secure);
      const next = redirectOf(exchange, target, request);
      if (next === undefined) return exchange;
      discard(exchange);
      if (!isSameServer(url, next)) {
        // Host-bound credentials of the new host may go there, but never over plain HTTP after HTTPS.
        const downgraded = url.protocol === 'https:' && next.protocol === 'http:';
        authorization = downgraded ? undefined : request.authorizationFor(next);
        headers = Object.fromEntries(Object.entries(headers).filter(([name]) => !PRIVATE_HEADERS.has(name)));
      }
      url = next;
    }
    throw redirectFailure(target, `more than ${MAX_REDIRECTS} times`);
  }

  async #send(
    url: URL,
    request: ExchangeRequest,
    authorization: string | undefined,
    secure: boolean,
  ): Promise<Exchange> {
    const dispatcher = await this.#connections.for(url);
    const body = request.body?.();
    const {
      statusCode,
      headers,
      body: received,
    } = await dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method,
      headers: {
        // Compressed files come as they are: a transfer encoding would break digests and ranges.
        'accept-encoding': 'identity',
        'user-agent': this.#userAgent,
        ...(authorization !== undefined && { authorization }),
        ...request.headers,
      },
      body: body === undefined || body instanceof Uint8Array ? (body ?? null) : Readable.from(body),
      ...(request.answerTimeoutMs !== undefined && { headersTimeout: request.answerTimeoutMs }),
    });
    const sentCredentials = authorization !== undefined || 'authorization' in request.headers;
    return { method: request.method, status: statusCode, headers, body: received, url, secure, sentCredentials };
  }

  /** Waits before attempt `attempt` + 1, as long as the server wants or as backing off needs, and says why. */
  async pause(url: URL, attempt: number, reason: unknown, wantedMs?: number): Promise<void> {
    const ms = wantedMs ?? backoffMs(attempt, this.#clock);
    const why = reason instanceof Error ? `${'code' in reason ? reason.code : reason.name}` : String(reason);
    this.#events({ type: 'debug', message: redactText(`${url.href}: ${why}, attempt ${attempt + 1} in ${ms} ms`) });
    await this.#clock.sleep(ms);
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }
}

/** Where the answer sends us, if it does and we are to go. `target` is for messages. */
function redirectOf(exchange: Exchange, target: URL, request: ExchangeRequest): URL | undefined {
  const location = exchange.headers.location;
  const reading = request.method === 'GET' || request.method === 'HEAD';
  const statuses = reading ? REDIRECTS : FAITHFUL_REDIRECTS;
  if (request.redirects === 'none' || location === undefined || !statuses.has(exchange.status)) return undefined;
  const next = URL.canParse(location, exchange.url.href) ? new URL(location, exchange.url.href) : undefined;
  if (next === undefined || (next.protocol !== 'http:' && next.protocol !== 'https:')) {
    discard(exchange);
    throw redirectFailure(target, 'to something that is not a URL with http or https');
  }
  // User info in a redirect is the server's idea, not the user's: it is not sent.
  next.username = '';
  next.password = '';
  return request.redirects === 'all' || isSameServer(exchange.url, next) ? next : undefined;
}

/** Same origin, or the same host's change from HTTP to HTTPS: what the one may know, so may the other. */
export function isSameServer(from: URL, to: URL): boolean {
  const upgraded = from.protocol === 'http:' && to.protocol === 'https:' && from.hostname === to.hostname;
  return from.origin === to.origin || upgraded;
}

/** Reads a small rest so that the connection can be used again, and drops the connection for a large one. */
export function discard(exchange: Exchange): void {
  const body = exchange.body as Readable & { dump(options: { limit: number }): Promise<void> };
  body.on('error', () => {});
  body.dump({ limit: 64 * 1024 }).catch(() => {});
}

/** Content-Length, where it is a number. */
export function contentLength(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['content-length'];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
