// Manifests, tags and referrers of one repository on disk (registry-folder.ts says where). Who changes several of them at
// once holds the repository's lock; readers need none, since each file is whole and a tag without a manifest is no tag.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { printJson } from '../../../base/canonical-json.ts';
import { LIMITS } from '../../../base/limits.ts';
import { compareBytes } from '../../../base/order.ts';
import { printFields, printPresent, printTextMap } from '../../../formats/oci/json-object.ts';
import { type ContentDigest, digestAlgorithm, digestOf, digestPath, isContentDigest } from './content-digest.ts';
import type { ManifestDocument } from './manifest-document.ts';
import {
  fileNames,
  orAbsent,
  type RegistryFolder,
  type RepositoryFolder,
  removeFile,
  writeWhole,
} from './registry-folder.ts';
import { isTag } from './route.ts';

export interface StoredManifest {
  readonly digest: ContentDigest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export class Manifests {
  readonly #folder: RegistryFolder;
  readonly #repository: RepositoryFolder;

  constructor(folder: RegistryFolder, repository: RepositoryFolder) {
    this.#folder = folder;
    this.#repository = repository;
  }

  /** undefined where it is absent, or damaged on disk: then it may be pushed again. */
  async read(digest: ContentDigest): Promise<StoredManifest | undefined> {
    const mediaType = await orAbsent(readFile(this.#manifestPath(digest), 'utf8'));
    if (mediaType === undefined || ((await this.#folder.blobBytes(digest)) ?? Infinity) > LIMITS.imageManifestBytes)
      return;
    const bytes = await orAbsent(readFile(this.#folder.blobPath(digest)));
    if (bytes === undefined || digestOf(digestAlgorithm(digest), bytes) !== digest) return undefined;
    return { digest, mediaType, bytes };
  }

  /** Size of a manifest that the repository has. */
  async manifestBytes(digest: ContentDigest): Promise<number | undefined> {
    const mediaType = await orAbsent(readFile(this.#manifestPath(digest)));
    return mediaType === undefined ? undefined : await this.#folder.blobBytes(digest);
  }

  /** The digest a tag points at; undefined where there is no such tag, or its manifest is gone. */
  async resolveTag(tag: string): Promise<ContentDigest | undefined> {
    const text = (await orAbsent(readFile(this.#tagPath(tag), 'utf8')))?.trim() ?? '';
    if (!isContentDigest(text)) return undefined;
    return (await this.manifestBytes(text)) === undefined ? undefined : text;
  }

  /** Tags move last. */
  async write(manifest: StoredManifest, document: ManifestDocument, tags: readonly string[]): Promise<void> {
    const { digest, mediaType, bytes } = manifest;
    await this.#folder.writeBlob(digest, bytes);
    if (document.subject !== undefined) {
      await writeWhole(this.#referrerPath(document.subject, digest), printReferrer(manifest, document));
    }
    await writeWhole(this.#manifestPath(digest), mediaType);
    this.#folder.remember(this.#repository.name);
    for (const tag of tags) await writeWhole(this.#tagPath(tag), digest);
  }

  /** With its tags, and its place among the referrers of its subject. Whether it was there. */
  async remove(digest: ContentDigest, subject: ContentDigest | undefined): Promise<boolean> {
    for (const tag of await fileNames(this.#tagsFolder())) {
      const text = await orAbsent(readFile(this.#tagPath(tag), 'utf8'));
      if (text?.trim() === digest) await removeFile(this.#tagPath(tag));
    }
    if (subject !== undefined) await removeFile(this.#referrerPath(subject, digest));
    return await removeFile(this.#manifestPath(digest));
  }

  /** Whether it was there. The manifest stays. */
  async removeTag(tag: string): Promise<boolean> {
    return await removeFile(this.#tagPath(tag));
  }

  /** In the order of the specification: without regard to case, then by bytes. */
  async tags(): Promise<string[]> {
    return (await fileNames(this.#tagsFolder())).filter(isTag).sort(compareTags);
  }

  /** Descriptors of what names `subject`, as JSON texts, in the order of their digests. */
  async *referrers(subject: ContentDigest, after: string): AsyncGenerator<{ digest: ContentDigest; json: string }> {
    const directory = join(this.#repository.path, '_referrers', digestPath(subject));
    const names = (await fileNames(directory)).sort(compareBytes);
    for (const name of names) {
      const digest = name.replace('-', ':');
      if (!isContentDigest(digest) || compareBytes(digest, after) <= 0) continue;
      // After a kill between the two writes there may be a referrer without a manifest.
      if ((await this.manifestBytes(digest)) === undefined) continue;
      const json = await orAbsent(readFile(join(directory, name), 'utf8'));
      if (json !== undefined) yield { digest, json };
    }
  }

  #manifestPath(digest: ContentDigest): string {
    return join(this.#repository.path, '_manifests', digestPath(digest));
  }

  #tagsFolder(): string {
    return join(this.#repository.path, '_tags');
  }

  #tagPath(tag: string): string {
    return join(this.#tagsFolder(), tag);
  }

  #referrerPath(subject: ContentDigest, digest: ContentDigest): string {
    return join(this.#repository.path, '_referrers', digestPath(subject), digest.replace(':', '-'));
  }
}

export function compareTags(a: string, b: string): number {
  return compareBytes(a.toLowerCase(), b.toLowerCase()) || compareBytes(a, b);
}

function printReferrer({ digest, mediaType, bytes }: StoredManifest, document: ManifestDocument): string {
  return printFields([
    ['mediaType', printJson(mediaType)],
    ['size', printJson(bytes.length)],
    ['digest', printJson(digest)],
    ['artifactType', printPresent(document.artifactType)],
    ['annotations', printTextMap(document.annotations)],
  ]);
}
