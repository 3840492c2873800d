// The user of the image: that it exists (runs/), that it is not root and that its home is its own (locked/), and that no
// account is open to everybody.

import type { Observation } from './finding.ts';
import { readAccounts, runAs } from './image-accounts.ts';
import type { ImageSubject } from './image-subject.ts';
import { resolvePath } from './tree-paths.ts';

export function checkRunAs({ tree, run }: ImageSubject): Observation[] {
  const observations: Observation[] = [];
  const accounts = readAccounts(tree);
  const { userText, groupText, uid, gid, user } = runAs(accounts, run.user);
  if (uid === undefined) {
    observations.push({ check: 'runs/user-unknown', message: `the user "${userText}" is not in /etc/passwd` });
  } else if (uid === 0) {
    const how = userText === '' ? 'names no user, so that it runs as root' : `runs as ${userText}, which is root`;
    observations.push({ check: 'locked/root-user', message: `the image ${how}` });
  } else if (user === undefined) {
    observations.push({ check: 'runs/user-unnamed', message: `/etc/passwd has no name for uid ${uid}` });
  }
  if (gid === undefined) {
    observations.push({ check: 'runs/group-unknown', message: `the group "${groupText}" is not in /etc/group` });
  }
  if (user !== undefined && user.uid !== 0) {
    const home = resolvePath(tree, user.home);
    const isOwn = home?.node.kind === 'directory' && home.path !== '' && home.node.uid === user.uid;
    if (isOwn && (home.node.mode & 0o005) !== 0) {
      const mode = home.node.mode.toString(8);
      const message = `others can read ${user.home}, the home directory of ${user.name} (mode 0o${mode})`;
      observations.push({ check: 'locked/home-readable', path: home.path, message });
    }
  }
  const open = new Map(accounts.withoutPassword.map((name) => [name, 'etc/shadow']));
  for (const { name, password } of accounts.users) if (password === '') open.set(name, 'etc/passwd');
  for (const [name, path] of open) {
    observations.push({
      check: 'locked/empty-password',
      path,
      message: `the account ${name} has an empty password in /${path}`,
    });
  }
  return observations;
}
