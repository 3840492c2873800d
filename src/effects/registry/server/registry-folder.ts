// The folder of a registry: every blob and manifest once, by its digest, and beside them what each repository has of them.
//
//   stave-registry.json                                says that this folder is ours
//   blobs/<algorithm>/<hex>                            bytes of blobs and manifests
//   repositories/<name>/_blobs/<algorithm>/<hex>       empty: the repository has this blob
//   repositories/<name>/_manifests/<algorithm>/<hex>   the media type of a manifest it has
//   repositories/<name>/_tags/<tag>                    the digest of a manifest
//   repositories/<name>/_referrers/<algorithm>/<hex of the subject>/<algorithm>-<hex>   a descriptor
//   repositories/<name>/_uploads/<id>                  bytes of an upload so far
//
// A blob is given out only through a repository that has it. Files appear whole, under their name, by renaming: a process
// that is killed leaves at most files that the next sweep removes. One process writes to a folder at a time.

import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure } from '../../../base/failure.ts';
import { failingUnwritable, writeFileAtomically } from '../../output/atomic-file.ts';
import { READING } from '../../output/blob-directory.ts';
import { type ContentDigest, digestPath } from './content-digest.ts';
import { isRepositoryName } from './route.ts';

const MARKER = 'stave-registry.json';
const VERSION = 1;
const READ_BYTES = 256 * 1024;

export class RegistryFolder {
  readonly path: string;
  /** Kept in memory, since looking for them is a walk over the tree. */
  readonly #names: Set<string>;

  /** Made by `openRegistryFolder`. */
  constructor(path: string, names: Iterable<string>) {
    this.path = path;
    this.#names = new Set(names);
  }

  repository(name: string): RepositoryFolder {
    return new RepositoryFolder(this, name, join(this.path, 'repositories', name));
  }

  blobPath(digest: ContentDigest): string {
    return join(this.path, 'blobs', digestPath(digest));
  }

  async blobBytes(digest: ContentDigest): Promise<number | undefined> {
    const found = await orAbsent(stat(this.blobPath(digest)));
    return found?.isFile() ? found.size : undefined;
  }

  /** Takes over a file with that content, which must be on the same file system. */
  async adoptBlob(digest: ContentDigest, file: string): Promise<void> {
    const path = this.blobPath(digest);
    await mkdir(dirname(path), { recursive: true });
    await rename(file, path);
  }

  /** For content that fits into memory: manifests. */
  async writeBlob(digest: ContentDigest, bytes: Uint8Array): Promise<void> {
    await writeWhole(this.blobPath(digest), bytes);
  }

  /** Bytes `start` to `end` (not included). The file is opened when the first byte is asked for. */
  async *readBlob(digest: ContentDigest, start: number, end: number): AsyncGenerator<Uint8Array> {
    const handle = await open(this.blobPath(digest), READING);
    try {
      for (let position = start; position < end; ) {
        const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - position));
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
        if (bytesRead === 0) throw new Error(`the blob ${digest} is shorter than it was`);
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  }

  /** Whether any repository has the blob. */
  async findBlob(digest: ContentDigest): Promise<boolean> {
    for (const name of this.#names) {
      if ((await this.repository(name).blobBytes(digest)) !== undefined) return true;
    }
    return false;
  }

  /** A repository begins with the first thing that is put into it. */
  remember(name: string): void {
    this.#names.add(name);
  }

  knows(name: string): boolean {
    return this.#names.has(name);
  }
}

/** What one repository has. The name must have been checked. */
export class RepositoryFolder {
  readonly name: string;
  readonly path: string;
  readonly #folder: RegistryFolder;

  constructor(folder: RegistryFolder, name: string, path: string) {
    this.#folder = folder;
    this.name = name;
    this.path = path;
  }

  /** Size of a blob that this repository has. */
  async blobBytes(digest: ContentDigest): Promise<number | undefined> {
    const link = await orAbsent(stat(this.#blobLink(digest)));
    return link === undefined ? undefined : await this.#folder.blobBytes(digest);
  }

  async linkBlob(digest: ContentDigest): Promise<void> {
    await writeWhole(this.#blobLink(digest), new Uint8Array());
    this.#folder.remember(this.name);
  }

  /** Whether it was there. The bytes stay for repositories that have them too. */
  async unlinkBlob(digest: ContentDigest): Promise<boolean> {
    return await removeFile(this.#blobLink(digest));
  }

  #blobLink(digest: ContentDigest): string {
    return join(this.path, '_blobs', digestPath(digest));
  }
}

/**
 * The registry in that folder; without `readOnly` the folder is made if it is absent or empty. Failures USAGE_ARGUMENTS
 * (another kind of folder), FEATURE_UNSUPPORTED, FILE_UNREADABLE, FILE_UNWRITABLE.
 */
export async function openRegistryFolder(path: string, readOnly: boolean): Promise<RegistryFolder> {
  if (!readOnly) {
    await failingUnwritable(path, () => mkdir(path, { recursive: true }));
    if ((await failingUnreadable(path, () => readdir(path))).length === 0) {
      await failingUnwritable(path, () => writeFile(join(path, MARKER), `{"version":${VERSION}}\n`));
    }
  }
  await checkMarker(path, readOnly);
  const names = await failingUnreadable(path, () => repositoryNames(join(path, 'repositories')));
  return new RegistryFolder(path, names);
}

async function checkMarker(path: string, readOnly: boolean): Promise<void> {
  const text = await failingUnreadable(path, () => orAbsent(readFile(join(path, MARKER), 'utf8')));
  if (text === undefined) {
    throw new Failure('USAGE_ARGUMENTS', `${path} is not the folder of a registry`, {
      hint: readOnly ? 'A registry that is only read must be there already.' : 'Name an empty or a new folder.',
    });
  }
  if (text.trim() !== `{"version":${VERSION}}`) {
    throw new Failure('FEATURE_UNSUPPORTED', `the registry in ${path} was made by another version of stave`);
  }
}

/** Names of the repositories below a folder. Names nest: `team` and `team/app` may both be repositories. */
async function repositoryNames(root: string): Promise<string[]> {
  const names: string[] = [];
  const visit = async (name: string): Promise<void> => {
    const entries = await orAbsent(readdir(join(root, name), { withFileTypes: true }));
    if (entries?.some((entry) => entry.name === '_blobs' || entry.name === '_manifests')) names.push(name);
    for (const entry of entries ?? []) {
      const inner = name === '' ? entry.name : `${name}/${entry.name}`;
      if (entry.isDirectory() && isRepositoryName(inner)) await visit(inner);
    }
  };
  await visit('');
  return names;
}

/** Small files: written beside their place, then named. */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomically(path, (write) => write(Buffer.from(content)));
}

/** Whether it was there. */
export async function removeFile(path: string): Promise<boolean> {
  return (await orAbsent(rm(path).then(() => true))) ?? false;
}

/** The names of the files in a folder that may be absent; not those that are only being written. */
export async function fileNames(path: string): Promise<string[]> {
  return ((await orAbsent(readdir(path))) ?? []).filter((name) => !name.startsWith('.'));
}

/** undefined where a file or folder does not exist. */
export async function orAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function failingUnreadable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new Failure('FILE_UNREADABLE', `cannot read ${path}: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
}
