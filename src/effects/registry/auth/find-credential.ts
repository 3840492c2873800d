// Where credentials for a registry are looked for, in which order (signing.md 12; users-wishes.md 15).
// What the environment holds beats a file, and a file that somebody named beats one that merely lies around; the first place
// that knows the registry answers.

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import { type AuthFile, helperKey, keysFor, parseAuthFile, registryKey } from './auth-file.ts';
import type { Credential } from './credential.ts';
import { getFromHelper, type HelperOptions } from './credential-helper.ts';

export interface CredentialPlaces {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
}

export interface CredentialSearch {
  readonly credential: Credential | undefined;
  /** The files that exist, and INLINE_FILE where it is set, in the order in which they were asked. */
  readonly files: readonly string[];
  /** Helpers and files that could not be asked, one sentence each. */
  readonly troubles: readonly string[];
}

/** Failure CREDENTIALS_UNUSABLE where a file is there and cannot be read. */
export async function findCredential(
  registry: string,
  repository: string | undefined,
  places: CredentialPlaces,
): Promise<CredentialSearch> {
  const files: string[] = [];
  const troubles: string[] = [];
  for await (const { path, text } of authDocuments(places)) {
    files.push(path);
    const credential = await askFile(parseAuthFile(text, path), {
      path,
      registry,
      repository,
      helpers: { environment: places.environment },
      troubles,
    });
    if (credential !== undefined) return { credential, files, troubles };
  }
  return { credential: githubCredential(registry, places.environment), files, troubles };
}

/** The file that `login` writes and docker reads. */
export function dockerConfigPath({ environment, homeDir }: CredentialPlaces): string {
  return join(environment['DOCKER_CONFIG'] || join(homeDir, '.docker'), 'config.json');
}

/** The variable that holds a whole credential file, for docker and for GitLab's runners: no file is left on the machine. */
const INLINE_FILE = 'DOCKER_AUTH_CONFIG';

/** Read one by one: what is wrong with a file that nobody has to ask is no failure. */
async function* authDocuments(places: CredentialPlaces): AsyncGenerator<{ path: string; text: string }> {
  const inline = places.environment[INLINE_FILE];
  if (inline) yield { path: INLINE_FILE, text: inline };
  for (const path of authFilePaths(places)) {
    const text = await readAuthFile(path);
    if (text !== undefined) yield { path, text };
  }
}

function authFilePaths(places: CredentialPlaces): string[] {
  const { environment, homeDir } = places;
  const named = environment['REGISTRY_AUTH_FILE'] || undefined;
  const docker = dockerConfigPath(places);
  const runtime = environment['XDG_RUNTIME_DIR'];
  const configHome = environment['XDG_CONFIG_HOME'] || join(homeDir, '.config');
  const first = environment['DOCKER_CONFIG'] ? [docker, named] : [named, docker];
  return [
    ...first,
    runtime ? join(runtime, 'containers', 'auth.json') : undefined,
    join(configHome, 'containers', 'auth.json'),
  ].filter((path) => path !== undefined);
}

async function readAuthFile(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    if (found.size > LIMITS.credentialFileBytes) throw unreadable(path, 'it is too large');
    if (!found.isFile()) throw unreadable(path, 'it is not a file');
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, code);
  }
}

interface Question {
  readonly path: string;
  readonly registry: string;
  readonly repository: string | undefined;
  readonly helpers: HelperOptions;
  readonly troubles: string[];
}

/** The registry's own helper, then the helper for all, then the file itself. */
async function askFile(file: AuthFile, question: Question): Promise<Credential | undefined> {
  const { path, registry, repository } = question;
  const own = file.helpers.get(registryKey(registry));
  for (const name of new Set([own, file.defaultHelper])) {
    if (name === undefined) continue;
    const answer = await getFromHelper(name, helperKey(registry), question.helpers);
    const source = `docker-credential-${name} (named in ${path})`;
    if (answer.kind === 'found') return { secret: answer.secret, source };
    if (answer.kind === 'trouble') question.troubles.push(`${answer.text}; ${path} names it`);
  }
  for (const key of keysFor(registry, repository)) {
    const secret = file.secrets.get(key);
    if (secret !== undefined) return { secret, source: path };
  }
  return undefined;
}

/** The token of a GitHub Actions run opens GitHub's own registry. Elsewhere that variable is for other things. */
function githubCredential(registry: string, environment: CredentialPlaces['environment']): Credential | undefined {
  const { GITHUB_TOKEN: token, GITHUB_ACTOR: actor, GITHUB_ACTIONS: actions } = environment;
  if (registryKey(registry) !== 'ghcr.io' || !token || actions !== 'true') return undefined;
  return { secret: { kind: 'basic', user: actor || 'x-access-token', password: token }, source: 'GITHUB_TOKEN' };
}

function unreadable(path: string, why: string): Failure {
  return new Failure('CREDENTIALS_UNUSABLE', `cannot read the credential file ${path}: ${why}`, {
    hint: 'repair its permissions, or name another one in REGISTRY_AUTH_FILE or DOCKER_CONFIG',
  });
}
