// Credentials never reach an output (issue 3, "Repositories"): canaries are planted in every place that may hold a secret,
// and everything that a command leaves behind is searched for them, inside archives and compressed members too.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTar } from '../../src/formats/tar/read.ts';
import { type LoopbackServer, openLoopbackServer, serveFiles } from '../support/loopback-server.ts';
import { type Answer, Place } from './place.ts';
import { smallRepository } from './small-repository.ts';

/** One for each place, so that a find says where it came from. */
const CANARIES = [
  'repositories',
  'build-repositories',
  'runtime-repositories',
  'runtime-token',
  'keyring',
  'flag-repository',
  'flag-build-repository',
  'flag-key',
  'http-auth',
  'netrc',
  'proxy',
  'query-token',
  'flag-query-token',
  'broken-repository',
].map((place) => ({ place, secret: `canary0${place.replaceAll('-', '0')}0secret` }));

const secretOf = (place: string) => CANARIES.find((canary) => canary.place === place)!.secret;

/** The canaries in a text or file, plain or as Basic credentials. */
function findCanaries(where: string, bytes: Uint8Array | string): string[] {
  const text = Buffer.from(bytes as string).toString('latin1');
  return CANARIES.filter(({ secret }) => text.includes(secret) || text.includes(basicTail(secret))).map(
    ({ place }) => `${where} holds the secret of ${place}`,
  );
}

/** The part of a base64 text that does not depend on the user name before the secret, for users of three letters. */
function basicTail(secret: string): string {
  return Buffer.from(`usr:${secret}`).toString('base64').slice(8, -4);
}

/** The bytes, and those of everything inside them: gzip members, and files of tar archives. */
function* layersOf(name: string, bytes: Buffer): Generator<readonly [string, Buffer]> {
  yield [name, bytes];
  if (bytes.readUInt16BE(0) === 0x1f8b) yield* layersOf(`${name} (inflated)`, gunzipSync(bytes));
  else if (bytes.length >= 1024 && bytes.toString('latin1', 257, 262) === 'ustar') {
    for (const entry of readTar(bytes)) {
      if (entry.size > 1)
        yield* layersOf(`${name}/${entry.name}`, bytes.subarray(entry.offset, entry.offset + entry.size));
    }
  }
}

function searchFolder(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return names.flatMap((name) => {
    const found = findCanaries(`the name of ${name}`, name);
    const path = join(directory, name);
    if (!statSync(path).isFile() || statSync(path).size < 2) return found;
    for (const [inside, bytes] of layersOf(name, readFileSync(path))) found.push(...findCanaries(inside, bytes));
    return found;
  });
}

const search = (answer: Answer) => [...findCanaries('stdout', answer.stdout), ...findCanaries('stderr', answer.stderr)];

let server: LoopbackServer;
let host: string;
const asked: { path: string; authorization: string | undefined }[] = [];

beforeAll(async () => {
  const { files, key } = smallRepository();
  const served = new Map<string, Uint8Array>();
  for (const root of ['one', 'two', 'three', 'four', 'auth']) {
    for (const [path, bytes] of files) served.set(`/${root}/${path}`, bytes);
  }
  served.set('/keys/small.rsa.pub', Buffer.from(key.publicKeyPem));
  served.set('/keys/other.rsa.pub', Buffer.from(key.publicKeyPem));
  const serve = serveFiles(served);
  server = await openLoopbackServer((request, response) => {
    asked.push({ path: request.url ?? '', authorization: request.headers.authorization });
    if (request.url?.startsWith('/locked/')) response.writeHead(403).end();
    else serve(request, response);
  });
  host = server.url.replace('http://', '');
});
afterAll(() => server.close());

const url = (place: string, path: string) => `http://usr:${secretOf(place)}@${host}/${path}`;

function plantedConfig(): string {
  return `contents:
  repositories: ['${url('repositories', 'one')}', '@tagged ${url('repositories', 'auth')}']
  build_repositories: ['${url('build-repositories', 'two')}']
  runtime_repositories: ['${url('runtime-repositories', 'runtime')}', 'https://r.invalid/os?token=${secretOf('runtime-token')}']
  keyring: ['${url('keyring', 'keys/small.rsa.pub')}?token=${secretOf('query-token')}']
  packages: [layout, app]
archs: [amd64]
`;
}

