// All groups of `files:` in a configuration, collected: what lies on disk, what is given inline, what is downloaded, and what
// is copied out of other images. Decides nothing about the image.

import { resolve } from 'node:path';
import { digestHex, hashHex, sha256 } from '../../base/digest.ts';
import { Failure, failingLaterAt, type SourcePlace } from '../../base/failure.ts';
import { redactText, stripCredentials } from '../../base/redact.ts';
import type { FileGroup, FileSource } from '../../planning/config/file-group.ts';
import type { Path } from '../../planning/config/problem.ts';
import type { CollectedEntry, CollectedFile, CollectedGroup } from '../../planning/files/collected-group.ts';
import type { HttpClient } from '../http/client.ts';
import type { Store } from '../store/store.ts';
import { collectTree } from './collect-tree.ts';
import { type CollectionBudget, collectionBudget, spend } from './collection-budget.ts';
import { copyFromImage, type OpenedImage } from './copy-from-image.ts';
import { downloadFile } from './download-file.ts';
import { groupVersion } from './group-version.ts';

export interface CollectOptions {
  readonly cwd: string;
  readonly http: HttpClient;
  readonly store: Store;
  /** OCI forms that are going to be built: images are read for these only. */
  readonly archs: readonly string[];
  /** Opens the image that a group copies out of. */
  readonly openImage: (group: FileGroup) => Promise<OpenedImage>;
  /** Where its layers are unpacked meanwhile. */
  readonly temporaryDirectory: string;
  /** Most bytes of one download. */
  readonly maxBytes?: number;
  readonly place: (path: Path) => SourcePlace | undefined;
}

/** In the order of the configuration. Failures have the place of the entry that they are about. */
export async function collectGroups(groups: readonly FileGroup[], options: CollectOptions): Promise<CollectedGroup[]> {
  const budget = collectionBudget();
  const collected: CollectedGroup[] = [];
  for (const [i, group] of groups.entries()) {
    const entries: CollectedEntry[] = [];
    for (const [f, source] of group.files.entries()) {
      await failingLaterAt(options.place(['files', i, 'files', f]), async () => {
        entries.push(...(await collectSource(source, resolve(options.cwd, group.folder), options, budget)));
      });
    }
    if (group.image !== '') {
      await failingLaterAt(options.place(['files', i, 'image']), async () => {
        entries.push(...(await copyPaths(group, options, budget)));
      });
    }
    const version = await failingLaterAt(options.place(['files', i, 'version-from']), async () =>
      groupVersion(group, options.cwd),
    );
    const { name, license, image } = group;
    collected.push({ name, version, license, image: redactText(stripCredentials(image)), entries });
  }
  return collected;
}

async function collectSource(
  source: FileSource,
  root: string,
  options: CollectOptions,
  budget: CollectionBudget,
): Promise<CollectedEntry[]> {
  if (source.from !== '') return collectTree(source, root, budget);
  const file = source.inline !== undefined ? inlineFile(source, source.inline) : await downloadedFile(source, options);
  spend(budget, file.sizeBytes);
  return [file];
}

async function downloadedFile(source: FileSource, { http, store, maxBytes }: CollectOptions): Promise<CollectedFile> {
  const { url: address, to, owner, archs, mode = 0o644 } = source;
  const url = redactText(stripCredentials(address));
  const name = new URL(address).pathname.split('/').at(-1) ?? '';
  if (to.endsWith('/') && name === '') {
    throw new Failure('CONFIG_INVALID', `${url} has no file name for "${to}"`, { hint: 'name the file in "to"' });
  }
  const path = pathOf(to.endsWith('/') ? `${to}${name}` : to);
  const { file, sizeBytes, sha1, sha256 } = await downloadFile(address, source.sha256, http, store, maxBytes);
  const content = { kind: 'disk', file, name: url } as const;
  return { kind: 'file', path, owner, archs, mode, sizeBytes, sha1, sha256, url, content };
}

function inlineFile({ to, owner, archs, mode = 0o644 }: FileSource, text: string): CollectedFile {
  const bytes = Buffer.from(text);
  const digests = { sha1: hashHex('sha1', bytes), sha256: digestHex(sha256(bytes)) };
  const content = { kind: 'inline', bytes } as const;
  return { kind: 'file', path: pathOf(to), owner, archs, mode, sizeBytes: bytes.length, ...digests, content };
}

async function copyPaths(
  group: FileGroup,
  { archs, openImage, temporaryDirectory, store }: CollectOptions,
  budget: CollectionBudget,
): Promise<CollectedEntry[]> {
  const { image: reference, paths } = group;
  const open = () => openImage(group);
  return await copyFromImage({ reference, paths, archs, open, temporaryDirectory }, store, budget);
}

function pathOf(to: string): string {
  return to
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .join('/');
}
