// Files that come from elsewhere: out of images in registries, which answer as registries do, and from URLs. Fetched once, held to
// their digests, carried along by a mirror, and then no socket is opened.

import { rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { digestHex, sha256 } from '../../src/base/digest.ts';
import { type FaultyRegistryOptions, openFaultyRegistry } from '../support/faulty-registry.ts';
import { type LoopbackServer, openLoopbackServer, serveFiles } from '../support/loopback-server.ts';
import { selfSigned } from '../support/self-signed.ts';
import { readBuiltImages } from './built-image.ts';
import { CONFIG, failureOf, filesBelow, Place, warningsOf } from './place.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0)) await close();
});

function closeLater<T extends { close(): Promise<void> }>(server: T): T {
  closing.push(() => server.close());
  return server;
}

async function stopAll(): Promise<void> {
  for (const close of closing.splice(0)) await close();
}

/** Fails the test when anything tries to connect. */
function forbidSockets(): void {
  vi.spyOn(Socket.prototype, 'connect').mockImplementation(() => {
    throw new Error('a socket was opened');
  });
}

/** A registry that has an image with /opt/tool, other for each architecture, and the digest of its index. */
async function toolRegistry(options: FaultyRegistryOptions = {}) {
  const maker = new Place(`${CONFIG}files:
  - name: tool
    version: 3
    files:
      - {inline: "for intel", to: /opt/tool/bin/tool, mode: 0o755, archs: [amd64]}
      - {inline: "for arm", to: /opt/tool/bin/tool, mode: 0o755, archs: [arm64]}
      - {inline: "words", to: /opt/tool/words, owner: "5:6"}
`);
  const registry = closeLater(await openFaultyRegistry(options));
  const users = options.auth?.users ?? {};
  const [user, password] = Object.entries(users)[0] ?? [];
  if (user !== undefined) logIn(maker, registry.host, user, password ?? '');
  const { stdout } = await maker.do(['publish', 'image.yaml', `${registry.host}/tools:3`, '--attach-sbom=false']);
  return { maker, registry, pinned: `${registry.host}/tools@${stdout.trim().split('@')[1]}` };
}

function logIn(place: Place, host: string, user: string, password: string): void {
  const auth = Buffer.from(`${user}:${password}`).toString('base64');
  place.write('home/.docker/config.json', JSON.stringify({ auths: { [host]: { auth } } }));
}

const copying = (pinned: string, paths = '/opt/tool') =>
  `${CONFIG}files:\n  - name: copied\n    image: ${pinned}\n    paths: [${paths}]\n`;

const fileIn = (place: Place, path: string, arch = 'amd64') =>
  readBuiltImages(place.path('layout')).get(arch)?.files.get(path)?.content.toString();

