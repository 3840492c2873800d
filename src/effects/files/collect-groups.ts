// All groups of `files:` in a configuration, collected: what lies on disk, what is given inline, what is downloaded, and what
// is copied out of other images. Decides nothing about the image.

import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { digestHex, hashHex, sha256 } from '../../base/digest.ts';
import { Failure, type SourcePlace } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { redactText } from '../../base/redact.ts';
import type { FileGroup, FileSource } from '../../planning/config/file-group.ts';
import type { Path } from '../../planning/config/problem.ts';
import type { CollectedEntry, CollectedFile, CollectedGroup } from '../../planning/files/collected-group.ts';
import type { HttpClient } from '../http/client.ts';
import type { Store } from '../store/store.ts';
import { discoverVersion } from '../vcs/git-version.ts';
import { type CollectionBudget, collectionBudget, collectTree } from './collect-tree.ts';
import { copyFromImage, type OpenedImage, splitPinned } from './copy-from-image.ts';
import { downloadFile } from './download-file.ts';

export interface CollectOptions {
  readonly cwd: string;
  readonly http: HttpClient;
  readonly store: Store;
  /** OCI forms that are going to be built: images are read for these only. */
  readonly archs: readonly string[];
  /** Opens another image; `place` is a folder (absolute) where one of that name is there, else as the user wrote it. */
  readonly openImage: (place: string) => Promise<OpenedImage>;
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
      await at(options.place(['files', i, 'files', f]), async () => {
        entries.push(...(await collectSource(source, resolve(options.cwd, group.folder), options, budget)));
      });
    }
    if (group.image !== '') {
      await at(options.place(['files', i, 'image']), async () => {
        entries.push(...(await copyPaths(group, options, budget)));
      });
    }
    const version = await at(options.place(['files', i, 'version-from']), async () => versionOf(group, options.cwd));
    const origin = group.image === '' ? 'files of the image configuration' : `paths of ${redactText(group.image)}`;
    collected.push({ name: group.name, version, license: group.license, origin, entries });
  }
  return collected;
}

async function at<T>(place: SourcePlace | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Failure ? error.at(place) : error;
  }
}

async function collectSource(
  source: FileSource,
  root: string,
  { http, store, maxBytes }: CollectOptions,
  budget: CollectionBudget,
): Promise<CollectedEntry[]> {
  if (source.from !== '') return collectTree(source, root, budget);
  if (source.inline !== undefined) return [inlineFile(source, source.inline)];
  const { url } = source;
  const { file, sizeBytes, sha1, sha256 } = await downloadFile(url, source.sha256, http, store, maxBytes);
  const base = new URL(url).pathname.split('/').at(-1) ?? '';
  if (source.to.endsWith('/') && base === '') {
    throw new Failure('CONFIG_INVALID', `${redactText(url)} has no file name for "${source.to}"`, {
      hint: 'name the file in "to"',
    });
  }
  const path = pathOf(source.to.endsWith('/') ? `${source.to}${base}` : source.to);
  const mode = source.mode ?? 0o644;
  const content = { kind: 'disk', file, name: redactText(url) } as const;
  return [{ kind: 'file', path, owner: source.owner, archs: source.archs, mode, sizeBytes, sha1, sha256, content }];
}

function inlineFile({ to, owner, archs, mode = 0o644 }: FileSource, text: string): CollectedFile {
  const bytes = Buffer.from(text);
  const digests = { sha1: hashHex('sha1', bytes), sha256: digestHex(sha256(bytes)) };
  const content = { kind: 'inline', bytes } as const;
  return { kind: 'file', path: pathOf(to), owner, archs, mode, sizeBytes: bytes.length, ...digests, content };
}

async function copyPaths(
  group: FileGroup,
  options: CollectOptions,
  budget: CollectionBudget,
): Promise<CollectedEntry[]> {
  const { place } = splitPinned(group.image);
  const folder = resolve(options.cwd, group.folder, place);
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  const opened = await options.openImage(isFolder ? folder : place);
  const { image: reference, paths } = group;
  return await copyFromImage({ reference, paths, archs: options.archs }, opened, options.store, budget);
}

const VERSION = /^[0-9A-Za-z][0-9A-Za-z._+~-]{0,127}$/;

function versionOf(group: FileGroup, cwd: string): string {
  const { version, versionFrom, folder } = group;
  if (version !== '') return version;
  // A digest is as good a version as any.
  if (versionFrom === '') return `0~${splitPinned(group.image).digest.slice('sha256:'.length, 'sha256:'.length + 12)}`;
  const found =
    versionFrom === 'git' ? discoverVersion(resolve(cwd, folder)) : versionInFile(resolve(cwd, folder), versionFrom);
  if (found !== undefined && VERSION.test(found)) return found;
  if (versionFrom === 'git') {
    throw new Failure('CONFIG_INVALID', `there is no git commit to take the version of "${group.name}" from`, {
      hint: 'give it with "version"',
    });
  }
  throw new Failure('CONFIG_INVALID', `"${versionFrom}" has no version for "${group.name}"`, {
    hint: 'it should be JSON with a "version", or have it in its first line',
    ...(found !== undefined && { notes: [`found: ${JSON.stringify(found.slice(0, 80))}`] }),
  });
}

function versionInFile(folder: string, name: string): string | undefined {
  let text: string;
  try {
    const path = resolve(folder, name);
    if (statSync(path).size > LIMITS.configBytes) return undefined;
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Failure('CONFIG_NOT_FOUND', `cannot read "${name}" for the version: ${code}`, { cause });
  }
  if (!/^\s*\{/.test(text)) return text.split('\n', 1)[0]?.trim();
  try {
    const { version } = JSON.parse(text) as { version?: unknown };
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}

function pathOf(to: string): string {
  return to
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .join('/');
}
