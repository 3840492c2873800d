// A configuration's files as they are written: search path, includes and their bounds, the checksum over all bytes
// (image-config.md 1). What they mean is for load.ts. Reading files is the caller's, through `read`.

import { createHash } from 'node:crypto';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { parseYaml } from '../../formats/yaml/parse-yaml.ts';
import { isNull, placeOf, type YamlMap, type YamlNode, type YamlScalar } from '../../formats/yaml/yaml-node.ts';

/** The bytes of a file, or undefined where there is none. */
export type ConfigRead = (path: string) => Uint8Array | undefined;

interface LoadedFiles {
  readonly main: LoadedFile;
  /** `sha256-<base64>` over the raw bytes of all files, as lock files record it. */
  readonly checksum: string;
  /** The main file as found, then the included ones in inclusion order. */
  readonly files: readonly string[];
}

/** Failures CONFIG_NOT_FOUND, CONFIG_SYNTAX, CONFIG_INVALID. */
export function loadFiles(path: string, read: ConfigRead, includePaths: readonly string[]): LoadedFiles {
  const loading: Loading = { read, includePaths, hash: createHash('sha256'), files: [] };
  const main = loadFile(loading, path, [], undefined);
  return { main, files: loading.files, checksum: `sha256-${loading.hash.digest('base64')}` };
}

interface Loading {
  readonly read: ConfigRead;
  readonly includePaths: readonly string[];
  readonly hash: ReturnType<typeof createHash>;
  readonly files: string[];
}

/** A file as written, and those that it includes, lowest first. */
export interface LoadedFile {
  readonly own: YamlMap;
  readonly included: readonly LoadedFile[];
}

/** `above` are the files being loaded, outermost first; `includeNode` is the value that names this one. */
function loadFile(
  loading: Loading,
  path: string,
  above: readonly string[],
  includeNode: YamlNode | undefined,
): LoadedFile {
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
  if (loading.files.length >= LIMITS.includedFiles) {
    throw new Failure('CONFIG_INVALID', `a configuration includes more than ${LIMITS.includedFiles} files`, where);
  }
  loading.files.push(found.file);
  loading.hash.update(found.bytes);
  const own = rootMap(parseYaml(found.file, found.bytes));
  const included = includeNodes(own).map((node) => loadFile(loading, node.text, [...above, found.file], node));
  return { own, included };
}

/** The values of `include` that name a file; others are found by the shape check. */
function includeNodes(file: YamlMap): YamlScalar[] {
  const include = file.entries.get('include')?.value;
  const nodes = include?.kind === 'list' ? include.items : include === undefined ? [] : [include];
  return nodes.filter((node): node is YamlScalar => node.kind === 'scalar' && !isNull(node) && node.text !== '');
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
