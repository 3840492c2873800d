// Who uses the store right now: a small file for each open store. Pruning spares what its owners may be using. A killed
// process leaves its file; it counts no more once the process is known to be gone.

import { randomUUID } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

const FOLDER = 'leases';

/** From another machine or container nobody can tell whether a process lives: its lease counts for this long. */
const FOREIGN_AGE_MS = 24 * 60 * 60 * 1000;

/** Takes a lease in the layout folder; the function gives it back. Never fails: without a lease there is only less shelter. */
export function takeLease(directory: string): () => void {
  const path = join(directory, FOLDER, `${process.pid}-${randomUUID()}`);
  try {
    mkdirSync(join(directory, FOLDER), { recursive: true, mode: 0o700 });
    writeFileSync(path, processSpace(), { flag: 'wx' });
  } catch {
    return () => {};
  }
  return () => rmSync(path, { force: true });
}

/** When the oldest living lease was taken, in milliseconds since 1970; Infinity without one. Removes dead leases. */
export function oldestLease(directory: string, nowMs: number): number {
  let oldest = Number.POSITIVE_INFINITY;
  for (const name of namesIn(join(directory, FOLDER))) {
    const path = join(directory, FOLDER, name);
    const taken = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (taken === undefined) continue;
    if (isAlive(path, Number.parseInt(name, 10), nowMs - taken)) oldest = Math.min(oldest, taken);
    else rmSync(path, { force: true });
  }
  return oldest;
}

function isAlive(path: string, pid: number, ageMs: number): boolean {
  try {
    if (readFileSync(path, 'utf8') !== processSpace()) return ageMs < FOREIGN_AGE_MS;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Where a process number means something: this machine and, on Linux, this container. */
function processSpace(): string {
  let space = '';
  try {
    space = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Not Linux.
  }
  return `${hostname()} ${space}\n`;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
