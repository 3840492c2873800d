import { expect, it } from 'vitest';
import { vcsUrlFromRemote } from './vcs-url.ts';

const rows: [remote: string, url: string][] = [
  ['https://git.example.test/a/b.git', 'https://git.example.test/a/b.git@c0ffee'],
  ['https://user:pass@git.example.test/a.git', 'https://git.example.test/a.git@c0ffee'],
  ['https://user:p@ss@git.example.test/a@b', 'https://git.example.test/a@b@c0ffee'],
  ['ssh://git@git.example.test:2222/a', 'ssh://git.example.test:2222/a@c0ffee'],
  ['git@git.example.test:a/b.git', 'git+ssh://git.example.test/a/b.git@c0ffee'],
  ['/srv/git/a', '/srv/git/a@c0ffee'],
  ['../a', '../a@c0ffee'],
];
it.each(rows)('the remote %s', (remote, url) => {
  expect(vcsUrlFromRemote(remote, 'c0ffee')).toBe(url);
});
