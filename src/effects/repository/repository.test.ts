// Indexes and packages from local folders and a loopback server, through the store, online and offline.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Handler,
  type LoopbackServer,
  openLoopbackServer,
  serveFiles,
} from '../../../test/support/loopback-server.ts';
import { type TinyPackage, tinyIndex, tinyKey, tinyPackage } from '../../../test/support/tiny-apk.ts';
import { hashHex } from '../../base/digest.ts';
import type { StaveEvent } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import type { IndexedRepository } from '../../planning/solver/architecture-indexes.ts';
import { createHttpClient, type HttpClient } from '../http/client.ts';
import { openStore, type Store } from '../store/store.ts';
import { fetchPackage, type PackageToFetch } from './fetch-package.ts';
import { openRepositories, type RepositoriesOptions } from './open-repositories.ts';

const CANARY = 'canary-5ecre7';
const KEY = tinyKey('tiny.rsa.pub');
const OTHER_KEY = tinyKey('other.rsa.pub');
const KEYS = new Map([[KEY.keyName, KEY.publicKeyPem]]);
const foo = tinyPackage('foo');
const bar = tinyPackage('bar', { version: '2.1-r0' });

let home: string;
let store: Store;
const events: StaveEvent[] = [];
const open: { close(): unknown }[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'repository-test-'));
  store = openStore({
    root: join(home, 'cache'),
    explicit: true,
    temporaryDirectory: home,
    events: (e) => events.push(e),
  });
  events.length = 0;
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const one of open.splice(0).reverse()) await one.close();
  const names = readdirSync(join(home, 'cache'), { recursive: true, encoding: 'utf8' });
  expect(`${names}${JSON.stringify(events)}`).not.toContain(CANARY);
  for (const name of names.filter((n) => /(heads|documents|index-trust)\//.test(n))) {
    expect(readFileSync(join(home, 'cache', name), 'latin1')).not.toContain(CANARY);
  }
  rmSync(home, { recursive: true });
});

function client(options: { offline?: boolean } = {}): HttpClient {
  const clock = { now: () => 0, random: () => 0, sleep: async () => {} };
  const http = createHttpClient({ version: '1', events: (e) => events.push(e), clock, ...options });
  open.push(http);
  return http;
}

async function serve(handler: Handler): Promise<LoopbackServer> {
  const server = await openLoopbackServer(handler);
  open.push(server);
  return server;
}

/** A local repository; its folder. */
function localRepository(
  name: string,
  packages: readonly TinyPackage[],
  index: Uint8Array = tinyIndex(packages, KEY),
): string {
  const folder = join(home, name, 'x86_64');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'APKINDEX.tar.gz'), index);
  for (const p of packages) writeFileSync(join(folder, `${p.label}.apk`), p.bytes);
  return join(home, name);
}

/** What a server of a repository has below /os. */
const filesOf = (packages: readonly TinyPackage[], key = KEY): Map<string, Uint8Array> =>
  new Map<string, Uint8Array>([
    ['/os/x86_64/APKINDEX.tar.gz', tinyIndex(packages, key)],
    ...packages.map((p) => [`/os/x86_64/${p.label}.apk`, p.bytes] as const),
  ]);

const indexes = (repositories: readonly string[], http = client(), over: Partial<RepositoriesOptions> = {}) =>
  openRepositories({ repositories, apkArch: 'x86_64', keys: KEYS, workdir: home, ...over }, http, store, (e) =>
    events.push(e),
  );
const namesIn = (repositories: readonly IndexedRepository[]) => repositories.map((r) => [r.tag, ...r.index.names()]);

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(Failure);
  const failure = error as Failure;
  expect(
    `${failure.message}${failure.hint}${failure.notes}${JSON.stringify(failure.data)}${failure.stack}`,
  ).not.toContain(CANARY);
  return failure;
}

