// Requests to one registry with what all of them need: the right scheme and certificates, authentication, retries, and
// refusals as failures (signing.md 12). What a method or status means is for the files beside this one.
// Must never send an Authorization header to another server, nor answer another server's challenge.

import { type EventSink, noEvents } from '../../../base/events.ts';
import { LIMITS } from '../../../base/limits.ts';
import { discard, type Exchange, type ExchangeRequest, HttpExchanger, isSameServer } from '../../http/exchange.ts';
import { offlineFailure } from '../../http/http-failure.ts';
import { bareHost, isLoopback } from '../../http/proxy.ts';
import { MAX_ATTEMPTS, type RetryClock, systemClock } from '../../http/retry.ts';
import { Authenticator, type Ticket } from '../auth/authenticator.ts';
import type { Credential } from '../auth/credential.ts';
import { type CredentialSearch, findCredential } from '../auth/find-credential.ts';
import { readSmall, type SmallAnswer } from '../small-answer.ts';
import { errorText, statusFailure } from './registry-failure.ts';

export interface RegistryOptions {
  /** Proxies, and where credentials are looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
  /** Our version, for the user agent. */
  readonly version: string;
  readonly events?: EventSink | undefined;
  readonly offline?: boolean | undefined;
  /** http instead of https. undefined: only where the registry is this machine itself. */
  readonly plainHttp?: boolean | undefined;
  /** PEM certificates to trust in addition to those of Node. */
  readonly caCertificates?: string | undefined;
  /** Accept every certificate. */
  readonly insecureSkipVerify?: boolean | undefined;
  readonly clock?: RetryClock | undefined;
  /** One stalled step; whole transfers may take any time. Default 30 s. */
  readonly timeoutMs?: number | undefined;
}

export interface RegistryRequest {
  readonly method: ExchangeRequest['method'];
  /** Below `/v2/`, or where the registry sent us. */
  readonly place: string | URL;
  /** What the request does, for messages: completes "does not let us". */
  readonly doing: string;
  readonly scopes: readonly string[];
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ExchangeRequest['body'];
  /** Default `same-server`: only contents are kept elsewhere. */
  readonly redirects?: ExchangeRequest['redirects'];
  /** Default: as many as are worth it. */
  readonly maxAttempts?: number;
  readonly answerTimeoutMs?: number;
}

/** Rounds of asking, being refused, and asking with more: none, a token, a token with the scopes that were named. */
const AUTH_ROUNDS = 3;

export class RegistryConnection {
  /** `https://registry.example/`. */
  readonly base: URL;
  readonly clock: RetryClock;
  readonly auth: Authenticator;
  readonly #offline: boolean;
  readonly #exchanger: HttpExchanger;
  /** The first request learns how to identify oneself, and the others wait for that. */
  #first: Promise<void> | undefined;

