import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type Handler,
  type LoopbackServer,
  openLoopbackServer,
  serveFiles,
} from '../../../test/support/loopback-server.ts';
import { selfSigned } from '../../../test/support/self-signed.ts';
import type { StaveEvent } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import { createHttpClient, type HttpClient, type HttpClientOptions } from './client.ts';

const MiB = 1024 * 1024;
const CANARY = 'canary-5ecre7';
const open: { close(): unknown }[] = [];
const events: StaveEvent[] = [];
let slept: number[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const one of open.splice(0).reverse()) await one.close();
  expect(JSON.stringify(events)).not.toContain(CANARY);
  events.length = 0;
  slept = [];
});

function client(options: Partial<HttpClientOptions> = {}): HttpClient {
  const clock = { now: () => 0, random: () => 0, sleep: async (ms: number) => void slept.push(ms) };
  const made = createHttpClient({
    version: '9.8.7',
    events: (e) => events.push(e),
    clock,
    timeoutMs: 5_000,
    ...options,
  });
  open.push(made);
  return made;
}

async function server(handler: Handler): Promise<LoopbackServer> {
  const made = await openLoopbackServer(handler);
  open.push(made);
  return made;
}

async function text(http: HttpClient, url: string, maxBytes = MiB): Promise<string> {
  return Buffer.from(await (await http.get(url, { maxBytes })).bytes()).toString();
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(Failure);
  const failure = error as Failure;
  expect(
    `${failure.message} ${failure.hint} ${failure.notes} ${JSON.stringify(failure.data)} ${failure.stack}`,
  ).not.toContain(CANARY);
  return failure;
}

/** Answers the n-th request with the n-th handler, and the last one from then on. */
const inTurn = (...handlers: Handler[]): Handler => {
  let n = 0;
  return (request, response) => handlers[Math.min(n++, handlers.length - 1)]?.(request, response);
};
const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_request, response) =>
    void response.writeHead(code, headers).end('some text');
const ok =
  (body: string): Handler =>
  (_request, response) =>
    void response.end(body);

