// Uploads under way: a file that grows, and the running digest of it (distribution spec, "Pushing blobs").
// What arrived before a connection broke stays, so that the client can go on from there.

import { type Hash, randomUUID } from 'node:crypto';
import { mkdir, open, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { LIMITS } from '../../../base/limits.ts';
import { type ContentDigest, digestAlgorithm, hashFor } from './content-digest.ts';
import type { RegistryRequest } from './exchange.ts';
import { RegistryError } from './registry-error.ts';
import { orAbsent, type RegistryFolder, type RepositoryFolder } from './registry-folder.ts';

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export class Uploads {
  readonly #folder: RegistryFolder;
  /** By path of their file. Those of an earlier process are found on disk when somebody asks for them. */
  readonly #open = new Map<string, Upload>();

  constructor(folder: RegistryFolder) {
    this.#folder = folder;
  }

  /** RegistryError TOOMANYREQUESTS. */
  async begin(repository: RepositoryFolder, now: number): Promise<Upload> {
    await this.#makeRoom(now);
    const directory = join(repository.path, '_uploads');
    await mkdir(directory, { recursive: true });
    const id = randomUUID();
    const path = join(directory, id);
    await (await open(path, 'wx', 0o644)).close();
    return this.#remember(new Upload(this.#folder, repository, id, path, 0), now);
  }

  /** RegistryError BLOB_UPLOAD_UNKNOWN. */
  async find(repository: RepositoryFolder, id: string, now: number): Promise<Upload> {
    const path = join(repository.path, '_uploads', id);
    const known = ID.test(id) ? this.#open.get(path) : undefined;
    const found = ID.test(id) ? await orAbsent(stat(path)) : undefined;
    if (found === undefined) throw uploadUnknown();
    return this.#remember(known ?? new Upload(this.#folder, repository, id, path, found.size), now);
  }

  /** Must be called when an upload is over. */
  forget(upload: Upload): void {
    this.#open.delete(upload.path);
  }

  #remember(upload: Upload, now: number): Upload {
    upload.lastUsed = now;
    this.#open.set(upload.path, upload);
    return upload;
  }

  async #makeRoom(now: number): Promise<void> {
    if (this.#open.size < LIMITS.registryUploads) return;
    for (const upload of [...this.#open.values()]) {
      if (now - upload.lastUsed < LIMITS.registryRestMs) continue;
      this.forget(upload);
      await upload.cancel();
    }
    if (this.#open.size < LIMITS.registryUploads) return;
    throw new RegistryError('TOOMANYREQUESTS', `${this.#open.size} uploads are under way already`, {
      headers: { 'retry-after': '10' },
    });
  }
}

/** One upload. Its methods must be called inside `exclusively`. */
export class Upload {
  readonly id: string;
  readonly path: string;
  readonly repository: RepositoryFolder;
  lastUsed = 0;
  readonly #folder: RegistryFolder;
  #sizeBytes: number;
  /** SHA-256 of all bytes so far; undefined when they have to be read again for it. */
  #hash: Hash | undefined;
  /** Finished or cancelled, while another request was waiting for its turn. */
  #over = false;
  #turn: Promise<unknown> = Promise.resolve();
  /** Cuts the request whose body is being read. */
  #abandon: () => void = () => {};

  constructor(folder: RegistryFolder, repository: RepositoryFolder, id: string, path: string, sizeBytes: number) {
    this.#folder = folder;
    this.repository = repository;
    this.id = id;
    this.path = path;
    this.#sizeBytes = sizeBytes;
    this.#hash = sizeBytes === 0 ? hashFor('sha256') : undefined;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /**
   * Requests that change an upload come one after the other, and a newer one ends the reading of an older one's body: a
   * client whose connection broke may be back before we notice that the old connection is dead.
   */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.#abandon();
    const turn = this.#turn.then(() => {
      if (this.#over) throw uploadUnknown();
      return work();
    });
    this.#turn = turn.catch(() => {});
    return await turn;
  }

  /**
   * Adds the body. With `expectedBytes` it is all or nothing, except that what came before the client broke off stays.
   * RegistryError SIZE_INVALID when there are more or fewer, or when the blob gets too large.
   */
  async append({ body, abandon }: RegistryRequest, expectedBytes?: number): Promise<void> {
    const before = this.#sizeBytes;
    const most = before + (expectedBytes ?? Number.POSITIVE_INFINITY);
    const handle = await open(this.path, 'a');
    this.#abandon = abandon;
    try {
      for await (const chunk of body) {
        const after = this.#sizeBytes + chunk.length;
        if (after > LIMITS.registryBlobBytes) throw this.#tooLarge();
        if (after > most) throw this.#wrongSize(`more than ${expectedBytes}`);
        await handle.appendFile(chunk);
        this.#hash?.update(chunk);
        this.#sizeBytes = after;
      }
      if (expectedBytes !== undefined && this.#sizeBytes < most) throw this.#wrongSize(`fewer than ${expectedBytes}`);
    } catch (error) {
      await this.#takeBack(error instanceof RegistryError ? before : undefined);
      throw error;
    } finally {
      this.#abandon = () => {};
      await handle.close();
    }
  }

  /** The bytes become a blob of the repository. RegistryError DIGEST_INVALID, and the upload is over. */
  async finish(digest: ContentDigest): Promise<void> {
    const actual = await this.#digest(digest);
    if (actual !== digest) {
      await this.cancel();
      throw new RegistryError('DIGEST_INVALID', `the bytes that were uploaded have the digest ${actual}`, {
        detail: { digest },
      });
    }
    // A 201 is a promise for good: clients never send these bytes again.
    const handle = await open(this.path, 'r+');
    await handle.datasync().finally(() => handle.close());
    this.#over = true;
    await this.#folder.adoptBlob(digest, this.path);
    await this.repository.linkBlob(digest);
  }

  async cancel(): Promise<void> {
    this.#over = true;
    await rm(this.path, { force: true });
  }

  async #digest(wanted: ContentDigest): Promise<string> {
    const algorithm = digestAlgorithm(wanted);
    if (algorithm === 'sha256' && this.#hash !== undefined) return `sha256:${this.#hash.copy().digest('hex')}`;
    const hash = hashFor(algorithm);
    const handle = await open(this.path);
    for await (const chunk of handle.createReadStream({ highWaterMark: 256 * 1024 })) hash.update(chunk);
    return `${algorithm}:${hash.digest('hex')}`;
  }

  /** Cuts the file to a size we know, after an error: a write may have been done in part. */
  async #takeBack(sizeBytes: number | undefined): Promise<void> {
    if (sizeBytes !== undefined && sizeBytes !== this.#sizeBytes) {
      this.#sizeBytes = sizeBytes;
      this.#hash = sizeBytes === 0 ? hashFor('sha256') : undefined;
    }
    await truncate(this.path, this.#sizeBytes);
  }

  #tooLarge(): RegistryError {
    return new RegistryError('SIZE_INVALID', `blobs may have ${LIMITS.registryBlobBytes} bytes`, { status: 413 });
  }

  #wrongSize(comparison: string): RegistryError {
    return new RegistryError('SIZE_INVALID', `the request has ${comparison} bytes, which is what its headers say`);
  }
}

function uploadUnknown(): RegistryError {
  return new RegistryError('BLOB_UPLOAD_UNKNOWN', 'there is no such upload: it was finished, cancelled or given up');
}
