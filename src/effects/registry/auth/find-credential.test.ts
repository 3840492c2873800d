import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failureOf } from '../../../../test/support/registry-client.ts';
import { LIMITS } from '../../../base/limits.ts';
import { findCredential } from './find-credential.ts';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'stave-home-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function file(path: string, content: unknown): Promise<string> {
  const full = join(home, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, typeof content === 'string' ? content : JSON.stringify(content));
  return full;
}
const login = (user: string, key = 'r.example') => ({ auths: { [key]: { username: user, password: 'pw' } } });

async function userFor(registry: string, environment: Record<string, string> = {}, repository = 'team/app') {
  const { credential } = await findCredential(registry, repository, { environment, homeDir: home });
  return credential?.secret.kind === 'basic'
    ? `${credential.secret.user} from ${credential.source.replace(home, '~')}`
    : undefined;
}

describe('findCredential', () => {
  it('ranks the files', async () => {
    const named = await file('named.json', login('named'));
    await file('docker/config.json', login('docker-config'));
    await file('.docker/config.json', login('docker'));
    await file('run/containers/auth.json', login('runtime'));
    await file('.config/containers/auth.json', login('config'));
    const XDG_RUNTIME_DIR = join(home, 'run');
    const DOCKER_CONFIG = join(home, 'docker');
    const all = { REGISTRY_AUTH_FILE: named, DOCKER_CONFIG, XDG_RUNTIME_DIR };
    expect(await userFor('r.example', all)).toBe('docker-config from ~/docker/config.json');
    expect(await userFor('r.example', { REGISTRY_AUTH_FILE: named })).toBe('named from ~/named.json');
    expect(await userFor('r.example', { XDG_RUNTIME_DIR })).toBe('docker from ~/.docker/config.json');
    await rm(join(home, '.docker'), { recursive: true });
    expect(await userFor('r.example', { XDG_RUNTIME_DIR })).toBe('runtime from ~/run/containers/auth.json');
    expect(await userFor('r.example')).toBe('config from ~/.config/containers/auth.json');
    expect(await userFor('r.example', { XDG_CONFIG_HOME: join(home, 'elsewhere') })).toBeUndefined();
  });

  it('asks the file in DOCKER_AUTH_CONFIG first, and goes on where it does not know the registry', async () => {
    await file('docker/config.json', login('docker-config'));
    const DOCKER_CONFIG = join(home, 'docker');
    const inline = (content: unknown) => ({ DOCKER_CONFIG, DOCKER_AUTH_CONFIG: JSON.stringify(content) });
    expect(await userFor('r.example', inline(login('inline')))).toBe('inline from DOCKER_AUTH_CONFIG');
    const next = 'docker-config from ~/docker/config.json';
    expect(await userFor('r.example', inline(login('inline', 'other.example')))).toBe(next);
    expect(await userFor('r.example', { DOCKER_CONFIG, DOCKER_AUTH_CONFIG: '' })).toBe(next);
    const broken = { DOCKER_CONFIG, DOCKER_AUTH_CONFIG: '{"auths": c2VjcmV0' };
    const failure = await failureOf(findCredential('r.example', '', { environment: broken, homeDir: home }));
    expect(failure.message).toBe('the credential file DOCKER_AUTH_CONFIG is not JSON');
  });

  it('goes on to the next file where one does not know the registry', async () => {
    await file('.docker/config.json', login('other', 'other.example'));
    await file('.config/containers/auth.json', login('config'));
    const found = await findCredential('r.example', undefined, { environment: {}, homeDir: home });
    expect(found.credential?.source).toBe(join(home, '.config/containers/auth.json'));
    expect(found.files).toHaveLength(2);
    expect(await userFor('unknown.example')).toBeUndefined();
  });

  it('takes the entry for the closest namespace', async () => {
    await file('.config/containers/auth.json', {
      auths: {
        'r.example': { username: 'all', password: 'x' },
        'r.example/team': { username: 'team', password: 'x' },
        'r.example/team/app': { username: 'app', password: 'x' },
      },
    });
    const users = ['team/app', 'team/other', 'teammate/app'].map((repository) => userFor('r.example', {}, repository));
    expect((await Promise.all(users)).map((text) => text?.split(' ')[0])).toEqual(['app', 'team', 'all']);
  });

  it('knows Docker Hub by all its names', async () => {
    await file('.docker/config.json', login('hub', 'https://index.docker.io/v1/'));
    expect(await userFor('index.docker.io')).toMatch(/^hub/);
    expect(await userFor('docker.io')).toMatch(/^hub/);
  });

  it.each<[string, Record<string, string>, string | undefined]>([
    ['in Actions', { GITHUB_ACTIONS: 'true', GITHUB_TOKEN: 't', GITHUB_ACTOR: 'me' }, 'me from GITHUB_TOKEN'],
    ['without an actor', { GITHUB_ACTIONS: 'true', GITHUB_TOKEN: 't' }, 'x-access-token from GITHUB_TOKEN'],
    ['elsewhere', { GITHUB_TOKEN: 't', GITHUB_ACTOR: 'me' }, undefined],
    ['empty', { GITHUB_ACTIONS: 'true', GITHUB_TOKEN: '' }, undefined],
  ])('takes the token of GitHub for its registry alone: %s', async (_name, environment, expected) => {
    expect(await userFor('ghcr.io', environment)).toBe(expected);
    expect(await userFor('r.example', environment)).toBeUndefined();
    await file('.docker/config.json', login('configured', 'ghcr.io'));
    expect(await userFor('ghcr.io', environment)).toBe('configured from ~/.docker/config.json');
  });

  it.skipIf(process.platform === 'win32')(
    'asks the helper of the registry, then that of all, then the file',
    async () => {
      const script = async (name: string, output: string) => {
        const path = await file(`bin/docker-credential-${name}`, `#!/bin/sh\n${output}\n`);
        await chmod(path, 0o755);
      };
      const answer = (user: string) => `echo '{"Username":"${user}","Secret":"s"}'`;
      const environment = { PATH: `${join(home, 'bin')}:${process.env['PATH']}` };
      await script('own', answer('own'));
      await script('all', answer('all'));
      await script('broken', 'echo "vault is locked" >&2; exit 1');
      const config = { credHelpers: { 'r.example': 'own' }, credsStore: 'all', ...login('plain') };
      await file('.docker/config.json', config);
      expect(await userFor('r.example', environment)).toBe(
        'own from docker-credential-own (named in ~/.docker/config.json)',
      );
      expect(await userFor('x.example', environment)).toMatch(/^all from/);

      await file('.docker/config.json', { ...config, credHelpers: { 'r.example': 'broken' } });
      expect(await userFor('r.example', environment)).toMatch(/^all from/);
      await file('.docker/config.json', { ...config, credHelpers: {}, credsStore: 'broken' });
      const found = await findCredential('r.example', undefined, { environment, homeDir: home });
      expect(found.credential?.secret).toMatchObject({ user: 'plain' });
      expect(found.troubles).toEqual([
        expect.stringMatching(/docker-credential-broken failed .*vault is locked; .*config\.json names it/),
      ]);
    },
  );

  it('fails where a file is there and cannot be read', async () => {
    await mkdir(join(home, '.docker/config.json'), { recursive: true });
    const looking = () => findCredential('r.example', undefined, { environment: {}, homeDir: home });
    expect((await failureOf(looking())).message).toMatch(/config\.json: it is not a file$/);
    await rm(join(home, '.docker'), { recursive: true });
    await file('.docker/config.json', ' '.repeat(LIMITS.credentialFileBytes + 1));
    expect(await failureOf(looking())).toMatchObject({
      code: 'CREDENTIALS_UNUSABLE',
      message: expect.stringMatching(/too large$/),
    });
    await file('.docker/config.json', '{');
    expect((await failureOf(looking())).code).toBe('CREDENTIALS_UNUSABLE');
  });
});
