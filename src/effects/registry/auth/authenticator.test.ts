import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type FaultyRegistry,
  type FaultyRegistryOptions,
  openFaultyRegistry,
} from '../../../../test/support/faulty-registry.ts';
import { type Handler, type LoopbackServer, openLoopbackServer } from '../../../../test/support/loopback-server.ts';
import {
  CANARY,
  type ClientBench,
  failureOf,
  memoryBlobs,
  openBench,
  testBlob,
  testImages,
} from '../../../../test/support/registry-client.ts';
import { answering, on, times } from '../../../../test/support/registry-faults.ts';
import { selfSigned } from '../../../../test/support/self-signed.ts';
import { pullImage } from '../client/pull-image.ts';
import { pushImageIndex } from '../client/push-image.ts';
import type { RegistryClient } from '../client/registry-client.ts';
import type { RegistryOptions } from '../client/registry-connection.ts';

let bench: ClientBench;
let home = '';
const open: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  bench = openBench();
  home = await mkdtemp(join(tmpdir(), 'stave-home-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await bench.close();
  for (const one of open.splice(0)) await one.close();
  await rm(home, { recursive: true, force: true });
});

async function registry(options: FaultyRegistryOptions = {}): Promise<FaultyRegistry> {
  const made = await openFaultyRegistry(options);
  open.push(made);
  return made;
}
async function server(handler: Handler): Promise<LoopbackServer> {
  const made = await openLoopbackServer(handler);
  open.push(made);
  return made;
}
/** A client whose docker configuration has this entry for the host. */
async function withEntry(place: string, entry: unknown, more: Partial<RegistryOptions> = {}): Promise<RegistryClient> {
  const host = place.split('/')[0] ?? '';
  await writeFile(join(home, 'config.json'), JSON.stringify({ auths: { [host]: entry } }));
  return bench.open(place, { environment: { DOCKER_CONFIG: home }, ...more });
}
const CI = { username: 'ci', password: CANARY };
const users = { ci: CANARY };
const tokenRequests = (s: FaultyRegistry) => s.requests.filter(({ path }) => path.startsWith('/token'));
const { index, blobs } = testImages();

describe('credentials', () => {
  it.each<[string, FaultyRegistryOptions['auth'], unknown]>([
    ['Basic', { users, scheme: 'basic' }, CI],
    ['a token for user and password', { users, scheme: 'bearer' }, CI],
    ['a token for an identity token', { users, scheme: 'bearer' }, { identitytoken: CANARY }],
    ['a token, anonymous pull', { users, scheme: 'bearer', anonymousPull: true }, CI],
  ])('%s: push and pull', async (_name, auth, entry) => {
    const s = await registry({ ...(auth && { auth }) });
    const client = await withEntry(`${s.host}/team/app`, entry);
    await pushImageIndex(client, index, blobs, { tags: ['1', '2'] });
    expect((await pullImage(client, '1')).value).toEqual(index);
    expect(await client.deleteTag('2')).toBe(true);
    // One question to learn what is wanted; everything after it is answered.
    expect(s.requests.filter(({ status }) => status === 401)).toHaveLength(1);
    expect(s.requests.every(({ userAgent }) => userAgent === 'stave/9.8.7')).toBe(true);
  });

  it('anonymous tokens do for reading', async () => {
    const s = await registry({ auth: { users, scheme: 'bearer', anonymousPull: true } });
    await pushImageIndex(await withEntry(`${s.host}/team/app`, CI), index, blobs, { tags: ['1'] });
    const anonymous = bench.open(`${s.host}/team/app`);
    expect((await pullImage(anonymous, '1')).value).toEqual(index);
    expect(tokenRequests(s).at(-1)?.authorization).toBeUndefined();
  });

  it('a registry token goes out as it is', async () => {
    const s = await server((request, response) =>
      request.headers.authorization === 'Bearer as-it-is'
        ? void response.writeHead(404).end()
        : void response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://127.0.0.1:1/token"' }).end(),
    );
    const client = await withEntry(`127.0.0.1:${s.port}/team/app`, { registrytoken: 'as-it-is' });
    expect(await client.resolve('1')).toBeUndefined();
  });

  it('are not looked for, nor sent, where nobody asks', async () => {
    const s = await registry();
    await writeFile(join(home, 'config.json'), '{ broken');
    const client = bench.open(`${s.host}/team/app`, { environment: { DOCKER_CONFIG: home } });
    expect(await client.resolve('1')).toBeUndefined();
    expect(s.requests[0]?.authorization).toBeUndefined();
    const asking = await registry({ auth: { users, scheme: 'basic' } });
    const other = bench.open(`${asking.host}/team/app`, { environment: { DOCKER_CONFIG: home } });
    expect((await failureOf(other.resolve('1'))).code).toBe('CREDENTIALS_UNUSABLE');
  });
});