describe('local repositories', () => {
  it('come as sorted unique lines, with tags, by path and by file URL', async () => {
    localRepository('r2', [foo]);
    localRepository('r1', [bar]);
    const url = pathToFileURL(join(home, 'r1')).href;
    const found = await indexes(['./r2/', `@t ${url}`, './r2/', './r1']);
    expect(found.map((r) => [r.tag, r.url])).toEqual([
      ['', './r1'],
      ['', './r2'],
      ['t', url],
    ]);
    expect(namesIn(found)).toEqual([
      ['', 'bar'],
      ['', 'foo'],
      ['t', 'bar'],
    ]);
  });

  it('are ignored with a warning when they have no index for the architecture', async () => {
    localRepository('r1', [foo]);
    expect(namesIn(await indexes(['./none', './r1']))).toEqual([['', 'foo']]);
    expect(events).toMatchObject([
      { type: 'warning', code: 'INDEX_MISSING', message: expect.stringContaining('./none/x86_64/APKINDEX.tar.gz') },
    ]);
  });

  it('show their changes at once', async () => {
    localRepository('r', [foo]);
    expect(namesIn(await indexes(['./r']))).toEqual([['', 'foo']]);
    localRepository('r', [foo, bar]);
    expect(namesIn(await indexes(['./r']))).toEqual([['', 'foo', 'bar']]);
  });

  it.each([
    ['an unsigned index', () => tinyIndex([foo]), 'SIGNATURE_MISSING'],
    ['an index signed by a stranger', () => tinyIndex([foo], OTHER_KEY), 'SIGNATURE_MISSING'],
    [
      'an index signed with another key of that name',
      () => tinyIndex([foo], { ...OTHER_KEY, keyName: KEY.keyName }),
      'SIGNATURE_INVALID',
    ],
    [
      'an index changed after signing',
      () => Buffer.concat([tinyIndex([foo], KEY), gzipSync('more')]),
      'SIGNATURE_INVALID',
    ],
  ])('are refused with %s, also the second time', async (_name, index, code) => {
    localRepository('r', [foo], index());
    for (let i = 0; i < 2; i++) expect((await failureOf(indexes(['./r']))).code).toBe(code);
    if (code === 'SIGNATURE_MISSING') {
      expect(namesIn(await indexes(['./r'], client(), { keys: undefined }))).toEqual([['', 'foo']]);
    }
    // What was read without a check is in the store now, and still not trusted.
    for (let i = 0; i < 2; i++) expect((await failureOf(indexes(['./r']))).code).toBe(code);
  });

  it('are verified again for another keyring', async () => {
    localRepository('r', [foo]);
    await indexes(['./r']);
    const keys = new Map([[KEY.keyName, OTHER_KEY.publicKeyPem]]);
    expect((await failureOf(indexes(['./r'], client(), { keys }))).code).toBe('SIGNATURE_INVALID');
    expect(
      namesIn(await indexes(['./r'], client(), { keys: new Map([...KEYS, ['x.rsa.pub', OTHER_KEY.publicKeyPem]]) })),
    ).toEqual([['', 'foo']]);
  });

  it('are refused when the index is damaged or too large', async () => {
    localRepository('r', [foo], gzipSync('no tar'));
    const unsigned = { keys: undefined };
    expect(await failureOf(indexes(['./r'], client(), unsigned))).toMatchObject({
      code: 'INDEX_INVALID',
      message: expect.stringContaining('./r/x86_64/APKINDEX.tar.gz'),
    });
    localRepository('r', [foo]);
    const limits = { indexBytes: 50 };
    expect((await failureOf(indexes(['./r'], client(), { limits }))).code).toBe('ARCHIVE_LIMIT');
    const bomb = gzipSync(Buffer.alloc(10 << 20));
    localRepository('r', [], bomb);
    expect((await failureOf(indexes(['./r'], client(), { ...unsigned, limits: { indexBytes: 1 << 20 } }))).code).toBe(
      'ARCHIVE_LIMIT',
    );
  });

  it('hold a bound for what is in the store already', async () => {
    const many = Array.from({ length: 40 }, (_, i) => tinyPackage(`p${i}`));
    localRepository('r', many);
    await indexes(['./r']);
    const limits = { indexBytes: tinyIndex(many, KEY).length + 10 };
    expect((await failureOf(indexes(['./r'], client(), { limits }))).code).toBe('ARCHIVE_LIMIT');
  });

  it('are refused when the index cannot be read', async () => {
    mkdirSync(join(home, 'r', 'x86_64', 'APKINDEX.tar.gz'), { recursive: true });
    expect((await failureOf(indexes(['./r']))).code).toBe('FILE_UNREADABLE');
  });

  it('are refused when a tag has no URL', async () => {
    expect((await failureOf(indexes(['@x']))).code).toBe('CONFIG_INVALID');
  });
});

