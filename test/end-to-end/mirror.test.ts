// `stave mirror` and `--mirror` (issue 4): with a mirror the same build runs without network and gives the same digest; what it writes
// still names the places that the configuration names.

import { createPublicKey } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../support/faulty-registry.ts';
import { type Handler, type LoopbackServer, openLoopbackServer, serveFiles } from '../support/loopback-server.ts';
import { readBuiltImages } from './built-image.ts';
import { failureOf, filesBelow, Place, warningsOf } from './place.ts';
import { smallRepository } from './small-repository.ts';

const servers: (LoopbackServer | FaultyRegistry)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) await server.close();
});

const REPOSITORY = smallRepository();

/** A repository at /os with its key beside it, and a key set that discovery finds. */
async function serve(wrap: (serve: Handler) => Handler = (handler) => handler): Promise<LoopbackServer> {
  const files = new Map<string, Uint8Array>([...REPOSITORY.files].map(([path, bytes]) => [`/os/${path}`, bytes]));
  files.set('/os/small.rsa.pub', Buffer.from(REPOSITORY.key.publicKeyPem));
  const server = await openLoopbackServer(wrap(serveFiles(files)));
  servers.push(server);
  return server;
}

async function stop(server: LoopbackServer | FaultyRegistry): Promise<void> {
  servers.splice(servers.indexOf(server), 1);
  await server.close();
}

const config = (url: string) => `contents:
  repositories: [${url}/os]
  keyring: [${url}/os/small.rsa.pub]
  packages: [layout, app]
archs: [amd64, arm64]
`;

/** Fails the test when anything tries to connect. */
function forbidSockets(): void {
  vi.spyOn(Socket.prototype, 'connect').mockImplementation(() => {
    throw new Error('a socket was opened');
  });
}

function forgetCache(place: Place): void {
  rmSync(place.cacheDir, { recursive: true, force: true });
}

