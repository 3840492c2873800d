// From YAML files to one configuration (image-config.md 1): search path, includes, every structural mistake with its place.
// What is wrong only in combination is found by validate.ts. Reading files is the caller's, through `read`.

import { Failure, type SourcePlace } from '../../base/failure.ts';
import { isNull, nodeAt, placeOf, type YamlEntry, type YamlMap } from '../../formats/yaml/yaml-node.ts';
import type { CheckId } from '../hardening/check-table.ts';
import type { HardeningPolicy, HardeningProfile } from '../hardening/policy.ts';
import { ociArchitecture } from './architecture.ts';
import { fileGroupsOf } from './file-group.ts';
import type { ImageConfig } from './image-config.ts';
import { IMAGE_SCHEMA } from './image-schema.ts';
import { mergeInclude } from './include-merge.ts';
import { type ConfigRead, type LoadedFile, loadFiles } from './load-files.ts';
import { failOnProblems, nearHint, type Problem } from './problem.ts';
import type { ShapeValue } from './shape.ts';
import { checkShape } from './shape-check.ts';
import { shapeValue } from './shape-value.ts';
import { checkStrictApko } from './strict-apko.ts';
import { parseVariables, substituteVariables, type Variables } from './variables.ts';

export interface LoadedConfig {
  /** Includes merged, trailing slashes of repositories stripped, nothing filled in. */
  readonly config: ImageConfig;
  /** The same without the variant that was asked for, where one was: its layers are the lower ones of the variant. */
  readonly production?: ImageConfig;
  /** What `${{vars.NAME}}` stood for. */
  readonly variables: Variables;
  /** `sha256-<base64>` over the raw bytes of all files, as lock files record it. */
  readonly checksum: string;
  /** The main file as found, then the included ones in inclusion order. */
  readonly files: readonly string[];
  /** Where a value stands, by the keys of the YAML (`['accounts', 'run-as']`, list positions after the include merge). */
  place(path: readonly (string | number)[]): SourcePlace | undefined;
}

/** What the command line says about how to read the file. */
export interface LoadOptions {
  /** `NAME=VALUE` each. */
  readonly vars?: readonly string[];
  /** Of `variants`; `runtime` and '' are the image itself. */
  readonly variant?: string;
  /** Refuse what only we understand. */
  readonly strictApko?: boolean;
}

/**
 * Loads a configuration and what it includes. `path` and included paths are used as they are when they exist, else tried
 * under each of `includePaths`. Failures: CONFIG_NOT_FOUND, CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY, CONFIG_INVALID; the first
 * mistake is the failure, the others are its notes. USAGE_FLAG for options that do not fit the file.
 */
export function loadImageConfig(
  path: string,
  read: ConfigRead,
  includePaths: readonly string[],
  options: LoadOptions = {},
): LoadedConfig {
  const { main, files, checksum } = loadFiles(path, read, includePaths);
  const problems: Problem[] = [];
  const variables = variablesFor(main, options);
  const root = mergeFiles(main, variables, options, problems);
  failOnProblems(problems);
  const chosen = withVariant(root, options.variant ?? '');
  return {
    config: imageConfigOf(chosen),
    ...(chosen !== root && { production: imageConfigOf(root) }),
    variables: variables ?? new Map(),
    checksum,
    files,
    place: (keys) => {
      const node = nodeAt(chosen, keys);
      return node === undefined ? undefined : placeOf(node);
    },
  };
}

/** The variables of all files, the including one's winning, then those of the command line; undefined where no file has any. */
function variablesFor(main: LoadedFile, { vars = [] }: LoadOptions): Variables | undefined {
  const declared = declaredVariables(main);
  const given = parseVariables(vars);
  for (const name of given.keys()) {
    if (declared?.has(name)) continue;
    const hint = nearHint(name, declared?.keys() ?? []) ?? 'a configuration names its variables under "vars"';
    throw new Failure('USAGE_FLAG', `--var: the configuration has no variable "${name}"`, { hint });
  }
  return declared && new Map([...declared, ...given]);
}

function declaredVariables({ own, included }: LoadedFile): Variables | undefined {
  const below = included.map(declaredVariables).filter((variables) => variables !== undefined);
  const vars = own.entries.get('vars')?.value;
  if (vars?.kind !== 'map')
    return below.length === 0 ? undefined : new Map(below.flatMap((variables) => [...variables]));
  // What is no text is found by the shape check.
  const mine = [...vars.entries].flatMap(([name, { value }]) =>
    value.kind === 'scalar' ? [[name, isNull(value) ? '' : value.text] as const] : [],
  );
  return new Map([...below.flatMap((variables) => [...variables]), ...mine]);
}

