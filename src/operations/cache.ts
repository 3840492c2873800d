// `stave cache show` and `stave cache prune`: how large the cache is, and how to keep it below a size.

import { resolve } from 'node:path';
import { Failure } from '../base/failure.ts';
import { type PruneReport, pruneStore } from '../effects/store/prune-store.ts';
import { defaultStoreRoot } from '../effects/store/store-layout.ts';
import { type CacheStatus, cacheStatus } from '../effects/store/store-status.ts';
import type { Host } from './host.ts';

export interface CacheRequest {
  readonly cacheDir?: string;
}

export interface PruneRequest extends CacheRequest {
  readonly maxBytes: number;
}

export async function showCache(request: CacheRequest, host: Host): Promise<CacheStatus> {
  return cacheStatus(cacheFolder(request, host));
}

/** What was used longest ago goes first; what a running build uses stays. Failure CACHE_UNUSABLE. */
export async function pruneCache(request: PruneRequest, host: Host): Promise<PruneReport> {
  return pruneStore(cacheFolder(request, host), request.maxBytes, Date.now());
}

function cacheFolder({ cacheDir }: CacheRequest, host: Host): string {
  const path = cacheDir === undefined ? defaultStoreRoot(host.env) : resolve(host.cwd, cacheDir);
  if (path !== undefined) return path;
  throw new Failure('CACHE_UNUSABLE', 'there is no cache folder: neither XDG_CACHE_HOME nor HOME is set', {
    hint: 'name it with --cache-dir',
  });
}
