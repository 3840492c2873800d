// Credentials for registries, handed over in the environment of this one run: nothing is written to disk, where later steps of
// the job, or later jobs of a machine that is kept, would find it. Pure.

import { Failure } from '../../src/base/failure.ts';
import { parseJsonMap } from '../../src/effects/registry/auth/auth-file.ts';
import { parseReference } from '../../src/formats/oci/reference.ts';
import { checkTagTemplate } from '../../src/operations/publish-image/tag-template.ts';
import type { Inputs } from './inputs.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the inputs say, as variables that the registry client reads. Failures USAGE_ARGUMENTS for a user without a password and
 * for tags in several registries: a password is sent to none but its own; CREDENTIALS_UNUSABLE.
 */
export function loginEnvironment(
  {
    tags,
    token,
    registryUsername,
    registryPassword,
  }: Pick<Inputs, 'tags' | 'token' | 'registryUsername' | 'registryPassword'>,
  env: Environment,
): Environment {
  const own = token === undefined ? {} : { GITHUB_TOKEN: token };
  if (registryPassword === undefined) {
    if (registryUsername === undefined) return own;
    throw new Failure('USAGE_ARGUMENTS', 'the input "registry-username" needs "registry-password" with it');
  }
  const user = registryUsername ?? env['GITHUB_ACTOR'] ?? '';
  const name = 'DOCKER_AUTH_CONFIG';
  const config = parseJsonMap(env[name] ?? '', name);
  const auth = Buffer.from(`${user}:${registryPassword}`).toString('base64');
  const auths = { ...(config['auths'] as object | undefined), [registryOf(tags)]: { auth } };
  return { ...own, [name]: JSON.stringify({ ...config, auths }) };
}

function registryOf(tags: readonly string[]): string {
  const registries = tags.map((tag) => {
    checkTagTemplate(tag);
    return parseReference(tag.replace(/\{[^{}]*\}/g, '1')).registry;
  });
  const [registry = '', another] = new Set(registries);
  if (another === undefined) return registry;
  throw new Failure(
    'USAGE_ARGUMENTS',
    `"registry-password" is for one registry, but the tags are in ${registry} and ${another}`,
    { hint: 'log in to each in a step before this one, as docker/login-action does, and leave this input out' },
  );
}
