// Who signs, from what a command says: a key, or without one the run's own identity (signing.md 5, 6). Keys are read and
// passwords asked for at once; a token, which lives for minutes, only when the first signature is made.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { VERSION } from '../../base/version.ts';
import { createHttpClient, type HttpClient } from '../../effects/http/client.ts';
import { systemClock } from '../../effects/http/retry.ts';
import { type BundleSigner, keySigner } from '../../effects/signing/bundle-signer.ts';
import { identityTokenSource } from '../../effects/signing/identity-token.ts';
import { keylessSigner, witnessesOf } from '../../effects/signing/keyless-signer.ts';
import { PUBLIC_SERVICES } from '../../effects/signing/public-instance.ts';
import { parseSigningConfig, type SigningServices } from '../../effects/signing/signing-config.ts';
import { readSigningKey } from '../../effects/signing/signing-key.ts';
import type { Host } from '../host.ts';
import { type LoginOptions, loginFor } from './log-in.ts';
import type { SigningFormat } from './sign-image.ts';

export interface SignerOptions extends LoginOptions {
  /** A path, `env://NAME` or `-`. Undefined: keyless. */
  readonly key?: string;
  readonly allowEd25519?: boolean;
  /** A token, or where it is; default: from the surroundings. */
  readonly identityToken?: string;
  /** Path of a signing configuration; default: no services for keys, the public instance for identities. */
  readonly signingConfig?: string;
  /** Single services in place of those of the default; a log by its URL is one of version 1. */
  readonly fulcioUrl?: string;
  readonly rekorUrl?: string;
  readonly timestampServerUrl?: string;
  /** The form of what is signed, so that what it cannot hold is known before. Default: bundles. */
  readonly format?: SigningFormat;
}

export interface OpenedSigner extends BundleSigner {
  /** Whether its signatures are written into a transparency log. */
  readonly isLogged: boolean;
}

/** Runs `work` with the signer. Failures KEY_*, SIGNING_FAILED, TRUST_ROOT_INVALID, USAGE_FLAG, FILE_UNREADABLE. */
export async function withSigner<T>(
  options: SignerOptions,
  host: Host,
  work: (signer: OpenedSigner) => Promise<T>,
): Promise<T> {
  const http = createHttpClient({ version: VERSION, environment: host.env, events: host.events });
  try {
    return await work(await openSigner(options, host, http));
  } finally {
    await http.close();
  }
}

async function openSigner(options: SignerOptions, host: Host, http: HttpClient): Promise<OpenedSigner> {
  const { key, allowEd25519 = false, identityToken } = options;
  const services = await servicesOf(options, host.cwd);
  checkLegacyLog(services ?? (key === undefined ? PUBLIC_SERVICES : NO_SERVICES), options.format ?? 'bundle', host);
  if (key !== undefined) {
    const { logs } = services ?? NO_SERVICES;
    const witnesses = await witnessesOf(services ?? NO_SERVICES);
    const signer = keySigner(await readSigningKey(key, host), { allowEd25519, witnesses });
    return { ...signer, isLogged: logs.length > 0 };
  }
  const used = services ?? PUBLIC_SERVICES;
  const signer = await keylessSigner({
    services: used,
    identityToken: identityTokenSource(identityToken, host, http, loginFor(options, used.identityProvider, host)),
    clock: systemClock,
  });
  return { ...signer, isLogged: used.logs.length > 0 };
}

/** Legacy signatures hold the promise of a log of version 1 alone: with another log they look like unlogged ones. */
function checkLegacyLog({ logs }: SigningServices, format: SigningFormat, { events }: Host): void {
  if (format === 'bundle' || logs.length === 0 || logs.some(({ majorApiVersion }) => majorApiVersion === 1)) return;
  const lacking = `legacy signatures have no place for an entry of ${logs[0]?.url}, a log of version 2`;
  if (format === 'legacy') {
    throw new Failure('USAGE_FLAG', `${lacking}: verifiers would refuse them`, {
      hint: 'Sign bundles, or both, or take a signing configuration with a log of version 1.',
    });
  }
  const hint = 'Bundles have it. Sign those alone, or take a signing configuration with a log of version 1.';
  events({
    type: 'warning',
    code: 'LEGACY_UNLOGGED',
    message: `${lacking}: verifiers of those will refuse them`,
    hint,
  });
}

/** Undefined where nothing is said: then it depends on who signs. */
async function servicesOf(options: SignerOptions, cwd: string): Promise<SigningServices | undefined> {
  const { key, signingConfig, fulcioUrl, rekorUrl, timestampServerUrl } = options;
  const urls = { 'fulcio-url': fulcioUrl, 'rekor-url': rekorUrl, 'timestamp-server-url': timestampServerUrl };
  const given = Object.entries(urls).filter(([, url]) => url !== undefined);
  for (const [name, url = ''] of given) {
    if (signingConfig !== undefined) {
      throw new Failure('USAGE_FLAG', `--signing-config and --${name} exclude each other`, {
        hint: 'the signing configuration names all services',
      });
    }
    if (!/^https?:\/\/[^\s@]+$/.test(url)) throw new Failure('USAGE_FLAG', `--${name} takes an http or https URL`);
  }
  if (signingConfig !== undefined) {
    return await parseSigningConfig(await readLocalText(signingConfig, cwd), signingConfig, systemClock.now());
  }
  if (given.length === 0) return undefined;
  // A key needs no service, so it gets those alone that were asked for.
  const { certificateAuthority, logs, identityProvider } = key === undefined ? PUBLIC_SERVICES : NO_SERVICES;
  return {
    certificateAuthority: fulcioUrl ?? certificateAuthority,
    logs: rekorUrl === undefined ? logs : [{ url: rekorUrl, majorApiVersion: 1 }],
    timestampAuthorities: timestampServerUrl === undefined ? [] : [timestampServerUrl],
    identityProvider,
  };
}

const NO_SERVICES: SigningServices = {
  certificateAuthority: undefined,
  logs: [],
  timestampAuthorities: [],
  identityProvider: undefined,
};

/** Failure FILE_UNREADABLE. */
export async function readLocalText(path: string, cwd: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, path), 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Failure('FILE_UNREADABLE', `cannot read ${path}: ${code}`, { cause });
  }
}