describe('paths out of an image in a registry', () => {
  it('are in the image of each architecture, and in the lock with their digests', async () => {
    const { pinned } = await toolRegistry();
    const place = new Place(copying(pinned));
    await place.build();
    expect(fileIn(place, 'opt/tool/bin/tool')).toBe('for intel');
    expect(fileIn(place, 'opt/tool/bin/tool', 'arm64')).toBe('for arm');
    const built = readBuiltImages(place.path('layout')).get('amd64')!;
    expect(built.files.get('opt/tool/words')?.entry).toMatchObject({ uid: 5, gid: 6, mode: 0o644, mtime: 0 });
    expect(built.files.get('usr/lib/apk/db/installed')?.content.toString()).toContain(`T:copied: paths of ${pinned}\n`);

    await place.do(['lock', 'image.yaml']);
    const [group] = place.json('image.lock.json').stave.files;
    expect(group).toMatchObject({ name: 'copied', image: pinned });
    expect(group.files).toContainEqual({
      path: '/opt/tool/bin/tool',
      mode: '0755',
      owner: '0:0',
      archs: 'arm64',
      content: `sha256-${digestHex(sha256('for arm'))}`,
    });
    await place.build(['--lockfile', 'image.lock.json']);
    // One architecture of two is held to its part of the lock.
    await place.build(['--lockfile', 'image.lock.json', '--arch', 'amd64']);
  });

  it('are fetched once: the next build opens no socket', async () => {
    const { registry, pinned } = await toolRegistry();
    const place = new Place(copying(pinned));
    const digest = await place.build();
    const asked = registry.requests.length;
    expect(await place.build()).toBe(digest);
    expect(registry.requests.length).toBe(asked);
    await stopAll();
    forbidSockets();
    expect(await place.build()).toBe(digest);
    expect(await place.build(['--offline'])).toBe(digest);
    await place.do(['lock', 'image.yaml', '--offline']);
    rmSync(place.cacheDir, { recursive: true });
    const failure = failureOf(await place.tryBuild(['--offline']));
    expect(failure).toMatchObject({ code: 'NETWORK_OFFLINE', where: { line: 12, file: 'image.yaml' } });
    expect(failure.message).toContain(`reading the image ${pinned}`);
  });

  it('need a digest, a host, the path and the architecture', async () => {
    const { maker, registry, pinned } = await toolRegistry();
    const place = new Place();
    const failing = async (config: string) => {
      place.write('image.yaml', config);
      return failureOf(await place.tryBuild());
    };
    expect(await failing(copying(`${registry.host}/tools:3`))).toMatchObject({
      code: 'CONFIG_INVALID',
      where: { line: 12 },
      message: expect.stringContaining('"<image>@sha256:<64 hex digits>"'),
    });
    expect(await failing(copying(pinned.replace(`${registry.host}/`, '')))).toMatchObject({ code: 'CONFIG_NOT_FOUND' });
    expect(await failing(copying(pinned, '/opt/none'))).toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      message: `the image ${pinned} has no "/opt/none" for amd64`,
      where: { line: 12 },
    });
    expect(await failing(copying(pinned.replace(/sha256:.*/, `sha256:${'0'.repeat(64)}`)))).toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      where: { line: 12 },
    });
    await maker.build();
    const alone = maker.json('layout/index.json').manifests[0].digest;
    expect(await failing(copying(pinned.replace(/sha256:.*/, alone)))).toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringContaining('has nothing for arm64'),
    });
  });

  it('are asked for with the credentials that belong to the registry', async () => {
    const auth = { users: { ci: 'canary' }, scheme: 'bearer' } as const;
    const { registry, pinned } = await toolRegistry({ auth });
    const place = new Place(copying(pinned));
    expect(failureOf(await place.tryBuild())).toMatchObject({ code: 'REGISTRY_AUTH', where: { line: 12 } });
    logIn(place, registry.host, 'ci', 'canary');
    await place.build();
    await place.do(['lock', 'image.yaml']);
    expect(place.text('image.lock.json')).not.toContain('canary');
  });

  it('come over TLS with a private authority, or unverified where that is said', async () => {
    const { registry, pinned } = await toolRegistry();
    const { certificate, key } = selfSigned('127.0.0.1');
    const front = createServer({ cert: certificate, key }, (request, response) => {
      const headers = { ...request.headers, host: registry.host };
      const behind = httpRequest(`${registry.url}${request.url}`, { method: request.method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(behind);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    closing.unshift(async () => {
      front.closeAllConnections();
      await new Promise((resolve) => front.close(resolve));
    });
    const place = new Place(
      copying(pinned.replace(registry.host, `127.0.0.1:${(front.address() as AddressInfo).port}`)),
    );
    place.write('ca.pem', certificate);
    const https = '--plain-http=false';
    expect(failureOf(await place.tryBuild([https]))).toMatchObject({
      code: 'NETWORK_UNREACHABLE',
      message: expect.stringMatching(/certificate/),
    });
    const digest = await place.build([https, '--ca-cert', 'ca.pem']);
    rmSync(place.cacheDir, { recursive: true });
    expect(await place.build([https, '--insecure-skip-verify'])).toBe(digest);
    rmSync(place.cacheDir, { recursive: true });
    await place.do(['lock', 'image.yaml', https, '--ca-cert', 'ca.pem']);
  });
});

describe('a mirror', () => {
  const AGENT = Buffer.from('the agent');

  async function stage() {
    const { registry, pinned } = await toolRegistry();
    const files = new Map([['/dl/agent.bin', AGENT]]);
    const server: LoopbackServer = closeLater(await openLoopbackServer(serveFiles(files)));
    const download = (sum = digestHex(sha256(AGENT))) =>
      `  - {name: agent, version: 2, files: [{url: "http://user:canary@127.0.0.1:${server.port}/dl/agent.bin", sha256: ${sum}, to: /opt/}, {from: app, to: /app}]}\n`;
    const place = new Place(copying(pinned) + download());
    place.write('app', 'mine');
    const digest = await place.build();
    return { registry, pinned, server, download, place, digest, files };
  }

  it('has downloads and images, and then nothing else is needed', async () => {
    const { registry, pinned, server, place, digest } = await stage();
    const { stdout } = await place.do(['mirror', 'image.yaml', '--to', 'mirror', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ downloads: 1, copiedImages: [pinned], baseImages: [] });
    expect(filesBelow(place.path('mirror'))).toContain(`127.0.0.1_${server.port}/dl/agent.bin`);
    expect(filesBelow(place.path('mirror'))).toContain(`${registry.host.replace(':', '_')}/tools/index.json`);
    await stopAll();
    forbidSockets();
    rmSync(place.cacheDir, { recursive: true });
    expect(await place.build(['--mirror', 'mirror', '--offline'])).toBe(digest);
    expect(fileIn(place, 'opt/agent.bin')).toBe('the agent');
    rmSync(place.cacheDir, { recursive: true });
    const missing = await place.tryBuild(['--mirror', 'elsewhere', '--offline']);
    expect(failureOf(missing)).toMatchObject({ code: 'NETWORK_OFFLINE', where: { file: 'image.yaml' } });
  });

  it('and provenance account for all of it, by digest', async () => {
    const { pinned, server, place } = await stage();
    await place.build(['--provenance-path', 'provenance']);
    const text = place.text('provenance/provenance-x86_64.intoto.json');
    const { resolvedDependencies } = JSON.parse(text).predicate.buildDefinition;
    const digestOf = (name: string) =>
      resolvedDependencies.find((one: { name?: string; uri?: string }) => one.name === name || one.uri === name)?.digest
        .sha256;
    const [image, digest] = pinned.split('@sha256:') as [string, string];
    expect(digestOf(image)).toBe(digest);
    expect(digestOf(`http://127.0.0.1:${server.port}/dl/agent.bin`)).toBe(digestHex(sha256(AGENT)));
    const groups = ['files of copied', 'files of agent'].map(digestOf);
    for (const group of groups) expect(group).toMatch(/^[0-9a-f]{64}$/);
    expect(text).not.toContain('canary');
    place.write('app', 'changed');
    await place.build(['--provenance-path', 'provenance']);
    const changed = place.text('provenance/provenance-x86_64.intoto.json');
    expect(changed).toContain(groups[0]);
    expect(changed).not.toContain(groups[1]);
  });

  it('of a lock file has them, too', async () => {
    const { pinned, place } = await stage();
    await place.do(['lock', 'image.yaml']);
    expect(place.text('image.lock.json')).not.toContain('canary');
    const digest = await place.build(['--lockfile', 'image.lock.json']);
    rmSync(place.path('app'));
    const { stdout } = await place.do(['mirror', 'image.lock.json', '--to', 'mirror', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ downloads: 1, copiedImages: [pinned] });
    place.write('app', 'mine');
    await stopAll();
    forbidSockets();
    rmSync(place.cacheDir, { recursive: true });
    const flags = ['--mirror', 'mirror', '--offline', '--lockfile', 'image.lock.json'];
    expect(await place.build(flags)).toBe(digest);
  });

  it('keeps what it has, mends what is damaged, and takes nothing that is not what was promised', async () => {
    const { server, place, files, download, pinned } = await stage();
    await place.do(['mirror', 'image.yaml', '--to', 'mirror']);
    const asked = () => server.requests.length;
    const before = asked();
    const { stdout } = await place.do(['mirror', 'image.yaml', '--to', 'mirror', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ keptFiles: 1, downloads: 1 });
    expect(asked()).toBe(before);
    const kept = `mirror/127.0.0.1_${server.port}/dl/agent.bin`;
    place.write(kept, 'the devil');
    await place.do(['mirror', 'image.yaml', '--to', 'mirror']);
    expect(place.text(kept)).toBe('the agent');
    files.set('/dl/agent.bin', Buffer.from('the devil'));
    place.write('image.yaml', copying(pinned) + download());
    const answer = await place.stave(['mirror', 'image.yaml', '--to', 'other', '--json']);
    expect(failureOf(answer)).toMatchObject({ code: 'CHECKSUM_MISMATCH', where: { line: 14 } });
    expect(filesBelow(place.path('other')).filter((name) => name.endsWith('agent.bin'))).toEqual([]);
  });

  it('says which images lie on this machine', async () => {
    const maker = new Place();
    const digest = await maker.build();
    const place = new Place(copying(`./other@${digest}`, '/usr/bin/app'));
    const answer = await place.do(['mirror', 'image.yaml', '--to', 'mirror', '--json']);
    expect(warningsOf(answer).map(({ message }) => message)).toContain(
      `./other@${digest} lies on this machine: it is not mirrored`,
    );
  });
});

it('credentials in the URL of a download are used and never shown', async () => {
  const { port } = closeLater<LoopbackServer>(
    await openLoopbackServer((request, response) => {
      const isAllowed = request.headers.authorization === `Basic ${Buffer.from('u:canary').toString('base64')}`;
      response.writeHead(isAllowed ? 200 : 401).end('secret agent');
    }),
  );
  const sum = digestHex(sha256('secret agent'));
  const place = new Place(
    `${CONFIG}files: [{name: a, version: 1, files: [{url: "http://u:canary@127.0.0.1:${port}/a", sha256: ${sum}, to: /a}]}]\n`,
  );
  const answer = await place.tryBuild();
  expect(answer.exitCode, answer.stderr).toBe(0);
  expect(warningsOf(answer).map(({ code }) => code)).toContain('CREDENTIALS_LEFT_OUT');
  await place.do(['lock', 'image.yaml']);
  const written = filesBelow(place.dir).filter((name) => name !== 'image.yaml');
  for (const name of written) expect(place.read(name).includes('canary'), name).toBe(false);
  expect(answer.stdout + answer.stderr).not.toContain('canary');
});

describe('on top of a base image', () => {
  const BASE = `${CONFIG}accounts:
  groups: [{groupname: web, gid: 2000}]
  users: [{username: web, uid: 1000, gid: 2000}]
  run-as: web
stop-signal: SIGUSR1
paths:
  - {path: /srv/site, type: directory, permissions: 0o2750, uid: 1000, gid: 2000}
  - {path: /www, type: symlink, source: srv/site, permissions: 0o2750, uid: 1000, gid: 2000}
`;
  const onTop = (files: string, more = '') => `contents:
  repositories: [./repository]
  keyring: [./small.rsa.pub]
  baseimage: {image: base, apkindex: base-packages}
  packages: [docs]
archs: [amd64, arm64]
files:
  - name: shop
    version: 1
    files: [${files}]
${more}`;

  async function stage() {
    const place = new Place(BASE);
    await place.do(['build', 'image.yaml', 'example/base:1', 'base/', '--sbom=false']);
    for (const [arch, image] of [['x86_64', 'amd64'] as const, ['aarch64', 'arm64'] as const]) {
      const installed = readBuiltImages(place.path('base')).get(image)?.files.get('usr/lib/apk/db/installed');
      place.write(`base-packages/${arch}/APKINDEX`, installed!.content);
    }
    const build = async (config: string, ...more: string[]) => {
      place.write('image.yaml', config);
      await place.do(['lock', 'image.yaml', ...more]);
      return await place.tryBuild(['--lockfile', 'image.lock.json', ...more]);
    };
    return { place, build };
  }

  it('files see its accounts, folders and links, and have layers of their own', async () => {
    const { place, build } = await stage();
    const base = readBuiltImages(place.path('base')).get('amd64')!;
    const answer = await build(onTop('{inline: hello, to: /www/index.html, owner: web}, {inline: x, to: /opt/x}'));
    expect(answer.exitCode, answer.stderr).toBe(0);
    expect(warningsOf(answer)).toEqual([]);
    const { manifest, files, config, layers } = readBuiltImages(place.path('layout')).get('amd64')!;
    expect(manifest.layers[0]).toEqual(base.manifest.layers[0]);
    expect(manifest.layers).toHaveLength(4);
    expect(config.config).toMatchObject({ User: '1000', StopSignal: 'SIGUSR1' });
    expect(files.get('srv/site/index.html')?.entry).toMatchObject({ uid: 1000, gid: 2000, uname: 'web', mode: 0o644 });
    expect(files.get('srv/site')?.entry).toMatchObject({ uid: 1000, gid: 2000, mode: 0o2750 });
    expect(files.get('www')?.entry.linkname).toBe('srv/site');
    const database = files.get('usr/lib/apk/db/installed')!.content.toString();
    expect(database).toMatch(/P:app\n[\s\S]*P:docs\n[\s\S]*P:files-shop\n/);
    expect(database).toContain('F:srv/site\nM:1000:2000:2750\nR:index.html\n');
    // The base image's own files are in its own layer alone.
    for (const layer of layers.slice(1)) expect(layer.includes('echo app')).toBe(false);
    expect(JSON.parse(answer.stdout).images[0].packages.map(({ name }: { name: string }) => name)).toContain(
      'files-shop',
    );
    const check = await place.stave(['check', 'image.yaml', '--lockfile', 'image.lock.json', '--json']);
    const findings: { check: string; path: string }[] = JSON.parse(check.stdout).images[0].findings;
    // The link is of the base image's own configuration; what the groups brought has an owner.
    expect(findings.filter(({ check }) => check.startsWith('accountable')).map(({ path }) => path)).toEqual(['www']);
  });

  it('nothing of it is replaced', async () => {
    const { build } = await stage();
    for (const to of ['/usr/bin/app', '/www', '/etc/passwd']) {
      expect(failureOf(await build(onTop(`{inline: x, to: ${to}}`)))).toMatchObject({
        code: 'FILE_CONFLICT',
        message: `"${to}" is a file of the base image`,
        where: { line: 8 },
      });
    }
    const folder = failureOf(await build(onTop('{inline: x, to: /srv/site}')));
    expect(folder.message).toBe('"/srv/site" is a folder in the image');
    const owner = failureOf(await build(onTop('{inline: x, to: /x, owner: wbe}')));
    expect(owner).toMatchObject({ code: 'ACCOUNT_INVALID', hint: 'did you mean "web"?' });
  });

  it('a variant shares its layers', async () => {
    const { place, build } = await stage();
    const config = onTop(
      '{inline: hello, to: /www/index.html}',
      'variants: {dev: {files: [{name: tools, version: 1, files: [{inline: t, to: /www/tool}]}]}}\n',
    );
    expect((await build(config)).exitCode).toBe(0);
    const layersOf = () => readBuiltImages(place.path('layout')).get('arm64')!.manifest.layers;
    const production = layersOf();
    const answer = await build(config, '--variant', 'dev');
    expect(answer.exitCode, answer.stderr).toBe(0);
    expect(layersOf().slice(0, production.length)).toEqual(production);
    expect(layersOf()).toHaveLength(production.length + 2);
    const { layers } = readBuiltImages(place.path('layout')).get('arm64')!;
    for (const layer of layers.slice(1)) expect(layer.includes('echo app')).toBe(false);
  });
});
