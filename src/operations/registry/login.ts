// `stave login`: asks the registry whether the credentials are right, then stores them where docker and others find them
// (cli.md 2). Must never store what was refused.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { storeCredential } from '../../effects/registry/auth/docker-config-file.ts';
import { RegistryConnection } from '../../effects/registry/client/registry-connection.ts';
import type { Host } from '../host.ts';
import { parseRegistryName } from './registry-name.ts';
import { type RegistryAccess, registryOptions } from './registry-request.ts';

export interface LoginRequest extends RegistryAccess {
  /** undefined: Docker Hub. */
  readonly registry?: string;
  readonly user: string;
  /** One line end at its end is not a part of it: it came from a pipe. */
  readonly password: string;
}

export interface LoginReport {
  readonly registry: string;
  readonly user: string;
  /** docker's config.json. */
  readonly path: string;
  /** The credential helper that has the password instead of the file. */
  readonly helper: string | undefined;
  /** False where the registry lets everybody in: then nobody knows whether the password is right. */
  readonly checked: boolean;
}

/** Failures REGISTRY_AUTH, CREDENTIALS_UNUSABLE, FILE_UNWRITABLE, USAGE_ARGUMENTS, and those of the connection. */
export async function login(request: LoginRequest, host: Host): Promise<LoginReport> {
  const registry = parseRegistryName(request.registry);
  const { user } = request;
  const password = request.password.replace(/\r?\n$/, '');
  if (user === '' || user.includes(':') || password === '') {
    throw new Failure('USAGE_ARGUMENTS', 'a login needs a user name without colon, and a password', {
      hint: 'give them as -u USER and --password-stdin',
    });
  }
  const checked = await checkLogin(registry, { user, password }, request, host);
  const places = { environment: host.env, homeDir: host.homeDir };
  const place = await storeCredential(registry, { user, password }, places);
  return { registry, user, ...place, checked };
}

/** Whether the registry has looked at the credentials. */
async function checkLogin(
  registry: string,
  { user, password }: { readonly user: string; readonly password: string },
  access: RegistryAccess,
  host: Host,
): Promise<boolean> {
  const credential = { secret: { kind: 'basic', user, password } as const, source: 'this login' };
  const connection = new RegistryConnection(registry, undefined, registryOptions(access, host)(registry), credential);
  try {
    const request = { method: 'GET', place: '', doing: 'log in', scopes: [] } as const;
    const answer = await connection.read(request, LIMITS.registryAnswerBytes);
    if (answer.status !== 200) await connection.refuse(answer, request);
    return connection.auth.asked;
  } finally {
    await connection.close();
  }
}
