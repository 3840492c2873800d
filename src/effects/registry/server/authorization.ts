// Who may do what, for a registry with users: Basic, or the Bearer token flow that public registries have (Docker's token
// authentication: challenge, token endpoint, scopes, expiry). A registry without users lets everybody do everything.

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { printJson } from '../../../base/canonical-json.ts';
import { type Answer, type RegistryRequest, readBody } from './exchange.ts';
import { RegistryError } from './registry-error.ts';

export interface RegistryAuth {
  /** Name to password. */
  readonly users: Readonly<Record<string, string>>;
  readonly scheme: 'basic' | 'bearer';
  /** Whether everybody may pull; with `bearer` they need a token all the same, as at public registries. */
  readonly anonymousPull?: boolean;
  /** How long a token holds. */
  readonly tokenSeconds?: number;
}

export type Action = 'pull' | 'push' | 'delete';

/** What a request may do in repositories. */
export type Permission = (name: string, action: Action) => boolean;

interface TokenClaims {
  readonly expiresAtMs: number;
  /** `<name>:<action>` */
  readonly grants: readonly string[];
}

const TOKEN_PATH = '/token';
const SERVICE = 'stave-registry';
const FORM_BYTES = 64 * 1024;

export class Authorization {
  readonly #auth: RegistryAuth;
  /** Tokens of one server mean nothing to another. */
  readonly #key = randomBytes(32);

  constructor(auth: RegistryAuth) {
    this.#auth = auth;
  }

  /** What the credentials allow. RegistryError UNAUTHORIZED, with the challenge for `name` and `action`. */
  permissionOf(request: RegistryRequest, name: string | undefined, action: Action): Permission {
    const permission = this.#permission(request);
    if (name === undefined ? permission !== undefined : permission?.(name, action)) return permission as Permission;
    throw this.#challenge(request, name, action);
  }

  /** The answer of the token endpoint; undefined for other paths. */
  async answerToken(request: RegistryRequest): Promise<Answer | undefined> {
    if (this.#auth.scheme !== 'bearer' || request.path !== TOKEN_PATH) return undefined;
    if (request.method !== 'GET' && request.method !== 'POST') return undefined;
    const form = request.method === 'POST' ? await readForm(request) : request.query;
    const user = this.#userOf(request, form);
    const grants = form
      .getAll('scope')
      .flatMap((scopes) => scopes.split(' ').flatMap((scope) => this.#grants(scope, user)));
    const seconds = this.#auth.tokenSeconds ?? 300;
    const token = this.#printToken({ expiresAtMs: Date.now() + seconds * 1000, grants });
    const body = { token, access_token: token, expires_in: seconds, issued_at: new Date().toISOString() };
    return {
      status: 200,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      body: Buffer.from(printJson(body)),
    };
  }

  #permission(request: RegistryRequest): Permission | undefined {
    const [scheme = '', credentials = ''] = (request.headers.authorization ?? '').split(' ');
    if (this.#auth.scheme === 'bearer') {
      const claims = scheme.toLowerCase() === 'bearer' ? this.#parseToken(credentials) : undefined;
      return claims && ((name, action) => claims.grants.includes(`${name}:${action}`));
    }
    if (scheme === '') return this.#auth.anonymousPull ? (_name, action) => action === 'pull' : undefined;
    const [user, password] = splitBasic(scheme, credentials);
    return this.#isUser(user, password) ? () => true : undefined;
  }

  /** The user behind a request for a token; undefined for nobody. RegistryError UNAUTHORIZED. */
  #userOf(request: RegistryRequest, form: URLSearchParams): string | undefined {
    const [scheme = '', credentials = ''] = (request.headers.authorization ?? '').split(' ');
    // With a refresh token, which here is a password, the name of the user is not sent.
    const refresh = form.get('grant_type') === 'refresh_token' ? (form.get('refresh_token') ?? '') : undefined;
    if (refresh !== undefined) {
      const owner = Object.keys(this.#auth.users).find((name) => this.#isUser(name, refresh));
      if (owner !== undefined) return owner;
    } else {
      if (scheme === '') return undefined;
      const [user, password] = splitBasic(scheme, credentials);
      if (this.#isUser(user, password)) return user;
    }
    throw new RegistryError('UNAUTHORIZED', 'these credentials are wrong');
  }

  /** What the user gets of `repository:<name>:<actions>`: tokens may allow less than was asked for. */
  #grants(scope: string, user: string | undefined): string[] {
    const [, name = '', actions = ''] = /^repository:([^:]+):([a-z,*]+)$/.exec(scope) ?? [];
    const allowed: Action[] =
      user !== undefined ? ['pull', 'push', 'delete'] : this.#auth.anonymousPull ? ['pull'] : [];
    const asked = actions.split(',');
    return allowed
      .filter((action) => asked.includes(action) || asked.includes('*'))
      .map((action) => `${name}:${action}`);
  }

  #challenge(request: RegistryRequest, name: string | undefined, action: Action): RegistryError {
    const hasToken = this.#auth.scheme === 'bearer' && request.headers.authorization !== undefined;
    const scope = name === undefined ? '' : `,scope="repository:${name}:${action === 'push' ? 'pull,push' : action}"`;
    const challenge =
      this.#auth.scheme === 'basic'
        ? `Basic realm="${SERVICE}"`
        : `Bearer realm="${request.origin}${TOKEN_PATH}",service="${SERVICE}"${scope}${hasToken ? ',error="invalid_token"' : ''}`;
    return new RegistryError('UNAUTHORIZED', 'you have to say who you are', {
      headers: { 'www-authenticate': challenge },
    });
  }

  #isUser(name: string, password: string): boolean {
    const known = Object.hasOwn(this.#auth.users, name) ? this.#auth.users[name] : undefined;
    return sameText(password, known ?? '') && known !== undefined;
  }

  #printToken(claims: TokenClaims): string {
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${payload}.${this.#seal(payload)}`;
  }

  #parseToken(token: string): TokenClaims | undefined {
    const [payload = '', seal = ''] = token.split('.');
    if (!sameText(seal, this.#seal(payload))) return undefined;
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as TokenClaims;
    return claims.expiresAtMs > Date.now() ? claims : undefined;
  }

  #seal(payload: string): string {
    return createHmac('sha256', this.#key).update(payload).digest('base64url');
  }
}

async function readForm(request: RegistryRequest): Promise<URLSearchParams> {
  return new URLSearchParams((await readBody(request, FORM_BYTES))?.toString() ?? '');
}

function splitBasic(scheme: string, credentials: string): [user: string, password: string] {
  const text = scheme.toLowerCase() === 'basic' ? Buffer.from(credentials, 'base64').toString() : '';
  const colon = text.indexOf(':');
  return [text.slice(0, Math.max(0, colon)), text.slice(colon + 1)];
}

/** Takes as long for every text of any length. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
