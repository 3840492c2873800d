// What goes into the Authorization header of requests to one registry: nothing until it asks, then Basic or a token for the
// scopes of the request (signing.md 12). A token is fetched once however many requests wait for it, and again when it ends.

import { Failure } from '../../../base/failure.ts';
import { basic } from '../../http/credentials.ts';
import type { HttpExchanger } from '../../http/exchange.ts';
import type { RetryClock } from '../../http/retry.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { type Credential, describeCredential, secretTexts } from './credential.ts';
import type { CredentialSearch } from './find-credential.ts';
import { coversScopes, mergeScopes } from './scope.ts';
import { fetchToken, type Token, type TokenServer, tokenServer } from './token.ts';

export interface AuthenticatorOptions {
  /** `https://registry.example/`. */
  readonly registry: URL;
  /** Looks for the credential; asked once, and only when the registry wants one. */
  readonly search: () => Promise<CredentialSearch>;
  readonly exchanger: HttpExchanger;
  readonly clock: RetryClock;
}

/** What one request was sent with. */
export interface Ticket {
  readonly authorization: string | undefined;
  /** The token was fetched for this very request: a new one would be no better. */
  readonly fresh: boolean;
}

type Scheme =
  | { readonly kind: 'open' }
  | { readonly kind: 'basic' }
  | { readonly kind: 'token'; readonly server: TokenServer; readonly offered: readonly string[] };

