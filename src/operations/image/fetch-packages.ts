// Brings the chosen packages into the store, verified, a bounded number at a time, in any order; hands them out in install
// order. The order of downloads can never reach an image.

import { mapBounded } from '../../base/bounded.ts';
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

/** Handles in the order of `packages`. Close them. `opened`: is told of each as soon as it is there. */
export async function fetchPackages(
  image: PackageFetching,
  packages: readonly ChosenPackage[],
  arch: string,
  opened?: (handle: PackageHandle) => void,
): Promise<PackageHandle[]> {
  const { host, http, store, request } = image;
  const { events } = host;
  events({ type: 'phase-started', phase: 'fetch', arch });
  let done = 0;
  const handles = await mapBounded(packages, LIMITS.parallelDownloads, async (pkg) => {
    const wanted = {
      url: pkg.url,
      label: `${pkg.name}-${pkg.version}`,
      checksum: pkg.checksum,
      workdir: host.cwd,
      digestFile: request.provenance === true,
      ...(request.limits && { limits: request.limits }),
    };
    const handle = await fetchPackage(wanted, http, store);
    opened?.(handle);
    events({
      type: 'progress',
      phase: 'fetch',
      arch,
      done: ++done,
      total: packages.length,
      unit: 'packages',
      item: pkg.name,
    });
    return handle;
  });
  endIdleDataThreads();
  events({ type: 'phase-finished', phase: 'fetch', arch });
  return handles;
}
