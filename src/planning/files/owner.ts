// `owner: user:group` as numbers: names are those of the image's own account files.

import { Failure } from '../../base/failure.ts';
import { nearestNames } from '../../base/nearest.ts';
import type { FileTree } from '../rootfs/file-tree.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Answers for one image. Failure ACCOUNT_INVALID for a name that the image does not know. */
export function ownerResolver(tree: FileTree): (text: string) => Owner {
  const users = readAccounts(tree, 'etc/passwd');
  const groups = readAccounts(tree, 'etc/group');
  return (text) => {
    if (text === '') return { uid: 0, gid: 0 };
    const [user = '', group] = text.split(':');
    const uid = idOf(user, users, 'user');
    if (group !== undefined) return { uid, gid: idOf(group, groups, 'group') };
    const account = users.find((each) => (isId(user) ? each.id === uid : each.name === user));
    return { uid, gid: account?.gid ?? uid };
  };
}

interface Account {
  readonly name: string;
  readonly id: number;
  /** The main group of a user. */
  readonly gid: number | undefined;
}

function readAccounts(tree: FileTree, path: string): Account[] {
  return (tree.readText(path) ?? '').split('\n').flatMap((line) => {
    const [name = '', , id = '', gid = ''] = line.split(':');
    return name !== '' && isId(id) ? [{ name, id: Number(id), gid: isId(gid) ? Number(gid) : undefined }] : [];
  });
}

function idOf(text: string, accounts: readonly Account[], what: 'user' | 'group'): number {
  if (isId(text)) return Number(text);
  const found = accounts.find(({ name }) => name === text);
  if (found !== undefined) return found.id;
  const names = accounts.map(({ name }) => name);
  const [near] = nearestNames(text, names, 1);
  throw new Failure('ACCOUNT_INVALID', `the image has no ${what} "${text}"`, {
    hint:
      near === undefined
        ? `it has ${names.join(', ') || `no ${what}s at all`}; add it under accounts, or use a number`
        : `did you mean "${near}"?`,
  });
}

function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) <= 0xffff_ffff;
}
