// A person's own identity for keyless signing, where no token is at hand: a login in the browser, or with a code on another device
// where this machine has none (signing.md 6.1).

import { VERSION } from '../../base/version.ts';
import { HttpExchanger } from '../../effects/http/exchange.ts';
import { systemClock } from '../../effects/http/retry.ts';
import { loginByBrowser, loginByDevice, type Person } from '../../effects/signing/oidc-login.ts';
import { discoverProvider } from '../../effects/signing/oidc-provider.ts';
import { hasBrowser, openBrowser } from '../../effects/signing/open-browser.ts';
import type { Host } from '../host.ts';

export interface LoginOptions {
  /** Default: that of the services that sign. */
  readonly oidcIssuer?: string;
  readonly oidcClientId?: string;
  /** `token`: nobody is asked. Default: the browser where there is one. */
  readonly authFlow?: 'normal' | 'device' | 'token';
}

const CLIENT = 'sigstore';
const TIMEOUT_MS = 30_000;

/** The login at `provider`, or undefined where nobody is there to log in, or no place to do it. */
export function loginFor(
  options: LoginOptions,
  provider: string | undefined,
  host: Host,
): (() => Promise<string>) | undefined {
  const { authFlow, oidcIssuer = provider } = options;
  if (authFlow === 'token' || (authFlow === undefined && host.askPassword === undefined)) return undefined;
  if (oidcIssuer === undefined) return undefined;
  return () => logIn({ ...options, oidcIssuer }, host);
}

async function logIn(
  { oidcIssuer, oidcClientId, authFlow }: LoginOptions & { readonly oidcIssuer: string },
  host: Host,
): Promise<string> {
  const { env: environment, events } = host;
  const exchanger = new HttpExchanger({ version: VERSION, environment, events, timeoutMs: TIMEOUT_MS, maxPerHost: 2 });
  try {
    const provider = await discoverProvider(oidcIssuer, oidcClientId ?? CLIENT, exchanger);
    const person: Person = { tell: (message) => events({ type: 'info', message }), openBrowser };
    const byBrowser = authFlow === 'normal' || (authFlow === undefined && hasBrowser(environment));
    return byBrowser
      ? await loginByBrowser(provider, exchanger, person)
      : await loginByDevice(provider, exchanger, person, systemClock);
  } finally {
    await exchanger.close();
  }
}
