import { createPublicKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Handler,
  type LoopbackServer,
  openLoopbackServer,
  serveFiles,
} from '../../../test/support/loopback-server.ts';
import { tinyKey } from '../../../test/support/tiny-apk.ts';
import { digestHex, sha256 } from '../../base/digest.ts';
import type { StaveEvent } from '../../base/events.ts';
import { createHttpClient } from '../http/client.ts';
import { openStore, type Store } from '../store/store.ts';
import { Documents } from './documents.ts';
import { type KeyringKey, type KeyringOptions, keysByName, openKeyring } from './keyring.ts';

const CANARY = 'canary-5ecre7';
const KEY = tinyKey('a.rsa.pub');
let home: string;
let store: Store;
const events: StaveEvent[] = [];
const open: { close(): unknown }[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'keyring-test-'));
  store = openStore({ root: join(home, 'cache'), explicit: true, temporaryDirectory: home, events: () => {} });
  events.length = 0;
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  expect(`${readdirSync(join(home, 'cache'), { recursive: true })}${JSON.stringify(events)}`).not.toContain(CANARY);
  rmSync(home, { recursive: true });
});

async function keyring(over: Partial<KeyringOptions>, offline = false): Promise<KeyringKey[]> {
  const clock = { now: () => 0, random: () => 0, sleep: async () => {} };
  // Whatever a test asks of the real network ends at a port where nobody listens.
  const environment = { HTTPS_PROXY: 'http://127.0.0.1:1' };
  const http = createHttpClient({ version: '1', clock, offline, environment });
  open.push(http);
  const options = { keyring: [], repositories: [], apkArch: 'x86_64', workdir: home, ...over };
  return await openKeyring(options, http, new Documents(http, store), (e) => events.push(e));
}

async function serve(handler: Handler): Promise<LoopbackServer> {
  const server = await openLoopbackServer(handler);
  open.push(server);
  return server;
}
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const named = (keys: readonly KeyringKey[]) => keys.map((k) => [k.name, k.url, k.source]);

/** Puts an answer into the store, as an earlier run would have. */
function seed(url: string, text: string, secure = true): void {
  store.writeRecord('documents', digestHex(sha256('document\0', url)), JSON.stringify({ text, secure }));
}

describe('configured keys', () => {
  it('come from files and URLs, in byte order, each once', async () => {
    const server = await serve(serveFiles(new Map([['/keys/remote.rsa.pub', Buffer.from('remote')]])));
    mkdirSync(join(home, 'keys'));
    writeFileSync(join(home, 'keys', 'local.rsa.pub'), 'local');
    const url = `http://u:${CANARY}@127.0.0.1:${server.port}/keys/remote.rsa.pub`;
    const keys = await keyring({ keyring: ['keys/local.rsa.pub', url, 'keys/local.rsa.pub'] });
    expect(named(keys)).toEqual([
      ['remote.rsa.pub', `${server.url}/keys/remote.rsa.pub`, 'configured'],
      ['local.rsa.pub', 'keys/local.rsa.pub', 'configured'],
    ]);
    expect(keys.map((k) => k.pem)).toEqual(['remote', 'local']);
    expect(server.requests[0]?.headers.authorization).toMatch(/^Basic /);
    // The next run revalidates, an offline one does not ask.
    await keyring({ keyring: [url] });
    expect(server.requests[1]?.headers['if-none-match']).toBe('"v1"');
    expect((await keyring({ keyring: [url] }, true))[0]?.pem).toBe('remote');
    expect(server.requests).toHaveLength(2);
  });

  it.each([
    ['a file that is not there', 'none.rsa.pub', 'CONFIG_NOT_FOUND'],
    ['a folder', 'folder', 'FILE_UNREADABLE'],
    ['a huge file', 'huge', 'KEY_INVALID'],
    ['a scheme we do not read', 'ftp://h/k', 'CONFIG_INVALID'],
  ])('fail for %s', async (_name, key, code) => {
    mkdirSync(join(home, 'folder'));
    writeFileSync(join(home, 'huge'), '');
    truncateSync(join(home, 'huge'), 2 << 20);
    await expect(keyring({ keyring: [key] })).rejects.toMatchObject({ code });
  });

  it('fail when the server does not have them, or when offline without a copy', async () => {
    const server = await serve(serveFiles(new Map()));
    const url = `http://u:${CANARY}@127.0.0.1:${server.port}/k.rsa.pub`;
    const failure = {
      code: 'HTTP_STATUS',
      message: `fetching a key of the keyring: ${server.url}/k.rsa.pub answered with status 404`,
    };
    await expect(keyring({ keyring: [url] })).rejects.toMatchObject(failure);
    await expect(keyring({ keyring: [url] }, true)).rejects.toMatchObject({ code: 'NETWORK_OFFLINE' });
  });
});

