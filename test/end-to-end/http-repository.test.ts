// Repositories over HTTP as a user meets them (issue 3, "Repositories"; cli.md 3 and 4): every request is on a loopback server's
// log, so that what must not be asked for is seen to be not asked for.

import { generateKeyPairSync } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Handler, type LoopbackServer, openLoopbackServer, serveFiles } from '../support/loopback-server.ts';
import type { TinyKey } from '../support/tiny-apk.ts';
import { readBuiltImages } from './built-image.ts';
import { failureOf, Place } from './place.ts';
import { KEY, type SmallRepository, smallRepository } from './small-repository.ts';

const servers: LoopbackServer[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) await server.close();
});

type Wrap = (serve: Handler, nth: (path: string) => number) => Handler;

/** A server with a repository at /os and its key at /os/small.rsa.pub; `wrap` may answer in its place. */
async function serve(wrap: Wrap = (handler) => handler, repository: SmallRepository = smallRepository()) {
  const files = new Map<string, Uint8Array>([...repository.files].map(([path, bytes]) => [`/os/${path}`, bytes]));
  files.set('/os/small.rsa.pub', Buffer.from(repository.key.publicKeyPem));
  const counts = new Map<string, number>();
  const nth = (path: string) => counts.get(path) ?? 0;
  const handler = wrap(serveFiles(files), nth);
  const server = await openLoopbackServer((request, response) => {
    const path = request.url ?? '';
    counts.set(path, nth(path) + 1);
    handler(request, response);
  });
  servers.push(server);
  return server;
}

const config = (url: string, keys = [`${url}/small.rsa.pub`], arch = 'amd64') => `contents:
  repositories: [${url}]
  keyring: [${keys.join(', ')}]
  packages: [layout, app]
archs: [${arch}]
`;

const asked = ({ requests }: LoopbackServer, what: string): IncomingMessage[] =>
  requests.filter((request) => request.url?.includes(what));

const APP = '/os/x86_64/app-2.0-r1.apk';
const INDEX = '/os/x86_64/APKINDEX.tar.gz';

/** Fails the test when anything tries to connect. */
function forbidSockets() {
  return vi.spyOn(Socket.prototype, 'connect').mockImplementation(() => {
    throw new Error('a socket was opened');
  });
}

describe('what is asked for', () => {
  it('is each file once, then only whether the index and the key have changed', async () => {
    const server = await serve();
    const place = new Place(config(`${server.url}/os`), undefined);
    const digest = await place.build();
    expect(asked(server, '.apk')).toHaveLength(3);
    expect(asked(server, 'APKINDEX').map((request) => request.headers['if-none-match'])).toEqual([undefined]);

    const before = server.requests.length;
    expect(await place.build()).toBe(digest);
    const again = server.requests.slice(before);
    const revalidated = again.filter((request) => request.headers['if-none-match'] === '"v1"').map((one) => one.url);
    expect(revalidated.sort()).toEqual(['/os/small.rsa.pub', INDEX].sort());
    expect(again.filter((request) => request.url?.endsWith('.apk'))).toEqual([]);
  });

  it('is the new index once the server has another', async () => {
    const old = smallRepository();
    const files = new Map<string, Uint8Array>([...old.files].map(([path, bytes]) => [`/os/${path}`, bytes]));
    files.set('/os/small.rsa.pub', Buffer.from(old.key.publicKeyPem));
    let version = '"v1"';
    const server = await openLoopbackServer((request, response) => serveFiles(files, () => version)(request, response));
    servers.push(server);
    const place = new Place(config(`${server.url}/os`), undefined);
    await place.build();
    const fresh = smallRepository([{ name: 'layout' }, { name: 'app', version: '3.0-r0' }]);
    for (const [path, bytes] of fresh.files) files.set(`/os/${path}`, bytes);
    version = '"v2"';
    await place.build();
    const world = readBuiltImages(place.path('layout')).get('amd64')?.files.get('etc/apk/world')?.content.toString();
    expect(world).toContain('app=3.0-r0');
  });

  it('is no index at all with a lock', async () => {
    const server = await serve();
    const place = new Place(config(`${server.url}/os`, undefined, 'amd64, arm64'), undefined);
    await place.do(['lock', 'image.yaml', '--cache-dir', 'lock-cache']);
    expect(asked(server, 'APKINDEX')).toHaveLength(2);
    await place.build(['--lockfile', 'image.lock.json']);
    expect(asked(server, 'APKINDEX')).toHaveLength(2);
    expect(asked(server, '.apk')).toHaveLength(12);
    expect(readBuiltImages(place.path('layout')).size).toBe(2);
  });

  it('is nothing with --offline, which opens no socket and gives the same digest', async () => {
    const server = await serve();
    const place = new Place(config(`${server.url}/os`), undefined);
    const digest = await place.build();
    const connect = forbidSockets();
    expect(await place.build(['--offline'])).toBe(digest);
    for (const argv of [
      ['lock', 'image.yaml'],
      ['show-packages', 'image.yaml'],
      ['why', 'image.yaml', 'libsmall'],
      ['dot', 'image.yaml'],
      ['build-cpio', 'image.yaml', 'x.cpio'],
    ])
      await place.do([...argv, '--offline']);
    expect(connect).not.toHaveBeenCalled();
  });

  const missing: readonly (readonly [what: string, prepare: string[] | undefined, url: string])[] = [
    ['an empty cache', undefined, 'small.rsa.pub'],
    ['a package that no build has fetched', ['show-packages', 'image.yaml'], '.apk'],
  ];
  it.each(missing)('is nothing with --offline and %s, which is a failure', async (_what, prepare, url) => {
    const server = await serve();
    const place = new Place(config(`${server.url}/os`), undefined);
    if (prepare !== undefined) await place.do(prepare);
    const connect = forbidSockets();
    const failure = failureOf(await place.tryBuild(['--offline']));
    expect(failure).toMatchObject({
      code: 'NETWORK_OFFLINE',
      exitCode: 5,
      hint: expect.stringContaining('without --offline'),
    });
    expect(failure.message).toContain(url);
    expect(connect).not.toHaveBeenCalled();
  });
});

