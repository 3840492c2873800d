// Whether an archive is still the very file that an earlier build of the same image wrote there. Then it need not be written again:
// copying 200 MB is most of what a build that changes nothing costs. A file counts as untouched while its inode, size and both
// times are those it was left with: whoever writes to it, or changes its mode, changes the time that nobody can set.

import { stat, utimes } from 'node:fs/promises';
import { digestHex, sha256 } from '../../base/digest.ts';
import { SOURCES, VERSION } from '../../base/version.ts';
import type { Store } from '../../effects/store/store.ts';
import type { ImageIndex } from '../../formats/oci/image.ts';

export interface ArchiveOutput {
  /** Absolute. */
  readonly path: string;
  readonly index: ImageIndex;
  readonly tag: string;
}

/** True when nothing needs to be written; the file then has the time of a new one. */
export async function isWritten(store: Store, output: ArchiveOutput): Promise<boolean> {
  const record = store.readRecord('outputs', keyOf(output));
  if (record === undefined || Buffer.from(record).toString() !== (await markOf(output.path))) return false;
  const now = new Date();
  try {
    await utimes(output.path, now, now);
  } catch {
    return false; // Somebody else's: replacing it may still be allowed.
  }
  await noteWritten(store, output);
  return true;
}

/** To be called when the archive has just been written. */
export async function noteWritten(store: Store, output: ArchiveOutput): Promise<void> {
  const mark = await markOf(output.path);
  if (mark !== undefined) store.writeRecord('outputs', keyOf(output), mark);
}

/** Of everything that decides the bytes, and of the place. */
function keyOf({ path, index, tag }: ArchiveOutput): string {
  return digestHex(sha256(JSON.stringify([VERSION, SOURCES, path, index.descriptor.digest, tag])));
}

/** Undefined for what is no regular file. */
async function markOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (found === undefined || !found.isFile()) return undefined;
  return [found.dev, found.ino, found.mode, found.size, found.mtimeNs, found.ctimeNs].join(' ');
}
