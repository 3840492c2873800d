// A group of the user's files as a package that was never a file: entries like those of a data tar, a record like those of
// .PKGINFO. Normalised: nothing of the machine it was collected on is left but names, contents and the executable bit.

import { hashHex } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';
import { checksumRecord } from '../../formats/apk/data-entries.ts';
import type { Package } from '../../formats/apk/package.ts';
import { hasRegistryHost } from '../../formats/oci/reference.ts';
import { TAR_TYPE, type TarEntry } from '../../formats/tar/entry.ts';
import { apkArchitecture } from '../config/architecture.ts';
import type { FileTree } from '../rootfs/file-tree.ts';
import {
  type CollectedContent,
  type CollectedEntry,
  type CollectedGroup,
  filesPackageName,
} from './collected-group.ts';
import { ownerResolver } from './owner.ts';

export interface FilesPackage {
  readonly group: CollectedGroup;
  readonly package: Package;
  /** Where the bytes of its files are, by path. */
  readonly contents: ReadonlyMap<string, FileContent>;
}

export interface FileContent {
  readonly content: CollectedContent;
  readonly sizeBytes: number;
  /** Hex. */
  readonly sha256: string;
}

/** What decides the package besides the group. */
export interface FilesTarget {
  /** OCI form. */
  readonly arch: string;
  /** The image below: its accounts, symbolic links and directories count. */
  readonly tree: FileTree;
  /** What of it is the base image's, where there is one. */
  readonly base?: FileTree;
  /** mtime of everything. */
  readonly epochSeconds: number;
}

/**
 * The package, or undefined where the group has nothing for this architecture. Failures FILE_CONFLICT (two contents for one
 * path), ACCOUNT_INVALID, PATH_INVALID.
 */
export function planFilesPackage(group: CollectedGroup, target: FilesTarget): FilesPackage | undefined {
  const { arch, tree, base, epochSeconds } = target;
  const wanted = group.entries.filter(({ archs }) => archs.length === 0 || archs.includes(arch));
  if (wanted.length === 0) return undefined;
  const ownerOf = ownerResolver(tree);
  const entries = new Map<string, TarEntry>();
  const contents = new Map<string, FileContent>();
  const digests = new Map<string, string>();
  for (const collected of wanted) {
    const path = collected.kind === 'directory' ? realFolder(tree, collected.path) : tree.realPath(collected.path);
    if (/[\r\n]/.test(path)) {
      throw new Failure(
        'PATH_INVALID',
        `${JSON.stringify(`/${path}`)} has a line break, which no package database takes`,
      );
    }
    const entry = entryOf(collected, path, { ...ownerOf(collected.owner), mtime: epochSeconds });
    const known = entries.get(path);
    if (known !== undefined && !agree(known, entry)) throw twice(group, path);
    if (base !== undefined && collected.kind !== 'directory') refuseBaseFile(path, tree, base);
    entries.set(path, entry);
    if (collected.kind !== 'file') continue;
    const { content, sizeBytes, sha256 } = collected;
    contents.set(path, { content, sizeBytes, sha256 });
    digests.set(path, sha256);
  }
  for (const path of [...entries.keys()]) addParents(entries, path, tree, epochSeconds);
  const sorted = [...entries.values()].sort((a, b) => comparePaths(a.name, b.name)).map((e) => keepExisting(e, tree));
  return { group, package: packageOf(group, arch, sorted, digests, epochSeconds), contents };
}

/** Where the content of a folder goes: a link to a folder is that folder. */
function realFolder(tree: FileTree, path: string): string {
  if (tree.lookup(path, { follow: false })?.kind !== 'symlink') return tree.realPath(path);
  if (tree.lookup(path)?.kind === 'directory') return tree.realPath(`${path}/x`).slice(0, -'/x'.length);
  throw new Failure('FILE_CONFLICT', `"/${path}" is a link in the image, and leads to no folder`);
}

type Normal = Pick<TarEntry, 'uid' | 'gid' | 'mtime'>;

function entryOf(collected: CollectedEntry, path: string, normal: Normal): TarEntry {
  const entry = { ...PLAIN, ...normal, name: path };
  switch (collected.kind) {
    case 'directory':
      return { ...entry, type: TAR_TYPE.directory, mode: collected.mode };
    case 'symlink': {
      const { target } = collected;
      return {
        ...entry,
        type: TAR_TYPE.symlink,
        mode: 0o777,
        linkname: target,
        pax: checksumRecord(hashHex('sha1', target)),
      };
    }
    case 'file': {
      const { mode, sizeBytes, sha1 } = collected;
      return { ...entry, type: TAR_TYPE.file, mode, size: sizeBytes, pax: checksumRecord(sha1) };
    }
  }
}

