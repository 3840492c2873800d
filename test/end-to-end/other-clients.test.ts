// skopeo and umoci at our own registry, also when it is odd in the ways of others; and docker-registry as tests start it.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type DockerRegistry,
  HTPASSWD_PASSWORD,
  HTPASSWD_USER,
  startDockerRegistry,
} from '../support/docker-registry.ts';
import { type FaultyRegistry, openFaultyRegistry } from '../support/faulty-registry.ts';
import { missingPeers, runPeer, runSkopeo } from '../support/peers.ts';
import { dockerV2Only, ecrLike, ghcrLike, statefulUploads } from '../support/registry-faults.ts';
import { selfSigned } from '../support/self-signed.ts';
import { smallLayout } from '../support/small-layout.ts';
import { openTokenServer, type TokenServer } from '../support/token-server.ts';

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'stave-distribution-'));
});
afterEach(() => rm(place, { recursive: true, force: true }));

const skopeo = (...args: readonly string[]) => runSkopeo(place, ...args);

async function copies(...args: readonly string[]): Promise<void> {
  const run = await skopeo('--insecure-policy', 'copy', ...args);
  expect(run, run.stderr).toMatchObject({ exitCode: 0 });
}

const docker = missingPeers('docker-registry', 'skopeo');
describe.skipIf(docker !== undefined)(`docker-registry as the tests start it${docker ? ` (${docker})` : ''}`, () => {
  let running: DockerRegistry | undefined;
  let tokens: TokenServer | undefined;
  afterEach(async () => {
    await running?.stop();
    await tokens?.close();
    running = tokens = undefined;
  });

  it('is open', async () => {
    running = await startDockerRegistry();
    await copies('--dest-tls-verify=false', `oci:${await smallLayout(place)}:1`, `docker://${running.host}/app:1`);
    expect((await fetch(`${running.url}/v2/app/tags/list`)).status).toBe(200);
    expect((await fetch(`${running.url}/v2/app/referrers/sha256:${'0'.repeat(64)}`)).status).toBe(404);
  });

  it('asks for a password', async () => {
    running = await startDockerRegistry({ auth: 'htpasswd' });
    const anonymous = await fetch(`${running.url}/v2/`);
    expect(anonymous.status).toBe(401);
    expect(anonymous.headers.get('www-authenticate')).toBe('Basic realm="test"');
    const layout = `oci:${await smallLayout(place)}:1`;
    const target = `docker://${running.host}/app:1`;
    const wrong = await skopeo(
      'copy',
      '--dest-tls-verify=false',
      '--dest-creds',
      `${HTPASSWD_USER}:no`,
      layout,
      target,
    );
    expect(wrong.exitCode).not.toBe(0);
    const credentials = `${HTPASSWD_USER}:${HTPASSWD_PASSWORD}`;
    await copies('--dest-tls-verify=false', '--dest-creds', credentials, layout, target);
  });

  it('asks for a token, and takes those of our token server', async () => {
    tokens = await openTokenServer({ users: { somebody: 'secret' }, anonymousPull: true });
    running = await startDockerRegistry({ auth: tokens });
    const layout = `oci:${await smallLayout(place)}:1`;
    const target = `docker://${running.host}/app:1`;
    expect((await skopeo('copy', '--dest-tls-verify=false', layout, target)).exitCode).not.toBe(0);
    await copies('--dest-tls-verify=false', '--dest-creds', 'somebody:secret', layout, target);
    await copies('--src-tls-verify=false', target, `dir:${join(place, 'pulled')}`);
    expect(tokens.requests.map(({ parameters }) => parameters.get('scope'))).toContain('repository:app:pull,push');
  });

  it('speaks TLS with a certificate that nobody knows', async () => {
    const tls = selfSigned('127.0.0.1');
    running = await startDockerRegistry({ tls });
    await writeFile(join(place, 'ca.crt'), tls.certificate);
    const layout = `oci:${await smallLayout(place)}:1`;
    const target = `docker://${running.host}/app:1`;
    expect((await skopeo('copy', layout, target)).stderr).toMatch(/certificate/);
    await copies('--dest-cert-dir', place, layout, target);
  });
});

