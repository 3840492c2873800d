import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getFromHelper, putIntoHelper } from './credential-helper.ts';

const CANARY = 'canary-5ecre7';
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stave-helper-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function helper(name: string, body: string): Promise<void> {
  const path = join(directory, `docker-credential-${name}`);
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
}

// The helpers of these tests are shell scripts.
describe.skipIf(process.platform === 'win32')('credential helpers', () => {
  const environment = () => ({ PATH: `${directory}:${process.env['PATH']}`, MARK: 'yes', UNSET: undefined });
  const get = (name: string, timeoutMs = 5_000) =>
    getFromHelper(name, 'r.example', { environment: environment(), timeoutMs });

  it.each<[string, string, unknown]>([
    [
      'a user',
      `echo '{"ServerURL":"x","Username":"ci","Secret":"${CANARY}"}'`,
      { kind: 'found', secret: { kind: 'basic', user: 'ci', password: CANARY } },
    ],
    [
      'a token',
      `echo '{"Username":"<token>","Secret":"${CANARY}"}'`,
      { kind: 'found', secret: { kind: 'identity-token', token: CANARY } },
    ],
    ['nothing, said so', 'echo "credentials not found in native keychain"; exit 1', { kind: 'nothing' }],
    ['nothing, said on stderr', 'echo "credentials not found in native keychain" >&2; exit 1', { kind: 'nothing' }],
    ['an empty user', `echo '{"Username":"","Secret":""}'`, { kind: 'nothing' }],
    [
      'a complaint',
      'echo "the vault is locked" >&2; exit 2',
      { kind: 'trouble', text: 'docker-credential-t failed (status 2): the vault is locked' },
    ],
    ['no complaint', 'exit 3', { kind: 'trouble', text: 'docker-credential-t failed (status 3)' }],
    [
      'a secret in a complaint',
      `echo '{"Secret":"${CANARY}"}'; exit 1`,
      { kind: 'trouble', text: 'docker-credential-t failed (status 1)' },
    ],
    [
      'something else',
      `echo ${CANARY}`,
      { kind: 'trouble', text: 'docker-credential-t printed something that is not JSON' },
    ],
    ['a list', 'echo "[]"', { kind: 'trouble', text: 'docker-credential-t printed something that is not JSON' }],
    ['a signal', 'kill -9 $$', { kind: 'trouble', text: 'docker-credential-t failed (SIGKILL)' }],
    [
      'far too much',
      'while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done',
      { kind: 'trouble', text: 'docker-credential-t printed more than it should' },
    ],
  ])('%s', async (_name, body, expected) => {
    await helper('t', body);
    expect(await get('t')).toEqual(expected);
  });

  it('gets the registry on stdin, the environment, and the verb', async () => {
    await helper('t', `cat > "${directory}/in"; echo "$1 $MARK" >> "${directory}/in"; echo '{}'`);
    await get('t');
    expect(await readFile(join(directory, 'in'), 'utf8')).toBe('r.exampleget yes\n');
  });

  it('is not waited for for ever, nor are its children', async () => {
    await helper('t', 'sleep 30 & sleep 30');
    const started = performance.now();
    expect(await get('t', 300)).toEqual({
      kind: 'trouble',
      text: 'docker-credential-t did not answer within 0.3 seconds',
    });
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it.each([
    ['nothere', 'docker-credential-nothere is not installed (or not in PATH)'],
    ['../../bin/sh', '"../../bin/sh" cannot be the name of a credential helper'],
    ['x;id', '"x;id" cannot be the name of a credential helper'],
  ])('%s cannot be asked', async (name, text) => {
    expect(await get(name)).toEqual({ kind: 'trouble', text });
  });

  it('stores and erases', async () => {
    await helper('t', `echo "$1" > "${directory}/in"; cat >> "${directory}/in"`);
    expect(await putIntoHelper('t', 'store', '{}', { environment: environment() })).toBeUndefined();
    expect(await readFile(join(directory, 'in'), 'utf8')).toBe('store\n{}');
    await helper('t', 'echo "credentials not found in native keychain"; exit 1');
    expect(await putIntoHelper('t', 'erase', 'r.example', { environment: environment() })).toBeUndefined();
    expect(await putIntoHelper('t', 'store', '{}', { environment: environment() })).toMatch(/failed \(status 1\)/);
  });
});