describe('tokens', () => {
  const auth = { users, scheme: 'bearer' } as const;

  it('are fetched once for many requests', async () => {
    const s = await registry({ auth });
    const client = await withEntry(`${s.host}/team/app`, CI);
    await Promise.all(Array.from({ length: 10 }, (_, i) => client.resolve(`t${i}`)));
    expect(tokenRequests(s)).toHaveLength(1);
    expect(s.requests.filter(({ status }) => status === 401)).toHaveLength(1);
    await pushImageIndex(client, index, blobs, { tags: ['1'] });
    const scopes = tokenRequests(s).map(({ path }) => new URLSearchParams(path.split('?')[1]).get('scope'));
    expect(scopes).toEqual(['repository:team/app:pull', 'repository:team/app:pull,push']);
    expect(new URLSearchParams(tokenRequests(s)[0]?.path.split('?')[1]).get('service')).toBe('stave-registry');
  });

  it('are fetched again before they end', async () => {
    const s = await registry({ auth: { ...auth, tokenSeconds: 300 } });
    const client = await withEntry(`${s.host}/team/app`, CI);
    await client.resolve('1');
    bench.clock.advance(280_000);
    await client.resolve('1');
    expect(tokenRequests(s)).toHaveLength(1);
    bench.clock.advance(20_000);
    await client.resolve('1');
    expect(tokenRequests(s)).toHaveLength(2);
    expect(s.requests.filter(({ status }) => status === 401)).toHaveLength(1);
  });

  it('are fetched again when the registry takes one back', async () => {
    const taken = on({ kind: 'manifest' }, async (request, next) => {
      const answer = await next(request);
      if (taken.count++ !== 2) return answer;
      const challenge = `Bearer realm="${request.origin}/token",service="stave-registry",error="invalid_token"`;
      return { status: 401, headers: { 'www-authenticate': challenge } };
    }) as ReturnType<typeof on> & { count: number };
    taken.count = 0;
    const s = await registry({ auth, faults: [taken] });
    const client = await withEntry(`${s.host}/team/app`, CI);
    for (let i = 0; i < 4; i++) expect(await client.resolve('1')).toBeUndefined();
    expect(tokenRequests(s)).toHaveLength(2);
  });

  it('ask for both repositories when mounting', async () => {
    const s = await registry({ auth });
    const blob = testBlob(100);
    const base = await withEntry(`${s.host}/team/base`, CI);
    await base.pushBlob(blob.descriptor, memoryBlobs(blob));
    const client = await withEntry(`${s.host}/team/app`, CI);
    expect(await client.pushBlob(blob.descriptor, memoryBlobs(), { mountFrom: 'team/base' })).toBe('mounted');
    expect(new URLSearchParams(tokenRequests(s).at(-1)?.path.split('?')[1]).getAll('scope')).toEqual([
      'repository:team/app:pull,push',
      'repository:team/base:pull',
    ]);
  });

  it('take scopes that the registry names in its own way', async () => {
    const scope = 'repository:x/team/app:pull';
    const s = await server((request, response) => {
      const url = new URL(request.url ?? '', 'http://x');
      if (url.pathname === '/token') {
        return void response.end(
          JSON.stringify({ access_token: url.searchParams.getAll('scope').includes(scope) ? 'good' : 'bad' }),
        );
      }
      if (request.headers.authorization === 'Bearer good') return void response.writeHead(404).end();
      const challenge = `Bearer realm="http://${request.headers.host}/token",scope="${scope}"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    });
    expect(await bench.open(`127.0.0.1:${s.port}/team/app`).resolve('1')).toBeUndefined();
  });

  it('survive a token server in trouble', async () => {
    const s = await registry({ auth, faults: [on({ path: '/token' }, times(2, answering(503)))] });
    expect(await (await withEntry(`${s.host}/team/app`, CI)).resolve('1')).toBeUndefined();
    const down = await registry({ auth, faults: [on({ path: '/token' }, answering(503))] });
    const failure = await failureOf((await withEntry(`${down.host}/team/app`, CI)).resolve('1'));
    expect(failure).toMatchObject({ code: 'HTTP_STATUS', data: { status: 503 } });
    expect(failure.message).toMatch(/^the token server 127\.0\.0\.1:\d+ answered with status 503$/);
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['no JSON', '<html>'],
    ['no token', '{"expires_in":1}'],
    ['an empty one', '{"token":""}'],
    ['one that breaks the header', '{"token":"a\\r\\nx: y"}'],
  ])('that are %s are refused', async (_name, body) => {
    const s = await server((request, response) =>
      request.url?.startsWith('/token')
        ? void response.end(body)
        : void response
            .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` })
            .end(),
    );
    const failure = await failureOf(bench.open(`127.0.0.1:${s.port}/team/app`).resolve('1'));
    expect(failure).toMatchObject({
      code: 'REGISTRY_PROTOCOL',
      message: expect.stringMatching(/without a usable token/),
    });
  });

  it.each<[string, string, RegExp]>([
    ['no URL', 'token', /no token server that is a URL/],
    ['plain http elsewhere', 'http://r.example/token', /r\.example, which does not speak https/],
    ['a file', 'file:///etc/passwd', /does not speak https/],
  ])('come from no realm that is %s', async (_name, realm, message) => {
    const s = await server(
      (_request, response) => void response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end(),
    );
    const client = await withEntry(`127.0.0.1:${s.port}/team/app`, CI);
    expect(await failureOf(client.resolve('1'))).toMatchObject({
      code: 'REGISTRY_PROTOCOL',
      message: expect.stringMatching(message),
    });
  });

  it('do not come from where the token server sends us', async () => {
    const stranger = await server((_request, response) => void response.end('{"token":"x"}'));
    const s = await server((request, response) =>
      request.url?.startsWith('/token')
        ? void response.writeHead(307, { location: stranger.url }).end()
        : void response
            .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` })
            .end(),
    );
    for (const entry of [CI, { identitytoken: CANARY }]) {
      const client = await withEntry(`127.0.0.1:${s.port}/team/app`, entry);
      expect((await failureOf(client.resolve('1'))).code).toBe('HTTP_STATUS');
    }
    expect(stranger.requests).toEqual([]);
  });
});

describe('refusals', () => {
  const looking = (client: RegistryClient) => failureOf(client.resolve('1'));

  it('say that there are no credentials, and where they were looked for', async () => {
    const s = await registry({ auth: { users, scheme: 'basic' } });
    const failure = await looking(bench.open(`${s.host}/team/app`));
    expect(failure.code).toBe('REGISTRY_AUTH');
    expect(failure.message).toBe(
      `the registry ${s.host} does not let anonymous users look up ${s.host}/team/app:1 (status 401)`,
    );
    expect(failure.hint).toMatch(new RegExp(`stave login ${s.host}`));
    expect(failure.notes).toContain('there is no credential file');
    await withEntry('other.example/team/app', CI);
    const second = await looking(bench.open(`${s.host}/team/app`, { environment: { DOCKER_CONFIG: home } }));
    expect(second.notes).toContain(`nothing for it in ${home}/config.json`);
  });

  it.each(['basic', 'bearer'] as const)('name the credential and its source, never the secret (%s)', async (scheme) => {
    const s = await registry({ auth: { users: { ci: 'other' }, scheme } });
    const failure = await looking(await withEntry(`${s.host}/team/app`, CI));
    expect(failure.code).toBe('REGISTRY_AUTH');
    expect(failure.message).toContain(`does not let user "ci" from ${home}/config.json`);
    expect(failure.message).toContain('(status 401)');
    expect(failure.hint).toMatch(/stores new ones/);
  });

  it('tell a right that is missing from a wrong password', async () => {
    const s = await registry({
      auth: { users, scheme: 'basic' },
      faults: [on({ kind: 'uploads' }, answering(403, {}, 'DENIED', `no, ${CANARY}`))],
    });
    const client = await withEntry(`${s.host}/team/app`, CI);
    const blob = testBlob(10);
    const failure = await failureOf(client.pushBlob(blob.descriptor, memoryBlobs(blob)));
    expect(failure.message).toContain('does not let user "ci"');
    expect(failure.message).toContain('push a blob to');
    expect(failure.hint).toMatch(/may do that/);
    // The registry repeats the secret; we do not.
    expect(failure.notes).toEqual(['the registry says: DENIED: no, xxxxx']);
  });

  it('mention the helper that could not be asked', async () => {
    const s = await registry({ auth: { users, scheme: 'bearer' } });
    await writeFile(join(home, 'config.json'), '{"credsStore":"is-not-there"}');
    const failure = await looking(bench.open(`${s.host}/team/app`, { environment: { DOCKER_CONFIG: home } }));
    expect(failure.notes).toContainEqual(expect.stringMatching(/docker-credential-is-not-there is not installed/));
  });

  it('of a registry that does not say how to log in', async () => {
    const s = await server((_request, response) => void response.writeHead(401).end());
    const failure = await looking(await withEntry(`127.0.0.1:${s.port}/a/b`, CI));
    expect(failure.notes).toContainEqual(expect.stringMatching(/was not used: the registry did not say how/));
    expect(s.requests).toHaveLength(1);
  });

  it('end where every round is refused', async () => {
    let round = 0;
    const s = await server((request, response) =>
      request.url?.startsWith('/token')
        ? void response.end('{"token":"t"}')
        : void response
            .writeHead(401, {
              'www-authenticate': `Bearer realm="http://${request.headers.host}/token",scope="repository:r${round++}:pull"`,
            })
            .end(),
    );
    expect((await looking(bench.open(`127.0.0.1:${s.port}/a/b`))).code).toBe('REGISTRY_AUTH');
    expect(s.requests.length).toBeLessThanOrEqual(6);
  });
});

describe('other hosts', () => {
  it('never see the Authorization, and their challenges are not answered', async () => {
    const stranger = await server(
      (_request, response) => void response.writeHead(401, { 'www-authenticate': 'Basic realm="give"' }).end(),
    );
    const s = await registry({
      auth: { users, scheme: 'basic' },
      faults: [
        on({ kind: 'manifest' }, async (request, next) => {
          const answer = await next(request);
          return answer.status === 401 ? answer : { status: 307, headers: { location: stranger.url } };
        }),
      ],
    });
    const client = await withEntry(`${s.host}/team/app`, CI);
    const failure = await failureOf(client.getManifest('1'));
    expect(failure).toMatchObject({ code: 'HTTP_STATUS', data: { status: 401 } });
    expect(stranger.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});

describe('the three switches', () => {
  const { certificate, key } = selfSigned('127.0.0.1');

  async function tlsRegistry(): Promise<string> {
    const tls = createTlsServer({ cert: certificate, key }, (_request, response) => void response.writeHead(404).end());
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => tls.close(() => resolve()).closeAllConnections()) });
    return `127.0.0.1:${(tls.address() as AddressInfo).port}/team/app`;
  }

  it('certificates are checked, unless one is added or nobody wants to know', async () => {
    const place = await tlsRegistry();
    const failure = await failureOf(bench.open(place, { plainHttp: false }).resolve('1'));
    expect(failure).toMatchObject({ code: 'NETWORK_UNREACHABLE', message: expect.stringMatching(/is not trusted/) });
    expect(await bench.open(place, { plainHttp: false, caCertificates: certificate }).resolve('1')).toBeUndefined();
    expect(await bench.open(place, { plainHttp: false, insecureSkipVerify: true }).resolve('1')).toBeUndefined();
    // Skipping the check is not plain http, and a certificate is not either.
    expect(
      (await failureOf(bench.open(place, { plainHttp: true, insecureSkipVerify: true }).resolve('1'))).code,
    ).toMatch(/HTTP_STATUS|NETWORK_UNREACHABLE/);
  });

  it('offline opens no socket', async () => {
    const connect = vi.spyOn(Socket.prototype, 'connect');
    const failure = await failureOf(bench.open('r.example/a/b', { offline: true }).resolve('1'));
    expect(failure.code).toBe('NETWORK_OFFLINE');
    expect(connect).not.toHaveBeenCalled();
  });
});
