import { describe, expect, it } from 'vitest';
import { addScript, hardenedImage } from '../../../test/support/hardened-image.ts';
import { checkInstallScripts, readUnrunScripts } from './check-install-scripts.ts';

function commandsOf(text: string) {
  const { tree } = hardenedImage();
  addScript(tree, text);
  return readUnrunScripts(tree)[0];
}

describe('the commands of a script', () => {
  it.each<readonly [what: string, text: string, reproduced: readonly string[], missing: readonly string[]]>([
    ['nothing', '#!/bin/sh\nset -eu\n# a comment\necho done\nexit 0\n', [], []],
    [
      'accounts that are there',
      'addgroup -S app\nadduser -D -H -G app app\n',
      ['addgroup -S app', 'adduser -D -H -G app app'],
      [],
    ],
    ['accounts that are not', 'addgroup -S redis 2>/dev/null\n', [], ['addgroup -S redis 2>/dev/null']],
    ['the cache of libraries', '/sbin/ldconfig\n', [], ['/sbin/ldconfig']],
    [
      'CA certificates',
      'update-ca-certificates --fresh >/dev/null\n',
      ['update-ca-certificates --fresh >/dev/null'],
      [],
    ],
    ['directories that are there', 'mkdir -p /var/tmp /home/app\n', ['mkdir -p /var/tmp /home/app'], []],
    ['directories that are not', 'mkdir -p /var/tmp /var/lib/redis\n', [], ['mkdir -p /var/tmp /var/lib/redis']],
    ['decisions', 'if [ -x /bin/x ]; then\n  run-it\nfi\ncase "$1" in\n  a) true ;;\nesac\n', [], ['run-it']],
    ['a long line', 'setup \\\n  --all\n', [], ['setup --all']],
    ['variables', 'NAME=redis\nset-up "$NAME"\n', [], ['set-up "$NAME"']],
  ])('%s', (_what, text, reproduced, missing) => {
    expect(commandsOf(text)).toEqual({ package: 'scripted', script: 'post-install', reproduced, missing });
  });
});

it('scripts of images whose builder ran them say nothing', () => {
  const { tree } = hardenedImage();
  addScript(tree, 'setup\n');
  tree.remove('etc/apko.json');
  expect(readUnrunScripts(tree)).toEqual([]);
});

it('a damaged database tells of no scripts', () => {
  const { tree } = hardenedImage();
  tree.writeFile('usr/lib/apk/db/scripts.tar', Buffer.alloc(1024, 'x'), 0o644);
  expect(readUnrunScripts(tree)).toEqual([]);
});

it('a finding shows the first command, cut where it is long, and what is there', () => {
  const [finding] = checkInstallScripts([
    { package: 'p', script: 'trigger', reproduced: ['a'], missing: [`b${'x'.repeat(200)}`, 'c'] },
  ]);
  expect(finding?.message).toMatch(/"bx{98}…" and 1 more; 1 of its commands had their effect$/);
  expect(finding?.package).toBe('p');
  expect(checkInstallScripts([{ package: 'p', script: 'trigger', reproduced: ['a'], missing: [] }])).toEqual([]);
});