describe('key sets of repositories', () => {
  const jwk = (kid: unknown) => ({ ...createPublicKey(KEY.publicKeyPem).export({ format: 'jwk' }), kid });
  const repository =
    (server: () => LoopbackServer, keys: unknown[]): Handler =>
    (request, response) => {
      if (request.url === '/os/apk-configuration') return void response.end(json({ jwks_uri: `${server().url}/jwks` }));
      if (request.url === '/jwks') return void response.end(json({ keys }));
      response.writeHead(404).end();
    };

  it('give RSA keys under their id, and survive into an offline run', async () => {
    const server: LoopbackServer = await serve(
      repository(() => server, [jwk('z'), jwk('a'), { kty: 'EC', kid: 'ec' }, jwk('../evil'), jwk(7)]),
    );
    const repositories = [`@t http://u:${CANARY}@127.0.0.1:${server.port}/os/`];
    for (const offline of [false, true]) {
      const keys = await keyring({ repositories }, offline);
      expect(named(keys)).toEqual([
        ['a.rsa.pub', `${server.url}/os/a.rsa.pub`, 'discovered'],
        ['z.rsa.pub', `${server.url}/os/z.rsa.pub`, 'discovered'],
      ]);
      expect(keys[0]?.pem).toBe(KEY.publicKeyPem);
    }
    expect(server.requests).toHaveLength(2);
  });

  it('never replace a configured key of the same name', async () => {
    const server: LoopbackServer = await serve(repository(() => server, [jwk('a')]));
    writeFileSync(join(home, 'a.rsa.pub'), 'mine');
    const keys = await keyring({ keyring: ['a.rsa.pub'], repositories: [`${server.url}/os`] });
    expect(named(keys)).toEqual([['a.rsa.pub', 'a.rsa.pub', 'configured']]);
    const discovered = { name: 'a.rsa.pub', pem: 'theirs', url: '', source: 'discovered' } as const;
    expect(keysByName([...keys, discovered]).get('a.rsa.pub')).toBe('mine');
    expect(keysByName([discovered, ...keys]).get('a.rsa.pub')).toBe('mine');
  });

  it.each<[string, Handler]>([
    ['there are none', (_request, response) => void response.writeHead(404).end()],
    ['the server has trouble', (_request, response) => void response.writeHead(503).end()],
    ['the server hangs up', (request) => void request.socket.destroy()],
    ['the answer is no JSON', (_request, response) => void response.end('<html>')],
    ['the answer is other JSON', (_request, response) => void response.end('[null]')],
    ['the answer is huge', (_request, response) => void response.end(Buffer.alloc(2 << 20))],
    [
      'the key set is elsewhere, unprotected',
      (_request, response) => void response.end(json({ jwks_uri: 'http://elsewhere.example/' })),
    ],
    [
      'a key is broken',
      (request, response) =>
        void response.end(
          json({ jwks_uri: `http://${request.headers.host}/`, keys: [{ kty: 'RSA', kid: 'k', n: '' }] }),
        ),
    ],
  ])('are done without when %s', async (_name, handler) => {
    const server = await serve(handler);
    expect(await keyring({ repositories: [`http://u:${CANARY}@127.0.0.1:${server.port}/os`] })).toEqual([]);
    expect(server.requests.length).toBeLessThanOrEqual(2);
    expect(events.every((e) => e.type === 'debug')).toBe(true);
  });

  it('are not believed over plain HTTP', async () => {
    expect(await keyring({ repositories: ['http://packages.example/os'] })).toEqual([]);
    expect(events).toMatchObject([{ type: 'debug', message: expect.stringContaining('not protected by HTTPS') }]);
    // An answer that was redirected away from HTTPS neither.
    seed('https://packages.example/os/apk-configuration', '{"jwks_uri":"https://packages.example/jwks"}', false);
    seed('https://packages.example/jwks', JSON.stringify({ keys: [jwk('k')] }));
    expect(await keyring({ repositories: ['https://packages.example/os'] }, true)).toEqual([]);
    seed('https://packages.example/os/apk-configuration', '{"jwks_uri":"https://packages.example/jwks"}', true);
    expect(await keyring({ repositories: ['https://packages.example/os'] }, true)).toHaveLength(1);
  });

  it('are not looked for in local repositories', async () => {
    expect(await keyring({ repositories: ['./repo', '/srv/repo', 'file:///srv/repo'] })).toEqual([]);
    expect(events).toEqual([]);
  });
});

