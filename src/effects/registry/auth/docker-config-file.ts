// Changes to docker's config.json, for `login` and `logout` (cli.md 2). The file belongs to docker: what we do not know in it
// stays, it is replaced in one step, and only its owner may read it.

import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, realpath, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure } from '../../../base/failure.ts';
import { failingUnwritable } from '../../output/atomic-file.ts';
import { helperKey, isMap, parseAuthFile, parseJsonMap, registryKey } from './auth-file.ts';
import { putIntoHelper } from './credential-helper.ts';
import { type CredentialPlaces, dockerConfigPath } from './find-credential.ts';

/** Where a credential went, or was taken from: the file, or a helper that it names. */
export interface CredentialPlace {
  readonly path: string;
  readonly helper: string | undefined;
}

/** Stores user and password for the registry. Failures CREDENTIALS_UNUSABLE, FILE_UNWRITABLE. */
export async function storeCredential(
  registry: string,
  { user, password }: { readonly user: string; readonly password: string },
  places: CredentialPlaces,
): Promise<CredentialPlace> {
  const path = dockerConfigPath(places);
  const config = await readConfig(path);
  const helper = helperFor(config, path, registry);
  const key = helperKey(registry);
  const auths = withoutRegistry(config['auths'], registry);
  if (helper === undefined) {
    auths[key] = { auth: Buffer.from(`${user}:${password}`).toString('base64') };
  } else {
    const input = JSON.stringify({ ServerURL: key, Username: user, Secret: password });
    await askHelper(helper, 'store', input, path, places);
    // docker lists the registry all the same, without a secret.
    auths[key] = {};
  }
  await writeConfig(path, { ...config, auths });
  return { path, helper };
}

/** Removes what is stored for the registry; undefined where the file and its helper have nothing. */
export async function eraseCredential(
  registry: string,
  places: CredentialPlaces,
): Promise<CredentialPlace | undefined> {
  const path = dockerConfigPath(places);
  const config = await readConfig(path);
  const helper = helperFor(config, path, registry);
  if (helper !== undefined) await askHelper(helper, 'erase', helperKey(registry), path, places);
  const before = isMap(config['auths']) ? config['auths'] : {};
  const auths = withoutRegistry(before, registry);
  if (Object.keys(auths).length < Object.keys(before).length) {
    await writeConfig(path, { ...config, auths });
  } else if (helper === undefined) {
    return undefined;
  }
  return { path, helper };
}

async function readConfig(path: string): Promise<Record<string, unknown>> {
  try {
    return parseJsonMap(await readFile(path, 'utf8'), path);
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    if (code === 'ENOENT') return {};
    throw new Failure('CREDENTIALS_UNUSABLE', `cannot read the credential file ${path}: ${code}`, {
      hint: 'repair its permissions, or name another folder in DOCKER_CONFIG',
    });
  }
}

function helperFor(config: Record<string, unknown>, path: string, registry: string): string | undefined {
  const { helpers, defaultHelper } = parseAuthFile(JSON.stringify(config), path);
  return helpers.get(registryKey(registry)) ?? defaultHelper;
}

async function askHelper(
  helper: string,
  verb: 'store' | 'erase',
  input: string,
  path: string,
  { environment }: CredentialPlaces,
): Promise<void> {
  const trouble = await putIntoHelper(helper, verb, input, { environment });
  if (trouble === undefined) return;
  throw new Failure('CREDENTIALS_UNUSABLE', `${path} keeps credentials in a helper, and ${trouble}`, {
    hint: 'install or repair that helper, or take "credsStore" and "credHelpers" out of the file',
  });
}

/** The entries of other registries. A key with a path is about a part of a registry, and stays. */
function withoutRegistry(auths: unknown, registry: string): Record<string, unknown> {
  const entries = Object.entries(isMap(auths) ? auths : {});
  return Object.fromEntries(entries.filter(([key]) => registryKey(key) !== registryKey(registry)));
}

async function writeConfig(path: string, config: Record<string, unknown>): Promise<void> {
  await failingUnwritable(path, async () => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // A link to a file elsewhere stays a link.
    const target = await realpath(path).catch(() => path);
    const temporary = join(dirname(target), `.stave-${randomBytes(8).toString('hex')}.partial`);
    try {
      const handle = await open(temporary, 'wx', 0o600);
      // docker indents with tabs.
      await handle.writeFile(`${JSON.stringify(config, undefined, '\t')}\n`).finally(() => handle.close());
      await rename(temporary, target);
    } catch (error) {
      await unlink(temporary).catch(() => {});
      throw error;
    }
  });
}
