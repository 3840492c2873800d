// What is left over in a registry's folder goes: uploads that were given up, files of writes that were killed, and bytes
// that no repository has any more. Runs before the server listens, so nothing races with it; young files stay all the same.

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LIMITS } from '../../../base/limits.ts';
import { DIGEST_ALGORITHMS } from './content-digest.ts';
import { orAbsent, type RegistryFolder } from './registry-folder.ts';

/** `now` in milliseconds since 1970. An error ends it before anything of use was removed. */
export async function sweepRegistryFolder(folder: RegistryFolder, now: number): Promise<void> {
  const oldest = now - LIMITS.registryIdleMs;
  const inUse = new Set<string>();
  const repositories = join(folder.path, 'repositories');
  for (const entry of (await orAbsent(readdir(repositories, { recursive: true, withFileTypes: true }))) ?? []) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const parts = entry.parentPath.split(/[\\/]/);
    if (entry.name.startsWith('.') || parts.at(-1) === '_uploads') await removeOlder(path, oldest);
    else if (parts.at(-2) === '_blobs' || parts.at(-2) === '_manifests') inUse.add(`${parts.at(-1)}/${entry.name}`);
  }
  for (const algorithm of DIGEST_ALGORITHMS) {
    const directory = join(folder.path, 'blobs', algorithm);
    for (const name of (await orAbsent(readdir(directory))) ?? []) {
      if (!inUse.has(`${algorithm}/${name}`)) await removeOlder(join(directory, name), oldest);
    }
  }
}

async function removeOlder(path: string, oldest: number): Promise<void> {
  const found = await orAbsent(stat(path));
  if (found !== undefined && found.mtimeMs < oldest) await rm(path, { force: true });
}