describe('damage in the store', () => {
  const entry = () => {
    const folder = join(home, 'cache', 'v1', 'indexes');
    return join(folder, readdirSync(folder)[0] ?? '');
  };

  it.each(['APKINDEX', 'tables', 'APKINDEX.tar.gz'])(
    'a flipped bit in %s is noticed or does not matter',
    async (file) => {
      localRepository('r', [foo, bar]);
      await indexes(['./r']);
      for (const at of [0, 5, 40]) {
        const bytes = readFileSync(join(entry(), file));
        bytes[at] = (bytes[at] as number) ^ 2;
        writeFileSync(join(entry(), file), bytes);
        expect(namesIn(await indexes(['./r']))).toEqual([['', 'foo', 'bar']]);
      }
    },
  );

  it('a missing file too', async () => {
    localRepository('r', [foo]);
    await indexes(['./r']);
    for (const file of ['APKINDEX', 'tables', 'APKINDEX.tar.gz']) {
      rmSync(join(entry(), file), { force: true });
      expect(namesIn(await indexes(['./r']))).toEqual([['', 'foo']]);
    }
  });
});

describe('remote repositories', () => {
  const credentials = (server: LoopbackServer) => `http://user:${CANARY}@127.0.0.1:${server.port}/os`;

  it('are asked once, with the ETag of the last time, and never show credentials', async () => {
    const server = await serve(serveFiles(filesOf([foo])));
    const found = await indexes([credentials(server)]);
    expect(found[0]?.url).toBe(`${server.url}/os`);
    expect(namesIn(await indexes([credentials(server)]))).toEqual([['', 'foo']]);
    expect(server.requests.map((r) => [r.url, r.headers['if-none-match']])).toEqual([
      ['/os/x86_64/APKINDEX.tar.gz', undefined],
      ['/os/x86_64/APKINDEX.tar.gz', '"v1"'],
    ]);
    expect(server.requests.every((r) => r.headers.authorization?.startsWith('Basic '))).toBe(true);
  });

  it('are read anew when they have changed', async () => {
    let files = filesOf([foo]);
    let etag = '"1"';
    const server = await serve((request, response) => serveFiles(files, () => etag)(request, response));
    await indexes([`${server.url}/os`]);
    files = filesOf([foo, bar]);
    etag = '"2"';
    expect(namesIn(await indexes([`${server.url}/os`]))).toEqual([['', 'foo', 'bar']]);
  });

  it('work without ETags', async () => {
    const server = await serve((_request, response) => void response.end(tinyIndex([foo], KEY)));
    for (let i = 0; i < 2; i++) expect(namesIn(await indexes([`${server.url}/os`]))).toEqual([['', 'foo']]);
    expect(server.requests).toHaveLength(2);
  });

  it('are fetched whole when what is in the store is damaged', async () => {
    const server = await serve(serveFiles(filesOf([foo])));
    await indexes([`${server.url}/os`]);
    rmSync(join(home, 'cache', 'v1', 'indexes'), { recursive: true });
    expect(namesIn(await indexes([`${server.url}/os`]))).toEqual([['', 'foo']]);
    expect(server.requests[1]?.headers['if-none-match']).toBeUndefined();
  });

  it('fail when they have no index, are cut, or are signed by nobody we know', async () => {
    const server = await serve(serveFiles(filesOf([foo], OTHER_KEY)));
    expect(await failureOf(indexes([`${server.url}/none`]))).toMatchObject({
      code: 'HTTP_STATUS',
      data: { status: 404 },
    });
    expect((await failureOf(indexes([credentials(server)]))).code).toBe('SIGNATURE_MISSING');
    // It was not remembered: the server is asked for the whole again.
    await failureOf(indexes([`${server.url}/os`]));
    expect(server.requests.at(-1)?.headers['if-none-match']).toBeUndefined();
  });

  it('start over when they are cut and cannot be resumed, three times at most', async () => {
    const bytes = tinyIndex([foo], KEY);
    let cuts = 2;
    const server = await serve((request, response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      if (cuts-- <= 0) return void response.end(bytes);
      response.write(bytes.subarray(0, 100), () => setTimeout(() => request.socket.destroy(), 10));
    });
    expect(namesIn(await indexes([`${server.url}/os`]))).toEqual([['', 'foo']]);
    cuts = 99;
    expect(await failureOf(indexes([`${server.url}/os`]))).toMatchObject({
      code: 'NETWORK_UNREACHABLE',
      data: { cut: true },
    });
    expect(server.requests).toHaveLength(6);
  });

  it('are bounded before they are read', async () => {
    const server = await serve(serveFiles(filesOf([foo])));
    const limits = { responseBytes: 100 };
    expect((await failureOf(indexes([`${server.url}/os`], client(), { limits }))).code).toBe('RESPONSE_TOO_LARGE');
  });
});