function plantedFlags(): string[] {
  return [
    ...['-r', url('flag-repository', 'three')],
    ...['-b', url('flag-build-repository', 'four')],
    ...['-k', `${url('flag-key', 'keys/other.rsa.pub')}?token=${secretOf('flag-query-token')}`],
  ];
}

function plantedPlace(config = plantedConfig()): Place {
  const place = new Place(config, undefined);
  place.write('home/.netrc', `machine ${new URL(server.url).hostname} login usr password ${secretOf('netrc')}\n`);
  return place;
}

const PLANTED_ENV = {
  HTTP_AUTH: `basic:auth.invalid:usr:${secretOf('http-auth')}`,
  HTTP_PROXY: `http://usr:${secretOf('proxy')}@127.0.0.1:9`,
  HTTPS_PROXY: `http://usr:${secretOf('proxy')}@127.0.0.1:9`,
};

describe('no output holds a secret', () => {
  it('searches well enough to find what is there', () => {
    const basic = (user: string) => Buffer.from(`${user}:${secretOf('netrc')}`).toString('base64');
    expect(findCanaries('x', `https://usr:${secretOf('netrc')}@h/`)).toEqual(['x holds the secret of netrc']);
    expect(findCanaries('x', `Authorization: Basic ${basic('usr')}`)).toEqual(['x holds the secret of netrc']);
  });

  const commands: readonly (readonly [what: string, argv: (place: Place) => string[]])[] = [
    [
      'build',
      () => [
        'build',
        'image.yaml',
        'example.com/app:1',
        'out/layout',
        '--sbom-path',
        'out',
        '--sbom-formats',
        'spdx,cyclonedx',
        ...plantedFlags(),
      ],
    ],
    [
      'build, layered',
      () => ['build', 'image.yaml', 'example.com/app:1', 'out/app.tar', '--sbom-path', 'out', ...plantedFlags()],
    ],
    ['lock', () => ['lock', 'image.yaml', '--output', 'out/lock.json', ...plantedFlags()]],
    ['show-config', () => ['show-config', 'image.yaml', ...plantedFlags()]],
    ['show-packages', () => ['show-packages', 'image.yaml', '--format', 'packagelock-source', ...plantedFlags()]],
    ['dot', () => ['dot', 'image.yaml', ...plantedFlags()]],
    ['why', () => ['why', 'image.yaml', 'app', ...plantedFlags()]],
    ['why-not', () => ['why-not', 'image.yaml', 'libsmall=1.4-r0', ...plantedFlags()]],
    ['why-not of what nobody has', () => ['why-not', 'image.yaml', 'ap', ...plantedFlags()]],
    [
      'build-minirootfs',
      () => ['build-minirootfs', 'image.yaml', 'out/root.tar', '--build-arch', 'amd64', ...plantedFlags()],
    ],
    ['build-cpio', () => ['build-cpio', 'image.yaml', 'out/root.cpio.gz', '--build-arch', 'amd64', ...plantedFlags()]],
  ];
  it.each(commands)('%s', async (what, argv) => {
    const layered = what.endsWith('layered') ? 'layering: {strategy: origin, budget: 3}\n' : '';
    const place = plantedPlace(plantedConfig() + layered);
    for (const style of [['--log-level', 'debug'], ['--json']]) {
      mkdirSync(place.path('out', 'layout'), { recursive: true });
      const answer = await place.do([...argv(place), ...style], PLANTED_ENV);
      expect(search(answer)).toEqual([]);
      expect(searchFolder(place.path('out'))).toEqual([]);
      if (existsSync(place.cacheDir)) expect(searchFolder(place.cacheDir)).toEqual([]);
      rmSync(place.path('out'), { recursive: true });
    }
  });

  it('a build from a lock', async () => {
    const place = plantedPlace();
    mkdirSync(place.path('out', 'layout'), { recursive: true });
    await place.do(['lock', 'image.yaml', '--output', 'lock.json', ...plantedFlags()], PLANTED_ENV);
    const argv = [
      'build',
      'image.yaml',
      'example.com/app:1',
      'out/layout',
      '--sbom-path',
      'out',
      '--lockfile',
      'lock.json',
    ];
    const answer = await place.do([...argv, ...plantedFlags(), '--log-level', 'debug'], PLANTED_ENV);
    expect([...search(answer), ...searchFolder(place.path('out'))]).toEqual([]);
  });

  it('and yet each secret was sent to the server it is for', () => {
    const sent = new Set(
      asked.map(({ authorization = '' }) => Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()),
    );
    for (const place of [
      'repositories',
      'build-repositories',
      'keyring',
      'flag-repository',
      'flag-build-repository',
      'flag-key',
    ]) {
      expect([...sent], place).toContain(`usr:${secretOf(place)}`);
    }
    expect(asked.some(({ path }) => path.endsWith(`?token=${secretOf('query-token')}`))).toBe(true);
  });

  type Row = readonly [what: string, config: () => string, flags?: () => string[]];
  const failures: readonly Row[] = [
    ['a repository that refuses', () => plantedConfig().replace('/one', '/locked/one')],
    ['a repository that is not there', () => plantedConfig().replace(`${host}/one`, 'localhost:9/one')],
    ['a host that does not exist', () => plantedConfig().replace(`${host}/one`, 'nowhere.invalid/one')],
    ['an impossible URL', () => plantedConfig().replace(`${host}/one`, `ho st:99999999/one`)],
    ['a scheme we do not know', () => plantedConfig().replace(/http:(?=[^']*\/one')/, 'gopher:')],
    ['a key that refuses', () => plantedConfig().replace('/keys/', '/locked/')],
    ['a key that is not there', () => plantedConfig().replace('small.rsa.pub', 'none.rsa.pub')],
    [
      'a key by flag that is not there',
      plantedConfig,
      () => ['-k', `${url('flag-key', 'keys/x.rsa.pub')}?token=${secretOf('flag-query-token')}`],
    ],
    ['a repository by flag that is not there', plantedConfig, () => ['-r', url('flag-repository', 'five')]],
    ['a mistake in the line of a secret', () => plantedConfig().replace("one'", "one'']")],
    ['an unknown key beside a secret', () => plantedConfig().replace('  repositories: [', '  repositores: [')],
    [
      'a secret where a map should be',
      () => plantedConfig().replace(/^ {2}repositories: \[(.*?),.*$/m, '  repositories: {x: $1}'),
    ],
    [
      'a secret where a list should be',
      () => plantedConfig().replace(/^ {2}repositories: \[.*$/m, `  baseimage: ${url('broken-repository', 'x')}`),
    ],
    [
      'a secret as an architecture',
      () => plantedConfig().replace('archs: [amd64]', `archs: ['${url('broken-repository', 'x')}']`),
    ],
    ['a secret as an include', () => `include: ${url('broken-repository', 'x')}\n${plantedConfig()}`],
    ['a wish that nobody fulfils', () => plantedConfig().replace('layout, app', 'layout, app, nobody-has-this')],
    ['a wish without its tag', () => plantedConfig().replace('layout, app', 'layout, app=7@tagged')],
    ['a repository line without URL', () => plantedConfig().replace('@tagged ', '@tagged@')],
  ];
  const rows = failures.map(([what, config, flags = () => []]) => ({ what, config, flags }));
  it.each(rows)('not the failure about $what', async ({ config, flags }) => {
    const place = plantedPlace(config());
    for (const style of [['--log-level', 'debug'], ['--json']]) {
      const argv = ['build', 'image.yaml', 'example.com/app:1', 'out.tar', ...flags(), ...style];
      const answer = await place.stave(argv, PLANTED_ENV);
      expect(answer.exitCode, answer.stderr).toBeGreaterThan(1);
      expect(search(answer)).toEqual([]);
      if (existsSync(place.cacheDir)) expect(searchFolder(place.cacheDir)).toEqual([]);
    }
  });

  it('nor the failure of a proxy that refuses', async () => {
    const proxy = await openLoopbackServer((_request, response) => response.writeHead(407).end());
    const place = new Place(plantedConfig().replaceAll(host, 'behind-a-proxy.invalid'), undefined);
    const HTTP_PROXY = proxy.url.replace('://', `://usr:${secretOf('proxy')}@`);
    for (const style of [['--log-level', 'debug'], ['--json']]) {
      const answer = await place.stave(['build', 'image.yaml', 'example.com/app:1', 'out.tar', ...style], {
        HTTP_PROXY,
      });
      expect(answer.exitCode).toBe(5);
      expect(search(answer)).toEqual([]);
    }
    expect(proxy.requests[0]?.headers['proxy-authorization']).toBe(
      `Basic ${Buffer.from(`usr:${secretOf('proxy')}`).toString('base64')}`,
    );
    await proxy.close();
  });
});
