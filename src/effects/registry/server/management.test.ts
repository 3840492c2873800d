// Content management, read-only registries, and who may write (distribution spec, "Content Management").

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../../../../test/support/faulty-registry.ts';
import {
  errorCode,
  pushBlob,
  pushSmallImage,
  putManifest,
  type RawAnswer,
  raw,
  sha256Of,
  smallImage,
} from '../../../../test/support/raw-registry.ts';

let registry: FaultyRegistry;
const send = (method: string, path: string, headers: Record<string, string> = {}): Promise<RawAnswer> =>
  raw(registry.url, method, path, { headers });

beforeAll(async () => {
  registry = await openFaultyRegistry();
});
afterAll(() => registry.close());

describe('deleting', () => {
  it('a tag leaves the manifest and other tags', async () => {
    const image = await pushSmallImage(registry.url, 'app', 'tags', 'one');
    await putManifest(registry.url, 'app', 'two', image.bytes);
    expect((await send('DELETE', '/v2/app/manifests/one')).status).toBe(202);
    expect((await send('GET', '/v2/app/manifests/one')).status).toBe(404);
    expect((await send('GET', '/v2/app/manifests/two')).status).toBe(200);
    expect((await send('GET', `/v2/app/manifests/${image.digest}`)).status).toBe(200);
    expect(JSON.parse((await send('GET', '/v2/app/tags/list')).body.toString()).tags).toEqual(['two']);
  });

  it('a manifest takes its tags with it', async () => {
    const image = await pushSmallImage(registry.url, 'app', 'whole', 'w1');
    await putManifest(registry.url, 'app', 'w2', image.bytes);
    expect((await send('DELETE', `/v2/app/manifests/${image.digest}`)).status).toBe(202);
    for (const reference of ['w1', 'w2', image.digest]) {
      expect((await send('GET', `/v2/app/manifests/${reference}`)).status).toBe(404);
    }
    const { tags } = JSON.parse((await send('GET', '/v2/app/tags/list')).body.toString());
    expect(tags).not.toContain('w1');
    // It can come back.
    expect((await putManifest(registry.url, 'app', 'w1', image.bytes)).status).toBe(201);
    expect((await send('GET', '/v2/app/manifests/w1')).body).toEqual(image.bytes);
  });

  it('a blob', async () => {
    const digest = await pushBlob(registry.url, 'app', 'to delete');
    expect((await send('DELETE', `/v2/app/blobs/${digest}`)).status).toBe(202);
    expect((await send('HEAD', `/v2/app/blobs/${digest}`)).status).toBe(404);
    await pushBlob(registry.url, 'app', 'to delete');
    expect((await send('HEAD', `/v2/app/blobs/${digest}`)).status).toBe(200);
  });

  it.each([
    ['a tag', 'manifests/nothing', 'MANIFEST_UNKNOWN'],
    ['a manifest', `manifests/${sha256Of('nothing')}`, 'MANIFEST_UNKNOWN'],
    ['a blob', `blobs/${sha256Of('nothing')}`, 'BLOB_UNKNOWN'],
  ])('%s that is not there', async (_what, path, code) => {
    for (const name of ['app', 'nowhere']) {
      const answer = await send('DELETE', `/v2/${name}/${path}`);
      expect(answer.status).toBe(404);
      expect(errorCode(answer)).toBe(code);
    }
  });
});

describe('methods', () => {
  it.each([
    ['PUT', '/v2/', 'GET, HEAD'],
    ['POST', '/v2/app/manifests/x', 'GET, HEAD, PUT, DELETE'],
    ['PUT', `/v2/app/blobs/${sha256Of('x')}`, 'GET, HEAD, DELETE'],
    ['GET', '/v2/app/blobs/uploads/', 'POST'],
    ['DELETE', '/v2/app/tags/list', 'GET, HEAD'],
    ['POST', `/v2/app/referrers/${sha256Of('x')}`, 'GET, HEAD'],
  ])('%s %s is none', async (method, path, allow) => {
    const answer = await send(method, path);
    expect(answer).toMatchObject({ status: 405, headers: { allow } });
    expect(errorCode(answer)).toBe('UNSUPPORTED');
  });
});

it('takes no writes from pages in a browser', async () => {
  const answer = await send('POST', '/v2/app/blobs/uploads/', { origin: 'http://example.com' });
  expect(answer.status).toBe(403);
  expect(errorCode(answer)).toBe('DENIED');
  expect((await send('GET', '/v2/', { origin: 'http://example.com' })).status).toBe(200);
});

describe('a read-only registry', () => {
  let readOnly: FaultyRegistry;
  beforeAll(async () => {
    await pushSmallImage(registry.url, 'kept', 'kept', '1');
    readOnly = await openFaultyRegistry({ directory: registry.directory, readOnly: true });
  });
  afterAll(() => readOnly.close());

  it('gives what it has', async () => {
    for (const path of ['/v2/', '/v2/kept/manifests/1', '/v2/kept/tags/list', `/v2/kept/referrers/${sha256Of('x')}`]) {
      expect((await raw(readOnly.url, 'GET', path)).status).toBe(200);
    }
  });

  it.each([
    ['POST', '/v2/kept/blobs/uploads/'],
    ['PUT', '/v2/kept/manifests/2'],
    ['DELETE', '/v2/kept/manifests/1'],
    ['DELETE', `/v2/kept/blobs/${sha256Of('layer kept')}`],
    ['PATCH', '/v2/kept/blobs/uploads/00000000-0000-0000-0000-000000000000'],
  ])('takes nothing: %s %s', async (method, path) => {
    const answer = await raw(readOnly.url, method, path, { body: smallImage('kept').bytes });
    expect(answer.status).toBe(405);
    expect(JSON.parse(answer.body.toString()).errors[0].message).toBe('this registry is read-only');
    expect((await raw(readOnly.url, 'GET', '/v2/kept/manifests/1')).status).toBe(200);
  });
});
