import { chmod, lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type FaultyRegistry,
  type FaultyRegistryOptions,
  openFaultyRegistry,
} from '../../../test/support/faulty-registry.ts';
import { CANARY, failureOf, openBench, testImages } from '../../../test/support/registry-client.ts';
import { answering, chunkMinimum, dockerV2Only, ghcrLike, on } from '../../../test/support/registry-faults.ts';
import type { StaveEvent } from '../../base/events.ts';
import { pushImageIndex } from '../../effects/registry/client/push-image.ts';
import type { Host } from '../host.ts';
import { type DoctorReport, doctor } from './doctor.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { parseRegistryName } from './registry-name.ts';

let home = '';
const open: { close(): Promise<void> }[] = [];
const events: StaveEvent[] = [];
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'stave-home-'));
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await rm(home, { recursive: true, force: true });
  expect(JSON.stringify(events)).not.toContain(CANARY);
});

const hostWith = (env: Record<string, string> = {}): Host => ({
  cwd: home,
  env: { PATH: process.env['PATH'], ...env },
  hostArch: 'amd64',
  homeDir: home,
  events: (event) => events.push(event),
});
async function registry(options: FaultyRegistryOptions = {}): Promise<FaultyRegistry> {
  const made = await openFaultyRegistry(options);
  open.push(made);
  return made;
}
const configPath = () => join(home, '.docker/config.json');
const config = async () => JSON.parse(await readFile(configPath(), 'utf8')) as Record<string, unknown>;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const users = { ci: CANARY };

