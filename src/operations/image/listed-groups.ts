// The user's own files as packages that one can ask about, without reading any of the files: `why`, `dot`, `show-packages`.

import { failingAt, type SourcePlace } from '../../base/failure.ts';
import { groupVersion } from '../../effects/files/group-version.ts';
import { parseDependency } from '../../formats/apk/dependency.ts';
import { filesPackageName, ownNameOf } from '../../planning/files/collected-group.ts';
import type { OpenImage } from './open-image.ts';

export interface ListedGroup {
  /** What the image calls its package. */
  readonly name: string;
  readonly version: string;
  /** OCI forms that it has something for. */
  readonly archs: readonly string[];
  /** Where the configuration says it. */
  readonly where: SourcePlace | undefined;
}

/** The groups in the order of the configuration. Failures of `groupVersion`. */
export function listGroups({ config, host, archs, loaded }: OpenImage): ListedGroup[] {
  return config.files.map((group, i) => ({
    name: filesPackageName(group),
    version: failingAt(loaded.place(['files', i, 'version-from']), () => groupVersion(group, host.cwd)),
    archs: archs.filter(
      (arch) => group.image !== '' || group.files.some((file) => file.archs.length === 0 || file.archs.includes(arch)),
    ),
    where: loaded.place(['files', i]),
  }));
}

/** The group that a question is about, by its own name or by that of its package. */
export function findGroup(groups: readonly ListedGroup[], asked: string, arch: string): ListedGroup | undefined {
  const { name, operator, version } = parseDependency(asked);
  return groups.find(
    (group) =>
      group.archs.includes(arch) &&
      (group.name === name || ownNameOf(group.name) === name) &&
      (operator === '' || (operator === '=' && version === group.version)),
  );
}

/** `files of the configuration, image.yaml line 9` */
export function printGroupPlace({ where }: ListedGroup): string {
  return where === undefined
    ? 'files of the configuration'
    : `files of the configuration, ${where.file} line ${where.line}`;
}
