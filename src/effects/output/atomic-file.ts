// Output files appear whole or not at all: written under a temporary name beside their place, then renamed.
// No fsync: outputs can be made again, and every blob is checked against its digest before it is kept or used.
// Modes are set, never left to the umask.

import { randomBytes } from 'node:crypto';
import { chmod, type FileHandle, lstat, mkdir, open, opendir, realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure } from '../../base/failure.ts';

/** Takes the next bytes of an output; resolves when they have been handed to the system. */
export type ByteSink = (chunk: Uint8Array) => Promise<void>;

const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

const PARTIAL_NAME = /^\.stave-[0-9a-f]{16}\.partial$/;

/**
 * Writes what `produce` puts into its sink to `path`, replacing a file there in one step, and returns what `produce`
 * returns. A symbolic link there stays, its target is replaced. Devices and pipes are written to directly.
 * Failure FILE_UNWRITABLE; whatever `produce` throws passes unchanged, and the old file stays.
 */
export async function writeFileAtomically<T>(path: string, produce: (write: ByteSink) => Promise<T>): Promise<T> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    throw new Failure('FILE_UNWRITABLE', `cannot write ${path}: it is a folder`, { hint: 'Name a file.' });
  }
  if (found !== undefined && !found.isFile()) return await writeDirectly(path, produce);
  const target = found === undefined ? path : await realpath(path);
  return await writeThenName(dirname(target), produce, () => target);
}

/** Failure FILE_UNWRITABLE where `path` lies in no folder: to be asked before work whose result could not be kept. */
export async function refuseUnplaceable(path: string): Promise<void> {
  const folder = dirname(path);
  const { isDirectory } = await failingUnwritable(path, async () => ({
    isDirectory: (await stat(folder)).isDirectory(),
  }));
  if (isDirectory) return;
  throw new Failure('FILE_UNWRITABLE', `cannot write ${path}: ${folder} is not a folder`);
}

/** Makes a folder and those above it that are missing, all of them with a mode of our own. Failure FILE_UNWRITABLE. */
export async function makeFolder(path: string): Promise<void> {
  await failingUnwritable(path, async () => {
    const first = await mkdir(path, { recursive: true });
    if (first === undefined) return;
    for (let made = path; made.length >= first.length; made = dirname(made)) await chmod(made, FOLDER_MODE);
  });
}

/** The same for a file in `directory` whose path depends on what was produced: a blob named by its digest. */
export async function writeThenName<T>(
  directory: string,
  produce: (write: ByteSink) => Promise<T>,
  pathOf: (result: T) => string,
): Promise<T> {
  const partial = await openPartial(directory);
  try {
    const result = await produceInto(partial.handle, directory, produce);
    await nameFile(partial, pathOf(result));
    return result;
  } catch (error) {
    await dropFile(partial);
    throw error;
  }
}

/** What killed runs have left is removed when it is this old: no build takes a day. */
const LEFTOVER_AGE_MS = 24 * 60 * 60 * 1000;

/** Names looked at: a folder for outputs has a few, and nobody waits for one with more. */
const LEFTOVER_NAMES = 10_000;

/** Removes files of killed runs in a folder, as far as they can be removed. */
export async function sweepPartials(directory: string, nowMs: number): Promise<void> {
  try {
    let looked = 0;
    for await (const { name } of await opendir(directory)) {
      if (++looked > LEFTOVER_NAMES) return;
      if (!PARTIAL_NAME.test(name)) continue;
      const path = join(directory, name);
      const found = await lstat(path);
      if (found.isFile() && nowMs - found.mtimeMs > LEFTOVER_AGE_MS) await unlink(path);
    }
  } catch {
    // Somebody else's, or gone meanwhile: it is no reason to write nothing.
  }
}

/** A file without a name of its own yet. */
export interface PartialFile {
  readonly path: string;
  readonly handle: FileHandle;
}

/** To be ended by `nameFile` or `dropFile`. Failure FILE_UNWRITABLE. */
export async function openPartial(directory: string): Promise<PartialFile> {
  const path = join(directory, `.stave-${randomBytes(8).toString('hex')}.partial`);
  return { path, handle: await failingUnwritable(path, () => open(path, 'wx', 0o600), directory) };
}

/** In one step, replacing a file there. Failure FILE_UNWRITABLE. */
export async function nameFile({ path, handle }: PartialFile, target: string): Promise<void> {
  await failingUnwritable(target, async () => {
    await handle.chmod(FILE_MODE);
    await handle.close();
    await rename(path, target);
  });
}

export async function dropFile({ path, handle }: PartialFile): Promise<void> {
  await handle.close().catch(() => {});
  await unlink(path).catch(() => {});
}

async function writeDirectly<T>(path: string, produce: (write: ByteSink) => Promise<T>): Promise<T> {
  const handle = await failingUnwritable(path, () => open(path, 'w'));
  try {
    return await produceInto(handle, path, produce);
  } finally {
    await handle.close();
  }
}

async function produceInto<T>(handle: FileHandle, place: string, produce: (write: ByteSink) => Promise<T>): Promise<T> {
  return await produce((chunk) => failingUnwritable(place, () => handle.appendFile(chunk)));
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'You have no permission to write there.',
  EDQUOT: 'Your disk quota is used up.',
  ENAMETOOLONG: 'The name is too long for that file system.',
  ENOENT: 'Create the folder first.',
  ENOSPC: 'The disk is full.',
  ENOTDIR: 'A part of the path is a file, not a folder.',
  EPERM: 'You have no permission to write there.',
  EROFS: 'That file system is read-only.',
};

/** Runs a file operation of ours; errors of the system become FILE_UNWRITABLE about `named`. */
export async function failingUnwritable<T>(path: string, work: () => Promise<T>, named = path): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    const hint = HINTS[code];
    throw new Failure('FILE_UNWRITABLE', `cannot write ${named}: ${code}`, { cause, ...(hint && { hint }) });
  }
}