describe('login', () => {
  it.each(['basic', 'bearer'] as const)('checks and stores what docker understands (%s)', async (scheme) => {
    const s = await registry({ auth: { users, scheme } });
    const report = await login({ registry: s.host, user: 'ci', password: `${CANARY}\n` }, hostWith());
    expect(report).toEqual({ registry: s.host, user: 'ci', path: configPath(), helper: undefined, checked: true });
    expect(await config()).toEqual({ auths: { [s.host]: { auth: base64(`ci:${CANARY}`) } } });
    expect((await stat(configPath())).mode & 0o777).toBe(0o600);
    const bench = openBench();
    const client = bench.open(`${s.host}/team/app`, { environment: {}, homeDir: home });
    expect(await client.resolve('1')).toBeUndefined();
    await bench.close();
  });

  it('stores nothing that the registry refuses', async () => {
    for (const scheme of ['basic', 'bearer'] as const) {
      const s = await registry({ auth: { users, scheme } });
      const failure = await failureOf(login({ registry: s.host, user: 'ci', password: 'wrong' }, hostWith()));
      expect(failure).toMatchObject({
        code: 'REGISTRY_AUTH',
        message: expect.stringMatching(/does not let user "ci" from this login/),
      });
      expect(await stat(configPath()).catch(() => undefined)).toBeUndefined();
    }
  });

  it('says so where the password cannot be checked', async () => {
    const s = await registry();
    expect((await login({ registry: s.host, user: 'ci', password: 'x' }, hostWith())).checked).toBe(false);
    const broken = await registry({ faults: [on({ kind: 'base' }, answering(404))] });
    expect((await failureOf(login({ registry: broken.host, user: 'ci', password: 'x' }, hostWith()))).code).toBe(
      'HTTP_STATUS',
    );
  });

  it('keeps what it does not know, and links', async () => {
    const s = await registry();
    await mkdir(join(home, 'dotfiles'));
    await mkdir(join(home, '.docker'));
    const kept = {
      detachKeys: 'ctrl-x',
      auths: { 'other.example': { auth: 'eDp5' }, [`https://${s.host}/v2/`]: { auth: 'b2xkOng=' } },
      plugins: { a: { b: 1 } },
    };
    await writeFile(join(home, 'dotfiles/docker.json'), JSON.stringify(kept));
    await symlink('../dotfiles/docker.json', configPath());
    await login({ registry: s.host, user: 'ci', password: 'x' }, hostWith());
    expect((await lstat(configPath())).isSymbolicLink()).toBe(true);
    expect(await config()).toEqual({
      ...kept,
      auths: { 'other.example': { auth: 'eDp5' }, [s.host]: { auth: base64('ci:x') } },
    });
    expect(await readFile(configPath(), 'utf8')).toMatch(/^\{\n\t"detachKeys"/);
  });

  it.skipIf(process.platform === 'win32')('gives the password to a helper where the file names one', async () => {
    const s = await registry();
    const bin = join(home, 'bin');
    await mkdir(bin);
    await mkdir(join(home, '.docker'));
    await writeFile(
      join(bin, 'docker-credential-box'),
      `#!/bin/sh\necho "$1" > "${home}/said"; cat >> "${home}/said"\n`,
    );
    await chmod(join(bin, 'docker-credential-box'), 0o755);
    await writeFile(configPath(), '{"credsStore":"box"}');
    const host = hostWith({ PATH: `${bin}:${process.env['PATH']}` });
    const report = await login({ registry: s.host, user: 'ci', password: CANARY }, host);
    expect(report.helper).toBe('box');
    const [verb, input] = (await readFile(join(home, 'said'), 'utf8')).split('\n');
    expect([verb, JSON.parse(input ?? '')]).toEqual(['store', { ServerURL: s.host, Username: 'ci', Secret: CANARY }]);
    expect(await config()).toEqual({ credsStore: 'box', auths: { [s.host]: {} } });
    expect(await logout(s.host, host)).toMatchObject({ removedFrom: { helper: 'box' } });
    expect(await readFile(join(home, 'said'), 'utf8')).toBe(`get\n${s.host}`);
    expect(await config()).toEqual({ credsStore: 'box', auths: {} });

    await writeFile(configPath(), '{"credsStore":"is-not-there"}');
    const failure = await failureOf(login({ registry: s.host, user: 'ci', password: CANARY }, host));
    expect(failure).toMatchObject({
      code: 'CREDENTIALS_UNUSABLE',
      message: expect.stringMatching(/is-not-there is not installed/),
    });
    expect(await readFile(configPath(), 'utf8')).toBe('{"credsStore":"is-not-there"}');
  });

  it.each([
    ['', 'x'],
    ['a:b', 'x'],
    ['ci', ''],
    ['ci', '\n'],
  ])('refuses user %j with password %j', async (user, password) => {
    expect((await failureOf(login({ registry: 'r.example', user, password }, hostWith()))).code).toBe(
      'USAGE_ARGUMENTS',
    );
  });

  it('fails where the file cannot be used', async () => {
    const s = await registry();
    const trying = () => failureOf(login({ registry: s.host, user: 'ci', password: 'x' }, hostWith()));
    await mkdir(join(home, '.docker'));
    await writeFile(configPath(), `{"auths":"${CANARY}`);
    expect((await trying()).code).toBe('CREDENTIALS_UNUSABLE');
    await rm(configPath());
    await mkdir(configPath());
    expect((await trying()).code).toBe('CREDENTIALS_UNUSABLE');
    await rm(join(home, '.docker'), { recursive: true });
    await writeFile(join(home, '.docker'), '');
    expect((await trying()).code).toMatch(/CREDENTIALS_UNUSABLE|FILE_UNWRITABLE/);
    const missing = await failureOf(
      login({ registry: s.host, user: 'ci', password: 'x', caFile: 'no.pem' }, hostWith()),
    );
    expect(missing.code).toBe('FILE_UNREADABLE');
  });
});

describe('logout', () => {
  it('removes what login stored, and what else means the same', async () => {
    await mkdir(join(home, '.docker'));
    const auths = { 'https://index.docker.io/v1/': { auth: 'eDp5' }, 'docker.io': {}, 'r.example': { auth: 'eDp5' } };
    await writeFile(configPath(), JSON.stringify({ auths, x: 1 }));
    expect(await logout(undefined, hostWith())).toEqual({
      registry: 'index.docker.io',
      removedFrom: { path: configPath(), helper: undefined },
      stillFrom: undefined,
    });
    expect(await config()).toEqual({ auths: { 'r.example': { auth: 'eDp5' } }, x: 1 });
    expect((await logout(undefined, hostWith())).removedFrom).toBeUndefined();
  });

  it('says where there is still a credential', async () => {
    await writeFile(
      join(home, 'auth.json'),
      JSON.stringify({ auths: { 'r.example': { username: 'a', password: 'b' } } }),
    );
    const report = await logout('r.example', hostWith({ REGISTRY_AUTH_FILE: join(home, 'auth.json') }));
    expect(report).toEqual({ registry: 'r.example', removedFrom: undefined, stillFrom: join(home, 'auth.json') });
    expect(await stat(configPath()).catch(() => undefined)).toBeUndefined();
  });
});

describe('parseRegistryName', () => {
  it.each([
    [undefined, 'index.docker.io'],
    ['docker.io', 'index.docker.io'],
    ['ghcr.io', 'ghcr.io'],
    ['https://ghcr.io/', 'ghcr.io'],
    ['https://index.docker.io/v1/', 'index.docker.io'],
    ['localhost', 'localhost'],
    ['localhost:5000', 'localhost:5000'],
    ['[::1]:5000', '[::1]:5000'],
  ])('%s: %s', (text, expected) => {
    expect(parseRegistryName(text)).toBe(expected);
  });

  it.each(['', 'registry', 'ghcr.io/org', `u:${CANARY}@ghcr.io`, 'gh cr.io', 'x:port'])('%j is none', async (text) => {
    const failure = await failureOf(Promise.resolve().then(() => parseRegistryName(text)));
    expect(failure.code).toBe('USAGE_ARGUMENTS');
  });
});

describe('doctor', () => {
  const { index, blobs } = testImages();
  const values = ({ findings }: DoctorReport) => Object.fromEntries(findings.map(({ name, value }) => [name, value]));

  async function filled(options: FaultyRegistryOptions = {}): Promise<FaultyRegistry> {
    const honest = await registry();
    const bench = openBench();
    await pushImageIndex(bench.open(`${honest.host}/team/app`), index, blobs, { tags: ['1'] });
    await bench.close();
    return await registry({ directory: honest.directory, ...options });
  }

  it('finds everything in order, and leaves nothing behind', async () => {
    const s = await filled();
    const report = await doctor({ reference: `${s.host}/team/app:1`, write: true }, hostWith());
    expect(report.healthy).toBe(true);
    expect(values(report)).toEqual({
      credential: false,
      registry: true,
      image: index.descriptor.digest,
      'referrers-api': true,
      'blob-ranges': true,
      upload: true,
      'chunked-upload': true,
      'resumed-upload': true,
      mount: true,
      delete: true,
    });
    expect(report.findings.find(({ name }) => name === 'registry')?.text).toMatch(
      /plain http.*does not ask who we are/,
    );
    expect(s.requests.filter(({ method, status }) => method === 'DELETE' && status === 204)).toHaveLength(1);
  });

  it('changes nothing unless told so', async () => {
    const s = await filled();
    const report = await doctor({ reference: `${s.host}/team/app:1`, write: false }, hostWith());
    expect(report.healthy).toBe(true);
    expect(new Set(s.requests.map(({ method }) => method))).toEqual(new Set(['GET', 'HEAD']));
  });

  it.each<[string, FaultyRegistryOptions, Record<string, unknown>]>([
    ['Docker v2 only', { referrersApi: false, faults: dockerV2Only() }, { 'referrers-api': false, mount: false }],
    ['as at GHCR', { faults: ghcrLike('http://stranger.example') }, { 'referrers-api': false, delete: false }],
    ['large chunks', { faults: [chunkMinimum(1_000_000)] }, { 'chunked-upload': false, 'resumed-upload': false }],
    ['no uploads', { faults: [on({ kind: 'uploads' }, answering(405))] }, { upload: false }],
  ])('%s', async (_name, options, expected) => {
    const s = await filled(options);
    const report = await doctor({ reference: `${s.host}/team/app:1`, write: true }, hostWith());
    expect(values(report)).toMatchObject(expected);
    expect(report.healthy).toBe(true);
  });

  it('names the credential, and whether it is accepted', async () => {
    const s = await filled({ auth: { users, scheme: 'bearer' } });
    await login({ registry: s.host, user: 'ci', password: CANARY }, hostWith());
    const good = await doctor({ reference: `${s.host}/team/app:1`, write: true }, hostWith());
    expect(good).toMatchObject({ healthy: true });
    expect(good.findings[0]?.text).toBe(`user "ci" from ${configPath()} is used where the registry asks`);
    expect(good.findings[1]?.text).toMatch(/accepts who we are/);
    await writeFile(configPath(), JSON.stringify({ auths: { [s.host]: { username: 'ci', password: 'wrong' } } }));
    const bad = await doctor({ reference: `${s.host}/team/app:1`, write: true }, hostWith());
    expect(bad.healthy).toBe(false);
    expect(bad.findings.at(-1)).toMatchObject({
      topic: 'connection',
      state: 'problem',
      text: expect.stringMatching(/does not let user "ci"/),
    });
    expect(JSON.stringify([good, bad])).not.toContain(CANARY);
  });

  it('goes on without an image', async () => {
    const s = await registry();
    const report = await doctor({ reference: `${s.host}/team/app:1`, write: true }, hostWith());
    expect(values(report)).toMatchObject({ image: false, 'referrers-api': true, upload: true });
    expect(values(report)).not.toHaveProperty('mount');
  });

  it('says what is wrong with the way there', async () => {
    const s = await openFaultyRegistry();
    await s.close();
    const gone = await doctor({ reference: `${s.host}/team/app:1`, write: false }, hostWith());
    expect(gone.findings.at(-1)).toMatchObject({
      topic: 'connection',
      state: 'problem',
      text: expect.stringMatching(/refuses connections/),
    });
    const unknown = await doctor({ reference: 'registry.stave.invalid/team/app:1', write: false }, hostWith());
    expect(unknown.findings.at(-1)).toMatchObject({
      topic: 'address',
      state: 'problem',
      text: expect.stringMatching(/does not resolve/),
    });
    const noRegistry = await registry({ faults: [on({ kind: 'base' }, answering(404))] });
    const web = await doctor({ reference: `${noRegistry.host}/team/app:1`, write: false }, hostWith());
    expect(web.findings.at(-1)).toMatchObject({ state: 'problem', text: expect.stringMatching(/not as a registry/) });
    await mkdir(join(home, '.docker'));
    await writeFile(configPath(), '{');
    const broken = await doctor({ reference: `${(await registry()).host}/team/app:1`, write: false }, hostWith());
    expect(broken.findings[0]).toMatchObject({
      topic: 'credential',
      state: 'problem',
      text: expect.stringMatching(/is not JSON/),
    });
    expect(broken.findings.some(({ name, value }) => name === 'registry' && value === true)).toBe(true);
  });

  it('is nothing to be done offline', async () => {
    const failure = await failureOf(
      doctor({ reference: '127.0.0.1:9/team/app', write: false, offline: true }, hostWith()),
    );
    expect(failure.code).toBe('NETWORK_OFFLINE');
  });
});
