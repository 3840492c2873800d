// The HTTP client: GET only, streaming, with retries, resumption, redirects, proxies and credentials (cli.md 3 and 4).
// Nothing else in the house opens a connection to fetch something. With `offline` it opens no socket at all.
// Must never put credentials into a Failure, an event, or a request to another host than theirs.

import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { type EventSink, noEvents } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { redactText, stripCredentials } from '../../base/redact.ts';
import { Connections } from './connections.ts';
import { Credentials } from './credentials.ts';
import { offlineFailure, redirectFailure, statusFailure, tooLargeFailure, unreachableFailure } from './http-failure.ts';
import type { Environment } from './proxy.ts';
import { type Exchange, readBody } from './response-body.ts';
import {
  attemptsWorth,
  backoffMs,
  isRetryableStatus,
  MAX_ATTEMPTS,
  type RetryClock,
  retryAfterMs,
  systemClock,
} from './retry.ts';

export interface HttpClientOptions {
  /** Our version: the user agent is `stave/<version>`. */
  readonly version: string;
  readonly offline?: boolean;
  /** HTTP_PROXY, HTTPS_PROXY, NO_PROXY and HTTP_AUTH are looked up in here. */
  readonly environment?: Environment;
  /** Text of the netrc file. */
  readonly netrc?: string | undefined;
  /** PEM certificates to trust in addition to those of Node. */
  readonly extraCertificates?: string | undefined;
  readonly events?: EventSink;
  readonly clock?: RetryClock;
  /** One stalled step; the whole transfer may take any time. Default 30 s. */
  readonly timeoutMs?: number;
}

interface HttpRequest {
  /** Bytes of the resource; `end` is inclusive. A server that ignores ranges answers 200 with everything. */
  readonly range?: { readonly start: number; readonly end?: number };
  readonly ifNoneMatch?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bound on the body; Infinity for none. */
  readonly maxBytes: number;
  /** Requests in all; fewer than the default for what we can live without. */
  readonly maxAttempts?: number;
}

interface HttpResponse {
  /** 206 only with `range`, 304 only with `ifNoneMatch`; everything else was thrown as HTTP_STATUS. */
  readonly status: 200 | 206 | 304;
  readonly headers: IncomingHttpHeaders;
  /** As the server spells it, quotes included. */
  readonly etag: string | undefined;
  /** From Content-Length, where there is one. */
  readonly contentBytes: number | undefined;
  /** Every hop used HTTPS: nobody on the way could have changed the answer. */
  readonly secure: boolean;
  /** Can be read once. Leaving the loop early closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
  /** The whole body. */
  bytes(): Promise<Uint8Array>;
}

export interface HttpClient {
  readonly offline: boolean;
  /**
   * Throws NETWORK_OFFLINE, NETWORK_UNREACHABLE, HTTP_STATUS (with `data.status`) or RESPONSE_TOO_LARGE; the body throws
   * the last two and NETWORK_UNREACHABLE.
   */
  get(url: string, request: HttpRequest): Promise<HttpResponse>;
  /** Remembers the user info of a repository or key URL for later requests below it, which name it without. */
  addCredentials(url: string): void;
  close(): Promise<void>;
}

/** A client with its own connections; `close` them when done. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  return new UndiciClient(options);
}

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Headers that must not follow a redirect to another host. */
const PRIVATE_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization']);

class UndiciClient implements HttpClient {
  readonly offline: boolean;
  readonly #userAgent: string;
  readonly #events: EventSink;
  readonly #clock: RetryClock;
  readonly #credentials: Credentials;
  readonly #connections: Connections;