describe('a mirror of a configuration', () => {
  it('lets the same build run offline with an empty cache, to the same digest and the same URLs', async () => {
    const server = await serve();
    const place = new Place(config(server.url), undefined);
    const digest = await place.build();
    await place.do(['lock', 'image.yaml']);
    const lock = place.text('image.lock.json');
    const locked = await place.build(['--lockfile', 'image.lock.json']);
    const { stdout } = await place.do(['mirror', 'image.yaml', '--to', 'mirror']);
    expect(stdout).toBe('mirror\n');
    const host = `127.0.0.1_${server.port}`;
    expect(filesBelow(place.path('mirror')).sort()).toEqual(
      [
        `${host}/os/small.rsa.pub`,
        ...['x86_64', 'aarch64'].flatMap((arch) =>
          ['APKINDEX.tar.gz', 'app-2.0-r1.apk', 'layout-1.0-r0.apk', 'libsmall-1.5-r0.apk'].map(
            (name) => `${host}/os/${arch}/${name}`,
          ),
        ),
      ].sort(),
    );
    expect(place.read(`mirror/${host}/os/x86_64/app-2.0-r1.apk`)).toEqual(
      REPOSITORY.files.get('x86_64/app-2.0-r1.apk'),
    );

    await stop(server);
    forgetCache(place);
    forbidSockets();
    expect(await place.build(['--mirror', 'mirror', '--offline'])).toBe(digest);
    forgetCache(place);
    expect(await place.build(['--mirror', 'mirror', '--offline', '--lockfile', 'image.lock.json'])).toBe(locked);
    forgetCache(place);
    await place.do(['lock', 'image.yaml', '--mirror', 'mirror', '--offline']);
    expect(place.text('image.lock.json')).toBe(lock);
    const [image] = readBuiltImages(place.path('layout')).values();
    expect(image?.files.get('etc/apk/repositories')?.content.toString()).toBe(`${server.url}/os\n`);
  });

  it('has what leads to discovered keys, which lie in the image', async () => {
    const server = await openLoopbackServer((request, response) => serveFiles(files)(request, response));
    servers.push(server);
    const files = new Map<string, Uint8Array>([...REPOSITORY.files].map(([path, bytes]) => [`/os/${path}`, bytes]));
    const jwk = { ...createPublicKey(REPOSITORY.key.publicKeyPem).export({ format: 'jwk' }), kid: 'small' };
    files.set('/os/apk-configuration', Buffer.from(JSON.stringify({ jwks_uri: `${server.url}/keys` })));
    files.set('/keys', Buffer.from(JSON.stringify({ keys: [jwk] })));
    const place = new Place(config(server.url).replace(/ +keyring.*\n/, ''), undefined);
    const digest = await place.build();
    await place.do(['lock', 'image.yaml']);
    const locked = await place.build(['--lockfile', 'image.lock.json']);
    await place.do(['mirror', 'image.yaml', '--to', 'mirror']);
    await place.do(['mirror', 'image.lock.json', '--to', 'lock-mirror']);
    await stop(server);
    forgetCache(place);
    expect(await place.build(['--mirror', 'mirror', '--offline'])).toBe(digest);
    forgetCache(place);
    expect(await place.build(['--mirror', 'lock-mirror', '--offline', '--lockfile', 'image.lock.json'])).toBe(locked);
    const [image] = readBuiltImages(place.path('layout')).values();
    expect(image?.files.has('etc/apk/keys/small.rsa.pub')).toBe(true);
  });

  it('of a lock file is enough for builds from it', async () => {
    const server = await serve();
    const place = new Place(config(server.url), undefined);
    await place.do(['lock', 'image.yaml']);
    const digest = await place.build(['--lockfile', 'image.lock.json']);
    await place.do(['mirror', 'image.lock.json', '--to', 'mirror']);
    expect(filesBelow(place.path('mirror')).filter((name) => name.endsWith('APKINDEX.tar.gz'))).toEqual([]);
    await stop(server);
    forgetCache(place);
    expect(await place.build(['--mirror', 'mirror', '--offline', '--lockfile', 'image.lock.json'])).toBe(digest);
    const answer = await place.tryBuild(['--mirror', 'mirror', '--offline']);
    expect(failureOf(answer)).toMatchObject({
      code: 'NETWORK_OFFLINE',
      message: expect.stringMatching(/^the mirror .*mirror does not have it, and .*APKINDEX\.tar\.gz/),
    });
  });

  it('can be served: the same below the URL of a static site, and what is missing comes from its own place', async () => {
    const server = await serve();
    const place = new Place(config(server.url), undefined);
    const digest = await place.build();
    await place.do(['mirror', 'image.yaml', '--to', 'mirror']);
    const host = `127.0.0.1_${server.port}`;
    const files = new Map(
      filesBelow(place.path('mirror')).map((name) => [
        `/m/${name.replaceAll('\\', '/')}`,
        place.read(`mirror/${name}`),
      ]),
    );
    files.delete(`/m/${host}/os/x86_64/app-2.0-r1.apk`);
    const site = await openLoopbackServer(serveFiles(files));
    servers.push(site);
    forgetCache(place);
    const before = server.requests.length;
    expect(await place.build(['--mirror', `${site.url}/m/`])).toBe(digest);
    const paths = server.requests.slice(before).map(({ url }) => url ?? '');
    expect(paths.filter((path) => path.endsWith('.apk'))).toEqual(['/os/x86_64/app-2.0-r1.apk']);
    expect(paths.some((path) => path.endsWith('APKINDEX.tar.gz'))).toBe(false);
  });

  it('fetches what is new only, and mends what is damaged', async () => {
    const server = await serve();
    const place = new Place(config(server.url), undefined);
    await place.do(['mirror', 'image.yaml', '--to', 'mirror']);
    const packages = () => server.requests.filter(({ url }) => url?.endsWith('.apk')).length;
    const before = packages();
    const again = JSON.parse((await place.do(['mirror', 'image.yaml', '--to', 'mirror', '--json'])).stdout);
    expect(again).toMatchObject({ packages: 6, keptFiles: 6, newFiles: 3, baseImages: [] });
    expect(packages()).toBe(before);
    const damaged = `mirror/127.0.0.1_${server.port}/os/x86_64/app-2.0-r1.apk`;
    const bytes = place.read(damaged);
    place.write(damaged, Buffer.concat([bytes.subarray(0, -9), Buffer.from('123456789')]));
    await place.do(['mirror', 'image.yaml', '--to', 'mirror']);
    expect(place.read(damaged)).toEqual(bytes);
  });

  it('is left as it was when something fails', async () => {
    const server = await serve((files) => (request, response) => {
      if (request.url?.includes('libsmall')) response.writeHead(404).end();
      else files(request, response);
    });
    const place = new Place(config(server.url), undefined);
    const answer = await place.stave(['mirror', 'image.yaml', '--to', 'mirror', '--json']);
    expect(failureOf(answer)).toMatchObject({ code: 'HTTP_STATUS' });
    expect(readdirSync(place.path('mirror'))).toEqual([]);
  });

  it('is believed no more than the network: a damaged package fails the build', async () => {
    const server = await serve();
    const place = new Place(config(server.url), undefined);
    await place.do(['mirror', 'image.yaml', '--to', 'mirror']);
    const path = `mirror/127.0.0.1_${server.port}/os/x86_64/APKINDEX.tar.gz`;
    const other = smallRepository(undefined, { key: REPOSITORY.key });
    place.write(path, Buffer.concat([Buffer.from([0]), other.files.get('x86_64/APKINDEX.tar.gz')!]));
    const answer = await place.tryBuild(['--mirror', 'mirror', '--cache-dir', 'empty']);
    expect(answer.exitCode).toBeGreaterThanOrEqual(6);
  });

  it('says what lies on this machine and is not copied', async () => {
    const place = new Place();
    const answer = await place.do(['mirror', 'image.yaml', '--to', 'mirror', '--json']);
    expect(warningsOf(answer).map(({ code, message }) => `${code} ${message}`)).toEqual([
      'MIRROR_LOCAL ./repository lies on this machine: it is not mirrored',
      'MIRROR_LOCAL ./small.rsa.pub lies on this machine: it is not mirrored',
    ]);
    expect(JSON.parse(answer.stdout)).toMatchObject({ packages: 0 });
  });
});

