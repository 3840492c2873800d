// The accounts of an image, read as the C library reads them: lines that do not fit are nobody. And who the image runs as.

import type { FileTree } from '../rootfs/file-tree.ts';
import { readTextFile } from './text-file.ts';
import type { Identity } from './tree-paths.ts';

interface UserLine {
  readonly name: string;
  readonly password: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupLine {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

export interface ImageAccounts {
  readonly users: readonly UserLine[];
  readonly groups: readonly GroupLine[];
  /** Names of /etc/shadow with an empty password field. */
  readonly withoutPassword: readonly string[];
}

/** A directory service's export of 100,000 users has about 8 MiB. */
const MAX_BYTES = 16 * 1024 * 1024;

export function readAccounts(tree: FileTree): ImageAccounts {
  const users = fieldLines(tree, 'etc/passwd').flatMap(([name = '', password = '', uid = '', gid = '', , home = '']) =>
    isId(uid) && isId(gid) ? [{ name, password, uid: Number(uid), gid: Number(gid), home }] : [],
  );
  const groups = fieldLines(tree, 'etc/group').flatMap(([name = '', , gid = '', members = '']) =>
    isId(gid) ? [{ name, gid: Number(gid), members: members.split(',').filter((member) => member !== '') }] : [],
  );
  const shadow = fieldLines(tree, 'etc/shadow');
  return { users, groups, withoutPassword: shadow.filter((fields) => fields[1] === '').map(([name = '']) => name) };
}

/** Who the image runs as; `user` and `group` are what it says, `undefined` where that names nobody. */
export interface RunAs {
  readonly userText: string;
  readonly groupText: string | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** The line of /etc/passwd, if there is one. */
  readonly user: UserLine | undefined;
}

/** `user`, `uid`, `user:group`, `uid:gid`; '' is root. */
export function runAs(accounts: ImageAccounts, text: string): RunAs {
  const [userText = '', groupText] = text.split(':');
  const user =
    accounts.users.find((line) => line.name === userText) ??
    accounts.users.find((line) => isId(userText || '0') && line.uid === Number(userText || '0'));
  const uid = user?.uid ?? (isId(userText || '0') ? Number(userText || '0') : undefined);
  const group = accounts.groups.find((line) => line.name === groupText);
  const namedGid = group?.gid ?? (groupText !== undefined && isId(groupText) ? Number(groupText) : undefined);
  const gid = groupText === undefined || groupText === '' ? (user?.gid ?? 0) : namedGid;
  return { userText, groupText, uid, gid, user };
}

/** The user for questions of permission; undefined where the image names nobody. */
export function identityOf(accounts: ImageAccounts, { uid, gid, user }: RunAs): Identity | undefined {
  if (uid === undefined || gid === undefined) return undefined;
  const further = user === undefined ? [] : accounts.groups.filter((group) => group.members.includes(user.name));
  return { uid, gids: new Set([gid, ...further.map((group) => group.gid)]) };
}

function fieldLines(tree: FileTree, path: string): string[][] {
  const lines = (readTextFile(tree, path, MAX_BYTES) ?? '').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(':'));
}

function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text);
}