describe('a bad network', () => {
  it('a download that breaks off goes on where it was', async () => {
    const big = smallRepository([
      { name: 'layout' },
      {
        name: 'app',
        version: '2.0-r1',
        files: { big: Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) % 251)) },
      },
    ]);
    const whole = big.files.get('x86_64/app-2.0-r1.apk')!;
    const server = await serve(
      (handler, nth) => (request, response) => {
        if (request.url !== APP || nth(APP) > 1) return handler(request, response);
        response.writeHead(200, { etag: '"v1"', 'content-length': whole.length });
        response.write(whole.subarray(0, 200), () => setTimeout(() => response.destroy(), 50));
      },
      big,
    );
    const local = new Place(undefined, big);
    local.write('image.yaml', config('./repository', ['./small.rsa.pub']));
    await local.build();
    const place = new Place(config(`${server.url}/os`), undefined);
    await place.build();
    expect(asked(server, APP).map((request) => request.headers.range)).toEqual([undefined, 'bytes=200-']);
    const content = (one: Place) => readBuiltImages(one.path('layout')).get('amd64')?.files.get('big')?.content;
    expect(content(place)?.equals(content(local)!)).toBe(true);
  });

  it.each([429, 500, 502, 503])('status %i is tried again', async (status) => {
    const server = await serve((handler, nth) => (request, response) => {
      if ([APP, INDEX].includes(request.url ?? '') && nth(request.url ?? '') === 1)
        response.writeHead(status, { 'retry-after': '0' }).end();
      else handler(request, response);
    });
    const place = new Place(config(`${server.url}/os`), undefined);
    await place.build();
    expect([asked(server, APP).length, asked(server, INDEX).length]).toEqual([2, 2]);
  });

  it.each([400, 404, 501])('status %i is not, and the package is named', async (status) => {
    const server = await serve((handler) => (request, response) => {
      if (request.url === APP) response.writeHead(status).end();
      else handler(request, response);
    });
    const place = new Place(config(`${server.url}/os`), undefined);
    const failure = failureOf(await place.tryBuild());
    expect(failure).toMatchObject({ code: 'HTTP_STATUS', exitCode: 5, data: { status } });
    expect(failure.message).toContain(`package app-2.0-r1: ${server.url}${APP} answered with status ${status}`);
    expect(asked(server, APP)).toHaveLength(1);
  });

  it('a name that does not resolve fails at once, with one look-up', async () => {
    const place = new Place(config('http://nowhere.invalid/os', ['./k.rsa.pub']), undefined);
    place.write('k.rsa.pub', KEY.publicKeyPem);
    const started = performance.now();
    const failure = failureOf(await place.tryBuild());
    expect(failure).toMatchObject({ code: 'NETWORK_UNREACHABLE', exitCode: 5 });
    expect(failure.message).toContain('nowhere.invalid');
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('a server that nobody runs fails at once', async () => {
    const server = await serve();
    await server.close();
    const failure = failureOf(await new Place(config(`${server.url}/os`), undefined).tryBuild());
    expect(failure).toMatchObject({ code: 'NETWORK_UNREACHABLE', exitCode: 5 });
    expect(failure.message).toContain(`127.0.0.1:${server.port} refuses connections`);
  });

  it('a response above --max-http-response-size is refused', async () => {
    const server = await serve();
    const place = new Place(config(`${server.url}/os`), undefined);
    const failure = failureOf(await place.tryBuild(['--max-http-response-size', '100']));
    expect(failure).toMatchObject({
      code: 'RESPONSE_TOO_LARGE',
      exitCode: 5,
      hint: expect.stringContaining('--max-http-response-size'),
    });
  });
});

