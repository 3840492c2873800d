// Groups of the user's own files as the configuration says them (`files:`), after parsing.

import { nodeAt, placeOf, type YamlMap } from '../../formats/yaml/yaml-node.ts';
import { ociArchitecture } from './architecture.ts';
import type { FILES } from './files-schema.ts';
import type { ShapeValue } from './shape.ts';

/** Files that are installed like a package: `files` and `image` exclude each other. */
export interface FileGroup {
  readonly name: string;
  /** '' where `versionFrom` says it. */
  readonly version: string;
  /** `git`, a path, or ''. */
  readonly versionFrom: string;
  readonly license: string;
  readonly files: readonly FileSource[];
  /** `<image>@sha256:...`, or ''. */
  readonly image: string;
  readonly paths: readonly string[];
  /** Of the file that the group is written in, as its own path is given: paths count from there. */
  readonly folder: string;
}

/** Exactly one of `from`, `inline` and `url` says something. */
export interface FileSource {
  readonly from: string;
  readonly inline: string | undefined;
  readonly url: string;
  /** Hex. */
  readonly sha256: string;
  readonly to: string;
  readonly mode: number | undefined;
  /** `user` or `user:group`, or ''. */
  readonly owner: string;
  readonly exclude: readonly string[];
  /** OCI form; [] = all. */
  readonly archs: readonly string[];
}

/** `root` is the map that they stand in: each group knows the file it was written in. */
export function fileGroupsOf(root: YamlMap, groups: ShapeValue<typeof FILES>): FileGroup[] {
  return groups.map(({ 'version-from': versionFrom, ...group }, i) => ({
    ...group,
    versionFrom,
    files: group.files.map((source) => ({ ...source, archs: source.archs.map(ociArchitecture) })),
    folder: folderOf(placeOf(nodeAt(root, ['files', i]) ?? root).file),
  }));
}

function folderOf(file: string): string {
  return file.includes('/') ? file.slice(0, Math.max(1, file.lastIndexOf('/'))) : '.';
}
