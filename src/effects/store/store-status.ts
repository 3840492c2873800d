// What a cache folder holds, and its removal (cli.md 2, `clean`). Must never remove what stave did not make.

import { randomUUID } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';
import { CACHE_TAG_FILE, CACHE_TAG_TEXT } from './store-layout.ts';

export interface CacheStatus {
  readonly root: string;
  readonly sizeBytes: number;
  /** By kind, in byte order; `tmp` is work in progress and leftovers. Layouts of other versions count too. */
  readonly kinds: readonly { readonly kind: string; readonly entries: number; readonly sizeBytes: number }[];
}

/** What lies in a cache folder; a folder that is missing or not a cache of ours is empty. Throws CACHE_UNUSABLE. */
export function cacheStatus(root: string): CacheStatus {
  const kinds = new Map<string, { entries: number; sizeBytes: number }>();
  return guarded(root, () => {
    for (const layout of layouts(root)) {
      for (const kind of list(join(root, layout)).filter((name) => name !== 'leases')) {
        const entries = list(join(root, layout, kind));
        const known = kinds.get(kind) ?? { entries: 0, sizeBytes: 0 };
        known.entries += entries.length;
        for (const entry of entries) known.sizeBytes += treeBytes(join(root, layout, kind, entry));
        kinds.set(kind, known);
      }
    }
    const sorted = [...kinds].map(([kind, sizes]) => ({ kind, ...sizes })).sort((a, b) => compareBytes(a.kind, b.kind));
    return { root, kinds: sorted, sizeBytes: sorted.reduce((sum, kind) => sum + kind.sizeBytes, 0) };
  });
}

/** Removes the cache in a folder and tells what it held; with `dryRun` only tells. Other files in the folder stay. */
export function removeStore(root: string, options: { readonly dryRun: boolean }): CacheStatus {
  const status = cacheStatus(root);
  if (options.dryRun) return status;
  return guarded(root, () => {
    for (const layout of layouts(root)) {
      // Out of the way in one step: a build that runs meanwhile begins a new one and never sees half of this one.
      const grave = join(root, `removing-${randomUUID()}`);
      renameSync(join(root, layout), grave);
      rmSync(grave, { recursive: true, force: true });
    }
    if (isOurs(root)) rmSync(join(root, CACHE_TAG_FILE), { force: true });
    try {
      rmdirSync(root);
    } catch {
      // Not empty, a mount point, or not there: all fine.
    }
    return status;
  });
}

/** Names of the layouts in a folder with our mark; also of those whose removal was interrupted. */
function layouts(root: string): string[] {
  return isOurs(root) ? list(root).filter((name) => /^(v\d+|removing-[0-9a-f-]{36})$/.test(name)) : [];
}

export function isOurs(root: string): boolean {
  try {
    return readFileSync(join(root, CACHE_TAG_FILE), 'utf8') === CACHE_TAG_TEXT;
  } catch {
    return false;
  }
}

export function list(folder: string): string[] {
  return unlessGone(() => readdirSync(folder)) ?? [];
}

/** Bytes of all files below. Builds may run meanwhile, so anything may vanish. */
export function treeBytes(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat?.size ?? 0;
  return list(path).reduce((sum, name) => sum + treeBytes(join(path, name)), 0);
}

function unlessGone<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

export function guarded<T>(root: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure('CACHE_UNUSABLE', `the cache folder ${root} cannot be read or removed (${code})`, {
      cause: error,
    });
  }
}
