// The commands of action/README.md that make a tag, run in a clone of what is committed: the tree of the tag must run by itself, as
// GitHub downloads it, without an install step, and main must stay as it is.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { Place } from './end-to-end/place.ts';
import { FORK_PULL_REQUEST, runStep } from './support/actions-runner.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'stave-action-release-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Whoever runs the tests may have settings of their own, and none of them must matter. */
const GIT = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  ...Object.fromEntries(
    ['AUTHOR', 'COMMITTER'].flatMap((who) => [
      [`GIT_${who}_NAME`, 'test'],
      [`GIT_${who}_EMAIL`, 'test@example.test'],
    ]),
  ),
};

function shell(cwd: string, script: string): Buffer {
  const env = { PATH: process.env['PATH'] ?? '', HOME: scratch, ...GIT };
  return execFileSync('bash', ['-euc', script], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 28 });
}

/** A clone of the project's last commit as `main`, with the packages that are installed here. */
function clone(name: string, from: string): string {
  const folder = join(scratch, name);
  shell(scratch, `git clone --quiet '${from}' '${folder}'`);
  shell(folder, 'git switch --quiet -C main');
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

it('a release is a tag whose tree runs, and leaves main alone', async () => {
  shell(scratch, `git clone --quiet --bare '${project}' origin.git`);
  const origin = join(scratch, 'origin.git');
  const work = clone('work', origin);
  const readme = readFileSync(join(project, 'action/README.md'), 'utf8');
  const [, commands = ''] = /## Releasing it\n.*?```sh\n(.*?)```/s.exec(readme) ?? [];
  expect(commands).toContain('npm ci\n');
  shell(work, commands.replace('npm ci\n', 'npm run build\n'));

  expect(shell(work, 'git ls-tree -r --name-only main action/dist').toString()).toBe('');
  expect(shell(origin, 'git rev-parse v1').toString()).toBe(shell(origin, 'git rev-parse v1.0.0').toString());
  expect(shell(origin, 'git diff --name-only v1~ v1').toString()).toBe('action/dist/main.mjs\n');

  const tree = join(scratch, 'tree');
  mkdirSync(tree);
  shell(origin, `git archive v1 | tar -x -C '${tree}'`);
  const place = new Place();
  const step = { workspace: place.dir, scratch: join(scratch, 'runner'), event: FORK_PULL_REQUEST };
  const tags = 'ghcr.io/org/app:{version:app}';
  const run = await runStep({ ...step, with: { tags }, action: join(tree, 'action') });
  expect(run.exitCode, run.log).toBe(0);
  expect(run.outputs).toMatchObject({
    tags: 'ghcr.io/org/app:2.0',
    pushed: 'false',
    ref: expect.stringContaining('ghcr.io/org/app@sha256:'),
  });

  const another = clone('another', origin);
  shell(another, 'npm run build');
  const bundle = (folder: string) => readFileSync(join(folder, 'action/dist/main.mjs'));
  expect(bundle(another).equals(bundle(tree))).toBe(true);
});