const PLAIN = {
  uname: '',
  gname: '',
  size: 0,
  linkname: '',
  devmajor: 0,
  devminor: 0,
  pax: {},
  offset: 0,
  magic: 'ustar',
} as const;

/** Two sources may give the same thing. */
function agree(a: TarEntry, b: TarEntry): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function twice(group: CollectedGroup, path: string): Failure {
  return new Failure('FILE_CONFLICT', `two things of the group "${group.name}" go to "/${path}"`, {
    hint: 'give one of them another place, or leave it out with "exclude" or "archs"',
  });
}

/** The base image's packages own it, and its layers show it to whoever looks there. */
function refuseBaseFile(path: string, tree: FileTree, base: FileTree): void {
  const there = base.lookup(path, { follow: false });
  if (there === undefined || there.kind === 'directory') return;
  if (tree.lookup(path, { follow: false })?.owner !== undefined) return; // A package took its place.
  throw new Failure('FILE_CONFLICT', `"/${path}" is a file of the base image`, {
    hint: 'put it somewhere else: what a base image has is not replaced',
  });
}

/** The database lists a file only below directories that the same package lists. */
function addParents(entries: Map<string, TarEntry>, path: string, tree: FileTree, mtime: number): void {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const parent = path.slice(0, end);
    const known = entries.get(parent);
    if (known?.type === TAR_TYPE.directory) continue;
    if (known !== undefined) {
      throw new Failure('FILE_CONFLICT', `"/${parent}" is both a file and the folder of "/${path}"`);
    }
    entries.set(parent, { ...PLAIN, name: parent, type: TAR_TYPE.directory, mode: 0o755, uid: 0, gid: 0, mtime });
    if (tree.lookup(parent)?.kind === 'file') {
      throw new Failure('FILE_CONFLICT', `"/${parent}" is a file in the image, so that "/${path}" cannot be`);
    }
  }
}

/** A directory that the image has keeps its mode and owner; the database says so, or an audit would find a difference. */
function keepExisting(entry: TarEntry, tree: FileTree): TarEntry {
  const node = tree.lookup(entry.name, { follow: false });
  if (entry.type === TAR_TYPE.directory) {
    return node?.kind === 'directory' ? { ...entry, mode: node.mode, uid: node.uid, gid: node.gid } : entry;
  }
  if (node?.kind !== 'directory') return entry;
  throw new Failure('FILE_CONFLICT', `"/${entry.name}" is a folder in the image`, {
    hint: `to put something into it, write "/${entry.name}/"`,
  });
}

/** As a walk meets them: a directory before what it holds. */
function comparePaths(a: string, b: string): number {
  const [as, bs] = [a.split('/'), b.split('/')];
  for (let i = 0; i < as.length && i < bs.length; i++) {
    const order = compareBytes(as[i] as string, bs[i] as string);
    if (order !== 0) return order;
  }
  return as.length - bs.length;
}

/** Where a layout lies is about a machine, not about the image. */
function sourceOf(image: string): string {
  if (image === '') return 'files of the image configuration';
  return `paths of ${hasRegistryHost(image) ? image : `the image ${image.slice(image.lastIndexOf('@') + 1)}`}`;
}

function packageOf(
  group: CollectedGroup,
  arch: string,
  entries: readonly TarEntry[],
  digests: ReadonlyMap<string, string>,
  epochSeconds: number,
): Package {
  const name = filesPackageName(group);
  const { version, license, image } = group;
  // Both digests are of descriptions: there is no file that they could be of.
  const outline = entries.map((e) => [e.name, e.type, e.mode, e.uid, e.gid, digests.get(e.name) ?? e.linkname]);
  const dataHash = hashHex('sha256', JSON.stringify(outline));
  const controlSha1 = hashHex('sha1', JSON.stringify([name, version, license, arch, dataHash]));
  const installedSize = entries.reduce((sum, { size }) => sum + size, 0);
  const none = { start: 0, end: 0, checksum: '' };
  return {
    info: {
      name,
      version,
      arch: apkArchitecture(arch),
      description: `${group.name}: ${sourceOf(image)}`,
      license,
      // Its own: equal origins may replace each other's files unasked.
      origin: name,
      maintainer: '',
      url: '',
      commit: '',
      dataHash,
      installedSize,
      buildDate: epochSeconds,
      providerPriority: 0,
      depends: [],
      provides: [],
      replaces: [],
      installIf: [],
      triggers: [],
    },
    controlSha1,
    sizeBytes: installedSize,
    members: { control: none, data: none },
    control: [],
    entries,
  };
}
