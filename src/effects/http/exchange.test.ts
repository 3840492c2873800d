import { afterEach, describe, expect, it } from 'vitest';
import { type Handler, type LoopbackServer, openLoopbackServer } from '../../../test/support/loopback-server.ts';
import { Failure } from '../../base/failure.ts';
import { type Exchange, type ExchangeRequest, HttpExchanger, isSameServer } from './exchange.ts';

const open: { close(): Promise<void> }[] = [];
let slept: number[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  slept = [];
});

async function server(handler: Handler): Promise<LoopbackServer> {
  const made = await openLoopbackServer(handler);
  open.push(made);
  return made;
}

function exchanger(): HttpExchanger {
  const clock = { now: () => 0, random: () => 0, sleep: async (ms: number) => void slept.push(ms) };
  const made = new HttpExchanger({ version: '1', environment: {}, clock, timeoutMs: 5_000, maxPerHost: 4 });
  open.push(made);
  return made;
}

const request = (more: Partial<ExchangeRequest> = {}): ExchangeRequest => ({
  method: 'PUT',
  headers: {},
  authorizationFor: () => undefined,
  redirects: 'all',
  maxAttempts: 5,
  ...more,
});
const textOf = async ({ body }: Exchange): Promise<string> => {
  let text = '';
  for await (const chunk of body) text += chunk;
  return text;
};
/** Answers with method and body of the request. */
const echo: Handler = (asked, response) => {
  let body = '';
  asked.on('data', (chunk) => {
    body += chunk;
  });
  asked.on('end', () => response.end(`${asked.method} ${body}`));
};
async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

describe('bodies', () => {
  it('are bytes or streams of a known length', async () => {
    const s = await server(echo);
    const url = new URL(s.url);
    const http = exchanger();
    expect(await textOf(await http.exchange(url, request({ body: () => Buffer.from('ab') })))).toBe('PUT ab');
    const headers = { 'content-length': '4' };
    const stream = request({ method: 'PATCH', headers, body: () => pieces('ab', 'cd') });
    expect(await textOf(await http.exchange(url, stream))).toBe('PATCH abcd');
    expect(await textOf(await http.exchange(url, request({ method: 'POST' })))).toBe('POST ');
    expect(s.requests.map(({ headers: sent }) => sent['content-length'])).toEqual(['2', '4', '0']);
  });

  it('are made anew for each attempt', async () => {
    let count = 0;
    const s = await server((asked, response) => (count++ === 0 ? asked.socket.destroy() : echo(asked, response)));
    let made = 0;
    const body = () => {
      made += 1;
      return pieces('ab');
    };
    const answer = await exchanger().exchange(new URL(s.url), request({ headers: { 'content-length': '2' }, body }));
    expect(await textOf(answer)).toBe('PUT ab');
    expect(made).toBe(2);
  });

  it('whose source fails pass on that failure, and nothing is tried again', async () => {
    const s = await server(echo);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('ab');
      throw new Failure('CHECKSUM_MISMATCH', 'the source is broken');
    }
    const sending = exchanger().exchange(new URL(s.url), request({ headers: { 'content-length': '9' }, body: broken }));
    await expect(sending).rejects.toMatchObject({ code: 'CHECKSUM_MISMATCH' });
    expect(s.requests.length).toBeLessThanOrEqual(1);
  });
});

describe('answers', () => {
  it.each([200, 201, 204, 304, 400, 401, 404, 416, 501])('%i is an answer at once', async (status) => {
    const s = await server((_asked, response) => void response.writeHead(status).end());
    expect((await exchanger().exchange(new URL(s.url), request())).status).toBe(status);
    expect(slept).toEqual([]);
  });

  it('a status that may pass is one in the end', async () => {
    const s = await server((_asked, response) => void response.writeHead(503).end());
    expect((await exchanger().exchange(new URL(s.url), request({ maxAttempts: 3 }))).status).toBe(503);
    expect(slept).toHaveLength(2);
  });

  it('are read again as a whole when they break off', async () => {
    let count = 0;
    const s = await server((_asked, response) => {
      response.writeHead(200, { 'content-length': 4 });
      if (count++ > 0) response.end('abcd');
      else response.write('ab', () => setTimeout(() => response.destroy(), 20));
    });
    expect(await exchanger().exchangeAndRead(new URL(s.url), request(), textOf)).toBe('abcd');
    expect(s.requests).toHaveLength(2);
  });
});

describe('redirects', () => {
  const to =
    (status: number, location: string): Handler =>
    (asked, response) =>
      asked.url === '/'
        ? void asked.resume().on('end', () => response.writeHead(status, { location }).end())
        : echo(asked, response);

  it.each([
    ['PUT', 307, 'PUT ab'],
    ['POST', 308, 'POST ab'],
    ['PUT', 301, 301],
    ['POST', 302, 302],
    ['PUT', 303, 303],
  ] as const)('%s answered with %i', async (method, status, expected) => {
    const s = await server(to(status, '/there'));
    const answer = await exchanger().exchange(new URL(s.url), request({ method, body: () => Buffer.from('ab') }));
    if (typeof expected === 'number') expect(answer.status).toBe(expected);
    else expect(await textOf(answer)).toBe(expected);
  });

  it.each([
    ['all', 200, 1],
    ['same-server', 307, 0],
    ['none', 307, 0],
  ] as const)('to another server, with %s', async (redirects, status, visits) => {
    const other = await server(echo);
    const s = await server(to(307, `${other.url}/there`));
    const answer = await exchanger().exchange(new URL(s.url), request({ method: 'GET', redirects }));
    expect(answer.status).toBe(status);
    expect(other.requests).toHaveLength(visits);
  });

  it('on the same server, with "none"', async () => {
    const s = await server(to(307, '/there'));
    expect((await exchanger().exchange(new URL(s.url), request({ method: 'GET', redirects: 'none' }))).status).toBe(
      307,
    );
    expect(
      (await exchanger().exchange(new URL(s.url), request({ method: 'GET', redirects: 'same-server' }))).url.pathname,
    ).toBe('/there');
  });
});

describe('isSameServer', () => {
  it.each([
    ['https://a.example/x', 'https://a.example/y', true],
    ['http://a.example', 'https://a.example', true],
    ['https://a.example', 'http://a.example', false],
    ['https://a.example', 'https://b.example', false],
    ['https://a.example', 'https://a.example:444', false],
  ])('%s and %s: %s', (from, next, expected) => {
    expect(isSameServer(new URL(from), new URL(next))).toBe(expected);
  });
});
