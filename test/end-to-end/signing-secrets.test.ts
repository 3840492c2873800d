// Keys, passwords and tokens never reach an output (issue 6): each has a canary, every command of signing runs with it, also
// where services and registries refuse or say it back, and what was printed and written is searched.

import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/effects/http/retry.ts';
import { type FaultyRegistry, openFaultyRegistry } from '../support/faulty-registry.ts';
import { type LoopbackServer, openLoopbackServer } from '../support/loopback-server.ts';
import { type LoopbackSigstore, openLoopbackSigstore } from '../support/loopback-sigstore.ts';
import { answering, on } from '../support/registry-faults.ts';
import { SECRET_CANARY } from '../support/signing-keys.ts';
import { type Answer, Place } from './place.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const KEY = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
/** A line of the key that no public part has: it begins with the private number. */
const KEY_LINE = KEY.split('\n')[1] as string;
const PASSWORD = 'canary0password';
const REQUEST_TOKEN = 'canary0request';
const SECRETS = [KEY_LINE, PASSWORD, REQUEST_TOKEN, SECRET_CANARY];
const title = process.title;

let registry: FaultyRegistry;
let refusing: FaultyRegistry;
let sigstore: LoopbackSigstore;
let tokens: LoopbackServer;
let place: Place;
let tag: string;
let environment: Record<string, string>;

beforeAll(async () => {
  vi.spyOn(systemClock, 'sleep').mockImplementation(async () => {});
  registry = await openFaultyRegistry();
  refusing = await openFaultyRegistry({ faults: [on({ method: 'PUT', path: '.sig' }, answering(403))] });
  sigstore = await openLoopbackSigstore();
  tokens = await openLoopbackServer((request, response) => {
    const isRight = request.headers.authorization === `bearer ${REQUEST_TOKEN}`;
    response.writeHead(isRight ? 200 : 403).end(JSON.stringify({ value: sigstore.token() }));
  });
  place = new Place();
  place.write('config.json', sigstore.config({ rekor: 1, tsa: true }));
  place.write('root.json', sigstore.trustedRoot);
  place.write('vex.json', '{}');
  environment = { KEY, COSIGN_PASSWORD: PASSWORD };
  await place.do(['keys', 'generate', '--output-key-prefix', 'sealed'], environment);
  tag = `${registry.host}/team/app:1`;
  await place.do(['publish', 'image.yaml', tag]);
  await place.do(['publish', 'image.yaml', `${refusing.host}/team/app:1`]);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await registry.close();
  await refusing.close();
  await sigstore.close();
  await tokens.close();
});
afterEach(() => sigstore.broken.clear());

function find(where: string, text: string): string[] {
  return SECRETS.filter((secret) => text.includes(secret)).map((secret) => `${where} holds ${secret}`);
}

function searchFolder(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.flatMap((name) => {
    const path = join(folder, name);
    return [...find('a name', name), ...(statSync(path).isFile() ? find(name, readFileSync(path, 'latin1')) : [])];
  });
}

const search = ({ stdout, stderr }: Answer) => [
  ...find('stdout', stdout),
  ...find('stderr', stderr),
  ...[place.dir, registry.directory, refusing.directory].flatMap(searchFolder),
];

const GITHUB = () => ({ ACTIONS_ID_TOKEN_REQUEST_URL: tokens.url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN });
const KEYLESS = ['--signing-config', 'config.json'];

const rows: [
  what: string,
  words: () => string[],
  env: () => Record<string, string>,
  exitCode: number,
  broken?: string,
][] = [
  ['sign with a key of the environment', () => ['sign', tag, '--key', 'env://KEY'], () => ({}), 0],
  ['sign with a sealed key', () => ['sign', tag, '--key', 'sealed.key'], () => ({}), 0],
  [
    'sign with the wrong password',
    () => ['sign', tag, '--key', 'sealed.key'],
    () => ({ STAVE_PASSWORD: `${PASSWORD}x` }),
    6,
  ],
  ['sign with a password for a key', () => ['sign', tag, '--key', 'env://COSIGN_PASSWORD'], () => ({}), 6],
  ['sign keyless', () => ['sign', tag, ...KEYLESS], GITHUB, 0],
  [
    'sign with a token on the command line',
    () => ['sign', tag, ...KEYLESS, '--identity-token', sigstore.token()],
    () => ({}),
    0,
  ],
  ['sign with half a token', () => ['sign', tag, ...KEYLESS], () => ({ SIGSTORE_ID_TOKEN: `x.${SECRET_CANARY}` }), 6],
  [
    'sign with a token that is refused',
    () => ['sign', tag, ...KEYLESS],
    () => ({ ...GITHUB(), ACTIONS_ID_TOKEN_REQUEST_TOKEN: `${REQUEST_TOKEN}x` }),
    5,
  ],
  ['sign where the authority says the token back', () => ['sign', tag, ...KEYLESS], GITHUB, 6, '/api/v2/signingCert'],
  ['sign where the log refuses', () => ['sign', tag, ...KEYLESS], GITHUB, 6, '/api/v1/log/entries'],
  [
    'sign where the registry refuses',
    () => ['sign', `${refusing.host}/team/app:1`, '--key', 'env://KEY'],
    () => ({}),
    5,
  ],
  [
    'attest',
    () => ['attest', tag, '--type', 'openvex', '--predicate', 'vex.json', '--key', 'env://KEY'],
    () => ({}),
    0,
  ],
  ['publish', () => ['publish', 'image.yaml', tag, '--sign', '--trust-file', 'a.yaml', ...KEYLESS], GITHUB, 0],
  [
    'publish with a key',
    () => ['publish', 'image.yaml', tag, '--sign', '--trust-file', 'b.yaml', '--key', 'sealed.key'],
    () => ({}),
    0,
  ],
  ['verify with a private key', () => ['verify', tag, '--key', 'env://KEY'], () => ({}), 6],
  ['keys import', () => ['keys', 'import', 'env://KEY', '--output-key-prefix', 'i'], () => ({}), 0],
  [
    'keys import, which are there',
    () => ['keys', 'import', 'env://KEY', '--output-key-prefix', 'sealed'],
    () => ({}),
    8,
  ],
  ['keys public', () => ['keys', 'public', 'env://KEY'], () => ({}), 0],
  ['keys public of no key', () => ['keys', 'public', 'env://COSIGN_PASSWORD'], () => ({}), 6],
  ['trust init with a private key', () => ['trust', 'init', tag, '--key', 'env://KEY'], () => ({}), 6],
];

describe('no output holds a secret', () => {
  it('searches well enough to find what is there', () => {
    expect(find('x', KEY)).toEqual([`x holds ${KEY_LINE}`]);
    expect(find('x', sigstore.token())).toEqual([`x holds ${SECRET_CANARY}`]);
  });

  it.each(rows)('%s', async (_what, words, env, exitCode, broken) => {
    for (const [i, style] of [['--log-level', 'debug'], ['--json']].entries()) {
      if (broken !== undefined) sigstore.broken.set(broken, 403);
      const own = words().map((word) => (word === 'i' ? `imported${i}` : word));
      const answer = await place.stave([...own, ...style], { ...environment, ...env() });
      expect(answer.exitCode, answer.stderr).toBe(exitCode);
      expect(search(answer)).toEqual([]);
    }
    expect(process.title).toBe(title);
  });

  it('says that a token on the command line is seen', async () => {
    const { stderr } = await place.stave(['sign', tag, ...KEYLESS, '--identity-token', sigstore.token()]);
    expect(stderr).toContain('put it into SIGSTORE_ID_TOKEN');
  });
});