  constructor(options: HttpClientOptions) {
    const environment = options.environment ?? {};
    this.offline = options.offline ?? false;
    this.#userAgent = `stave/${options.version}`;
    this.#events = options.events ?? noEvents;
    this.#clock = options.clock ?? systemClock;
    this.#credentials = new Credentials({
      httpAuth: environment['HTTP_AUTH'],
      netrc: options.netrc,
      events: this.#events,
    });
    this.#connections = new Connections({
      environment,
      extraCertificates: options.extraCertificates,
      timeoutMs: options.timeoutMs ?? 30_000,
      maxPerHost: LIMITS.parallelDownloads,
    });
  }

  addCredentials(url: string): void {
    this.#credentials.add(url);
  }

  async get(url: string, request: HttpRequest): Promise<HttpResponse> {
    this.#credentials.add(url);
    const target = parseTarget(stripCredentials(url));
    if (this.offline) throw offlineFailure(target);
    const maxAttempts = request.maxAttempts ?? MAX_ATTEMPTS;
    const headers = requestHeaders(request);
    const exchange = await this.#exchange(target, headers, maxAttempts);
    const contentBytes = contentLength(exchange.headers);
    if (contentBytes !== undefined && contentBytes > request.maxBytes) {
      discard(exchange);
      throw tooLargeFailure(target, request.maxBytes);
    }
    const body = readBody(target, exchange, {
      maxBytes: request.maxBytes,
      start: exchange.status === 206 ? (request.range?.start ?? 0) : 0,
      end: exchange.status === 206 ? request.range?.end : undefined,
      reopen: (extra) => this.#exchange(target, { ...headers, ...extra }, maxAttempts),
      pause: (attempt, error) => this.#pause(target, attempt, backoffMs(attempt, this.#clock), error),
    });
    return {
      status: exchange.status as 200 | 206 | 304,
      headers: exchange.headers,
      etag: exchange.headers.etag,
      contentBytes,
      secure: exchange.secure,
      body,
      bytes: () => collect(body),
    };
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  /** One good answer (200, 206, 304 as asked for), after as many requests as are worth it. */
  async #exchange(target: URL, headers: Readonly<Record<string, string>>, maxAttempts: number): Promise<Exchange> {
    for (let attempt = 1; ; attempt++) {
      let exchange: Exchange;
      try {
        exchange = await this.#follow(target, headers);
      } catch (error) {
        if (error instanceof Failure) throw error;
        if (attempt >= Math.min(maxAttempts, attemptsWorth(error))) throw unreachableFailure(target, error, attempt);
        await this.#pause(target, attempt, backoffMs(attempt, this.#clock), error);
        continue;
      }
      const { status } = exchange;
      const asked =
        status === 200 || (status === 206 && 'range' in headers) || (status === 304 && 'if-none-match' in headers);
      if (asked) return exchange;
      discard(exchange);
      const wanted = retryAfterMs(exchange.headers['retry-after'], this.#clock);
      if (!isRetryableStatus(status) || attempt >= maxAttempts || wanted === 'too-long') {
        throw statusFailure(target, status, exchange.sentCredentials);
      }
      await this.#pause(target, attempt, wanted ?? backoffMs(attempt, this.#clock), `status ${status}`);
    }
  }

  /** One request and the redirects it leads to. */
  async #follow(target: URL, headers: Readonly<Record<string, string>>): Promise<Exchange> {
    let url = target;
    let sent = headers;
    let authorization = this.#credentials.authorizationFor(url);
    let secure = true;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      secure &&= url.protocol === 'https:';
      const exchange = await this.#send(url, sent, authorization, secure);
      const location = exchange.headers.location;
      if (!REDIRECTS.has(exchange.status) || location === undefined) return exchange;
      discard(exchange);
      const next = redirectTarget(target, url, location);
      if (!isSameServer(url, next)) {
        // Host-bound credentials of the new host may go there, but never over plain HTTP after HTTPS.
        const downgraded = url.protocol === 'https:' && next.protocol === 'http:';
        authorization = downgraded ? undefined : this.#credentials.authorizationFor(next);
        sent = Object.fromEntries(Object.entries(sent).filter(([name]) => !PRIVATE_HEADERS.has(name)));
      }
      url = next;
    }
    throw redirectFailure(target, `more than ${MAX_REDIRECTS} times`);
  }

  async #send(
    url: URL,
    headers: Readonly<Record<string, string>>,
    authorization: string | undefined,
    secure: boolean,
  ): Promise<Exchange> {
    const dispatcher = await this.#connections.for(url);
    const {
      statusCode,
      headers: received,
      body,
    } = await dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'GET',
      headers: {
        // Compressed files come as they are: a transfer encoding would break digests and ranges.
        'accept-encoding': 'identity',
        'user-agent': this.#userAgent,
        ...(authorization !== undefined && { authorization }),
        ...headers,
      },
    });
    const sentCredentials = authorization !== undefined || 'authorization' in headers;
    return { status: statusCode, headers: received, body, secure, sentCredentials };
  }

  async #pause(url: URL, attempt: number, ms: number, reason: unknown): Promise<void> {
    const why = reason instanceof Error ? `${'code' in reason ? reason.code : reason.name}` : String(reason);
    this.#events({ type: 'debug', message: redactText(`${url.href}: ${why}, attempt ${attempt + 1} in ${ms} ms`) });
    await this.#clock.sleep(ms);
  }
}

function parseTarget(url: string): URL {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (target === undefined || (target.protocol !== 'http:' && target.protocol !== 'https:')) {
    throw new Failure('CONFIG_INVALID', `"${url}" is not a URL with http or https`);
  }
  return target;
}

function redirectTarget(target: URL, from: URL, location: string): URL {
  const next = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (next === undefined || (next.protocol !== 'http:' && next.protocol !== 'https:')) {
    throw redirectFailure(target, 'to something that is not a URL with http or https');
  }
  // User info in a redirect is the server's idea, not the user's: it is not sent.
  next.username = '';
  next.password = '';
  return next;
}

/** Same origin, or the same host's change from HTTP to HTTPS: what the one may know, so may the other. */
function isSameServer(from: URL, to: URL): boolean {
  const upgraded = from.protocol === 'http:' && to.protocol === 'https:' && from.hostname === to.hostname;
  return from.origin === to.origin || upgraded;
}

function requestHeaders(request: HttpRequest): Record<string, string> {
  const own = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    ...Object.fromEntries(own),
    ...(request.range !== undefined && { range: `bytes=${request.range.start}-${request.range.end ?? ''}` }),
    ...(request.ifNoneMatch !== undefined && { 'if-none-match': request.ifNoneMatch }),
  };
}

/** Reads a small rest so that the connection can be used again, and drops the connection for a large one. */
function discard(exchange: Exchange): void {
  const body = exchange.body as Readable & { dump(options: { limit: number }): Promise<void> };
  body.on('error', () => {});
  body.dump({ limit: 64 * 1024 }).catch(() => {});
}

/** Content-Length, where it is a number. */
function contentLength(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['content-length'];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}
