// What a lock file records for us alone: the user's own files with their digests, the variables, and how a variant lies on its
// production image. The reference's reader ignores keys that it does not know, so it still reads the rest.

import { digestHex, sha256 } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';
import type { CollectedEntry, CollectedGroup } from '../files/collected-group.ts';
import type { JsonObject, LockFields } from './lock-fields.ts';

export interface OwnLock {
  /** '' = the image itself. */
  readonly variant: string;
  /** `sha256-<hex>` of what `${{vars.NAME}}` stood for: values of the command line may be secrets. */
  readonly vars: Readonly<Record<string, string>>;
  /** Of a variant, by apk architecture: how many of the packages are the production image's. */
  readonly production: Readonly<Record<string, number>>;
  readonly files: readonly LockedGroup[];
}

interface LockedGroup {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** `<image>@sha256:...` that the files are copied out of. */
  readonly image?: string;
  /** In byte order of their paths. */
  readonly files: readonly LockedFile[];
}

interface LockedFile {
  /** In the image; directories end in `/`. */
  readonly path: string;
  /** `0755`; '' for links. */
  readonly mode: string;
  readonly owner: string;
  /** OCI forms, separated by commas; '' = all. */
  readonly archs: string;
  /** `sha256-<hex>` of a file's content, `-> <target>` of a link, '' of a directory. */
  readonly content: string;
  /** Where it is downloaded from. */
  readonly url?: string;
}

export interface OwnLockPlan {
  readonly variant: string;
  readonly vars: ReadonlyMap<string, string>;
  readonly production: Readonly<Record<string, number>>;
  readonly groups: readonly CollectedGroup[];
}

/** Undefined where there is nothing that only we would lock: such a lock has the reference's bytes. */
export function planOwnLock({ variant, vars, production, groups }: OwnLockPlan): OwnLock | undefined {
  if (variant === '' && vars.size === 0 && groups.length === 0) return undefined;
  const sorted = [...vars]
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([name, value]) => [name, `sha256-${digestHex(sha256(value))}`] as const);
  return { variant, vars: Object.fromEntries(sorted), production, files: groups.map(lockGroup) };
}

/** A group by the digests of what is in it. */
export function lockGroup({ name, version, license, image, entries }: CollectedGroup): LockedGroup {
  const files = entries.map(lockFile).sort((a, b) => compareBytes(sortKey(a), sortKey(b)));
  return { name, version, license, ...(image !== '' && { image }), files };
}

/** Where a group came from, for whoever gives account of a build. */
export interface GroupSource {
  readonly name: string;
  readonly version: string;
  /** Hex, of the group as the lock file has it: paths, modes, owners and the digests of all contents. */
  readonly sha256: string;
  /** `<image>@sha256:...`, or ''. */
  readonly image: string;
  /** Each address once. */
  readonly downloads: readonly { readonly url: string; readonly sha256: string }[];
}

export function groupSource(group: CollectedGroup): GroupSource {
  const { name, version, image } = group;
  const locked = lockGroup(group);
  const downloads = new Map<string, string>();
  for (const { url, content } of locked.files)
    if (url !== undefined) downloads.set(url, content.slice('sha256-'.length));
  return {
    name,
    version,
    sha256: digestHex(sha256(JSON.stringify(locked))),
    image,
    downloads: [...downloads].map(([url, hex]) => ({ url, sha256: hex })),
  };
}

function sortKey({ path, archs }: LockedFile): string {
  return `${path}\0${archs}`;
}

function lockFile(entry: CollectedEntry): LockedFile {
  const { owner } = entry;
  const archs = [...entry.archs].sort(compareBytes).join(',');
  const modeOf = (mode: number) => mode.toString(8).padStart(4, '0');
  switch (entry.kind) {
    case 'directory':
      return { path: `/${entry.path}/`, mode: modeOf(entry.mode), owner, archs, content: '' };
    case 'symlink':
      return { path: `/${entry.path}`, mode: '', owner, archs, content: `-> ${entry.target}` };
    case 'file': {
      const { path, mode, sha256, url } = entry;
      const content = `sha256-${sha256}`;
      return { path: `/${path}`, mode: modeOf(mode), owner, archs, content, ...(url !== undefined && { url }) };
    }
  }
}

