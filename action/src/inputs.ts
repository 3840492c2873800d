// The inputs of action.yml as values. The runner hands them over as INPUT_* variables, trimmed or not, absent ones as ''. Pure.

import { Failure } from '../../src/base/failure.ts';
import { nearestNames } from '../../src/base/nearest.ts';

const DRY_RUN_MODES = ['auto', 'true', 'false'] as const;

export interface Inputs {
  /** Below the workspace; '' is the workspace itself. */
  readonly workingDirectory: string;
  readonly config: string;
  readonly tags: readonly string[];
  readonly archs: readonly string[];
  /** Undefined: the one beside the configuration, where there is one. */
  readonly lockfile: string | undefined;
  /** Each one word: `--name` or `--name=value`. */
  readonly flags: readonly string[];
  /** A profile; undefined: that of the configuration. */
  readonly hardening: string | undefined;
  readonly dryRun: (typeof DRY_RUN_MODES)[number];
  readonly sign: boolean;
  readonly attest: boolean;
  /** A key, or where it is; undefined: the identity of the workflow signs. */
  readonly key: string | undefined;
  readonly keyPassword: string | undefined;
  /** What opens GitHub's own registry. */
  readonly token: string | undefined;
  readonly registryUsername: string | undefined;
  readonly registryPassword: string | undefined;
  /** Undefined: a new folder for temporary files. */
  readonly sbomPath: string | undefined;
  readonly cacheDir: string | undefined;
  readonly cacheMaxSize: string | undefined;
}

/** `lockfile: none`: resolve anew, although there is a lock file. */
export const NO_LOCKFILE = 'none';

/** Failure USAGE_FLAG for a value that an input does not take, USAGE_ARGUMENTS where `tags` are missing. */
export function parseInputs(env: Readonly<Record<string, string | undefined>>): Inputs {
  const text = (name: string) => env[`INPUT_${name.toUpperCase()}`]?.trim() ?? '';
  const optional = (name: string) => text(name) || undefined;
  const tags = wordsOf(text('tags'));
  if (tags.length === 0) {
    throw new Failure('USAGE_ARGUMENTS', 'the input "tags" names no reference', {
      hint: 'write one a line, as "ghcr.io/${{ github.repository }}:latest"',
    });
  }
  return {
    workingDirectory: text('working-directory'),
    config: text('config') || 'image.yaml',
    tags,
    archs: wordsOf(text('archs')),
    lockfile: optional('lockfile'),
    flags: parseFlags(text('flags')),
    hardening: optional('hardening'),
    dryRun: choice('dry-run', text('dry-run'), DRY_RUN_MODES, 'auto'),
    sign: switched('sign', text('sign')),
    attest: switched('attest', text('attest')),
    key: optional('key'),
    keyPassword: optional('key-password'),
    token: optional('token'),
    registryUsername: optional('registry-username'),
    registryPassword: optional('registry-password'),
    sbomPath: optional('sbom-path'),
    cacheDir: optional('cache-dir'),
    cacheMaxSize: optional('cache-max-size'),
  };
}

/** What must not be seen in a log. */
export function secretsOf({ key, keyPassword, token, registryPassword }: Inputs): string[] {
  return [isKeyText(key) ? key : undefined, keyPassword, token, registryPassword].filter((text) => text !== undefined);
}

/** Whether an input is a key itself, not the place of one. */
export function isKeyText(text: string | undefined): text is string {
  return text?.startsWith('-----BEGIN ') ?? false;
}

/** Lists are written one a line, or with commas between. */
function wordsOf(text: string): string[] {
  return text
    .split(/[\n,]/)
    .map((word) => word.trim())
    .filter(Boolean);
}

/** One flag a line: nothing is split at blanks, so a value cannot become a second flag. */
function parseFlags(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter(Boolean).map((line) => {
    if (/^--[a-z]/.test(line)) return line;
    throw new Failure('USAGE_FLAG', `the input "flags" has the line "${line}", which is no flag`, {
      hint: 'write one flag a line, with its value behind "=": --variant=dev',
    });
  });
}

function switched(name: string, text: string): boolean {
  return choice(name, text.toLowerCase(), ['true', 'false'], 'true') === 'true';
}

function choice<C extends string>(name: string, text: string, choices: readonly C[], otherwise: C): C {
  if (text === '') return otherwise;
  const found = choices.find((one) => one === text);
  if (found !== undefined) return found;
  const near = nearestNames(text, choices, 1)[0];
  throw new Failure('USAGE_FLAG', `the input "${name}" takes ${choices.join(', ')}, not "${text}"`, {
    ...(near !== undefined && { hint: `did you mean ${near}?` }),
  });
}
