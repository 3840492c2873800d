// `stave clean`: says how large the cache is and removes it (cli.md 2).

import { resolve } from 'node:path';
import { Failure } from '../base/failure.ts';
import { defaultStoreRoot } from '../effects/store/store-layout.ts';
import { removeStore } from '../effects/store/store-status.ts';
import type { Host } from './host.ts';

export interface CleanRequest {
  readonly cacheDir?: string;
  readonly dryRun: boolean;
}

export interface CleanReport {
  readonly path: string;
  readonly sizeBytes: number;
  readonly removed: boolean;
}

export async function cleanCache(request: CleanRequest, host: Host): Promise<CleanReport> {
  const path = request.cacheDir === undefined ? defaultStoreRoot(host.env) : resolve(host.cwd, request.cacheDir);
  if (path === undefined) {
    throw new Failure('CACHE_UNUSABLE', 'there is no cache folder: neither XDG_CACHE_HOME nor HOME is set', {
      hint: 'name it with --cache-dir',
    });
  }
  const { sizeBytes } = removeStore(path, { dryRun: request.dryRun });
  return { path, sizeBytes, removed: !request.dryRun && sizeBytes > 0 };
}
