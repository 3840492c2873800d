// The user's own files of an image (`files:`), collected once for all architectures, and held against the lock where there is
// one.

import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { collectGroups } from '../../effects/files/collect-groups.ts';
import { splitPinned } from '../../effects/files/copy-from-image.ts';
import type { FileGroup } from '../../planning/config/file-group.ts';
import type { CollectedGroup } from '../../planning/files/collected-group.ts';
import { assertOwnLock, type OwnLock, planOwnLock } from '../../planning/lock/own-lock.ts';
import { type ImageName, openNamedImage } from './named-image.ts';
import type { OpenImage } from './open-image.ts';
import { openLock } from './resolve-image.ts';

/** The groups, in the order of the configuration. With a lock file they must be those that it names: LOCK_MISMATCH. */
export async function collectImageFiles(image: OpenImage, lockfile?: string): Promise<readonly CollectedGroup[]> {
  const { config, host, http, store, request } = image;
  const groups = await collectGroups(config.files, {
    cwd: host.cwd,
    http,
    store,
    archs: image.archs,
    temporaryDirectory: tmpdir(),
    openImage: (group) => openNamedImage(image, copiedImageName(group, host.cwd)),
    place: image.loaded.place,
    ...(request.limits?.responseBytes !== undefined && { maxBytes: request.limits.responseBytes }),
  });
  if (lockfile !== undefined) {
    const { own } = openLock(image, lockfile);
    assertOwnLock(own, ownLock(image, groups, {}), { lockPath: lockfile, archs: image.archs });
  }
  return groups;
}

/** The image that a group copies out of. A layout is found from the folder of the group's own file. */
export function copiedImageName(group: Pick<FileGroup, 'image' | 'folder'>, cwd: string): ImageName {
  const { place } = splitPinned(group.image);
  return { path: resolve(cwd, group.folder, place), reference: group.image, role: 'the image' };
}

/** What a lock file says about the image besides its packages; `production`: see OwnLock. */
export function ownLock(
  { loaded, request }: OpenImage,
  groups: readonly CollectedGroup[],
  production: Readonly<Record<string, number>>,
): OwnLock | undefined {
  const variant = loaded.production === undefined ? '' : (request.variant ?? '');
  return planOwnLock({ variant, vars: loaded.variables, production, groups });
}