  /** `repository` chooses among credentials; `credential` is used instead of looking for one. */
  constructor(registry: string, repository: string | undefined, options: RegistryOptions, credential?: Credential) {
    this.base = registryUrl(registry, options.plainHttp);
    this.clock = options.clock ?? systemClock;
    this.#offline = options.offline ?? false;
    this.#exchanger = new HttpExchanger({
      version: options.version,
      environment: options.environment,
      extraCertificates: options.caCertificates,
      insecureSkipVerify: options.insecureSkipVerify,
      events: options.events ?? noEvents,
      clock: this.clock,
      timeoutMs: options.timeoutMs ?? 30_000,
      maxPerHost: LIMITS.parallelDownloads,
    });
    const search = async (): Promise<CredentialSearch> =>
      credential === undefined
        ? await findCredential(registry, repository, options)
        : { credential, files: [], troubles: [] };
    this.auth = new Authenticator({ registry: this.base, search, exchanger: this.#exchanger, clock: this.clock });
  }

  /** An answer whose body is unread. Failures as `ask`. */
  async open(request: RegistryRequest): Promise<Exchange> {
    return await this.#inTurn(() =>
      this.#authenticated(request, (target, wire) => this.#exchanger.exchange(target, wire)),
    );
  }

  /** An answer read whole; a body that breaks off is asked for again. Failures as `ask`, RESPONSE_TOO_LARGE. */
  async read(request: RegistryRequest, mostBytes: number): Promise<SmallAnswer> {
    const whole = (exchange: Exchange) => readSmall(exchange, mostBytes, 'the answer');
    return await this.#inTurn(() =>
      this.#authenticated(request, (target, wire) => this.#exchanger.exchangeAndRead(target, wire, whole)),
    );
  }

  /**
   * The same for an answer that has no content but an error, with a status of `accepted`; another one is a Failure.
   * Failures NETWORK_OFFLINE, NETWORK_UNREACHABLE, REGISTRY_AUTH, REGISTRY_PROTOCOL, HTTP_STATUS with `data.status`.
   */
  async ask(request: RegistryRequest, accepted: readonly number[]): Promise<SmallAnswer> {
    const answer = await this.read(request, LIMITS.registryAnswerBytes);
    if (!accepted.includes(answer.status)) await this.refuse(answer, request);
    return answer;
  }

  /** Throws the Failure for an answer with an unwanted status. */
  async refuse(answer: SmallAnswer, { doing }: Pick<RegistryRequest, 'doing'>): Promise<never> {
    throw statusFailure(answer, doing, await this.errorText(answer.bytes));
  }

  /** The registry's own words about an error, without secrets. */
  async errorText(bytes: Uint8Array): Promise<string | undefined> {
    const text = errorText(bytes);
    return text === undefined ? undefined : await this.auth.scrub(text);
  }

  /** Waits before another attempt at a larger piece of work. */
  async pause(url: URL, attempt: number, error: unknown, wantedMs?: number): Promise<void> {
    await this.#exchanger.pause(url, attempt, error, wantedMs);
  }

  async close(): Promise<void> {
    await this.#exchanger.close();
  }

  async #authenticated<T extends Exchange | SmallAnswer>(
    request: RegistryRequest,
    send: (target: URL, wire: ExchangeRequest) => Promise<T>,
  ): Promise<T> {
    const target = typeof request.place === 'string' ? new URL(`/v2/${request.place}`, this.base) : request.place;
    if (this.#offline) throw offlineFailure(target);
    for (let round = 1; ; round++) {
      const ticket = await this.auth.ticket(request.scopes);
      const answer = await send(target, this.#wire(request, ticket));
      const refused = answer.status === 401 || answer.status === 403;
      // Storage that a registry sends us to has its own refusals, which are none of our credential's business.
      if (!refused || !isSameServer(this.base, answer.url)) return answer;
      const again = await this.auth.refused(answer.headers['www-authenticate'], request.scopes, ticket);
      const bytes = 'bytes' in answer ? answer.bytes : await errorBytes(answer);
      if (!again || round === AUTH_ROUNDS) {
        throw await this.auth.denied(request.doing, answer.status, errorText(bytes));
      }
    }
  }

  #wire(request: RegistryRequest, ticket: Ticket): ExchangeRequest {
    return {
      method: request.method,
      headers: request.headers ?? {},
      body: request.body,
      authorizationFor: (url) => (isSameServer(this.base, url) ? ticket.authorization : undefined),
      redirects: request.redirects ?? 'same-server',
      maxAttempts: request.maxAttempts ?? MAX_ATTEMPTS,
      answerTimeoutMs: request.answerTimeoutMs,
    };
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#first !== undefined) {
      await this.#first;
      return await work();
    }
    const first = work();
    this.#first = first.then(
      () => {},
      () => {},
    );
    return await first;
  }
}

/**
 * Where a Location or Link header of `answer` leads, or undefined where that is no place we would go to: not a URL, or
 * plain http to another host after https. A registry that does not know of the https in front of it names itself with
 * http: that means the registry.
 */
export function placeNamedBy(base: URL, answer: Pick<SmallAnswer, 'url'>, header: string | undefined): URL | undefined {
  if (header === undefined || !URL.canParse(header, answer.url.href)) return undefined;
  const place = new URL(header, answer.url.href);
  place.username = '';
  place.password = '';
  if (place.protocol === 'https:') return place;
  if (place.protocol !== 'http:') return undefined;
  if (base.protocol === 'http:') return place;
  return place.hostname === base.hostname ? new URL(place.pathname + place.search, base) : undefined;
}

/** `https://HOST/`; plain http where asked for, or where the host is this machine. */
function registryUrl(registry: string, plainHttp: boolean | undefined): URL {
  const url = new URL(`https://${registry}/`);
  if (plainHttp ?? isLoopback(bareHost(url))) return new URL(`http://${registry}/`);
  return url;
}

async function errorBytes(exchange: Exchange): Promise<Uint8Array> {
  try {
    return (await readSmall(exchange, LIMITS.registryAnswerBytes, 'the error')).bytes;
  } catch {
    discard(exchange);
    return new Uint8Array();
  }
}
