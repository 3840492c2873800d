// From YAML files to one configuration (image-config.md 1): search path, includes, every structural mistake with its place.
// What is wrong only in combination is found by validate.ts. Reading files is the caller's, through `read`.

import { createHash } from 'node:crypto';
import { Failure, type SourcePlace } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { parseYaml } from '../../formats/yaml/parse-yaml.ts';
import { isNull, nodeAt, placeOf, type YamlMap, type YamlNode } from '../../formats/yaml/yaml-node.ts';
import type { CheckId } from '../hardening/check-table.ts';
import type { HardeningPolicy, HardeningProfile } from '../hardening/policy.ts';
import { ociArchitecture } from './architecture.ts';
import type { ImageConfig } from './image-config.ts';
import { IMAGE_SCHEMA } from './image-schema.ts';
import { mergeInclude } from './include-merge.ts';
import { failOnProblems, type Problem } from './problem.ts';
import type { ShapeValue } from './shape.ts';
import { checkShape } from './shape-check.ts';
import { shapeValue } from './shape-value.ts';

export interface LoadedConfig {
  /** Includes merged, trailing slashes of repositories stripped, nothing filled in. */
  readonly config: ImageConfig;
  /** `sha256-<base64>` over the raw bytes of all files, as lock files record it. */
  readonly checksum: string;
  /** The main file as found, then the included ones in inclusion order. */
  readonly files: readonly string[];
  /** Where a value stands, by the keys of the YAML (`['accounts', 'run-as']`, list positions after the include merge). */
  place(path: readonly (string | number)[]): SourcePlace | undefined;
}

/** The bytes of a file, or undefined where there is none. */
export type ConfigRead = (path: string) => Uint8Array | undefined;

/**
 * Loads a configuration and what it includes. `path` and included paths are used as they are when they exist, else tried
 * under each of `includePaths`. Failures: CONFIG_NOT_FOUND, CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY, CONFIG_INVALID; the first
 * mistake is the failure, the others are its notes.
 */
export function loadImageConfig(path: string, read: ConfigRead, includePaths: readonly string[]): LoadedConfig {
  const loading: Loading = { read, includePaths, hash: createHash('sha256'), files: [], problems: [] };
  const root = loadFile(loading, path, [], undefined);
  failOnProblems(loading.problems);
  return {
    config: imageConfigOf(root),
    checksum: `sha256-${loading.hash.digest('base64')}`,
    files: loading.files,
    place: (keys) => {
      const node = nodeAt(root, keys);
      return node === undefined ? undefined : placeOf(node);
    },
  };
}

interface Loading {
  readonly read: ConfigRead;
  readonly includePaths: readonly string[];
  readonly hash: ReturnType<typeof createHash>;
  readonly files: string[];
  readonly problems: Problem[];
}

/** `above` are the files being loaded, outermost first; `includeNode` is the value that names this one. */
function loadFile(
  loading: Loading,
  path: string,
  above: readonly string[],
  includeNode: YamlNode | undefined,
): YamlMap {
  const where = includeNode === undefined ? {} : { where: placeOf(includeNode) };
  const found = findFile(loading, path);
  if (found === undefined) {
    const sentence = includeNode === undefined ? `configuration "${path}"` : `included file "${path}"`;
    throw new Failure('CONFIG_NOT_FOUND', `${sentence} does not exist`, {
      ...where,
      notes: loading.includePaths.map((folder) => `nor is it in ${folder}`),
    });
  }
  if (above.includes(found.file)) {
    throw new Failure('CONFIG_INVALID', `${found.file} includes itself`, {
      ...where,
      notes: [[...above.slice(above.indexOf(found.file)), found.file].join(' -> ')],
    });
  }
  if (above.length > LIMITS.includeDepth) {
    throw new Failure('CONFIG_INVALID', `includes are nested more than ${LIMITS.includeDepth} deep`, where);
  }
  loading.files.push(found.file);
  loading.hash.update(found.bytes);
  const own = rootMap(parseYaml(found.file, found.bytes));
  const problems = checkShape(IMAGE_SCHEMA, own);
  loading.problems.push(...problems);
  const include = own.entries.get('include')?.value;
  if (include?.kind !== 'scalar' || isNull(include) || include.text === '') return own;
  const included = loadFile(loading, include.text, [...above, found.file], include);
  // A merge of values that do not fit their shape would only make follow-up mistakes.
  return loading.problems.length > 0 ? own : mergeInclude(IMAGE_SCHEMA, included, own);
}

function findFile(loading: Loading, path: string): { file: string; bytes: Uint8Array } | undefined {
  const candidates = [path, ...loading.includePaths.map((folder) => `${folder.replace(/\/+$/, '')}/${path}`)];
  for (const file of candidates) {
    const bytes = loading.read(file);
    if (bytes !== undefined) return { file, bytes };
  }
  return undefined;
}

function rootMap(root: YamlNode): YamlMap {
  if (root.kind === 'map') return root;
  throw new Failure('CONFIG_SYNTAX', `a configuration is a map of keys to values, not a ${root.kind}`, {
    where: placeOf(root),
    ...(root.kind === 'list' && { hint: 'leave out the leading "- "' }),
  });
}

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
    include: raw.include,
    volumes: raw.volumes,
    layering: raw.layering,
    format: raw.format,
    certificates: raw.certificates,
    hardening: raw.hardening && hardeningPolicyOf(raw.hardening),
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
