// The user's own files of an image (`files:`), collected once for all architectures, and held against the lock where there is
// one.

import { isAbsolute } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { collectGroups } from '../../effects/files/collect-groups.ts';
import type { OpenedImage } from '../../effects/files/copy-from-image.ts';
import { readOciLayout } from '../../effects/output/oci-layout.ts';
import type { CollectedGroup } from '../../planning/files/collected-group.ts';
import { assertOwnLock, type OwnLock, planOwnLock } from '../../planning/lock/own-lock.ts';
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
    openImage,
    place: image.loaded.place,
    ...(request.limits?.responseBytes !== undefined && { maxBytes: request.limits.responseBytes }),
  });
  if (lockfile !== undefined) {
    const { own } = openLock(image, lockfile);
    assertOwnLock(own, ownLock(image, groups, {}), lockfile);
  }
  return groups;
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

/** Layouts only: a registry is opened by whoever has a client for it. */
async function openImage(place: string): Promise<OpenedImage> {
  if (isAbsolute(place)) return await readOciLayout(place);
  throw new Failure(
    'FEATURE_UNSUPPORTED',
    `"${place}" is no folder here, and images of registries cannot be copied from yet`,
    {
      hint: 'pull the image into an OCI layout first',
    },
  );
}
