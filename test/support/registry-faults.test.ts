// The switches do what they say: a fault that does not happen would make the tests of clients worthless.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../src/effects/registry/server/exchange.ts';
import { type FaultyRegistry, type FaultyRegistryOptions, openFaultyRegistry } from './faulty-registry.ts';
import { pushBlob, pushSmallImage, putManifest, type RawAnswer, raw, sha256Of, smallImage } from './raw-registry.ts';
import {
  after,
  answering,
  blobsElsewhere,
  chunkMinimum,
  cuttingAnswer,
  cuttingRequest,
  dockerV2Only,
  ecrLike,
  ghcrLike,
  losingAnswer,
  on,
  slow,
  statefulUploads,
  times,
  tooManyRequests,
  wrongBytes,
  wrongDigestHeader,
} from './registry-faults.ts';

const BLOB = '0123456789';
const PATH = `/v2/app/blobs/${sha256Of(BLOB)}`;
let registry: FaultyRegistry;
let broken: Fault | undefined;

/** All is well until the fault of the test is put in. */
const switchable: Fault = (request, next) => (broken === undefined ? next(request) : broken(request, next));
const open = async (options: FaultyRegistryOptions): Promise<void> => {
  await registry.close();
  registry = await openFaultyRegistry(options);
};
const send = (method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<RawAnswer> =>
  raw(registry.url, method, path, { headers, ...(body !== undefined && { body }) });
const begin = async (): Promise<string> => (await send('POST', '/v2/app/blobs/uploads/')).headers.location ?? '';

beforeEach(async () => {
  broken = undefined;
  registry = await openFaultyRegistry({ faults: [switchable] });
  await pushBlob(registry.url, 'app', BLOB);
});
afterEach(() => registry.close());

describe('switches', () => {
  it('answers in place of the registry, some times, for some requests, or from some time on', async () => {
    broken = on({ method: 'GET', kind: 'blob', path: '/app/' }, times(2, tooManyRequests(7)));
    expect((await send('HEAD', PATH)).status).toBe(200);
    for (let i = 0; i < 2; i++)
      expect(await send('GET', PATH)).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
    expect((await send('GET', PATH)).status).toBe(200);
    broken = after(1, answering(503));
    expect([(await send('GET', PATH)).status, (await send('GET', PATH)).status]).toEqual([200, 503]);
  });

  it.each([0, 4])('cuts an answer after %i bytes', async (bytes) => {
    broken = cuttingAnswer(bytes);
    await expect(send('GET', PATH)).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    broken = undefined;
    expect((await send('GET', PATH)).body.toString()).toBe(BLOB);
  });

  it('cuts a request, and the registry keeps what came', async () => {
    const location = await begin();
    broken = cuttingRequest(4);
    await expect(send('PATCH', location, 'abcdefgh')).rejects.toThrow();
    broken = undefined;
    expect((await send('GET', location)).headers.range).toBe('0-3');
  });

  it('loses an answer, though the work is done', async () => {
    broken = losingAnswer();
    await expect(pushBlob(registry.url, 'app', 'unanswered')).rejects.toThrow();
    broken = undefined;
    expect((await send('HEAD', `/v2/app/blobs/${sha256Of('unanswered')}`)).status).toBe(200);
  });

  it('is slow', async () => {
    broken = slow(80);
    const start = performance.now();
    await send('GET', PATH);
    expect(performance.now() - start).toBeGreaterThan(75);
  });

  it('gives wrong bytes of the right length', async () => {
    const image = await pushSmallImage(registry.url, 'app', 'wrong', 'wrong');
    broken = wrongBytes();
    expect((await send('GET', PATH)).body.toString()).toBe('1123456789');
    const manifest = await send('GET', '/v2/app/manifests/wrong');
    expect(manifest.body).toHaveLength(image.bytes.length);
    expect(manifest.body).not.toEqual(image.bytes);
  });

  it('lies about a digest', async () => {
    broken = wrongDigestHeader();
    expect((await send('HEAD', PATH)).headers['docker-content-digest']).toBe(`sha256:${'0'.repeat(64)}`);
  });

  it('sends blobs from elsewhere', async () => {
    broken = blobsElsewhere('http://127.0.0.1:9');
    expect(await send('GET', PATH)).toMatchObject({ status: 307, headers: { location: `http://127.0.0.1:9${PATH}` } });
    expect((await send('HEAD', PATH)).status).toBe(200);
  });

  it('wants large chunks', async () => {
    broken = chunkMinimum(5);
    const started = await send('POST', '/v2/app/blobs/uploads/');
    expect(started.headers['oci-chunk-min-length']).toBe('5');
    expect((await send('PATCH', started.headers.location ?? '', 'abcd')).status).toBe(416);
    expect((await send('PATCH', started.headers.location ?? '', 'abcde')).status).toBe(202);
  });

  it('wants the state of an upload back', async () => {
    broken = statefulUploads();
    const location = await begin();
    expect(location).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v2\/app\/blobs\/uploads\/[^?]+\?_state=/);
    expect((await send('PATCH', location.replace(/\?.*/, ''), 'a')).status).toBe(400);
    const patched = await send('PATCH', location, 'a');
    expect(patched.status).toBe(202);
    expect((await send('PATCH', location, 'b')).status).toBe(400);
    expect((await send('PUT', `${patched.headers.location}&digest=${sha256Of('a')}`)).status).toBe(201);
  });
});

describe('registries', () => {
  it('of the time before OCI', async () => {
    await open({ faults: dockerV2Only() });
    const digest = await pushBlob(registry.url, 'from', 'x');
    expect((await send('POST', `/v2/app/blobs/uploads/?mount=${digest}&from=from`)).status).toBe(202);
    expect((await send('GET', `/v2/app/referrers/${digest}`)).status).toBe(404);
    await expect(pushSmallImage(registry.url, 'app', 'oci', 'oci')).rejects.toThrow('400');
  });

  it('like ECR', async () => {
    await open({ faults: ecrLike(['app']) });
    expect((await send('POST', '/v2/other/blobs/uploads/')).status).toBe(404);
    const image = await pushSmallImage(registry.url, 'app', 'one', 'tag');
    expect((await putManifest(registry.url, 'app', 'tag', image.bytes)).status).toBe(400);
    expect((await putManifest(registry.url, 'app', image.digest, image.bytes)).status).toBe(201);
    const { bytes } = smallImage('two', { subject: { mediaType: 'x', digest: image.digest, size: 1 } });
    expect((await putManifest(registry.url, 'app', 'two', bytes)).status).toBe(405);
  });

  it('like GHCR', async () => {
    await open({ faults: ghcrLike('http://127.0.0.1:9') });
    const subject = { mediaType: 'x', digest: sha256Of('x'), size: 1 };
    const image = await pushSmallImage(registry.url, 'app', 'one', 'tag', { subject });
    const again = await putManifest(registry.url, 'app', 'tag', image.bytes);
    expect(again.headers['oci-subject']).toBeUndefined();
    expect((await putManifest(registry.url, 'app', 'tag', '{}')).status).toBe(400);
    expect(await send('GET', `/v2/app/referrers/${subject.digest}`)).toMatchObject({
      status: 303,
      headers: { location: 'http://127.0.0.1:9/packages' },
    });
    expect((await send('DELETE', '/v2/app/manifests/tag')).status).toBe(405);
  });
});