export function ownLockOf(fields: LockFields, root: JsonObject): OwnLock {
  const vars = fields.object(root['vars'] ?? {}, 'stave.vars');
  const production = fields.object(root['production'] ?? {}, 'stave.production');
  return {
    variant: fields.text(root, 'variant', 'stave'),
    vars: Object.fromEntries(Object.keys(vars).map((name) => [name, fields.text(vars, name, 'stave.vars')])),
    production: Object.fromEntries(
      Object.keys(production).map((arch) => [arch, fields.count(production, arch, 'stave.production')]),
    ),
    files: fields.list(root, 'files', 'stave').map(([group, path]) => ({
      name: fields.needed(group, 'name', path),
      version: fields.text(group, 'version', path),
      license: fields.text(group, 'license', path),
      ...optional('image', fields.text(group, 'image', path)),
      files: fields.list(group, 'files', path).map(([file, filePath]) => ({
        path: fields.needed(file, 'path', filePath),
        mode: fields.text(file, 'mode', filePath),
        owner: fields.text(file, 'owner', filePath),
        archs: fields.text(file, 'archs', filePath),
        content: fields.text(file, 'content', filePath),
        ...optional('url', fields.text(file, 'url', filePath)),
      })),
    })),
  };
}

function optional<K extends string>(key: K, value: string): { readonly [P in K]?: string } {
  return value === '' ? {} : ({ [key]: value } as { readonly [P in K]: string });
}

/** What is held to a lock: its path for messages, and the architectures (OCI forms) that are being built. */
export interface LockUse {
  readonly lockPath: string;
  readonly archs: readonly string[];
}

/**
 * Failure LOCK_MISMATCH naming what is not as it was locked. `locked` is undefined for a lock without such a part; files that are
 * for other architectures alone do not count.
 */
export function assertOwnLock(
  locked: OwnLock | undefined,
  now: OwnLock | undefined,
  { lockPath, archs }: LockUse,
): void {
  const differences = differencesOf(forArchs(locked ?? NOTHING, archs), forArchs(now ?? NOTHING, archs));
  const [first, ...others] = differences;
  if (first === undefined) return;
  const notes = others.slice(0, LISTED);
  if (others.length > notes.length) notes.push(`and ${others.length - notes.length} more`);
  throw new Failure('LOCK_MISMATCH', `the lock file ${lockPath} was made from something else: ${first}`, {
    hint: 'if that is meant, make it again with `stave lock`',
    notes,
  });
}

function forArchs(lock: OwnLock, archs: readonly string[]): OwnLock {
  const isBuilt = (file: LockedFile) => file.archs === '' || file.archs.split(',').some((arch) => archs.includes(arch));
  return { ...lock, files: lock.files.map((group) => ({ ...group, files: group.files.filter(isBuilt) })) };
}

const NOTHING: OwnLock = { variant: '', vars: {}, production: {}, files: [] };
const LISTED = 20;

function differencesOf(locked: OwnLock, now: OwnLock): string[] {
  const differences: string[] = [];
  if (locked.variant !== now.variant) {
    differences.push(`of the variant "${locked.variant || 'runtime'}", not "${now.variant || 'runtime'}"`);
  }
  for (const name of namesOf(Object.keys(locked.vars), Object.keys(now.vars))) {
    if (locked.vars[name] !== now.vars[name]) differences.push(`the variable "${name}" had another value`);
  }
  const group = (lock: OwnLock, name: string) => lock.files.find((each) => each.name === name);
  for (const name of namesOf(
    locked.files.map((g) => g.name),
    now.files.map((g) => g.name),
  )) {
    differences.push(...groupDifferences(name, group(locked, name), group(now, name)));
  }
  return differences;
}

function groupDifferences(name: string, locked: LockedGroup | undefined, now: LockedGroup | undefined): string[] {
  if (locked === undefined) return [`the files of "${name}" were not there`];
  if (now === undefined) return [`the files of "${name}" are no longer there`];
  const differences: string[] = [];
  if (locked.version !== now.version)
    differences.push(`"${name}" had the version ${locked.version}, now ${now.version}`);
  if (locked.license !== now.license) differences.push(`"${name}" had another licence`);
  if (locked.image !== now.image) differences.push(`"${name}" was copied out of ${locked.image ?? 'no image'}`);
  const [before, after] = [byPath(locked), byPath(now)];
  for (const key of namesOf([...before.keys()], [...after.keys()])) {
    const [then, today] = [before.get(key), after.get(key)];
    const path = key.split('\0', 1)[0];
    if (then === undefined) differences.push(`${path} is new`);
    else if (today === undefined) differences.push(`${path} is gone`);
    else if (then.content !== today.content) differences.push(`${path} has other content`);
    else if (then.mode !== today.mode || then.owner !== today.owner)
      differences.push(`${path} has another mode or owner`);
  }
  return differences;
}

function byPath(group: LockedGroup): ReadonlyMap<string, LockedFile> {
  return new Map(group.files.map((file) => [sortKey(file), file]));
}

function namesOf(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].sort(compareBytes);
}