describe('get', () => {
  it('streams a body and says who asks', async () => {
    const s = await server(
      (_request, response) => void response.writeHead(200, { etag: '"x"', 'content-length': 5 }).end('hello'),
    );
    const response = await client().get(`${s.url}/a?b=c`, { maxBytes: 5, headers: { 'X-Extra': '1' } });
    expect(response).toMatchObject({ status: 200, etag: '"x"', contentBytes: 5, secure: false });
    expect(Buffer.from(await response.bytes()).toString()).toBe('hello');
    expect(s.requests[0]?.url).toBe('/a?b=c');
    expect(s.requests[0]?.headers).toMatchObject({
      'user-agent': 'stave/9.8.7',
      'accept-encoding': 'identity',
      'x-extra': '1',
    });
    expect(s.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('keeps connections for later requests', async () => {
    const s = await server(ok('x'));
    const http = client();
    for (let i = 0; i < 8; i++) await text(http, `${s.url}/${i}`);
    expect(new Set(s.requests.map((r) => r.socket)).size).toBeLessThan(4);
  });

  it('revalidates by ETag and reads ranges', async () => {
    const s = await server(serveFiles(new Map([['/f', Buffer.from('0123456789')]])));
    const http = client();
    const same = await http.get(`${s.url}/f`, { maxBytes: MiB, ifNoneMatch: '"v1"' });
    expect(same.status).toBe(304);
    expect(await same.bytes()).toHaveLength(0);
    expect((await http.get(`${s.url}/f`, { maxBytes: MiB, ifNoneMatch: '"v0"' })).status).toBe(200);
    const part = await http.get(`${s.url}/f`, { maxBytes: MiB, range: { start: 2, end: 4 } });
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.bytes()).toString()).toBe('234');
    const rest = await http.get(`${s.url}/f`, { maxBytes: MiB, range: { start: 7 } });
    expect(Buffer.from(await rest.bytes()).toString()).toBe('789');
  });

  it('refuses what is no HTTP URL', async () => {
    expect((await failureOf(client().get(`ftp://u:${CANARY}@h/x`, { maxBytes: 1 }))).code).toBe('CONFIG_INVALID');
    expect((await failureOf(client().get('no url', { maxBytes: 1 }))).code).toBe('CONFIG_INVALID');
  });

  it('bounds the response, announced or not', async () => {
    const body = 'x'.repeat(1000);
    const s = await server((request, response) => {
      if (request.url === '/announced') response.setHeader('content-length', 1000);
      response.write(body.slice(0, 500));
      response.end(body.slice(500));
    });
    for (const path of ['/announced', '/chunked']) {
      const failure = await failureOf(text(client(), s.url + path, 999));
      expect(failure.code).toBe('RESPONSE_TOO_LARGE');
      expect(failure.message).toContain(`${s.url}${path} is larger than its bound of 999 bytes`);
      expect(await text(client(), s.url + path, 1000)).toBe(body);
      expect(await text(client(), s.url + path, Number.POSITIVE_INFINITY)).toBe(body);
    }
  });
});

describe('status errors', () => {
  it.each([
    [401, /wants credentials/],
    [403, /wants credentials/],
    [404, /nothing is published there/],
    [418, /not expected/],
    [204, /not expected/],
    [304, /not expected/],
    [501, /trouble/],
  ])('%i is final', async (code, hint) => {
    const s = await server(status(code));
    const failure = await failureOf(client().get(`${s.url}/p?token=${CANARY}`, { maxBytes: MiB }));
    expect(failure).toMatchObject({ code: 'HTTP_STATUS', data: { status: code } });
    expect(failure.message).toBe(`${s.url}/p?token=xxxxx answered with status ${code}`);
    expect(failure.hint).toMatch(hint);
    expect(s.requests).toHaveLength(1);
  });

  it('says so when the credentials we sent are refused', async () => {
    const s = await server(status(401));
    const failure = await failureOf(client().get(`http://u:${CANARY}@127.0.0.1:${s.port}/`, { maxBytes: 1 }));
    expect(failure.hint).toMatch(/refuses the credentials/);
  });

  it.each([429, 500, 502, 503])('%i is tried again, with growing pauses', async (code) => {
    const s = await server(inTurn(status(code), status(code), ok('fine')));
    expect(await text(client(), s.url)).toBe('fine');
    expect(slept).toEqual([250, 500]);
    expect(events.map((e) => e.type)).toEqual(['debug', 'debug']);
  });

  it('gives up after five requests, or fewer where so asked', async () => {
    const s = await server(status(503));
    expect((await failureOf(text(client(), s.url))).data).toEqual({ status: 503 });
    expect(s.requests).toHaveLength(5);
    await failureOf(client().get(s.url, { maxBytes: 1, maxAttempts: 2 }));
    expect(s.requests).toHaveLength(7);
  });

  it('waits as long as Retry-After asks, but not for ever', async () => {
    const s = await server(
      inTurn(status(429, { 'retry-after': '7' }), ok('fine'), status(429, { 'retry-after': '3600' })),
    );
    expect(await text(client(), s.url)).toBe('fine');
    expect(slept).toEqual([7000]);
    expect((await failureOf(text(client(), s.url))).hint).toMatch(/limits requests/);
    expect(s.requests).toHaveLength(3);
  });
});

describe('broken connections', () => {
  it('asks again when the connection is reset before an answer', async () => {
    const s = await server(
      inTurn(
        (request) => request.socket.resetAndDestroy(),
        (request) => request.socket.destroy(),
        ok('fine'),
      ),
    );
    expect(await text(client(), s.url)).toBe('fine');
    expect(s.requests).toHaveLength(3);
  });

  it('gives up after five resets', async () => {
    const s = await server((request) => request.socket.destroy());
    const failure = await failureOf(text(client(), s.url));
    expect(failure.code).toBe('NETWORK_UNREACHABLE');
    expect(failure.message).toMatch(/tried 5 times/);
    expect(s.requests).toHaveLength(5);
  });

  it('fails at once when nobody listens', async () => {
    const s = await openLoopbackServer(ok(''));
    await s.close();
    const failure = await failureOf(text(client(), s.url));
    expect(failure.message).toBe(`cannot fetch ${s.url}/: 127.0.0.1:${s.port} refuses connections`);
    expect(slept).toEqual([]);
  });

  it('fails at once when the name does not resolve', async () => {
    const started = performance.now();
    const failure = await failureOf(
      text(client(), `https://u:${CANARY}@packages.stave.invalid/os/x86_64/APKINDEX.tar.gz`),
    );
    expect(failure.code).toBe('NETWORK_UNREACHABLE');
    // Machines without any name server say EAI_AGAIN.
    expect(failure.message).toMatch(
      /packages\.stave\.invalid (does not resolve|$)|no name server answered for packages\.stave\.invalid/,
    );
    expect(slept).toEqual([]);
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  it('takes up a server that stalls', async () => {
    const s = await server(inTurn(() => {}, ok('fine')));
    expect(await text(client({ timeoutMs: 300 }), s.url)).toBe('fine');
    expect(s.requests).toHaveLength(2);
  });
});

describe('cut bodies', () => {
  const whole = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251));
  /** Announces everything, sends up to `end` from where it was asked, and cuts. */
  const cut =
    (end: number, headers: Record<string, string>): Handler =>
    (request, response) => {
      const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const range = start > 0 ? { 'content-range': `bytes ${start}-${whole.length - 1}/${whole.length}` } : {};
      response.writeHead(start > 0 ? 206 : 200, { 'content-length': whole.length - start, ...headers, ...range });
      response.write(whole.subarray(start, end), () => setTimeout(() => request.socket.destroy(), 20));
    };
  const files = (etag: string) => serveFiles(new Map([['/f', whole]]), () => etag);

  it('goes on by Range where it was', async () => {
    const etag = '"v1"';
    const s = await server(inTurn(cut(100_000, { etag }), cut(200_000, { etag }), files(etag)));
    const response = await client().get(`${s.url}/f`, { maxBytes: MiB });
    expect(Buffer.compare(await response.bytes(), whole)).toBe(0);
    expect(s.requests.map((r) => r.headers['if-range'])).toEqual([undefined, etag, etag]);
    const starts = s.requests.map((r) => Number(/=(\d+)-$/.exec(r.headers.range ?? '')?.[1] ?? -1));
    expect(starts[0]).toBe(-1);
    expect(starts[1]).toBeGreaterThan(0);
    expect(starts[2]).toBeGreaterThan(starts[1] ?? 0);
  });

  it('goes on by date where there is no ETag', async () => {
    const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
    const s = await server(
      inTurn(cut(100_000, { 'last-modified': date }), cut(whole.length, { 'last-modified': date })),
    );
    const response = await client().get(`${s.url}/f`, { maxBytes: MiB });
    expect(Buffer.compare(await response.bytes(), whole)).toBe(0);
    expect(s.requests[1]?.headers['if-range']).toBe(date);
  });

  it('skips what it has when the server sends everything again', async () => {
    const etag = '"v1"';
    const again: Handler = (_request, response) =>
      void response.writeHead(200, { etag, 'content-length': whole.length }).end(whole);
    const s = await server(inTurn(cut(100_000, { etag }), again));
    const response = await client().get(`${s.url}/f`, { maxBytes: MiB });
    expect(Buffer.compare(await response.bytes(), whole)).toBe(0);
  });

  it('resumes inside a requested range', async () => {
    const etag = '"v1"';
    const part: Handler = (request, response) => {
      response.writeHead(206, {
        etag,
        'content-range': `bytes 1000-200000/${whole.length}`,
        'content-length': 199_001,
      });
      response.write(whole.subarray(1000, 50_000), () => setTimeout(() => request.socket.destroy(), 20));
    };
    const s = await server(inTurn(part, files(etag)));
    const response = await client().get(`${s.url}/f`, { maxBytes: MiB, range: { start: 1000, end: 200_000 } });
    expect(Buffer.compare(await response.bytes(), whole.subarray(1000, 200_001))).toBe(0);
    expect(s.requests[1]?.headers.range).toMatch(/^bytes=\d+-200000$/);
  });

  it.each<[string, Handler[], RegExp]>([
    ['the server gives no validator', [cut(1000, {})], /does not say how to resume/],
    ['the ETag is weak', [cut(1000, { etag: 'W/"v1"' })], /does not say how to resume/],
    ['the file changed', [cut(1000, { etag: '"v1"' }), files('"v2"')], /was changed on the server/],
    [
      'the range is another',
      [cut(1000, { etag: '"v1"' }), status(206, { 'content-range': 'bytes 0-9/10', etag: '"v1"' })],
      /was changed/,
    ],
    ['the file is shorter now', [cut(1000, { etag: '"v1"' }), status(416)], /was changed/],
    ['there is no progress', [cut(1000, { etag: '"v1"' })], /failed 5 times/],
  ])('fails when %s', async (_name, handlers, message) => {
    const s = await server(inTurn(...handlers));
    const failure = await failureOf(text(client(), `${s.url}/f?sig=${CANARY}`));
    expect(failure).toMatchObject({ code: 'NETWORK_UNREACHABLE', data: { cut: true } });
    expect(failure.message).toMatch(message);
    expect(s.requests.length).toBeLessThanOrEqual(5);
  });
});

describe('redirects', () => {
  const to = (location: string, code = 302): Handler => status(code, { location });

  it.each([301, 302, 303, 307, 308])('follows %i', async (code) => {
    const s = await server(inTurn(to('/b/../c?d', code), ok('fine')));
    expect(await text(client(), `${s.url}/a`)).toBe('fine');
    expect(s.requests[1]?.url).toBe('/c?d');
  });

  it('keeps credentials on the same server and drops them for another', async () => {
    const other = await server(ok('fine'));
    const s = await server(inTurn(to('/same'), to(`${other.url}/x`)));
    const response = await client().get(`http://user:${CANARY}@127.0.0.1:${s.port}/a`, {
      maxBytes: MiB,
      headers: { Cookie: 'c' },
    });
    await response.bytes();
    const sent = `Basic ${Buffer.from(`user:${CANARY}`).toString('base64')}`;
    expect(s.requests.map((r) => [r.headers.authorization, r.headers.cookie])).toEqual([
      [sent, 'c'],
      [sent, 'c'],
    ]);
    expect(other.requests[0]?.headers.authorization).toBeUndefined();
    expect(other.requests[0]?.headers.cookie).toBeUndefined();
  });

  it('does not send user info that the server made up', async () => {
    const other = await server(ok('fine'));
    const s = await server(to(`http://a:b@127.0.0.1:${other.port}/x`));
    expect(await text(client(), s.url)).toBe('fine');
    expect(other.requests[0]?.headers.authorization).toBeUndefined();
  });

  it.each([
    ['for ever', '/again', /redirects more than 10 times/],
    ['to another protocol', 'file:///etc/passwd', /not a URL with http or https/],
    ['to nonsense', 'http://', /not a URL with http or https/],
  ])('refuses to follow %s', async (_name, location, message) => {
    const s = await server(to(location));
    const failure = await failureOf(text(client(), `${s.url}/?password=${CANARY}`));
    expect(failure.code).toBe('NETWORK_UNREACHABLE');
    expect(failure.message).toMatch(message);
    expect(s.requests.length).toBeLessThanOrEqual(11);
  });

  it('treats a redirect without a target as an error', async () => {
    const s = await server(status(302));
    expect((await failureOf(text(client(), s.url))).data).toEqual({ status: 302 });
  });
});

describe('credentials', () => {
  const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

  it('sends decoded user info and remembers it for what lies below', async () => {
    const s = await server(ok('x'));
    const http = client();
    http.addCredentials(`@tag http://us%40er:p%3A${CANARY}@127.0.0.1:${s.port}/repo/`);
    for (const path of ['/repo/x86_64/a.apk', '/repository', '/']) await text(http, s.url + path);
    await text(http, `http://deep:er@127.0.0.1:${s.port}/repo/deeper/x`);
    expect(s.requests.map((r) => r.headers.authorization)).toEqual([
      basic('us@er', `p:${CANARY}`),
      undefined,
      undefined,
      basic('deep', 'er'),
    ]);
  });

  it('ranks URL, HTTP_AUTH, netrc', async () => {
    // The proxy stands for any host, so that hosts without a port can be asked for.
    const proxy = await server(ok('x'));
    const environment = { HTTP_PROXY: proxy.url, HTTP_AUTH: `basic:one.example:env:${CANARY}` };
    const netrc = ['one', 'two'].map((h) => `machine ${h}.example login rc password ${CANARY}\n`).join('');
    const http = client({ environment, netrc });
    for (const url of [
      'http://u:url@one.example/a',
      'http://one.example/b',
      'http://two.example:81/',
      'http://one.example:81/',
      'http://no.example/',
    ])
      await text(http, url);
    expect(proxy.requests.map((r) => [r.url, r.headers.authorization])).toEqual([
      ['http://one.example/a', basic('u', 'url')],
      ['http://one.example/b', basic('env', CANARY)],
      ['http://two.example:81/', basic('rc', CANARY)],
      ['http://one.example:81/', basic('rc', CANARY)],
      ['http://no.example/', undefined],
    ]);
  });

  it.each([`${CANARY}`, `basic:h:${CANARY}`, `basic:h:80:u:${CANARY}`, `bearer:h:u:${CANARY}`])(
    'warns about an unusable HTTP_AUTH',
    (value) => {
      client({ environment: { HTTP_AUTH: value } });
      expect(events).toMatchObject([{ type: 'warning', code: 'HTTP_AUTH_IGNORED' }]);
    },
  );
});

describe('proxies', () => {
  it('sends the proxy its own credentials and never shows them', async () => {
    const proxy = await server(inTurn(ok('through'), status(407)));
    const http = client({ environment: { http_proxy: `http://pu%40:${CANARY}@127.0.0.1:${proxy.port}` } });
    expect(await text(http, 'http://packages.example/x')).toBe('through');
    expect(proxy.requests[0]?.url).toBe('http://packages.example/x');
    expect(proxy.requests[0]?.headers['proxy-authorization']).toBe(
      `Basic ${Buffer.from(`pu@:${CANARY}`).toString('base64')}`,
    );
    expect((await failureOf(text(http, 'http://packages.example/x'))).message).toMatch(/the proxy refuses/);
  });

  it('ends when the proxy hangs up on a tunnel', async () => {
    const proxy = await server(ok(''));
    const failure = await failureOf(
      text(client({ environment: { HTTPS_PROXY: proxy.url } }), 'https://packages.example/x'),
    );
    expect(failure.code).toBe('NETWORK_UNREACHABLE');
    expect(slept).toHaveLength(4);
  });

  it('fails at once when the proxy refuses the tunnel', async () => {
    const proxy = createServer().on('connect', (_request, socket) => void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    open.push(proxy);
    const environment = { HTTPS_PROXY: `127.0.0.1:${(proxy.address() as AddressInfo).port}` };
    const failure = await failureOf(text(client({ environment }), 'https://packages.example/x'));
    expect(failure.message).toMatch(/the proxy refuses/);
    expect(slept).toEqual([]);
  });
});

describe('certificates', () => {
  const { certificate, key } = selfSigned('127.0.0.1');

  async function tlsServer(): Promise<string> {
    const tls = createTlsServer({ cert: certificate, key }, (_request, response) => void response.end('secret'));
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => tls.close(resolve).closeAllConnections()) });
    return `https://127.0.0.1:${(tls.address() as AddressInfo).port}/`;
  }

  it('are checked, and a refused one is final', async () => {
    const failure = await failureOf(text(client(), await tlsServer()));
    expect(failure.code).toBe('NETWORK_UNREACHABLE');
    expect(failure.message).toMatch(/the certificate of 127\.0\.0\.1:\d+ is not trusted/);
    expect(failure.hint).toMatch(/SSL_CERT_FILE/);
    expect(slept).toEqual([]);
  });

  it('may be added', async () => {
    const response = await client({ extraCertificates: certificate }).get(await tlsServer(), { maxBytes: MiB });
    expect(response.secure).toBe(true);
    expect(Buffer.from(await response.bytes()).toString()).toBe('secret');
  });
});

describe('offline', () => {
  it('opens no socket and says what was needed', async () => {
    const connect = vi.spyOn(Socket.prototype, 'connect').mockImplementation(() => {
      throw new Error('a socket was opened');
    });
    const http = client({ offline: true });
    const failure = await failureOf(
      http.get(`https://u:${CANARY}@packages.example/os/x86_64/APKINDEX.tar.gz`, { maxBytes: 1 }),
    );
    expect(failure.code).toBe('NETWORK_OFFLINE');
    expect(failure.message).toBe(
      'https://packages.example/os/x86_64/APKINDEX.tar.gz is needed from the network, but --offline was given',
    );
    expect(connect).not.toHaveBeenCalled();
    // The guard itself works: online, this very mock is met.
    await failureOf(client().get('http://127.0.0.1:9/', { maxBytes: 1 }));
    expect(connect).toHaveBeenCalled();
  });
});
