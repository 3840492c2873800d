// Against Debian's docker-registry: what our own registry and our own client could both get wrong.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type DockerRegistryOptions,
  HTPASSWD_PASSWORD,
  HTPASSWD_USER,
  startDockerRegistry,
} from '../../../../test/support/docker-registry.ts';
import { missingPeers } from '../../../../test/support/peers.ts';
import {
  bytesOf,
  type ClientBench,
  failureOf,
  memoryBlobs,
  openBench,
  testBlob,
  testImages,
} from '../../../../test/support/registry-client.ts';
import { selfSigned } from '../../../../test/support/self-signed.ts';
import { openTokenServer } from '../../../../test/support/token-server.ts';
import { openVerified } from '../../../formats/oci/blob-source.ts';
import { describeBytes, MEDIA_TYPE } from '../../../formats/oci/descriptor.ts';
import { printManifest } from '../../../formats/oci/manifest.ts';
import { parseReference } from '../../../formats/oci/reference.ts';
import { probeReading, probeWriting } from './probe-features.ts';
import { pullImage } from './pull-image.ts';
import { pushImageIndex } from './push-image.ts';
import type { RegistryClient } from './registry-client.ts';
import { RegistryConnection, type RegistryOptions } from './registry-connection.ts';

const missing = missingPeers('docker-registry');

