// Accounts in the image: etc/group, etc/passwd, etc/shadow, home directories and run-as (layer-and-oci.md 4, image-config.md 5).

import { Failure } from '../../base/failure.ts';
import type { Accounts } from '../config/image-config.ts';
import type { FileTree } from './file-tree.ts';

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** All seven fields as they will be written. */
  readonly line: string;
}

/** Writes the account files and home directories; returns run-as as it goes into the image: a decimal uid where it is known. */
export function applyAccounts(tree: FileTree, accounts: Accounts): string {
  if (accounts.groups.length > 0) {
    const added = accounts.groups.map((g) => `${g.groupname}:x:${g.gid}:${g.members.join(',')}`);
    writeLines(tree, 'etc/group', [...fieldLines(tree, 'etc/group', 4), ...added], 0o644);
  }
  const added = accounts.users.map((user) =>
    [
      user.username,
      'x',
      user.uid,
      user.gid ?? user.uid,
      'Account created by apko', // The layer's bytes are the reference's, and this text is part of them.
      user.homedir === '' ? `/home/${user.username}` : user.homedir,
      user.shell === '' ? '/bin/sh' : user.shell,
    ].join(':'),
  );
  const passwd = [...fieldLines(tree, 'etc/passwd', 7), ...added];
  writeLines(tree, 'etc/passwd', passwd, 0o644);
  const entries = passwd.map(parsePasswdLine);
  for (const entry of entries) makeHome(tree, entry);
  if (accounts.users.length > 0) writeShadow(tree, accounts);
  return resolveRunAs(tree, accounts.runAs, entries);
}

/** Names for the numeric owners of layer entries; a later line with the same id wins (layer-and-oci.md 9). */
export function ownerNames(tree: FileTree): {
  readonly users: ReadonlyMap<number, string>;
  readonly groups: ReadonlyMap<number, string>;
} {
  const named = (path: string) => {
    const names = new Map<number, string>();
    for (const line of (tree.readText(path) ?? '').split('\n')) {
      const fields = line.split(':');
      if (fields.length >= 3 && /^\d+$/.test(fields[2] ?? '')) names.set(Number(fields[2]), fields[0] ?? '');
    }
    return names;
  };
  return { users: named('etc/passwd'), groups: named('etc/group') };
}

function resolveRunAs(tree: FileTree, runAs: string, passwd: readonly PasswdEntry[]): string {
  if (runAs === '') return runAs;
  const exact = passwd.find((entry) => entry.name === runAs);
  if (exact !== undefined) return String(exact.uid);
  // `user:group` and bare ids are left as written, as the reference does; a name must be known in the image.
  const [user = '', group] = runAs.split(':');
  const groups = fieldLines(tree, 'etc/group', 4).map((line) => line.split(':')[0]);
  const unknown = !isId(user) && !passwd.some((entry) => entry.name === user) ? 'user' : undefined;
  if (unknown !== undefined || (group !== undefined && !isId(group) && !groups.includes(group))) {
    throw new Failure('ACCOUNT_INVALID', `run-as "${runAs}" names a ${unknown ?? 'group'} that is not in the image`, {
      hint: `the image knows: ${passwd.map((entry) => entry.name).join(', ') || 'no users at all'}; add it under accounts.users, or use a number`,
    });
  }
  return runAs;
}

function makeHome(tree: FileTree, entry: PasswdEntry): void {
  if (entry.home === '/dev/null') return;
  const node = tree.lookup(entry.home);
  if (node?.kind === 'directory') return;
  if (node !== undefined) {
    throw new Failure(
      'ACCOUNT_INVALID',
      `the home directory "${entry.home}" of user "${entry.name}" exists, but is not a directory`,
    );
  }
  const parent = entry.home.replace(/\/+$/, '').split('/').slice(0, -1).join('/');
  tree.mkdirAll(parent, 0o755);
  const home = tree.mkdirAll(entry.home, 0o700);
  home.uid = entry.uid;
  home.gid = entry.gid;
}

function writeShadow(tree: FileTree, accounts: Accounts): void {
  // The day of the last change is dropped on purpose: it would differ between otherwise equal images.
  const kept = fieldLines(tree, 'etc/shadow', 9).map((line) => line.split(':').toSpliced(2, 1, '').join(':'));
  const added = accounts.users.map((user) => `${user.username}:!:::::::`);
  writeLines(tree, 'etc/shadow', [...kept, ...added], 0o640);
}

function fieldLines(tree: FileTree, path: string, fieldCount: number): string[] {
  const text = tree.readText(path);
  if (text === undefined || text === '') return [];
  const lines = text.replace(/\n$/, '').split('\n');
  lines.forEach((line, i) => {
    if (line.split(':').length !== fieldCount) {
      throw new Failure(
        'ACCOUNT_INVALID',
        `line ${i + 1} of "/${path}" does not have ${fieldCount} fields: "${line}"`,
        {
          hint: 'a package ships a damaged account file',
        },
      );
    }
  });
  return lines;
}

function writeLines(tree: FileTree, path: string, lines: readonly string[], mode: number): void {
  tree.writeFile(path, lines.map((line) => `${line}\n`).join(''), mode);
}

function parsePasswdLine(line: string): PasswdEntry {
  const [name = '', , uid = '', gid = '', , home = ''] = line.split(':');
  if (!isId(uid) || !isId(gid)) {
    throw new Failure('ACCOUNT_INVALID', `user "${name}" in "/etc/passwd" has no numeric ids: "${line}"`);
  }
  return { name, uid: Number(uid), gid: Number(gid), home, line };
}

function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text);
}