describe('offline', () => {
  it('uses what an earlier run has seen, and opens no socket', async () => {
    const server = await serve(serveFiles(filesOf([foo])));
    const url = `${server.url}/os`;
    await indexes([url]);
    const wanted = { label: foo.label, checksum: foo.checksum, url: `${url}/x86_64/${foo.label}.apk`, workdir: home };
    (await fetchPackage(wanted, client(), store)).close();
    const connect = vi.spyOn(Socket.prototype, 'connect').mockImplementation(() => {
      throw new Error('a socket was opened');
    });
    const http = client({ offline: true });
    expect(namesIn(await indexes([url], http))).toEqual([['', 'foo']]);
    expect((await fetchPackage(wanted, http, store)).package.info.name).toBe('foo');
    const failure = await failureOf(indexes([`http://u:${CANARY}@packages.example/os`], http));
    expect(failure).toMatchObject({
      code: 'NETWORK_OFFLINE',
      message: expect.stringContaining('http://packages.example/os/x86_64/APKINDEX.tar.gz is needed'),
    });
    const missing = { ...wanted, label: bar.label, checksum: bar.checksum };
    expect(await failureOf(fetchPackage(missing, http, store))).toMatchObject({
      code: 'NETWORK_OFFLINE',
      message: expect.stringContaining(`package ${bar.label}: `),
    });
    // A keyring that does not fit is a matter of trust, offline too.
    expect((await failureOf(indexes([url], http, { keys: new Map([['a.rsa.pub', KEY.publicKeyPem]]) }))).code).toBe(
      'SIGNATURE_MISSING',
    );
    expect(connect).not.toHaveBeenCalled();
  });
});