interface IssuedToken {
  readonly scopes: readonly string[];
  readonly token: Promise<Token>;
  /** Known when the token is there. */
  text: string | undefined;
  expiresAt: number;
}

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  #scheme: Scheme = { kind: 'open' };
  #tokens: IssuedToken[] = [];
  #search: Promise<CredentialSearch> | undefined;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Whether the registry has wanted to know who we are. */
  get asked(): boolean {
    return this.#scheme.kind !== 'open';
  }

  /** The credential that is used once the registry asks for one. */
  search(): Promise<CredentialSearch> {
    this.#search ??= this.#options.search();
    return this.#search;
  }

  /** The header for a request with these scopes. Failures of the search and the token server; REGISTRY_AUTH. */
  async ticket(scopes: readonly string[]): Promise<Ticket> {
    const scheme = this.#scheme;
    if (scheme.kind === 'open') return { authorization: undefined, fresh: false };
    const { credential } = await this.search();
    if (credential?.secret.kind === 'bearer') return { authorization: bearer(credential.secret.token), fresh: true };
    if (scheme.kind === 'token')
      return await this.#tokenTicket(scheme.server, mergeScopes([...scopes, ...scheme.offered]), credential);
    const secret = credential?.secret;
    const known = secret?.kind === 'basic' ? basic(secret.user, secret.password) : undefined;
    return { authorization: known, fresh: true };
  }

  /**
   * A request that was sent with `ticket` was answered with 401, or 403 and a challenge: whether sending it again with a
   * new ticket may help. Failure REGISTRY_PROTOCOL.
   */
  async refused(
    header: string | readonly string[] | undefined,
    scopes: readonly string[],
    ticket: Ticket,
  ): Promise<boolean> {
    const challenge = usableChallenge(parseChallenges(header));
    if (challenge === undefined) return false;
    const before = this.#scheme;
    if (challenge.scheme === 'basic') {
      this.#scheme = { kind: 'basic' };
      return before.kind !== 'basic' && (await this.search()).credential?.secret.kind === 'basic';
    }
    const server = tokenServer(challenge, this.#options.registry);
    const asked = (challenge.parameters.get('scope') ?? '').split(' ').filter(Boolean);
    const offered = before.kind === 'token' ? before.offered : [];
    // Scopes that we would not have asked for: a registry may name its resources in its own way.
    const wider = !coversScopes([...scopes, ...offered], asked);
    this.#scheme = { kind: 'token', server, offered: wider ? mergeScopes([...offered, ...asked]) : offered };
    if (before.kind !== 'token') return true;
    this.#tokens = this.#tokens.filter(({ text }) => text === undefined || bearer(text) !== ticket.authorization);
    return wider || !ticket.fresh;
  }

  /** The text without our secrets: servers sometimes repeat what they were sent. */
  async scrub(text: string): Promise<string> {
    const credential = (await this.#search?.catch(() => undefined))?.credential;
    const tokens = this.#tokens.map((issued) => issued.text ?? '');
    const secrets = [...(credential ? secretTexts(credential) : []), ...tokens].filter((secret) => secret !== '');
    return secrets.reduce((rest, secret) => rest.replaceAll(secret, 'xxxxx'), text);
  }

  /** Failure REGISTRY_AUTH that says which credential was used and what to do. `doing` completes "to". */
  async denied(doing: string, status: number, detail: string | undefined): Promise<Failure> {
    const { registry } = this.#options;
    const { credential, files, troubles } = await this.search();
    const used = this.#scheme.kind === 'open' ? undefined : credential;
    const sentence =
      used === undefined
        ? `the registry ${registry.host} does not let anonymous users ${doing}`
        : `the registry ${registry.host} does not let ${describeCredential(used)} ${doing}`;
    const notes = detail === undefined ? [] : [`the registry says: ${await this.scrub(detail)}`];
    if (used === undefined && credential !== undefined) {
      notes.push(`${describeCredential(credential)} was not used: the registry did not say how to identify oneself`);
    } else if (used === undefined) {
      notes.push(files.length === 0 ? 'there is no credential file' : `nothing for it in ${files.join(', ')}`);
    }
    return new Failure('REGISTRY_AUTH', `${sentence} (status ${status})`, {
      hint: used === undefined ? loginHint(registry) : hintFor(status, registry),
      notes: [...notes, ...troubles],
      data: { status },
    });
  }

  async #tokenTicket(
    server: TokenServer,
    scopes: readonly string[],
    credential: Credential | undefined,
  ): Promise<Ticket> {
    const now = this.#options.clock.now();
    this.#tokens = this.#tokens.filter((issued) => issued.expiresAt > now);
    const known = this.#tokens.find((issued) => coversScopes(issued.scopes, scopes));
    if (known !== undefined) return { authorization: bearer((await known.token).text), fresh: false };
    const issued: IssuedToken = {
      scopes,
      token: this.#fetch(server, scopes, credential),
      text: undefined,
      expiresAt: Number.POSITIVE_INFINITY,
    };
    this.#tokens.push(issued);
    try {
      const token = await issued.token;
      issued.expiresAt = token.expiresAt;
      issued.text = token.text;
      return { authorization: bearer(token.text), fresh: true };
    } catch (error) {
      this.#tokens = this.#tokens.filter((other) => other !== issued);
      throw error;
    }
  }

  async #fetch(server: TokenServer, scopes: readonly string[], credential: Credential | undefined): Promise<Token> {
    const { exchanger, clock } = this.#options;
    const answer = await fetchToken(exchanger, server, scopes, credential, clock);
    if (answer.kind === 'token') return answer.token;
    const doing = `get a token for ${scopes.length === 0 ? 'anything' : scopes.join(' ')}`;
    throw await this.denied(doing, answer.status, answer.detail);
  }
}

function bearer(token: string): string {
  return `Bearer ${token}`;
}

/** Tokens before Basic: a registry that offers both means Basic for old clients. */
function usableChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return ['bearer', 'basic'].map((scheme) => challenges.find((one) => one.scheme === scheme)).find(Boolean);
}

function loginHint(registry: URL): string {
  const github = registry.host === 'ghcr.io' ? ', or set GITHUB_TOKEN in GitHub Actions' : '';
  return `log in with \`stave login ${registry.host}\`${github}; registries say the same of a repository that does not exist`;
}

function hintFor(status: number, registry: URL): string {
  return status === 401
    ? `check that these credentials are current: \`stave login ${registry.host}\` stores new ones`
    : 'check that this account may do that there, and that the repository exists';
}
