// What the command line adds to a configuration (cli.md 1, image-config.md 6, 7 and 9).

import { Failure } from '../../base/failure.ts';
import { sortedUnique } from '../../base/order.ts';
import { ALL_ARCHITECTURES, ARCHITECTURE_SPELLINGS, isKnownArchitecture, ociArchitecture } from './architecture.ts';
import type { ImageConfig } from './image-config.ts';
import { LAYER_FORMATS } from './image-schema.ts';
import { nearHint, quotedList } from './problem.ts';

/** Lists after `parseListFlag`. */
export interface ConfigFlags {
  /** -k */
  readonly keyringAppend?: readonly string[];
  /** -b */
  readonly buildRepositoryAppend?: readonly string[];
  /** -r */
  readonly repositoryAppend?: readonly string[];
  /** -p */
  readonly packageAppend?: readonly string[];
  /** `key:value` each. */
  readonly annotations?: readonly string[];
  readonly format?: string;
}

/**
 * The configuration with the flags in it, as images and `/etc/apko.json` see it: repositories and keyring become sorted
 * sets (also without any flag), packages are appended, annotations and format win. Failure USAGE_FLAG.
 */
export function applyFlags(config: ImageConfig, flags: ConfigFlags): ImageConfig {
  const { contents } = config;
  return {
    ...config,
    contents: {
      ...contents,
      repositories: sortedUnique([...contents.repositories, ...(flags.repositoryAppend ?? [])]),
      buildRepositories: sortedUnique([...contents.buildRepositories, ...(flags.buildRepositoryAppend ?? [])]),
      keyring: sortedUnique([...contents.keyring, ...(flags.keyringAppend ?? [])]),
      packages: [...contents.packages, ...(flags.packageAppend ?? [])],
    },
    annotations: { ...config.annotations, ...parseAnnotations(flags.annotations ?? []) },
    format: formatOf(flags.format) ?? config.format,
  };
}

function parseAnnotations(texts: readonly string[]): Record<string, string> {
  const annotations = new Map<string, string>();
  for (const text of texts) {
    const colon = text.indexOf(':');
    const [key, value] = [text.slice(0, colon), text.slice(colon + 1)];
    const hint = 'annotations are written key:value, for example --annotations org.example.team:base';
    if (colon < 0) throw new Failure('USAGE_FLAG', `--annotations: "${text}" has no colon`, { hint });
    if (!/^[a-z0-9.-]+$/.test(key)) {
      const allowed = 'a key has lower-case letters, digits, "-" and "."';
      throw new Failure('USAGE_FLAG', `--annotations: "${key}" is not a key`, { hint: allowed });
    }
    if (value === '') throw new Failure('USAGE_FLAG', `--annotations: "${key}" has no value`, { hint });
    if (annotations.has(key)) throw new Failure('USAGE_FLAG', `--annotations: "${key}" is given twice`);
    annotations.set(key, value);
  }
  return Object.fromEntries(annotations);
}

function formatOf(flag: string | undefined): string | undefined {
  if (flag === undefined || flag === '' || LAYER_FORMATS.includes(flag)) return flag === '' ? undefined : flag;
  throw new Failure('USAGE_FLAG', `--format: "${flag}" is not a layer format; it must be ${quotedList(LAYER_FORMATS)}`);
}

/**
 * Architectures to work on, OCI form, each once: those of `--arch` sorted (`all`: the nine in their own order, `host`: this
 * machine), else those of the file in its order, else all nine. Failure USAGE_FLAG for unknown names in the flag.
 */
export function selectArchitectures(flag: readonly string[], config: ImageConfig, host: string): readonly string[] {
  if (flag.includes('all')) return ALL_ARCHITECTURES;
  if (flag.length > 0) return sortedUnique(flag.map((name) => flagArchitecture(name, host)));
  return config.archs.length > 0 ? [...new Set(config.archs)] : ALL_ARCHITECTURES;
}

function flagArchitecture(name: string, host: string): string {
  if (name === 'host') return ociArchitecture(host);
  if (isKnownArchitecture(name)) return ociArchitecture(name);
  const names = ['all', 'host', ...ARCHITECTURE_SPELLINGS];
  const hint = nearHint(name, names);
  throw new Failure('USAGE_FLAG', `--arch: unknown architecture "${name}"; it must be ${quotedList(names)}`, {
    ...(hint !== undefined && { hint }),
  });
}

/**
 * The entries of a repeatable, comma-separated flag: each value is one CSV line (`"a,b",c` has two entries, `""` inside
 * quotes is a quote). Failure USAGE_FLAG naming `flag`.
 */
export function parseListFlag(values: readonly string[], flag: string): string[] {
  return values.flatMap((value) => parseCsvLine(value, flag));
}

function parseCsvLine(line: string, flag: string): string[] {
  const entries: string[] = [];
  if (line === '') return entries;
  // One entry: quoted, or without any quote; then a comma or the end.
  const entry = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = entry.exec(line);
    if (match === null) {
      throw new Failure('USAGE_FLAG', `${flag}: stray or open double quote in the list ${line}`, {
        hint: 'entries are separated by commas; one that contains a comma stands in double quotes',
      });
    }
    entries.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '') return entries;
  }
}
