import { describe, expect, it } from 'vitest';
import { dumpTree, emptyTree } from '../../../test/support/trees.ts';
import type { Accounts } from '../config/image-config.ts';
import { applyAccounts, ownerNames } from './accounts.ts';

const none: Accounts = { runAs: '', users: [], groups: [] };
const user = (username: string, uid: number, more: object = {}) => ({
  username,
  uid,
  gid: undefined,
  shell: '',
  homedir: '',
  ...more,
});

function etc(files: Readonly<Record<string, string>> = {}) {
  const tree = emptyTree();
  tree.mkdirAll('etc', 0o755);
  for (const [name, text] of Object.entries(files)) tree.writeFile(`etc/${name}`, text, 0o600);
  return tree;
}

describe('account files', () => {
  it('with no accounts: an empty passwd and nothing else', () => {
    const tree = etc();
    expect(applyAccounts(tree, none)).toBe('');
    expect(dumpTree(tree)).toEqual(['0755 0:0 0 etc/', '0644 0:0 0 etc/passwd = ']);
  });

  it('append to what packages ship, with every default', () => {
    const tree = etc({
      passwd: 'root:x:0:0:root:/root:/bin/sh',
      group: 'root:x:0:\n',
      shadow: 'root:!:19000:0:::::\n',
    });
    const accounts = {
      runAs: 'app',
      users: [user('app', 10, { gid: 20, shell: '/bin/ash', homedir: '/srv/app' }), user('plain', 11)],
      groups: [{ groupname: 'app', gid: 20, members: ['app', 'plain'] }],
    };
    expect(applyAccounts(tree, accounts)).toBe('10');
    expect(tree.readText('etc/group')).toBe('root:x:0:\napp:x:20:app,plain\n');
    expect(tree.readText('etc/passwd')).toBe(
      'root:x:0:0:root:/root:/bin/sh\napp:x:10:20:Account created by apko:/srv/app:/bin/ash\nplain:x:11:11:Account created by apko:/home/plain:/bin/sh\n',
    );
    expect(tree.readText('etc/shadow')).toBe('root:!::0:::::\napp:!:::::::\nplain:!:::::::\n');
    expect(tree.lookup('etc/shadow')?.mode).toBe(0o600);
    const homes = ['root', 'srv', 'srv/app', 'home', 'home/plain'].map((path) => {
      const node = tree.lookup(path)!;
      return `${path} ${node.mode.toString(8)} ${node.uid}:${node.gid}`;
    });
    expect(homes).toEqual(['root 700 0:0', 'srv 755 0:0', 'srv/app 700 10:20', 'home 755 0:0', 'home/plain 700 11:11']);
  });

  it('leave existing homes alone and make none for /dev/null', () => {
    const tree = etc({ passwd: 'a:x:1:1::/opt:/bin/sh\nb:x:2:2::/dev/null:/bin/sh\n' });
    tree.mkdirAll('opt', 0o755);
    applyAccounts(tree, none);
    expect(tree.lookup('opt')?.uid).toBe(0);
    expect(tree.lookup('dev')).toBeUndefined();
  });

  const refused: readonly (readonly [
    what: string,
    files: Record<string, string>,
    accounts: Accounts,
    message: string,
  ])[] = [
    [
      'a short passwd line',
      { passwd: 'root:x:0:0:root:/root\n' },
      none,
      'line 1 of "/etc/passwd" does not have 7 fields',
    ],
    ['a blank line', { passwd: 'root:x:0:0:root:/root:/bin/sh\n\nx' }, none, 'line 2 of "/etc/passwd"'],
    ['a passwd line without numbers', { passwd: 'root:x:zero:0:root:/root:/bin/sh\n' }, none, 'no numeric ids'],
    ['a home that is a file', { passwd: 'a:x:1:1::/etc/passwd:/bin/sh\n' }, none, 'exists, but is not a directory'],
    [
      'run-as naming nobody',
      {},
      { ...none, runAs: 'nobodyknows' },
      'run-as "nobodyknows" names a user that is not in the image',
    ],
    ['run-as with an unknown group', {}, { ...none, runAs: '0:nogroup' }, 'run-as "0:nogroup" names a group'],
  ];
  it.each(refused)('refuse %s', (_what, files, accounts, message) => {
    expect(() => applyAccounts(etc(files), accounts)).toThrow(message);
  });

  it.each(['0', '65532', '65532:65532', 'root:0', 'root:root'])(
    'leave run-as %j as written when it means something',
    (runAs) => {
      const tree = etc({ passwd: 'root:x:0:0:root:/root:/bin/sh\n', group: 'root:x:0:\n' });
      expect(applyAccounts(tree, { ...none, runAs })).toBe(runAs);
    },
  );
});

describe('owner names', () => {
  it('come from the files, a later line winning, damaged lines ignored', () => {
    const tree = etc({ passwd: 'a:x:1:1:::\nb:x:1:1:::\nbroken\nc:x:y:1:::\n', group: 'g:x:5:\n' });
    expect(ownerNames(tree)).toEqual({ users: new Map([[1, 'b']]), groups: new Map([[5, 'g']]) });
    expect(ownerNames(emptyTree())).toEqual({ users: new Map(), groups: new Map() });
  });
});