describe('base images', () => {
  /** A registry with a base image, and a configuration on top of it. */
  async function stage() {
    const registry = await openFaultyRegistry();
    servers.push(registry);
    const server = await serve();
    const place = new Place(config(server.url), undefined);
    await place.do(['publish', 'image.yaml', `${registry.host}/base:1`, '--attach-sbom=false']);
    await place.do(['build', 'image.yaml', 'example/base:1', 'base/', '--sbom=false']);
    for (const [arch, image] of [['x86_64', 'amd64'] as const, ['aarch64', 'arm64'] as const]) {
      const installed = readBuiltImages(place.path('base')).get(image)?.files.get('usr/lib/apk/db/installed');
      place.write(`base-packages/${arch}/APKINDEX`, installed!.content);
    }
    const onTop = (image: string) => `contents:
  repositories: [${server.url}/os]
  keyring: [${server.url}/os/small.rsa.pub]
  baseimage: { image: '${image}', apkindex: base-packages }
  packages: [docs]
archs: [amd64, arm64]
`;
    const build = async (image: string, ...more: readonly string[]) => {
      place.write('image.yaml', onTop(image));
      await place.do(['lock', 'image.yaml', ...more]);
      return await place.tryBuild(['--lockfile', 'image.lock.json', ...more]);
    };
    return { registry, server, place, build };
  }

  it('come from a registry or a layout, and a mirror has them', async () => {
    const { registry, server, place, build } = await stage();
    const layersOf = () => readBuiltImages(place.path('layout')).get('amd64')?.manifest.layers;
    await build('base');
    const fromLayout = layersOf();
    const fromTag = await build(`${registry.host}/base:1`);
    expect(layersOf().length).toBe(2);
    expect(layersOf()[0]).toEqual(fromLayout[0]);
    expect(warningsOf(fromTag).map(({ code }) => code)).toContain('BASE_IMAGE_UNPINNED');
    const { stdout } = await place.do(['mirror', 'image.yaml', '--to', 'mirror', '--json']);
    expect(JSON.parse(stdout).baseImages).toEqual([`${registry.host}/base:1`]);
    await stop(registry);
    await stop(server);
    forgetCache(place);
    forbidSockets();
    const mirrored = await place.tryBuild(['--lockfile', 'image.lock.json', '--mirror', 'mirror', '--offline']);
    expect(JSON.parse(mirrored.stdout).indexDigest).toBe(JSON.parse(fromTag.stdout).indexDigest);
    const offline = await place.tryBuild(['--lockfile', 'image.lock.json', '--offline']);
    expect(failureOf(offline)).toMatchObject({ code: 'NETWORK_OFFLINE' });
    const alone = await place.tryBuild([
      '--lockfile',
      'image.lock.json',
      '--offline',
      '--cache-dir',
      'other',
      '--mirror',
      'nowhere',
    ]);
    expect(failureOf(alone)).toMatchObject({ code: 'NETWORK_OFFLINE' });
  });

  it('a folder that is missing does not become an image of Docker Hub', async () => {
    const { place, build } = await stage();
    forbidSockets();
    place.write('image.yaml', 'x');
    vi.restoreAllMocks();
    expect(failureOf(await build('bases/none'))).toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      message: 'the base image "bases/none" is no folder here, nor does it name a registry',
    });
    expect(existsSync(place.path('bases'))).toBe(false);
  });

  it('that a registry does not have is told with its name', async () => {
    const { registry, build } = await stage();
    const answer = await build(`${registry.host}/none:2`);
    expect(failureOf(answer)).toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: expect.stringContaining('reading the base image'),
    });
  });
});