const clients = missingPeers('skopeo', 'umoci');
describe.skipIf(clients !== undefined)(`clients of others at our registry${clients ? ` (${clients})` : ''}`, () => {
  let registry: FaultyRegistry;
  beforeAll(async () => {
    registry = await openFaultyRegistry();
  });
  afterAll(() => registry.close());

  it('push, look at, pull and unpack an image', async () => {
    const target = `docker://${registry.host}/team/app:1`;
    await copies('--dest-tls-verify=false', `oci:${await smallLayout(place)}:1`, target);
    const looked = await skopeo('inspect', '--tls-verify=false', target);
    expect(JSON.parse(looked.stdout)).toMatchObject({ Os: 'linux', Architecture: 'amd64', RepoTags: ['1'] });
    await copies('--src-tls-verify=false', target, `oci:${join(place, 'pulled')}:1`);
    const unpacked = join(place, 'unpacked');
    const run = await runPeer('umoci', ['unpack', '--rootless', '--image', `${join(place, 'pulled')}:1`, unpacked]);
    expect(run, run.stderr).toMatchObject({ exitCode: 0 });
    expect(await readFile(join(unpacked, 'rootfs', 'hello.txt'), 'utf8')).toBe('hello\n');
    expect(registry.warnings).toEqual([]);
  });

  it('push it again without sending a blob', async () => {
    const layout = `oci:${await smallLayout(place)}:1`;
    const target = `docker://${registry.host}/team/again:1`;
    await copies('--dest-tls-verify=false', layout, target);
    const before = registry.requests.length;
    await copies('--dest-tls-verify=false', layout, target);
    const methods = registry.requests.slice(before).map(({ method }) => method);
    expect(methods).not.toContain('POST');
    expect(methods).toContain('HEAD');
  });

  it('convert, list and delete', async () => {
    const target = `docker://${registry.host}/team/docker:1`;
    await copies('--dest-tls-verify=false', '--format=v2s2', `oci:${await smallLayout(place)}:1`, target);
    const looked = await skopeo('inspect', '--raw', '--tls-verify=false', target);
    expect(JSON.parse(looked.stdout)).toMatchObject({
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    });
    const listed = await skopeo('list-tags', '--tls-verify=false', `docker://${registry.host}/team/docker`);
    expect(JSON.parse(listed.stdout)).toMatchObject({ Tags: ['1'] });
    expect((await skopeo('delete', '--tls-verify=false', target)).exitCode).toBe(0);
    expect((await skopeo('inspect', '--tls-verify=false', target)).exitCode).not.toBe(0);
  });

  it('copy from one repository to another by mounting', async () => {
    const [from, to] = ['from', 'to'].map((name) => `docker://${registry.host}/mount/${name}:1`) as [string, string];
    await copies('--dest-tls-verify=false', `oci:${await smallLayout(place)}:1`, from);
    const before = registry.requests.length;
    await copies('--src-tls-verify=false', '--dest-tls-verify=false', from, to);
    const mounts = registry.requests.slice(before).filter(({ path }) => path.includes('mount='));
    expect(mounts.map(({ status }) => status)).toEqual(mounts.map(() => 201));
    expect(mounts.length).toBeGreaterThan(0);
  });

  it('get along with its tokens, its passwords and its quirks', async () => {
    const users = { somebody: 'secret' };
    const variants = [
      { auth: { scheme: 'basic', users } },
      { auth: { scheme: 'bearer', users } },
      { auth: { scheme: 'bearer', users, anonymousPull: true }, faults: ghcrLike('http://127.0.0.1:9') },
      { auth: { scheme: 'basic', users }, faults: ecrLike(['app']) },
      { auth: { scheme: 'basic', users }, faults: [statefulUploads()] },
      { auth: { scheme: 'basic', users }, faults: dockerV2Only() },
    ] as const;
    const layout = `oci:${await smallLayout(place)}:1`;
    for (const [number, variant] of variants.entries()) {
      const odd = await openFaultyRegistry(variant);
      try {
        const target = `docker://${odd.host}/app:1`;
        const format = number === 5 ? ['--format=v2s2'] : [];
        await copies(...format, '--dest-tls-verify=false', '--dest-creds', 'somebody:secret', layout, target);
        const pulled = `dir:${join(place, `pulled-${number}`)}`;
        await copies('--src-tls-verify=false', '--src-creds', 'somebody:secret', target, pulled);
        expect(await readdir(join(place, `pulled-${number}`))).toContain('manifest.json');
      } finally {
        await odd.close();
      }
    }
  });
});