describe('fetchPackage', () => {
  const wanted = (url: string, p: TinyPackage = foo): PackageToFetch => ({
    url,
    label: p.label,
    checksum: p.checksum,
    workdir: home,
  });

  it('reads local packages, and notices that a file was replaced', async () => {
    localRepository('r', [foo]);
    const url = `./r/x86_64/${foo.label}.apk`;
    const handle = await fetchPackage(wanted(url), client(), store);
    expect(hashHex('sha256', handle.read(0, handle.dataTarBytes))).toBe(hashHex('sha256', foo.dataTar));
    // The index promises a new package, the file is still the old one.
    const replaced = tinyPackage('foo', { files: [] });
    expect((await failureOf(fetchPackage(wanted(url, replaced), client(), store))).code).toBe('CHECKSUM_MISMATCH');
    writeFileSync(join(home, url), replaced.bytes);
    expect((await fetchPackage(wanted(url, replaced), client(), store)).package.entries).toEqual([]);
  });

  it('says what is missing, locally and remotely', async () => {
    const local = await failureOf(fetchPackage(wanted('./r/x86_64/none.apk'), client(), store));
    expect(local).toMatchObject({
      code: 'FILE_UNREADABLE',
      message: 'package foo-1.0-r0: ./r/x86_64/none.apk cannot be read (ENOENT)',
    });
    const server = await serve(serveFiles(new Map()));
    const remote = await failureOf(
      fetchPackage(wanted(`http://u:${CANARY}@127.0.0.1:${server.port}/x.apk`), client(), store),
    );
    expect(remote).toMatchObject({ code: 'HTTP_STATUS', data: { status: 404 } });
    expect(remote.hint).toMatch(/mirror is being updated/);
  });

  it('does not ask twice for what it has, nor for what is on its way', async () => {
    const server = await serve(serveFiles(filesOf([foo])));
    const url = `${server.url}/os/x86_64/${foo.label}.apk`;
    const handles = await Promise.all([1, 2, 3].map(() => fetchPackage(wanted(url), client(), store)));
    for (const handle of handles) expect(handle.package.info.name).toBe('foo');
    await fetchPackage(wanted(url), client(), store);
    expect(server.requests).toHaveLength(1);
  });

  it('tries again when another fetch of the same package failed', async () => {
    const server = await serve(serveFiles(filesOf([foo])));
    const good = `${server.url}/os/x86_64/${foo.label}.apk`;
    const both = await Promise.allSettled(
      [`${server.url}/none.apk`, good].map((url) => fetchPackage(wanted(url), client(), store)),
    );
    expect(both.map((one) => one.status)).toEqual(['rejected', 'fulfilled']);
  });

  it('starts over when a body ends early without saying so', async () => {
    let requests = 0;
    const server = await serve((request, response) => {
      // Without a length, only the package itself can tell that something is missing.
      response.shouldKeepAlive = false;
      response.useChunkedEncodingByDefault = false;
      response.removeHeader('transfer-encoding');
      const size = requests++ < 2 ? foo.bytes.length - 20 : foo.bytes.length;
      response.end(foo.bytes.subarray(0, size), () => request.socket.end());
      response.strictContentLength = false;
    });
    const handle = await fetchPackage(wanted(`${server.url}/x.apk`), client(), store);
    expect(handle.package.info.name).toBe('foo');
    expect(server.requests.length).toBeGreaterThan(1);
  });

  it('refuses a changed package without asking again', async () => {
    const bytes = Buffer.from(foo.bytes);
    bytes[bytes.length - 6] = (bytes[bytes.length - 6] as number) ^ 1;
    const server = await serve(serveFiles(new Map([['/x.apk', bytes]])));
    const failure = await failureOf(fetchPackage(wanted(`${server.url}/x.apk`), client(), store));
    expect(failure).toMatchObject({ code: 'CHECKSUM_MISMATCH', data: { what: 'data' } });
    expect(server.requests).toHaveLength(1);
    expect(existsSync(join(home, 'cache', 'v1', 'packages', 'x'))).toBe(false);
  });

  it('bounds the response', async () => {
    const server = await serve(serveFiles(filesOf([foo])));
    const url = `${server.url}/os/x86_64/${foo.label}.apk`;
    const failure = await failureOf(fetchPackage({ ...wanted(url), limits: { responseBytes: 10 } }, client(), store));
    expect(failure.code).toBe('RESPONSE_TOO_LARGE');
  });
});