/** Checks every file and puts each on top of those that it includes. */
function mergeFiles(
  file: LoadedFile,
  variables: Variables | undefined,
  options: LoadOptions,
  problems: Problem[],
): YamlMap {
  const own = variables === undefined ? file.own : substituteVariables(file.own, variables, problems);
  problems.push(...checkShape(IMAGE_SCHEMA, own));
  if (options.strictApko === true) problems.push(...checkStrictApko(IMAGE_SCHEMA, own));
  const included = file.included.map((one) => mergeFiles(one, variables, options, problems));
  // A merge of values that do not fit their shape would only make follow-up mistakes.
  if (problems.length > 0 || included.length === 0) return own;
  return [...included, own].reduce((below, above) => mergeInclude(IMAGE_SCHEMA, below, above));
}

/** The configuration with a variant on top of it; itself for `runtime`. */
function withVariant(root: YamlMap, name: string): YamlMap {
  if (name === '' || name === RUNTIME) return root;
  const variants = root.entries.get('variants')?.value;
  const known = variants?.kind === 'map' ? variants.entries : new Map<string, YamlEntry>();
  const variant = known.get(name)?.value;
  if (variant === undefined) {
    const names = [RUNTIME, ...known.keys()];
    throw new Failure('USAGE_FLAG', `--variant: the configuration has no variant "${name}"`, {
      hint: nearHint(name, names) ?? `the variants are ${names.join(', ')}`,
    });
  }
  if (variant.kind !== 'map') return { ...root };
  const merged = mergeInclude(IMAGE_SCHEMA, root, variant);
  // These belong to the file, which a variant is not.
  const kept = [...root.entries].filter(([key]) => key === 'vcs-url' || key === 'include');
  return { ...merged, entries: new Map([...merged.entries, ...kept]) };
}

/** The variant that every configuration has: itself. */
const RUNTIME = 'runtime';

/** The reference's spelling of keys becomes ours. */
function imageConfigOf(root: YamlMap): ImageConfig {
  const raw = shapeValue(IMAGE_SCHEMA, root);
  const { contents, entrypoint, accounts } = raw;
  return {
    contents: {
      buildRepositories: contents.build_repositories.map(withoutTrailingSlashes),
      runtimeRepositories: contents.runtime_repositories.map(withoutTrailingSlashes),
      repositories: contents.repositories.map(withoutTrailingSlashes),
      keyring: contents.keyring,
      runtimeKeyring: contents.runtime_keyring,
      packages: contents.packages,
      baseImage: contents.baseimage && { image: contents.baseimage.image, apkIndex: contents.baseimage.apkindex },
    },
    entrypoint: {
      type: entrypoint.type,
      command: entrypoint.command,
      shellFragment: entrypoint['shell-fragment'],
      services: entrypoint.services,
    },
    cmd: raw.cmd,
    stopSignal: raw['stop-signal'],
    workDir: raw['work-dir'],
    accounts: { runAs: accounts['run-as'], users: accounts.users, groups: accounts.groups },
    archs: raw.archs.map(ociArchitecture),
    environment: raw.environment,
    paths: raw.paths,
    vcsUrl: raw['vcs-url'],
    annotations: raw.annotations,
    // A list of them is ours; what the reference would see here is one path.
    include: root.entries.get('include')?.value.kind === 'scalar' ? (raw.include[0] ?? '') : '',
    volumes: raw.volumes,
    layering: raw.layering,
    format: raw.format,
    certificates: raw.certificates,
    hardening: raw.hardening && hardeningPolicyOf(raw.hardening),
    files: fileGroupsOf(root, raw.files),
    ports: raw.ports.map((port) => (port.includes('/') ? port : `${port}/tcp`)),
    labels: raw.labels,
  };
}

/** The shape has checked that profile and ids are known. */
function hardeningPolicyOf({ profile, exceptions }: NonNullable<RawHardening>): HardeningPolicy {
  return {
    profile: (profile || 'default') as HardeningProfile,
    exceptions: exceptions.map(({ check, path, reason }) => ({
      check: check as CheckId,
      reason,
      ...(path !== '' && { path }),
    })),
  };
}

type RawHardening = ShapeValue<typeof IMAGE_SCHEMA.fields.hardening>;

function withoutTrailingSlashes(repository: string): string {
  return repository.replace(/\/+$/, '');
}
