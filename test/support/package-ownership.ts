// Holds the database of installed packages against the files of an image: every file has exactly one owner, and is what its owner
// says. Reads the database by itself, so that a mistake of our own reader or writer cannot hide in it.

import { createHash } from 'node:crypto';
import type { TarEntry } from '../../src/formats/tar/entry.ts';

type Files = ReadonlyMap<string, { readonly entry: TarEntry; readonly content: Buffer }>;

interface Claim {
  readonly owner: string;
  readonly isDirectory: boolean;
  /** `uid:gid:mode` */
  rights: string;
  checksum: string;
}

/** Sentences about what is wrong; none where everything is as it should be. Files that the builder makes have no owner. */
export function ownershipComplaints(files: Files): string[] {
  const database = files.get('usr/lib/apk/db/installed')?.content.toString('utf8') ?? '';
  const claims = claimsIn(database);
  const complaints: string[] = [];
  for (const [path, list] of claims) {
    const owners = list.filter(({ isDirectory }) => !isDirectory).map(({ owner }) => owner);
    if (owners.length > 1) complaints.push(`${path} has the owners ${owners.join(', ')}`);
    for (const claim of list) complaints.push(...differences(path, claim, files));
  }
  for (const [path, { entry }] of files) {
    if (entry.type !== '5' && !claims.has(path)) complaints.push(`${path} has no owner`);
  }
  return complaints.sort();
}

function differences(path: string, { owner, isDirectory, rights, checksum }: Claim, files: Files): string[] {
  const found = files.get(path);
  if (found === undefined) return [`${path} of ${owner} is not there`];
  const { entry, content } = found;
  if (isDirectory !== (entry.type === '5')) return [`${path} of ${owner} is something else`];
  const wrong: string[] = [];
  const real = `${entry.uid}:${entry.gid}:${entry.mode.toString(8)}`;
  if (real !== rights) wrong.push(`${path} of ${owner} is ${real}, not ${rights}`);
  const bytes = entry.type === '2' ? entry.linkname : content;
  const sum = `Q1${createHash('sha1').update(bytes).digest('base64')}`;
  if (!isDirectory && entry.type !== '1' && sum !== checksum) wrong.push(`${path} of ${owner} has other content`);
  return wrong;
}

function claimsIn(database: string): Map<string, Claim[]> {
  const claims = new Map<string, Claim[]>();
  let [owner, folder] = ['', ''];
  let last: Claim | undefined;
  const claim = (path: string, isDirectory: boolean) => {
    last = { owner, isDirectory, rights: isDirectory ? '0:0:755' : '0:0:644', checksum: '' };
    claims.set(path, [...(claims.get(path) ?? []), last]);
  };
  for (const line of database.split('\n')) {
    const value = line.slice(2);
    if (line.startsWith('P:')) owner = value;
    else if (line.startsWith('F:')) {
      folder = value;
      if (value !== '') claim(value, true);
    } else if (line.startsWith('R:')) claim(folder === '' ? value : `${folder}/${value}`, false);
    else if (/^[aM]:/.test(line) && last !== undefined) last.rights = value.replace(/:0+(?=\d)/g, ':');
    else if (line.startsWith('Z:') && last !== undefined) last.checksum = value;
  }
  return claims;
}
