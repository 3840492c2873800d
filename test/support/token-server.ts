// A token server for docker-registry on 127.0.0.1: the Docker token flow (GET with Basic, POST with a refresh token), with
// JSON Web Tokens (ES256) that the registry accepts because it knows the certificate of their key.

import { createHash, createPublicKey, randomUUID, sign } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TokenAuthority } from './docker-registry.ts';
import { openLoopbackServer } from './loopback-server.ts';
import { selfSigned } from './self-signed.ts';

export interface TokenServerOptions {
  /** Name to password. A password works as refresh token too. */
  readonly users: Readonly<Record<string, string>>;
  /** Whether tokens for pulling are given to everybody. */
  readonly anonymousPull?: boolean;
  /** How long tokens hold; default 300. */
  readonly tokenSeconds?: number;
  /** Tokens come as `access_token` alone, as some servers do it. */
  readonly oauthNames?: boolean;
}

export interface TokenRequest {
  readonly method: string;
  readonly authorization: string | undefined;
  /** Query or form. */
  readonly parameters: URLSearchParams;
}

export interface TokenServer extends TokenAuthority {
  /** Requests for tokens so far. */
  readonly requests: readonly TokenRequest[];
  close(): Promise<void>;
}

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

const SERVICE = 'test-registry';
const ISSUER = 'test-issuer';

export async function openTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const { certificate, key } = selfSigned('127.0.0.1');
  const requests: TokenRequest[] = [];
  const server = await openLoopbackServer(async (request, response) => {
    const seen = await readTokenRequest(request);
    requests.push(seen);
    const user = userOf(seen, options);
    if (user === 'wrong') {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end('{"errors":[{"code":"UNAUTHORIZED","message":"wrong credentials"}]}');
      return;
    }
    const access = seen.parameters.getAll('scope').flatMap((scope) => grant(scope, user, options));
    const seconds = options.tokenSeconds ?? 300;
    const token = printToken(access, user ?? '', seconds, key);
    const names = options.oauthNames ? { access_token: token } : { token };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ...names, expires_in: seconds, issued_at: new Date().toISOString() }));
  });
  return {
    realm: `${server.url}/token`,
    service: SERVICE,
    issuer: ISSUER,
    certificate,
    requests,
    close: () => server.close(),
  };
}

async function readTokenRequest(request: IncomingMessage): Promise<TokenRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const query = (request.url ?? '').split('?')[1] ?? '';
  const parameters = new URLSearchParams(request.method === 'POST' ? Buffer.concat(chunks).toString() : query);
  return { method: request.method ?? '', authorization: request.headers.authorization, parameters };
}

/** undefined: nobody in particular. */
function userOf({ authorization, parameters }: TokenRequest, { users }: TokenServerOptions): string | undefined {
  const refresh = parameters.get('refresh_token');
  if (refresh !== null) return Object.keys(users).find((name) => users[name] === refresh) ?? 'wrong';
  if (authorization === undefined) return undefined;
  const [user = '', ...password] = Buffer.from(authorization.replace(/^Basic /, ''), 'base64')
    .toString()
    .split(':');
  return users[user] === password.join(':') ? user : 'wrong';
}

function grant(scope: string, user: string | undefined, { anonymousPull }: TokenServerOptions): Access[] {
  const [type = '', name = '', actions = ''] = scope.split(':');
  const asked = actions.split(',');
  if (user !== undefined) return [{ type, name, actions: asked }];
  return anonymousPull ? [{ type, name, actions: asked.filter((action) => action === 'pull') }] : [];
}

function printToken(access: readonly Access[], subject: string, seconds: number, privateKey: string): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: 'JWT', alg: 'ES256', kid: keyId(privateKey) };
  const claims = {
    iss: ISSUER,
    sub: subject,
    aud: SERVICE,
    exp: now + seconds,
    // The registry forgives no clock that is behind.
    nbf: now - 10,
    iat: now,
    jti: randomUUID(),
    access,
  };
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** libtrust's name of a key: 30 bytes of its SHA-256 in base32, in groups of four. */
function keyId(privateKey: string): string {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const hash = createHash('sha256').update(spki).digest().subarray(0, 30);
  const bits = Array.from(hash, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const text = (bits.match(/.{5}/g) ?? []).map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five, 2)]);
  return (text.join('').match(/.{4}/g) ?? []).join(':');
}
