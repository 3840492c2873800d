// The command lines of a run, made from its inputs. Pure.

import { createProgram } from '../../src/cli/program.ts';
import type { World } from '../../src/cli/world.ts';
import { type Inputs, isKeyText } from './inputs.ts';

/** Where a key that is an input itself is found by the command. */
export const KEY_VARIABLE = 'STAVE_ACTION_KEY';

/** What the inputs leave open, decided. */
export interface Chosen {
  readonly lockfile: string | undefined;
  readonly sbomPath: string;
  readonly publish: boolean;
}

export function publishWords(inputs: Inputs, { lockfile, sbomPath, publish }: Chosen): string[] {
  const { config, tags, archs, hardening, cacheDir, flags } = inputs;
  return [
    'publish',
    config,
    ...tags,
    ...archs.map((arch) => `--arch=${arch}`),
    ...given('lockfile', lockfile),
    ...given('hardening', hardening),
    ...given('cache-dir', cacheDir),
    ...given('sbom-path', sbomPath),
    ...signingWords(inputs),
    ...(publish ? [] : ['--dry-run']),
    ...flags,
  ];
}

/**
 * About the image of the first tag that no package's version is a part of: the others are not known before the build.
 * Undefined where there is none.
 */
export function inspectWords({ tags, flags }: Inputs, world: World): string[] | undefined {
  const tag = tags.find((one) => !one.includes('{'));
  return tag === undefined ? undefined : ['inspect', tag, ...knownFlags('inspect', flags, world)];
}

/** Undefined where the cache may grow. */
export function pruneWords({ cacheMaxSize, cacheDir }: Inputs): string[] | undefined {
  if (cacheMaxSize === undefined) return undefined;
  return ['cache', 'prune', ...given('max-size', cacheMaxSize), ...given('cache-dir', cacheDir)];
}

function signingWords({ sign, attest, key }: Inputs): string[] {
  if (!sign) return [];
  return [
    '--sign',
    ...(attest ? [] : ['--no-attest']),
    ...given('key', isKeyText(key) ? `env://${KEY_VARIABLE}` : key),
  ];
}

/** One word, so that no value is taken for a flag. */
function given(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`--${name}=${value}`];
}

/** Flags are written for `publish`; another command of the same run gets those that it has. */
function knownFlags(name: string, flags: readonly string[], world: World): string[] {
  const command = createProgram(world).commands.find((one) => one.name() === name);
  const known = new Set(command?.options.map(({ long }) => long));
  return flags.filter((flag) => known.has(flag.replace(/=.*$/s, '')));
}
