import { describe, expect, it } from 'vitest';
import { Failure } from '../../../base/failure.ts';
import { helperKey, keysFor, parseAuthFile, registryKey } from './auth-file.ts';

const CANARY = 'canary-5ecre7';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const auths = (entries: unknown) => parseAuthFile(JSON.stringify({ auths: entries }), 'f').secrets;

describe('parseAuthFile', () => {
  it.each<[string, unknown, unknown]>([
    ['user and password', { auth: base64('ci:p:w') }, { kind: 'basic', user: 'ci', password: 'p:w' }],
    ['zero bytes at the end', { auth: base64('ci:pw\0\0') }, { kind: 'basic', user: 'ci', password: 'pw' }],
    ['separate fields', { username: 'ci', password: 'pw' }, { kind: 'basic', user: 'ci', password: 'pw' }],
    ['an identity token', { auth: base64('ci:'), identitytoken: 't' }, { kind: 'identity-token', token: 't' }],
    ['an identity token as a password', { auth: base64('<token>:t') }, { kind: 'identity-token', token: 't' }],
    ['a registry token', { registrytoken: 't' }, { kind: 'bearer', token: 't' }],
    ['an empty entry', {}, undefined],
    ['an entry of the helper', { email: 'x' }, undefined],
    ['an empty password', { auth: base64('ci:') }, undefined],
    ['an empty user', { auth: base64(':pw') }, undefined],
    ['not base64', { auth: '%%%' }, undefined],
    ['another type', { auth: 7 }, undefined],
    ['no entry', null, undefined],
  ])('%s', (_name, entry, expected) => {
    expect(auths({ 'r.example': entry }).get('r.example')).toEqual(expected);
  });

  it('reads helpers', () => {
    const text = '{"credHelpers": {"https://a.example/": "x", "b.example": 7}, "credsStore": "y", "HttpHeaders": {}}';
    const file = parseAuthFile(text, 'f');
    expect([...file.helpers]).toEqual([['a.example', 'x']]);
    expect(file.defaultHelper).toBe('y');
    expect(parseAuthFile('{}', 'f')).toMatchObject({ defaultHelper: undefined });
    expect(parseAuthFile(' \n', 'f').secrets.size).toBe(0);
  });

  it('prefers the exact spelling of a registry', () => {
    const both = { 'https://r.example/v2/': { registrytoken: 'old' }, 'r.example': { registrytoken: 'new' } };
    expect(auths(both).get('r.example')).toMatchObject({ token: 'new' });
    expect(auths(Object.fromEntries(Object.entries(both).reverse())).get('r.example')).toMatchObject({ token: 'new' });
  });

  it.each([
    ['not JSON', `{"auths": {"${CANARY}`, /is not JSON$/],
    ['a list', `["${CANARY}"]`, /is not a JSON object$/],
    ['auths of another type', `{"auths": "${CANARY}"}`, /"auths" that is not an object$/],
    ['helpers of another type', `{"credHelpers": ["${CANARY}"]}`, /"credHelpers" that is not an object$/],
  ])('%s: a failure without a piece of the file', (_name, text, message) => {
    try {
      parseAuthFile(text, '/h/config.json');
      expect.unreachable();
    } catch (error) {
      const failure = error as Failure;
      expect(failure).toBeInstanceOf(Failure);
      expect(failure.code).toBe('CREDENTIALS_UNUSABLE');
      expect(failure.message).toMatch(message);
      expect(failure.message).toContain('/h/config.json');
      expect(`${failure.message} ${failure.stack} ${String(failure.cause)}`).not.toContain(CANARY);
    }
  });
});

describe('keys', () => {
  it.each([
    ['r.example', 'r.example'],
    ['https://R.example/', 'r.example'],
    ['http://r.example:5000/v2/', 'r.example:5000'],
    ['r.example/v1', 'r.example'],
    ['r.example/team', 'r.example/team'],
    ['r.example/team/v1', 'r.example/team/v1'],
    ['https://index.docker.io/v1/', 'index.docker.io'],
    ['docker.io', 'index.docker.io'],
    ['docker.io/library', 'index.docker.io/library'],
    ['registry-1.docker.io', 'index.docker.io'],
  ])('%s is %s', (text, key) => {
    expect(registryKey(text)).toBe(key);
    expect(registryKey(key)).toBe(key);
  });

  it('tries the most exact one first', () => {
    expect(keysFor('r.example', 'a/b')).toEqual(['r.example/a/b', 'r.example/a', 'r.example']);
    expect(keysFor('index.docker.io', undefined)).toEqual(['index.docker.io']);
  });

  it('asks helpers for Docker Hub by its old name', () => {
    expect(helperKey('docker.io')).toBe('https://index.docker.io/v1/');
    expect(helperKey('ghcr.io')).toBe('ghcr.io');
  });
});