describe.skipIf(missing)(`docker-registry ${missing ?? ''}`, () => {
  let bench: ClientBench;
  let home = '';
  const open: { stop(): Promise<void> }[] = [];
  beforeEach(async () => {
    bench = openBench();
    home = await mkdtemp(join(tmpdir(), 'stave-home-'));
  });
  afterEach(async () => {
    await bench.close();
    for (const one of open.splice(0)) await one.stop();
    await rm(home, { recursive: true, force: true });
  });

  async function registry(options: DockerRegistryOptions = {}): Promise<string> {
    const made = await startDockerRegistry(options);
    open.push(made);
    return made.host;
  }
  const client = (host: string, more: Partial<RegistryOptions> = {}): RegistryClient =>
    bench.open(`${host}/team/app`, { environment: { DOCKER_CONFIG: home }, ...more });
  const logIn = (host: string, entry: unknown) =>
    writeFile(join(home, 'config.json'), JSON.stringify({ auths: { [host]: entry } }));
  const { index, layers, blobs } = testImages(5, 300_000);

  async function pushAndPull(there: RegistryClient): Promise<void> {
    const report = await pushImageIndex(there, index, blobs, { tags: ['1.0', 'latest'] });
    expect(report.blobs).toEqual({ present: 0, mounted: 0, sent: 5 });
    const again = await pushImageIndex(there, index, blobs, { tags: ['1.0', 'latest'] });
    expect(again).toEqual({ blobs: { present: 0, mounted: 0, sent: 0 }, sentBytes: 0, manifests: 0 });
    const pulled = await pullImage(there, '1.0');
    expect(pulled.value).toEqual(index);
    for (const { descriptor, bytes } of layers) {
      expect((await bytesOf(openVerified(pulled.blobs, descriptor))).equals(bytes)).toBe(true);
      const range = await bytesOf(pulled.blobs.open(descriptor, { start: 1000, end: 1010 }));
      expect(range.equals(bytes.subarray(1000, 1010))).toBe(true);
    }
  }

  it('open', async () => {
    const there = client(await registry());
    await pushAndPull(there);
    const tags: string[] = [];
    for await (const tag of there.listTags()) tags.push(tag);
    expect(tags.sort()).toEqual(['1.0', 'latest']);
    const other = bench.open(`${there.registry}/team/other`);
    const layer = layers[0];
    if (layer === undefined) throw new Error('no layer');
    expect(await other.pushBlob(layer.descriptor, memoryBlobs(), { mountFrom: 'team/app' })).toBe('mounted');
    expect(await there.deleteManifest(index.descriptor.digest)).toBe(true);
    expect(await there.resolve('1.0')).toBeUndefined();
  });

  it('htpasswd', async () => {
    const host = await registry({ auth: 'htpasswd' });
    expect((await failureOf(client(host).resolve('1'))).code).toBe('REGISTRY_AUTH');
    await logIn(host, { username: HTPASSWD_USER, password: HTPASSWD_PASSWORD });
    await pushAndPull(client(host));
  });

  it.each([
    ['user and password', false, { username: 'ci', password: 'pw' }],
    ['an identity token, OAuth names', true, { identitytoken: 'pw' }],
  ])('tokens for %s', async (_name, oauthNames, entry) => {
    const authority = await openTokenServer({ users: { ci: 'pw' }, oauthNames });
    open.push({ stop: () => authority.close() });
    const host = await registry({ auth: authority });
    // The registry looks at the real time.
    const clock = { ...bench.clock, now: () => Date.now() };
    expect((await failureOf(client(host, { clock }).resolve('1'))).code).toBe('REGISTRY_AUTH');
    await logIn(host, entry);
    const there = client(host, { clock });
    await pushAndPull(there);
    expect(await there.deleteManifest(index.descriptor.digest)).toBe(true);
    expect(authority.requests.length).toBeLessThanOrEqual(4);
  });

  it('TLS with a private CA', async () => {
    const tls = selfSigned('127.0.0.1');
    const host = await registry({ tls });
    expect((await failureOf(client(host, { plainHttp: false }).resolve('1'))).message).toMatch(/not trusted/);
    await pushAndPull(client(host, { plainHttp: false, caCertificates: tls.certificate }));
  });

  it('keeps referrers under a tag', async () => {
    const there = client(await registry());
    await pushImageIndex(there, index, blobs, { tags: ['1'] });
    const empty = {
      bytes: Buffer.from('{}'),
      descriptor: describeBytes(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json'),
    };
    await there.pushBlob(empty.descriptor, memoryBlobs(empty));
    for (const name of ['one', 'two']) {
      const manifest = printManifest({
        mediaType: MEDIA_TYPE.imageManifest,
        artifactType: 'application/spdx+json',
        config: empty.descriptor,
        layers: [empty.descriptor],
        annotations: { name },
        subject: index.descriptor,
      });
      await there.attachReferrer(index.descriptor, MEDIA_TYPE.imageManifest, Buffer.from(manifest));
    }
    expect(await there.referrers(index.descriptor.digest, 'application/spdx+json')).toMatchObject([
      { artifactType: 'application/spdx+json', annotations: { name: 'one' } },
      { artifactType: 'application/spdx+json', annotations: { name: 'two' } },
    ]);
  });

  it('takes a blob in pieces', async () => {
    const host = await registry();
    const { registry: name, repository } = parseReference(`${host}/team/app`);
    const connection = new RegistryConnection(name, repository, bench.options());
    const there = client(host);
    const blob = testBlob(1000);
    await there.pushBlob(blob.descriptor, memoryBlobs(blob));
    const target = { connection, name: repository };
    expect(await probeReading(target, blob.descriptor.digest, blob.descriptor)).toEqual({
      referrersApi: false,
      blobRanges: true,
    });
    expect(await probeWriting(target, blob.descriptor)).toEqual({
      upload: true,
      uploadHost: undefined,
      leastChunkBytes: 0,
      chunks: true,
      resume: true,
      mount: true,
      deleteManifests: true,
    });
    await connection.close();
  });

  it.each([0, 1, 300_000, 2_000_000])(
    'gets through when the connection breaks after %i bytes',
    async (breakAfterBytes) => {
      const upstream = await registry();
      const proxy = await breakingProxy(upstream, breakAfterBytes);
      open.push(proxy);
      const blob = testBlob(3_000_000);
      expect(await client(proxy.host).pushBlob(blob.descriptor, memoryBlobs(blob))).toBe('sent');
      expect(proxy.broken()).toBe(true);
      expect((await bytesOf(openVerified(client(upstream).blobs, blob.descriptor))).equals(blob.bytes)).toBe(true);
    },
  );

  it('says so when it is read-only', async () => {
    const failure = await failureOf(
      pushImageIndex(client(await registry({ readOnly: true })), index, blobs, { tags: ['1'] }),
    );
    expect(failure).toMatchObject({ code: 'HTTP_STATUS', data: { status: 405 } });
  });
});

/** Passes bytes on, and breaks the first connection on which a PUT has sent that many bytes. */
async function breakingProxy(upstream: string, afterBytes: number) {
  let broken = false;
  const server = createServer((near) => {
    const far = connect(Number(upstream.split(':')[1]), '127.0.0.1');
    let counted = -1;
    near.on('data', (chunk) => {
      if (counted < 0 && chunk.includes('PUT /v2/')) counted = 0;
      if (counted >= 0) counted += chunk.length;
      far.write(chunk);
      if (broken || counted <= afterBytes) return;
      broken = true;
      near.destroy();
      far.destroy();
    });
    far.pipe(near);
    for (const socket of [near, far])
      socket.on('error', () => {}).on('close', () => [near, far].map((one) => one.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    broken: () => broken,
    stop: async () => void server.close(),
  };
}
