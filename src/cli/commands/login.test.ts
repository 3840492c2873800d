// `stave login`, `logout` and `doctor` from the words to the operations and back.

import { describe, expect, it } from 'vitest';
import { main } from '../main.ts';
import { recordedWorld } from '../recorded-world.ts';

type Given = Parameters<typeof recordedWorld>[0];

async function run(argv: readonly string[], given: Given = {}) {
  const world = recordedWorld(given);
  return { exitCode: await main(argv, world), stdout: world.stdout.text, stderr: world.stderr.text };
}

/** An operation with that answer, which writes down what it is asked. */
const answering =
  <T>(answer: T, asked: unknown[]) =>
  async (request: unknown): Promise<T> => {
    asked.push(request);
    return answer;
  };

const REPORT = { registry: 'r.io', user: 'me', path: '/home/u/.docker/config.json', helper: undefined, checked: true };

describe('stave login', () => {
  it('takes the password from standard input', async () => {
    const requests: unknown[] = [];
    const doing = { login: answering(REPORT, requests) };
    const answer = await run(['login', 'r.io', '-u', 'me', '--password-stdin', '--ca-cert', 'ca.pem'], {
      doing,
      stdin: async () => 'secret\n',
    });
    expect(requests).toEqual([{ user: 'me', password: 'secret\n', registry: 'r.io', caFile: 'ca.pem' }]);
    expect(answer).toEqual({
      exitCode: 0,
      stdout: 'logged in to r.io as me; kept by home/u/.docker/config.json\n',
      stderr: '',
    });
  });

  it('warns of a password that others can see, and of one that nobody looked at', async () => {
    const doing = { login: async () => ({ ...REPORT, checked: false, helper: 'pass' }) };
    const { stdout, stderr } = await run(['login', '-u', 'me', '-p', 'secret'], { doing });
    expect(stderr).toContain('[PASSWORD_VISIBLE]');
    expect(stderr).toContain('[LOGIN_UNCHECKED]');
    expect(stdout).toContain('docker-credential-pass');
    expect(stdout + stderr).not.toContain('secret');
  });

  it.each([
    [['login', 'r.io', '--password-stdin'], 'a login needs a user name'],
    [['login', 'r.io', '-u', 'me'], 'a login needs a password, from one place'],
    [['login', 'r.io', '-u', 'me', '-p', 'x', '--password-stdin'], 'a login needs a password, from one place'],
  ])('%j', async (argv, sentence) => {
    const { exitCode, stderr } = await run(argv);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`error: ${sentence} [USAGE_FLAG]`);
  });
});

describe('stave logout', () => {
  it.each([
    [{ path: '/c', helper: undefined }, undefined, 'logged out of r.io\n'],
    [undefined, undefined, 'was not logged in to r.io\n'],
    [undefined, 'the variable X', 'was not logged in to r.io; the variable X still has credentials for it\n'],
  ])('%j, %j', async (removedFrom, stillFrom, text) => {
    const doing = { logout: async (registry?: string) => ({ registry: registry ?? '', removedFrom, stillFrom }) };
    expect(await run(['logout', 'r.io'], { doing })).toEqual({ exitCode: 0, stdout: text, stderr: '' });
  });

  it('means Docker Hub without a name', async () => {
    const names: unknown[] = [];
    const doing = { logout: answering({ registry: 'x', removedFrom: undefined, stillFrom: undefined }, names) };
    await run(['logout'], { doing });
    expect(names).toEqual([undefined]);
  });
});

describe('stave doctor', () => {
  const finding = { topic: 'connection', name: 'registry', value: true } as const;
  it.each([
    [true, 0],
    [false, 5],
  ])('healthy: %s', async (healthy, exitCode) => {
    const findings = [
      { ...finding, state: 'ok', text: 'it is a registry' },
      { ...finding, state: 'no', text: 'it has no referrers' },
      { ...finding, state: 'problem', text: 'it is\u001b[31m down' },
    ] as const;
    const requests: unknown[] = [];
    const doing = { doctor: answering({ reference: 'r.io/a:1', findings, healthy }, requests) };
    const answer = await run(['doctor', 'r.io/a:1', '--write', '--plain-http'], { doing });
    expect(requests).toEqual([{ reference: 'r.io/a:1', write: true, plainHttp: true }]);
    expect(answer.exitCode).toBe(exitCode);
    expect(answer.stdout).toMatch(
      /^r\.io\/a:1\n {2}ok {7}it is a registry\n {2}no {7}it has no referrers\n {2}problem {2}it is/,
    );
    expect(answer.stdout).not.toContain('\u001b');
  });
});
