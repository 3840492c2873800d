// An OpenID provider that says who somebody is (OpenID Connect Discovery 1.0; OAuth 2.0, RFC 6749): where its endpoints are, and
// forms posted to them. Must never repeat what an endpoint answers: it may be a token.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Exchange, ExchangeRequest, HttpExchanger } from '../http/exchange.ts';

export interface OidcProvider {
  readonly clientId: string;
  readonly authorization: URL;
  readonly token: URL;
  /** Undefined where it has no flow for machines without a browser. */
  readonly deviceAuthorization: URL | undefined;
}

export interface OidcAnswer {
  readonly status: number;
  /** {} where it is not JSON. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Failures SIGNING_FAILED, NETWORK_UNREACHABLE. */
export async function discoverProvider(
  issuer: string,
  clientId: string,
  exchanger: HttpExchanger,
): Promise<OidcProvider> {
  const base = usableUrl(issuer);
  if (base === undefined) throw new Failure('USAGE_FLAG', `the OIDC issuer "${issuer}" is not an https URL`);
  const place = new URL(`${base.href.replace(/\/+$/, '')}/.well-known/openid-configuration`);
  const { status, fields } = await ask(exchanger, place, { method: 'GET', headers: {} });
  const [authorization, token] = [usableUrl(fields['authorization_endpoint']), usableUrl(fields['token_endpoint'])];
  if (status !== 200 || authorization === undefined || token === undefined) {
    throw new Failure('SIGNING_FAILED', `${base.host} does not say where to log in: it answered with status ${status}`);
  }
  return { clientId, authorization, token, deviceAuthorization: usableUrl(fields['device_authorization_endpoint']) };
}

export async function postForm(
  exchanger: HttpExchanger,
  url: URL,
  fields: Readonly<Record<string, string>>,
): Promise<OidcAnswer> {
  const body = Buffer.from(new URLSearchParams(fields).toString());
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
  return await ask(exchanger, url, { method: 'POST', headers, body: () => body });
}

/** https, or this machine, where tests and proxies of developers are. */
export function usableUrl(text: unknown): URL | undefined {
  if (typeof text !== 'string' || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isHere = url.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  return url.protocol === 'https:' || isHere ? url : undefined;
}

async function ask(
  exchanger: HttpExchanger,
  url: URL,
  request: Pick<ExchangeRequest, 'method' | 'headers' | 'body'>,
): Promise<OidcAnswer> {
  const rules = { redirects: 'same-server', maxAttempts: 3, authorizationFor: () => undefined } as const;
  return await exchanger.exchangeAndRead(url, { ...rules, ...request }, async (exchange: Exchange) => ({
    status: exchange.status,
    fields: await readFields(exchange),
  }));
}

async function readFields({ body, url }: Exchange): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += (chunk as Buffer).length;
    if (sizeBytes > LIMITS.registryAnswerBytes) {
      throw new Failure('RESPONSE_TOO_LARGE', `${url.host} answers with more than ${LIMITS.registryAnswerBytes} bytes`);
    }
    chunks.push(chunk as Buffer);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}
