// The download client: GET only, streaming, with resumption, proxies and the credentials of repositories (cli.md 3 and 4).
// Packages, indexes and keys come through it; registries have their own. With `offline` it opens no socket at all.
// Must never put credentials into a Failure, an event, or a request to another host than theirs.

import type { IncomingHttpHeaders } from 'node:http';
import { type EventSink, noEvents } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { stripCredentials } from '../../base/redact.ts';
import { Credentials } from './credentials.ts';
import { contentLength, discard, type Exchange, HttpExchanger } from './exchange.ts';
import { offlineFailure, statusFailure, tooLargeFailure } from './http-failure.ts';
import type { Environment } from './proxy.ts';
import { readBody } from './response-body.ts';
import { MAX_ATTEMPTS, type RetryClock } from './retry.ts';

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
  return new DownloadClient(options);
}

class DownloadClient implements HttpClient {
  readonly offline: boolean;
  readonly #credentials: Credentials;
  readonly #exchanger: HttpExchanger;

  constructor(options: HttpClientOptions) {
    const environment = options.environment ?? {};
    this.offline = options.offline ?? false;
    this.#credentials = new Credentials({
      httpAuth: environment['HTTP_AUTH'],
      netrc: options.netrc,
      events: options.events ?? noEvents,
    });
    this.#exchanger = new HttpExchanger({
      version: options.version,
      environment,
      extraCertificates: options.extraCertificates,
      events: options.events,
      clock: options.clock,
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
    const exchange = await this.#download(target, headers, maxAttempts);
    const contentBytes = contentLength(exchange.headers);
    if (contentBytes !== undefined && contentBytes > request.maxBytes) {
      discard(exchange);
      throw tooLargeFailure(target, request.maxBytes);
    }
    const body = readBody(target, exchange, {
      maxBytes: request.maxBytes,
      start: exchange.status === 206 ? (request.range?.start ?? 0) : 0,
      end: exchange.status === 206 ? request.range?.end : undefined,
      reopen: (extra) => this.#download(target, { ...headers, ...extra }, maxAttempts),
      pause: (attempt, error) => this.#exchanger.pause(target, attempt, error),
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
    await this.#exchanger.close();
  }

  /** One good answer: 200, 206 and 304 as asked for. */
  async #download(target: URL, headers: Readonly<Record<string, string>>, maxAttempts: number): Promise<Exchange> {
    const exchange = await this.#exchanger.exchange(target, {
      method: 'GET',
      headers,
      authorizationFor: (url) => this.#credentials.authorizationFor(url),
      redirects: 'all',
      maxAttempts,
    });
    const { status } = exchange;
    const asked =
      status === 200 || (status === 206 && 'range' in headers) || (status === 304 && 'if-none-match' in headers);
    if (asked) return exchange;
    discard(exchange);
    throw statusFailure(target, status, exchange.sentCredentials);
  }
}

function parseTarget(url: string): URL {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (target === undefined || (target.protocol !== 'http:' && target.protocol !== 'https:')) {
    throw new Failure('CONFIG_INVALID', `"${url}" is not a URL with http or https`);
  }
  return target;
}

function requestHeaders(request: HttpRequest): Record<string, string> {
  const own = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    ...Object.fromEntries(own),
    ...(request.range !== undefined && { range: `bytes=${request.range.start}-${request.range.end ?? ''}` }),
    ...(request.ifNoneMatch !== undefined && { 'if-none-match': request.ifNoneMatch }),
  };
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}
