import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { discoverVcsUrl } from './git-head.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const CONFIG =
  '[core]\n\tbare = false\n[remote "other"]\n\turl = https://no\n[remote "origin"]\n\turl = https://h/r.git\n\tfetch = +x\n';
const FOUND = `https://h/r.git@${COMMIT}`;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'git-test-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}
const discover = (start = 'r', stop = '') => {
  mkdirSync(join(root, start), { recursive: true });
  return discoverVcsUrl(join(root, start), join(root, stop));
};

describe('HEAD', () => {
  it.each<[string, Record<string, string>, string | undefined]>([
    ['a branch', { HEAD: 'ref: refs/heads/main\n', 'refs/heads/main': `${COMMIT}\n` }, FOUND],
    ['a commit', { HEAD: `${COMMIT}\n` }, FOUND],
    ['a SHA-256 commit', { HEAD: 'ab'.repeat(32) }, `https://h/r.git@${'ab'.repeat(32)}`],
    [
      'a packed branch',
      {
        HEAD: 'ref: refs/heads/x',
        'packed-refs': `# pack-refs with: peeled\n${'1'.repeat(40)} refs/heads/xx\n${COMMIT} refs/heads/x\n^${'2'.repeat(40)}\n`,
      },
      FOUND,
    ],
    [
      'a loose ref before a packed one',
      { HEAD: 'ref: refs/heads/x', 'refs/heads/x': COMMIT, 'packed-refs': `${'1'.repeat(40)} refs/heads/x` },
      FOUND,
    ],
    [
      'a symbolic ref',
      { HEAD: 'ref: refs/heads/a', 'refs/heads/a': 'ref: refs/heads/b', 'refs/heads/b': COMMIT },
      FOUND,
    ],
    ['a cycle', { HEAD: 'ref: refs/heads/a', 'refs/heads/a': 'ref: refs/heads/a' }, undefined],
    ['a branch without commits', { HEAD: 'ref: refs/heads/main' }, undefined],
    ['a way out of the repository', { HEAD: 'ref: refs/../../secret' }, undefined],
    ['something else', { HEAD: 'garbage' }, undefined],
  ])('%s', (_name, files, expected) => {
    put({
      secret: COMMIT,
      ...Object.fromEntries(Object.entries({ config: CONFIG, ...files }).map(([k, v]) => [`r/.git/${k}`, v])),
    });
    expect(discover()).toBe(expected);
  });
});

describe('the remote', () => {
  it.each<[string, string, string | undefined]>([
    ['without user info', '[remote "origin"]\nurl = https://me:secret@h/r', 'https://h/r'],
    ['of ssh', '[remote "origin"]\nurl = git@h:o/r.git', 'git+ssh://h/o/r.git'],
    ['in quotes, with a comment', '[remote "origin"]\n url = "https://h/a;b" # c', 'https://h/a;b'],
    ['with a comment', '[remote "origin"]\n url = https://h/a ; c', 'https://h/a'],
    ['with escapes', '[remote "origin"]\nurl = a\\\\b', 'a\\b'],
    ['on the section line', '[remote "origin"] url = https://h/r', 'https://h/r'],
    ['in any case of letters', '[Remote "origin"]\nURL=https://h/r', 'https://h/r'],
    ['the first of several', '[remote "origin"]\nurl = https://h/1\nurl = https://h/2', 'https://h/1'],
    ['of another name', '[remote "Origin"]\nurl = x\n[remote "upstream"]\nurl = y', undefined],
    ['that is empty', '[remote "origin"]\nurl =\n', undefined],
    ['that is not there', '[core]\n', undefined],
  ])('%s', (_name, config, expected) => {
    put({ 'r/.git/HEAD': COMMIT, 'r/.git/config': config });
    expect(discover()).toBe(expected && `${expected}@${COMMIT}`);
  });
});

describe('where the repository is', () => {
  beforeEach(() => put({ 'r/.git/HEAD': COMMIT, 'r/.git/config': CONFIG }));

  it.each([
    ['at the start', 'r', '', FOUND],
    ['above', 'r/a/b', '', FOUND],
    ['in the last folder that counts', 'r/a/b', 'r', FOUND],
    ['above that', 'r/a/b', 'r/a', undefined],
    ['not there', 'q/a', '', undefined],
    ['not on the way to a folder elsewhere', 'r/a', 'q', FOUND],
  ])('%s', (_name, start, stop, expected) => {
    expect(discover(start, stop)).toBe(expected);
  });

  it('a linked worktree has a HEAD of its own and shares the rest', () => {
    put({
      'w/.git': 'gitdir: ../r/.git/worktrees/w\n',
      'r/.git/worktrees/w/HEAD': 'ref: refs/heads/side\n',
      'r/.git/worktrees/w/commondir': '../..\n',
      'r/.git/refs/heads/side': '3'.repeat(40),
    });
    expect(discover('w')).toBe(`https://h/r.git@${'3'.repeat(40)}`);
  });

  it('the nearest one counts, a broken one is passed', () => {
    put({ 'r/sub/.git/HEAD': '4'.repeat(40), 'r/sub/.git/config': '[core]' });
    expect(discover('r/sub/a')).toBeUndefined();
    put({ 'r/other/.git': 'nonsense' });
    expect(discover('r/other')).toBe(FOUND);
  });

  it('a ref list of absurd size is not read', () => {
    put({ 'r/.git/HEAD': 'ref: refs/heads/x', 'r/.git/packed-refs': `${COMMIT} refs/heads/x\n` });
    expect(discover()).toBe(FOUND);
    truncateSync(join(root, 'r/.git/packed-refs'), 65 * 1024 * 1024);
    expect(discover()).toBeUndefined();
  });
});
