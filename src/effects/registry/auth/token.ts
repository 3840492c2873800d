// One token from a registry's token server (signing.md 12, token flow): the credential goes in, a short-lived token comes
// out. Must never send the credential anywhere but to the realm, nor to a realm that a registry has no business naming.

import { isIP } from 'node:net';
import { Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import { basic } from '../../http/credentials.ts';
import type { Exchange, ExchangeRequest, HttpExchanger } from '../../http/exchange.ts';
import { bareHost, isLoopback } from '../../http/proxy.ts';
import { MAX_ATTEMPTS, type RetryClock } from '../../http/retry.ts';
import { readSmall } from '../small-answer.ts';
import { isMap, parseJsonMap } from './auth-file.ts';
import type { Challenge } from './challenge.ts';
import type { Credential } from './credential.ts';

export interface Token {
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Where tokens come from, as a registry's challenge says. */
export interface TokenServer {
  readonly realm: URL;
  readonly service: string | undefined;
}

/** `status`: the server refuses the credential, or wants one. */
export type TokenAnswer =
  | { readonly kind: 'token'; readonly token: Token }
  | { readonly kind: 'refused'; readonly status: number; readonly detail: string | undefined };

const DEFAULT_LIFETIME_S = 60;
/** A token is not used in its last seconds, so that it does not expire on the way. */
const SAFETY_MS = 10_000;
const CLIENT_ID = 'stave';

/** Failure REGISTRY_PROTOCOL where the challenge names no realm, or one that must not get credentials. */
export function tokenServer(challenge: Challenge, registry: URL): TokenServer {
  const text = challenge.parameters.get('realm') ?? '';
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  if (realm === undefined) throw strange(registry, 'names no token server that is a URL');
  realm.username = '';
  realm.password = '';
  const why = whyNot(realm, registry);
  if (why !== undefined) throw strange(registry, `names the token server ${realm.host}, ${why}`);
  return { realm, service: challenge.parameters.get('service') };
}

/** Why credentials for `registry` must not go to that realm, or undefined. */
function whyNot(realm: URL, registry: URL): string | undefined {
  const onThisMachine = isLoopback(bareHost(realm)) && isLoopback(bareHost(registry));
  const asPlain = registry.protocol === 'http:' && realm.hostname === registry.hostname;
  if (realm.protocol !== 'https:' && !(realm.protocol === 'http:' && (onThisMachine || asPlain))) {
    return 'which does not speak https';
  }
  if (realm.hostname === registry.hostname || !isInside(realm) || isInside(registry)) return undefined;
  // A registry on the internet that sends us to an address of this machine or network is not to be helped.
  return 'an address of this machine or its network';
}

/** localhost, or an address that is not on the internet. */
function isInside(url: URL): boolean {
  const host = bareHost(url);
  if (isLoopback(host) || host.endsWith('.localhost')) return true;
  if (isIP(host) === 4) return /^(0|10|127|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\./.test(host);
  return isIP(host) === 6 && /^(::|f[cd]|fe[89ab])/.test(host);
}

/** Failures NETWORK_UNREACHABLE, HTTP_STATUS, REGISTRY_PROTOCOL. */
export async function fetchToken(
  exchanger: HttpExchanger,
  server: TokenServer,
  scopes: readonly string[],
  credential: Credential | undefined,
  clock: RetryClock,
): Promise<TokenAnswer> {
  const [target, request] = tokenRequest(server, scopes, credential);
  const answer = await exchanger.exchangeAndRead(target, request, (exchange: Exchange) =>
    readSmall(exchange, LIMITS.registryAnswerBytes, 'the answer of the token server'),
  );
  if (answer.status === 401 || answer.status === 403) {
    return { kind: 'refused', status: answer.status, detail: detailOf(answer.bytes) };
  }
  if (answer.status !== 200) {
    throw new Failure('HTTP_STATUS', `the token server ${server.realm.host} answered with status ${answer.status}`, {
      hint: answer.status === 429 ? 'it limits requests; wait a while' : 'try again later; it is run by the registry',
      data: { status: answer.status },
    });
  }
  return { kind: 'token', token: parseToken(answer.bytes, server, clock) };
}

function tokenRequest(
  server: TokenServer,
  scopes: readonly string[],
  credential: Credential | undefined,
): readonly [URL, ExchangeRequest] {
  const parameters = new URLSearchParams();
  if (server.service !== undefined) parameters.set('service', server.service);
  // The answer to a redirected request for a token would come from somebody whom the registry did not name.
  const common = { redirects: 'same-server', maxAttempts: MAX_ATTEMPTS } as const;
  if (credential?.secret.kind === 'identity-token') {
    if (scopes.length > 0) parameters.set('scope', scopes.join(' '));
    parameters.set('grant_type', 'refresh_token');
    parameters.set('client_id', CLIENT_ID);
    parameters.set('refresh_token', credential.secret.token);
    const body = Buffer.from(parameters.toString());
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return [server.realm, { ...common, method: 'POST', headers, body: () => body, authorizationFor: () => undefined }];
  }
  const secret = credential?.secret.kind === 'basic' ? credential.secret : undefined;
  for (const scope of scopes) parameters.append('scope', scope);
  if (secret !== undefined) parameters.set('account', secret.user);
  const target = new URL(server.realm);
  for (const [name, value] of parameters) target.searchParams.append(name, value);
  const authorization = secret && basic(secret.user, secret.password);
  return [target, { ...common, method: 'GET', headers: {}, authorizationFor: () => authorization }];
}

function parseToken(bytes: Uint8Array, server: TokenServer, clock: RetryClock): Token {
  const answer = parseMap(bytes);
  const text = [answer?.['token'], answer?.['access_token']].find((value) => typeof value === 'string' && value !== '');
  // Only what may stand in a header.
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
    throw new Failure('REGISTRY_PROTOCOL', `the token server ${server.realm.host} answered without a usable token`);
  }
  const lifetime = answer?.['expires_in'];
  const seconds = typeof lifetime === 'number' && lifetime > 0 ? lifetime : DEFAULT_LIFETIME_S;
  return { text, expiresAt: clock.now() + Math.max(seconds * 1000 - SAFETY_MS, seconds * 500) };
}

function parseMap(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    return parseJsonMap(Buffer.from(bytes).toString('utf8'), 'the token');
  } catch {
    return undefined;
  }
}

/** What the server says about its refusal: `details` of token servers, `error_description` of OAuth. */
function detailOf(bytes: Uint8Array): string | undefined {
  const answer = parseMap(bytes);
  const first = Array.isArray(answer?.['errors']) ? answer['errors'][0] : undefined;
  const texts = [isMap(first) ? first['message'] : undefined, answer?.['error_description'], answer?.['details']];
  return texts.find((text) => typeof text === 'string' && text !== '') as string | undefined;
}

function strange(registry: URL, what: string): Failure {
  return new Failure('REGISTRY_PROTOCOL', `the registry ${registry.host} ${what}`, {
    hint: 'nothing was sent there; ask whoever runs the registry',
  });
}
