import { describe, expect, it } from 'vitest';
import { loginEnvironment } from './registry-login.ts';

const none = { token: undefined, registryUsername: undefined, registryPassword: undefined };
const basic = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

describe('loginEnvironment', () => {
  it('hands over the token of the workflow, and a password for the registry of the tags', () => {
    const inputs = { ...none, tags: ['R.example:5000/a/b:{version:x|minor}', 'R.example:5000/c/d'] };
    expect(loginEnvironment(inputs, {})).toEqual({});
    expect(loginEnvironment({ ...inputs, token: 't' }, {})).toEqual({ GITHUB_TOKEN: 't' });
    const given = loginEnvironment({ ...inputs, token: 't', registryPassword: 'p:w' }, { GITHUB_ACTOR: 'octo' });
    expect(given['GITHUB_TOKEN']).toBe('t');
    expect(JSON.parse(given['DOCKER_AUTH_CONFIG'] ?? '')).toEqual({ auths: { 'R.example:5000': basic('octo:p:w') } });
  });

  it('keeps what is in the variable already', () => {
    const before = { auths: { 'a.example': basic('a:b') }, credHelpers: { 'c.example': 'x' } };
    const inputs = { ...none, tags: ['b.example/x/y:1'], registryUsername: 'u', registryPassword: 'p' };
    const { DOCKER_AUTH_CONFIG: text } = loginEnvironment(inputs, { DOCKER_AUTH_CONFIG: JSON.stringify(before) });
    expect(JSON.parse(text ?? '')).toEqual({
      auths: { 'a.example': basic('a:b'), 'b.example': basic('u:p') },
      credHelpers: { 'c.example': 'x' },
    });
  });

  it.each([
    [['a.example/x/y:1', 'b.example/x/y:1'], 'u', 'p', 'USAGE_ARGUMENTS', /in a\.example and b\.example/],
    [['a.example/x/y:1'], 'u', undefined, 'USAGE_ARGUMENTS', /needs "registry-password"/],
    [['a.example/X Y'], 'u', 'p', 'USAGE_ARGUMENTS', /a\.example\/X Y/],
  ])('%j is refused', (tags, registryUsername, registryPassword, code, message) => {
    expect(() => loginEnvironment({ ...none, tags, registryUsername, registryPassword }, {})).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});