describe('credentials', () => {
  const guarded =
    (expected: string): Wrap =>
    (handler) =>
    (request, response) => {
      const sent = Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString();
      if (sent === expected) handler(request, response);
      else response.writeHead(401).end();
    };

  it('from the URL serve the repository, its packages, and the key', async () => {
    const server = await serve(guarded('us er:p@ss'));
    const url = `${server.url.replace('://', '://us%20er:p%40ss@')}/os`;
    await new Place(config(`'${url}'`, [`'${url}/small.rsa.pub'`]), undefined).build();
  });

  it('from the netrc file, and from the one that NETRC names', async () => {
    const server = await serve(guarded('u:p'));
    const place = new Place(config(`${server.url}/os`), undefined);
    const failure = failureOf(await place.tryBuild());
    expect(failure).toMatchObject({ code: 'HTTP_STATUS', exitCode: 5, hint: expect.stringContaining('HTTP_AUTH') });
    place.write('home/.netrc', 'machine 127.0.0.1 login u password wrong\n');
    expect(failureOf(await place.tryBuild()).hint).toContain('refuses the credentials');
    place.write('mine', 'machine 127.0.0.1\n  login u\n  password p\n');
    await place.build([], { NETRC: place.path('mine') });
    place.write('home/.netrc', 'machine 127.0.0.1 login u password p\n');
    await place.build();
  });

  it('from HTTP_AUTH for its host alone, through a proxy that wants its own', async () => {
    const server = await serve(guarded('u:p'));
    const proxied: IncomingMessage[] = [];
    const proxy = await openLoopbackServer((request, response) => {
      proxied.push(request);
      const path = new URL(request.url ?? '').pathname;
      fetch(server.url + path, { headers: { authorization: request.headers.authorization ?? '' } })
        .then(async (answer) => response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer())))
        .catch(() => response.destroy());
    });
    servers.push(proxy);
    const place = new Place(config('http://repository.invalid/os'), undefined);
    const HTTP_PROXY = proxy.url.replace('://', '://pu:pp@');
    await place.build([], { HTTP_PROXY, HTTP_AUTH: 'basic:repository.invalid:u:p' });
    expect(new Set(proxied.map((request) => new URL(request.url ?? '').host))).toEqual(new Set(['repository.invalid']));
    expect(new Set(proxied.map((request) => request.headers['proxy-authorization']))).toEqual(
      new Set([`Basic ${Buffer.from('pu:pp').toString('base64')}`]),
    );
    rmSync(place.cacheDir, { recursive: true });
    const other = await place.tryBuild([], { HTTP_PROXY, HTTP_AUTH: 'basic:other.invalid:u:p' });
    expect(failureOf(other)).toMatchObject({ code: 'HTTP_STATUS', data: { status: 401 } });
  });
});

describe('keys', () => {
  /** A repository that publishes its key as a key set, by the name that its index's signature has. */
  async function publishing(key: TinyKey, published: TinyKey = key) {
    const { createPublicKey } = await import('node:crypto');
    const jwk = createPublicKey(published.publicKeyPem).export({ format: 'jwk' });
    const repository = smallRepository(undefined, { key });
    const server: LoopbackServer = await serve(
      (handler) => (request, response) => {
        if (request.url === '/os/apk-configuration') response.end(JSON.stringify({ jwks_uri: `${server.url}/keys` }));
        else if (request.url === '/keys') response.end(JSON.stringify({ keys: [{ ...jwk, kid: 'small' }] }));
        else handler(request, response);
      },
      repository,
    );
    return server;
  }

  it('are discovered where the repository publishes them, and lie in the image', async () => {
    const server = await publishing(KEY);
    const place = new Place(config(`${server.url}/os`, []), undefined);
    await place.build();
    const files = readBuiltImages(place.path('layout')).get('amd64')?.files;
    expect(files?.get('etc/apk/keys/small.rsa.pub')?.content.toString()).toBe(KEY.publicKeyPem);
    await place.do(['lock', 'image.yaml']);
    expect(place.json('image.lock.json').contents.keyring).toMatchObject([{ url: `${server.url}/os/small.rsa.pub` }]);
  });

  it('that are published but did not sign the index are not enough', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const other: TinyKey = {
      keyName: 'small.rsa.pub',
      publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
    const server = await publishing(KEY, other);
    const failure = failureOf(await new Place(config(`${server.url}/os`, []), undefined).tryBuild());
    expect(failure).toMatchObject({ code: 'SIGNATURE_INVALID', exitCode: 6 });
  });

  it('that a configured URL does not have are a failure that names it', async () => {
    const server = await serve();
    const place = new Place(config(`${server.url}/os`, [`${server.url}/os/none.rsa.pub`]), undefined);
    const failure = failureOf(await place.tryBuild());
    expect(failure).toMatchObject({ code: 'HTTP_STATUS', exitCode: 5 });
    expect(failure.message).toContain(`fetching a key of the keyring: ${server.url}/os/none.rsa.pub`);
  });
});
