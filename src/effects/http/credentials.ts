// Which credentials go to which host: user info of URLs, then HTTP_AUTH, then netrc (cli.md 3).
// Secrets live in here and in the Authorization header only; nothing here ever returns a text for people.

import type { EventSink } from '../../base/events.ts';
import { stripCredentials, urlCredentials } from '../../base/redact.ts';
import { parseNetrc } from './netrc.ts';

export interface CredentialSources {
  /** `basic:HOST:USER:PASS`, compared with the host as the URL spells it (so never one with a port). */
  readonly httpAuth?: string | undefined;
  /** Text of the netrc file. */
  readonly netrc?: string | undefined;
  readonly events: EventSink;
}

export class Credentials {
  readonly #byPrefix: { origin: string; path: string; authorization: string }[] = [];
  readonly #byHost = new Map<string, string>();
  readonly #byHostname = new Map<string, string>();

  constructor(sources: CredentialSources) {
    if (sources.httpAuth) this.#addHttpAuth(sources.httpAuth, sources.events);
    for (const entry of parseNetrc(sources.netrc ?? '')) {
      // The first entry of a machine counts, as in other readers of this file.
      if (!this.#byHostname.has(entry.machine)) this.#byHostname.set(entry.machine, basic(entry.login, entry.password));
    }
  }

  /** Remembers the user info of a repository URL for everything below that URL. URLs without user info change nothing. */
  add(url: string): void {
    const found = urlCredentials(url);
    const place = found && parseUrl(stripCredentials(url.replace(/^@\S+\s+/, '')));
    if (found === undefined || place === undefined) return;
    const path = place.pathname.replace(/\/*$/, '');
    this.#byPrefix.push({ origin: place.origin, path, authorization: basic(found.user, found.password) });
    // The longest prefix answers; of equal ones the newest.
    this.#byPrefix.sort((a, b) => b.path.length - a.path.length);
  }

  /** The Authorization value for a request to `url`, which carries no user info itself. */
  authorizationFor(url: URL): string | undefined {
    const known = this.#byPrefix.find(
      (p) => p.origin === url.origin && (url.pathname === p.path || url.pathname.startsWith(`${p.path}/`)),
    );
    return known?.authorization ?? this.#byHost.get(url.host) ?? this.#byHostname.get(url.hostname);
  }

  #addHttpAuth(value: string, events: EventSink): void {
    const [scheme, host, user, password, ...rest] = value.split(':');
    if (scheme === 'basic' && host && user !== undefined && password !== undefined && rest.length === 0) {
      this.#byHost.set(host.toLowerCase(), basic(user, password));
      return;
    }
    const message = 'HTTP_AUTH is not of the form basic:HOST:USER:PASSWORD and is ignored';
    events({ type: 'warning', code: 'HTTP_AUTH_IGNORED', message });
  }
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