describe('keys of Alpine releases', () => {
  const key = (name: string) => `https://alpinelinux.org/keys/${name}`;
  beforeEach(() => {
    const branch = (rel_branch: string, keys: unknown) => ({ rel_branch, keys });
    seed(
      'https://alpinelinux.org/releases.json',
      JSON.stringify({
        release_branches: [
          branch('edge', { x86_64: [{ url: key('edge.rsa.pub') }] }),
          branch('v3.20', {
            x86_64: [
              { url: key('alpine-devel%40lists.alpinelinux.org-2.rsa.pub') },
              { url: key('alpine-devel%20lists.alpinelinux.org-1.rsa.pub') },
              { url: key('old.rsa.pub'), deprecated_since: '2020-01-01' },
              { url: 7 },
            ],
            aarch64: [{ url: key('arm.rsa.pub') }],
          }),
        ],
      }),
    );
    for (const name of [
      'edge',
      'alpine-devel%40lists.alpinelinux.org-2',
      'alpine-devel%20lists.alpinelinux.org-1',
      'arm',
      'old',
    ]) {
      seed(key(`${name}.rsa.pub`), `pem of ${name}`);
    }
  });

  it.each([
    [
      'https://dl-cdn.alpinelinux.org/alpine/v3.20/main',
      'x86_64',
      ['alpine-devel@lists.alpinelinux.org-1.rsa.pub', 'alpine-devel@lists.alpinelinux.org-2.rsa.pub'],
    ],
    ['http://mirror.example/pub/alpine/v3.20/community', 'aarch64', ['arm.rsa.pub']],
    ['https://dl-cdn.alpinelinux.org/alpine/edge/main', 'x86_64', ['edge.rsa.pub']],
    ['https://dl-cdn.alpinelinux.org/alpine/v2.0/main', 'x86_64', []],
    ['https://dl-cdn.alpinelinux.org/alpine/v3.20/main', 'riscv64', []],
    ['https://packages.example/os', 'x86_64', []],
  ])('%s for %s', async (repository, apkArch, names) => {
    const keys = await keyring({ repositories: [repository], apkArch }, true);
    expect(keys.map((k) => k.name)).toEqual(names);
    for (const found of keys)
      expect(found).toMatchObject({ source: 'discovered', url: expect.stringMatching(/^https:\/\/alpinelinux/) });
  });

  it('are done without when the list cannot be fetched', async () => {
    // Online, the list is asked for; the proxy of these tests refuses.
    expect(await keyring({ repositories: ['https://dl-cdn.alpinelinux.org/alpine/v3.20/main'] })).toEqual([]);
    expect(events.length).toBe(2);
  });
});
