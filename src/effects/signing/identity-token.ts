// The OIDC token that says who signs (signing.md 6.1): given, or from the surroundings: the environment (GitLab and others),
// GitHub Actions, a file that a cluster mounts. Tokens live for minutes: fetch late.
// Must never repeat a token, not even a malformed one.

import { existsSync } from 'node:fs';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import type { HttpClient } from '../http/client.ts';
import { readSecret, type SecretSources } from './secret-sources.ts';

const MOUNTED = '/var/run/sigstore/cosign/oidc-token';
const AUDIENCE = 'sigstore';
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;

/**
 * Where the token will come from, chosen now, so that nobody builds for minutes only to learn that there is none. `given` is a
 * token, or what `readSecret` takes; `login` asks a person, where nothing else is there. Failure SIGNING_FAILED; the function fails with those of `readSecret` and of `http`, too.
 */
export function identityTokenSource(
  given: string | undefined,
  sources: SecretSources,
  http: HttpClient,
  login?: () => Promise<string>,
): () => Promise<string> {
  if (given !== undefined && JWT.test(given)) {
    sources.events({
      type: 'warning',
      code: 'TOKEN_VISIBLE',
      message: 'a token on the command line can be seen by other users of this machine while it is good',
      hint: 'put it into SIGSTORE_ID_TOKEN, or name a file',
    });
    return async () => checkedToken(given, 'the token that was given');
  }
  const fromSecret = async (reference: string) => {
    const { text, name } = await readSecret(reference, sources);
    return checkedToken(text.trim(), name);
  };
  if (given !== undefined) return () => fromSecret(given);
  const { env } = sources;
  const known = env['SIGSTORE_ID_TOKEN'];
  if (known !== undefined && known !== '') {
    return async () => checkedToken(known.trim(), 'the token of SIGSTORE_ID_TOKEN');
  }
  const [url, requestToken] = [env['ACTIONS_ID_TOKEN_REQUEST_URL'], env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']];
  if (url && requestToken) return () => askGitHub(url, requestToken, http);
  if (existsSync(MOUNTED)) return () => fromSecret(MOUNTED);
  if (login !== undefined) return async () => checkedToken(await login(), 'what the login gave');
  throw new Failure('SIGNING_FAILED', 'there is no identity token to sign with', {
    hint: 'Give --identity-token or SIGSTORE_ID_TOKEN; in GitHub Actions the job needs "permissions: id-token: write". Or sign with --key. On a terminal you are asked to log in, if the signing configuration or --oidc-issuer says where.',
  });
}

async function askGitHub(url: string, requestToken: string, http: HttpClient): Promise<string> {
  const target = tryUrl(url);
  const isLoopback = target?.hostname === '127.0.0.1';
  if (target === null || (target.protocol !== 'https:' && !isLoopback)) {
    throw new Failure('SIGNING_FAILED', 'ACTIONS_ID_TOKEN_REQUEST_URL is not an https URL');
  }
  target.searchParams.set('audience', AUDIENCE);
  const response = await http.get(target.href, {
    headers: { authorization: `bearer ${requestToken}`, accept: 'application/json' },
    maxBytes: LIMITS.registryAnswerBytes,
  });
  let value: unknown;
  try {
    value = (JSON.parse(Buffer.from(await response.bytes()).toString('utf8')) as { value?: unknown }).value;
  } catch {
    value = undefined;
  }
  return checkedToken(typeof value === 'string' ? value : '', 'what GitHub Actions answered');
}

function tryUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** A token that names somebody; whether it is genuine is for the certificate authority to say. */
function checkedToken(token: string, name: string): string {
  const invalid = (why: string) => new Failure('SIGNING_FAILED', `${name} is not an identity token: ${why}`);
  if (!JWT.test(token)) throw invalid('it has not the form of a JWT');
  let claims: { sub?: unknown; email?: unknown; email_verified?: unknown };
  try {
    claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) ?? {};
  } catch {
    throw invalid('its claims cannot be read');
  }
  if (claims.email && !claims.email_verified) throw invalid('its e-mail address is not verified by its issuer');
  if (!claims.email && (typeof claims.sub !== 'string' || claims.sub === '')) throw invalid('it names nobody');
  return token;
}
