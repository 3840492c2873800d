import type { IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type LoopbackServer, openLoopbackServer } from '../../../test/support/loopback-server.ts';
import { failureOf, testClock } from '../../../test/support/registry-client.ts';
import { expectNoSecret, SECRET_CANARY } from '../../../test/support/signing-keys.ts';
import { HttpExchanger } from '../http/exchange.ts';
import { loginByBrowser, loginByDevice, type Person } from './oidc-login.ts';
import { discoverProvider, usableUrl } from './oidc-provider.ts';

/** What the provider answers to a form; `nonce` of the login is at hand. */
let answers: ((fields: URLSearchParams) => [status: number, answer: unknown])[];
let server: LoopbackServer;
let exchanger: HttpExchanger;
let forms: URLSearchParams[];
let told: string[];

const token = (claims: object) => `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${SECRET_CANARY}`;

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

beforeAll(async () => {
  server = await openLoopbackServer(async (request, response) => {
    if (request.url === '/auth/.well-known/openid-configuration') {
      const endpoint = (path: string) => `${server.url}/auth/${path}`;
      const document = {
        authorization_endpoint: endpoint('auth'),
        token_endpoint: endpoint('token'),
        device_authorization_endpoint: endpoint('device'),
      };
      return void response.end(JSON.stringify(document));
    }
    const form = await formOf(request);
    forms.push(form);
    const [status, answer] = answers.shift()?.(form) ?? [404, {}];
    response.writeHead(status).end(JSON.stringify(answer));
  });
});
afterAll(() => server.close());
beforeEach(() => {
  [answers, forms, told] = [[], [], []];
  exchanger = new HttpExchanger({ version: '1', environment: {}, timeoutMs: 5000, maxPerHost: 2 });
});
afterEach(() => exchanger.close());

const provider = () => discoverProvider(`${server.url}/auth`, 'sigstore', exchanger);

/** A person whose browser answers with these parameters, `state` filled in. */
const browsing = (answer: (page: URL) => Record<string, string> | undefined): Person => ({
  tell: (text) => told.push(text),
  openBrowser: (href) => {
    const page = new URL(href);
    const parameters = answer(page);
    if (parameters === undefined) return false;
    const back = new URL(page.searchParams.get('redirect_uri') ?? '');
    back.hostname = '127.0.0.1';
    for (const [name, value] of Object.entries(parameters)) back.searchParams.set(name, value);
    void fetch(back).catch(() => {});
    return true;
  },
});

const state = (page: URL) => page.searchParams.get('state') ?? '';

describe('in a browser', () => {
  it('gives the token of the login that was begun', async () => {
    let nonce = '';
    answers = [() => [200, { id_token: token({ nonce }) }]];
    const person = browsing((page) => {
      nonce = page.searchParams.get('nonce') ?? '';
      return { code: 'the-code', state: state(page) };
    });
    expect(await loginByBrowser(await provider(), exchanger, person)).toBe(token({ nonce }));
    expect(Object.fromEntries(forms[0]!)).toMatchObject({ grant_type: 'authorization_code', code: 'the-code' });
    expect(forms[0]!.get('code_verifier')).toMatch(/^[\w-]{43}$/);
    expect(told).toEqual([
      expect.stringContaining('for all to see'),
      expect.stringContaining(`${server.url}/auth/auth`),
    ]);
    expect(told.join()).not.toContain(forms[0]!.get('code_verifier'));
  });

  const rows: [string, (page: URL) => Record<string, string> | undefined, unknown, RegExp][] = [
    ['somebody else answers', () => ({ code: 'x', state: 'guessed' }), undefined, /nobody logged in in time/],
    ['nobody answers', () => undefined, undefined, /nobody logged in in time/],
    [
      'the login is given up',
      (page) => ({ error: 'access_denied', state: state(page) }),
      undefined,
      /refused or given up/,
    ],
    [
      'the token is of another login',
      (page) => ({ code: 'x', state: state(page) }),
      { id_token: token({ nonce: 'y' }) },
      /another login/,
    ],
    [
      'there is no token',
      (page) => ({ code: 'x', state: state(page) }),
      { access_token: SECRET_CANARY },
      /gave no identity token/,
    ],
  ];
  it.each(rows)('fails where %s', async (_what, person, answer, message) => {
    answers = [() => [200, answer]];
    const failure = await failureOf(loginByBrowser(await provider(), exchanger, browsing(person), 300));
    expect([failure.code, failure.message]).toEqual(['SIGNING_FAILED', expect.stringMatching(message)]);
    expectNoSecret(failure);
  });
});

describe('with another device', () => {
  const begun = {
    device_code: 'd',
    user_code: 'ABCD',
    verification_uri: 'https://login.example.test/',
    interval: 7,
    expires_in: 300,
  };
  const person = browsing(() => undefined);

  it('asks until the person is done, and more slowly when told so', async () => {
    const clock = testClock();
    answers = [
      () => [200, begun],
      () => [400, { error: 'authorization_pending' }],
      () => [400, { error: 'slow_down' }],
      () => [200, { id_token: token({}) }],
    ];
    expect(await loginByDevice(await provider(), exchanger, person, clock)).toBe(token({}));
    expect(clock.slept).toEqual([7000, 7000, 12_000]);
    expect(told[1]).toBe('log in at https://login.example.test/ and look whether it shows the code ABCD');
    expect(forms[3]!.get('device_code')).toBe('d');
  });

  it.each([
    ['does not begin', [[503, {}]], /did not begin a login/],
    ['names no place', [[200, { ...begun, verification_uri: 'javascript:x' }]], /did not begin a login/],
    [
      'is refused',
      [
        [200, begun],
        [400, { error: 'access_denied' }],
      ],
      /gave no identity token/,
    ],
    [
      'takes too long',
      [[200, begun], ...Array.from({ length: 60 }, () => [400, { error: 'authorization_pending' }])],
      /in time/,
    ],
  ] as [string, [number, unknown][], RegExp][])('fails where the login %s', async (_what, given, message) => {
    const clock = testClock();
    answers = given.map((answer) => () => answer);
    const failure = await failureOf(loginByDevice(await provider(), exchanger, person, clock));
    expect([failure.code, failure.message]).toEqual(['SIGNING_FAILED', expect.stringMatching(message)]);
  });
});

describe('a provider', () => {
  it('must say where to log in', async () => {
    const failure = await failureOf(discoverProvider(`${server.url}/elsewhere`, 'x', exchanger));
    expect([failure.code, failure.message]).toEqual(['SIGNING_FAILED', expect.stringContaining('where to log in')]);
  });

  it.each([
    ['https://x.test/', true],
    ['http://127.0.0.1:1/', true],
    ['http://localhost/', true],
    ['http://x.test/', false],
    ['file:///x', false],
    ['x', false],
    [undefined, false],
  ])('at %s: %s', (text, usable) => {
    expect(usableUrl(text) !== undefined).toBe(usable);
  });
});
