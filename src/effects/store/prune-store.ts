// Keeps the store below a size: what was used longest ago goes first. Never takes what an open store may be using, nor what
// stave did not make. Builds may run meanwhile: every entry goes in one step, and is made again by whoever misses it.

import { randomUUID } from 'node:crypto';
import { lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { compareBytes } from '../../base/order.ts';
import { oldestLease } from './leases.ts';
import { LAYOUT_VERSION, USE_GRAIN_MS } from './store-layout.ts';
import { guarded, isOurs, list, treeBytes } from './store-status.ts';

export interface PruneReport {
  readonly root: string;
  readonly beforeBytes: number;
  readonly afterBytes: number;
  readonly removedEntries: number;
}

/** Kinds that hold no bytes of packages: folders of work in progress and of leases. */
const NOT_ENTRIES: ReadonlySet<string> = new Set(['tmp', 'leases']);

interface Entry {
  readonly kind: string;
  readonly key: string;
  readonly sizeBytes: number;
  readonly usedMs: number;
}

/** Removes entries until the rest has at most `maxBytes`, or is in use. Throws CACHE_UNUSABLE. */
export function pruneStore(root: string, maxBytes: number, nowMs: number): PruneReport {
  return guarded(root, () => {
    const directory = join(root, LAYOUT_VERSION);
    const entries = isOurs(root) ? entriesIn(directory) : [];
    const beforeBytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
    // Times of use are noted once in a while only, so that a running build may use what looks older than itself.
    const sheltered = oldestLease(directory, nowMs) - USE_GRAIN_MS;
    entries.sort((a, b) => a.usedMs - b.usedMs || compareBytes(a.kind, b.kind) || compareBytes(a.key, b.key));
    let afterBytes = beforeBytes;
    let removedEntries = 0;
    for (const entry of entries) {
      if (afterBytes <= maxBytes || entry.usedMs >= sheltered) break;
      remove(directory, entry);
      afterBytes -= entry.sizeBytes;
      removedEntries++;
    }
    return { root, beforeBytes, afterBytes, removedEntries };
  });
}

function entriesIn(directory: string): Entry[] {
  return list(directory)
    .filter((kind) => !NOT_ENTRIES.has(kind))
    .flatMap((kind) =>
      list(join(directory, kind)).flatMap((key) => {
        const path = join(directory, kind, key);
        const found = lstatSync(path, { throwIfNoEntry: false });
        return found === undefined ? [] : [{ kind, key, sizeBytes: treeBytes(path), usedMs: found.mtimeMs }];
      }),
    );
}

function remove(directory: string, { kind, key }: Entry): void {
  const grave = join(directory, 'tmp', `${process.pid}-${randomUUID()}`);
  mkdirSync(grave, { recursive: true, mode: 0o700 });
  try {
    renameSync(join(directory, kind, key), join(grave, 'pruned'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  rmSync(grave, { recursive: true, force: true });
}
