// A person logs in to say who signs (signing.md 6.1): in a browser on this machine (RFC 8252, with PKCE, RFC 7636), or with a
// code on any other device (RFC 8628). The answer is an identity token; it is given to nobody but the certificate authority.

import { createHash, randomBytes } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Failure } from '../../base/failure.ts';
import type { HttpExchanger } from '../http/exchange.ts';
import type { RetryClock } from '../http/retry.ts';
import { type OidcAnswer, type OidcProvider, postForm, usableUrl } from './oidc-provider.ts';

export interface Person {
  readonly tell: (text: string) => void;
  /** Whether a browser was started; what it shows is between it and the person. */
  readonly openBrowser: (url: string) => boolean;
}

const SCOPE = 'openid email';
/** A person who has not logged in by then has gone away. */
const PATIENCE_MS = 5 * 60_000;
/** RFC 8628: without another word, a device asks every five seconds, and five seconds later when told to slow down. */
const POLL_MS = 5000;
const NOTICE =
  'the identity that you log in with is written into the certificate and the transparency log, for all to see';

/** Failures SIGNING_FAILED, NETWORK_UNREACHABLE. */
export async function loginByBrowser(
  provider: OidcProvider,
  exchanger: HttpExchanger,
  person: Person,
  patienceMs = PATIENCE_MS,
): Promise<string> {
  const [state, nonce] = [randomText(), randomText()];
  const { verifier, challenge } = pkce();
  const callback = await listenForCode(state, patienceMs);
  try {
    const page = new URL(provider.authorization);
    const parameters = {
      response_type: 'code',
      client_id: provider.clientId,
      redirect_uri: callback.url,
      scope: SCOPE,
      state,
      nonce,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(parameters)) page.searchParams.set(name, value);
    person.tell(NOTICE);
    const opened = person.openBrowser(page.href);
    person.tell(`${opened ? 'log in in the browser that was opened, or at' : 'log in at'} ${page.href}`);
    const code = await callback.code;
    const answer = await postForm(exchanger, provider.token, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: callback.url,
      client_id: provider.clientId,
      code_verifier: verifier,
    });
    return idToken(answer, provider, nonce);
  } finally {
    callback.close();
  }
}

/** The same with a code that is typed in elsewhere. */
export async function loginByDevice(
  provider: OidcProvider,
  exchanger: HttpExchanger,
  person: Person,
  clock: Pick<RetryClock, 'now' | 'sleep'>,
): Promise<string> {
  const { clientId, deviceAuthorization } = provider;
  if (deviceAuthorization === undefined) throw failed(provider, 'has no login for other devices');
  const { verifier, challenge } = pkce();
  const started = await postForm(exchanger, deviceAuthorization, {
    client_id: clientId,
    scope: SCOPE,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  });
  const {
    device_code: device,
    user_code: code,
    verification_uri_complete: whole,
    verification_uri: page,
  } = started.fields;
  const place = usableUrl(whole) ?? usableUrl(page);
  if (started.status !== 200 || typeof device !== 'string' || typeof code !== 'string' || place === undefined) {
    throw failed(provider, `did not begin a login: it answered with status ${started.status}`);
  }
  person.tell(NOTICE);
  person.tell(`log in at ${place.href} and look whether it shows the code ${code}`);
  const end = clock.now() + Math.min(secondsOf(started.fields['expires_in']) ?? PATIENCE_MS, PATIENCE_MS);
  let pauseMs = secondsOf(started.fields['interval']) ?? POLL_MS;
  while (clock.now() < end) {
    await clock.sleep(pauseMs);
    const answer = await postForm(exchanger, provider.token, {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: device,
      client_id: clientId,
      scope: SCOPE,
      code_verifier: verifier,
    });
    const { error } = answer.fields;
    if (error === 'slow_down') pauseMs += POLL_MS;
    else if (error !== 'authorization_pending') return idToken(answer, provider);
  }
  throw failed(provider, 'saw no login in time');
}

interface Callback {
  readonly url: string;
  readonly code: Promise<string>;
  close(): void;
}

/** One request to this machine brings the code, if it knows the state; others are sent away. */
async function listenForCode(state: string, patienceMs: number): Promise<Callback> {
  let settle: { resolve(code: string): void; reject(error: Failure): void };
  const code = new Promise<string>((resolve, reject) => {
    settle = { resolve, reject };
  });
  code.catch(() => {}); // Whoever waits for it gets to know.
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname !== '/auth/callback' || searchParams.get('state') !== state) return say(response, 404, 'Not here.');
    const found = searchParams.get('code');
    if (found === null) {
      say(response, 400, 'The login did not work. Look at the terminal.');
      settle.reject(new Failure('SIGNING_FAILED', 'the login was refused or given up'));
    } else {
      say(response, 200, 'You are logged in, and may close this page.');
      settle.resolve(found);
    }
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const timer = setTimeout(() => settle.reject(new Failure('SIGNING_FAILED', 'nobody logged in in time')), patienceMs);
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/auth/callback`,
    code,
    close: () => {
      clearTimeout(timer);
      server.close();
      server.closeAllConnections();
    },
  };
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(`${text}\n`);
}

/** A token that was not made for this login is somebody else's. */
function idToken({ status, fields }: OidcAnswer, provider: OidcProvider, nonce?: string): string {
  const token = fields['id_token'];
  if (status !== 200 || typeof token !== 'string') {
    throw failed(provider, `gave no identity token: it answered with status ${status}`);
  }
  if (nonce !== undefined && nonceOf(token) !== nonce) throw failed(provider, 'gave the token of another login');
  return token;
}

function nonceOf(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')).nonce;
  } catch {
    return undefined;
  }
}

function secondsOf(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? value * 1000 : undefined;
}

function pkce(): { readonly verifier: string; readonly challenge: string } {
  const verifier = randomText();
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

function randomText(): string {
  return randomBytes(32).toString('base64url');
}

function failed({ token }: OidcProvider, what: string): Failure {
  return new Failure('SIGNING_FAILED', `${token.host} ${what}`);
}
