// Brings the chosen packages into the store, verified, a bounded number at a time, in any order; hands them out in install
// order. The order of downloads can never reach an image.

import { mapSettled } from '../../base/bounded.ts';
import { LIMITS } from '../../base/limits.ts';
import type { HttpClient } from '../../effects/http/client.ts';
import { fetchPackage } from '../../effects/repository/fetch-package.ts';
import { endIdleDataThreads } from '../../effects/store/data-threads.ts';
import type { PackageHandle } from '../../effects/store/package-handle.ts';
import type { Store } from '../../effects/store/store.ts';
import type { Host } from '../host.ts';
import type { LimitOverrides } from './request.ts';
import type { ChosenPackage } from './resolve-image.ts';

export interface PackageFetching {
  readonly host: Host;
  readonly http: HttpClient;
  readonly store: Store;
  readonly request: { readonly limits?: LimitOverrides; readonly provenance?: boolean };
}

/**
 * Handles in the order of `packages`. Close them. `opened`: is told of each as soon as it is there. A failure is thrown when nothing of
 * the store is in use any more.
 */
export async function fetchPackages(
  image: PackageFetching,
  packages: readonly ChosenPackage[],
  arch: string,
  opened?: (handle: PackageHandle) => void,
): Promise<PackageHandle[]> {
  const { host, http, store, request } = image;
  const { events } = host;
  events({ type: 'phase-started', phase: 'fetch', arch });
  const open: PackageHandle[] = [];
  const fetchOne = async (pkg: ChosenPackage): Promise<PackageHandle> => {
    const wanted = {
      url: pkg.url,
      label: `${pkg.name}-${pkg.version}`,
      checksum: pkg.checksum,
      workdir: host.cwd,
      digestFile: request.provenance === true,
      ...(request.limits && { limits: request.limits }),
    };
    const handle = await fetchPackage(wanted, http, store);
    open.push(handle);
    opened?.(handle);
    events({
      type: 'progress',
      phase: 'fetch',
      arch,
      done: open.length,
      total: packages.length,
      unit: 'packages',
      item: pkg.name,
    });
    return handle;
  };
  try {
    const handles = await mapSettled(packages, LIMITS.parallelDownloads, fetchOne);
    events({ type: 'phase-finished', phase: 'fetch', arch });
    return handles;
  } catch (error) {
    for (const handle of open) handle.close();
    throw error;
  } finally {
    endIdleDataThreads();
  }
}
