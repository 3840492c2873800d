// Pulling: manifests and blobs, by GET and HEAD (distribution spec, "Pull").

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../../../../test/support/faulty-registry.ts';
import {
  errorCode,
  IMAGE_TYPE,
  pushBlob,
  pushSmallImage,
  type RawAnswer,
  raw,
  type SmallImage,
  sha256Of,
} from '../../../../test/support/raw-registry.ts';

const BYTES = Buffer.from('0123456789');
const ABSENT = sha256Of('nobody pushed this');

let registry: FaultyRegistry;
let blob: string;
let image: SmallImage;
const get = (path: string, headers?: Record<string, string>, method = 'GET'): Promise<RawAnswer> =>
  raw(registry.url, method, path, { ...(headers && { headers }) });

beforeAll(async () => {
  registry = await openFaultyRegistry();
  blob = await pushBlob(registry.url, 'team/app', BYTES);
  image = await pushSmallImage(registry.url, 'team/app', 'one', '1.0');
});
afterAll(() => registry.close());

describe('the base', () => {
  it.each(['/v2/', '/v2'])('%s says that this is a registry', async (path) => {
    const answer = await get(path);
    expect(answer).toMatchObject({ status: 200, headers: { 'docker-distribution-api-version': 'registry/2.0' } });
    expect(answer.body.toString()).toBe('{}');
  });
});

describe('a manifest', () => {
  it.each(['1.0', 'digest'])('comes by %s as it was pushed', async (by) => {
    const reference = by === 'digest' ? image.digest : by;
    const answer = await get(`/v2/team/app/manifests/${reference}`);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual(image.bytes);
    expect(answer.headers).toMatchObject({
      'content-type': IMAGE_TYPE,
      'content-length': String(image.bytes.length),
      'docker-content-digest': image.digest,
      etag: `"${image.digest}"`,
      'x-content-type-options': 'nosniff',
    });
    const head = await get(`/v2/team/app/manifests/${reference}`, {}, 'HEAD');
    expect(head.body).toHaveLength(0);
    for (const header of ['content-type', 'content-length', 'docker-content-digest'] as const) {
      expect(head.headers[header]).toBe(answer.headers[header]);
    }
  });

  it('is not sent again to who has it', async () => {
    const answer = await get('/v2/team/app/manifests/1.0', { 'if-none-match': `"${image.digest}"` });
    expect(answer.status).toBe(304);
    expect(answer.body).toHaveLength(0);
  });
});

describe('a blob', () => {
  it('comes whole', async () => {
    const answer = await get(`/v2/team/app/blobs/${blob}`);
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        'accept-ranges': 'bytes',
        'content-length': '10',
        'content-type': 'application/octet-stream',
        'docker-content-digest': blob,
      },
    });
    expect(answer.body).toEqual(BYTES);
  });

  it('shows its size to HEAD, also with a range', async () => {
    for (const headers of [{}, { range: 'bytes=1-2' }]) {
      const answer = await get(`/v2/team/app/blobs/${blob}`, headers, 'HEAD');
      expect(answer).toMatchObject({ status: 200, headers: { 'content-length': '10', 'docker-content-digest': blob } });
      expect(answer.body).toHaveLength(0);
    }
  });

  it.each([
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-1', '9', 'bytes 9-9/10'],
    ['bytes=5-500', '56789', 'bytes 5-9/10'],
  ])('comes in part: %s', async (range, text, contentRange) => {
    const answer = await get(`/v2/team/app/blobs/${blob}`, { range });
    expect(answer).toMatchObject({
      status: 206,
      headers: { 'content-range': contentRange, 'content-length': String(text.length) },
    });
    expect(answer.body.toString()).toBe(text);
  });

  it.each(['bytes=10-', 'bytes=5-1'])('has nothing at %s', async (range) => {
    const answer = await get(`/v2/team/app/blobs/${blob}`, { range });
    expect(answer).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */10' } });
  });

  it('comes whole when If-Range names something else', async () => {
    const range = 'bytes=2-4';
    expect((await get(`/v2/team/app/blobs/${blob}`, { range, 'if-range': `"${blob}"` })).status).toBe(206);
    expect((await get(`/v2/team/app/blobs/${blob}`, { range, 'if-range': '"other"' })).status).toBe(200);
  });
});

describe('what is not there', () => {
  const rows: [what: string, path: string, status: number, code: string][] = [
    ['a tag', '/v2/team/app/manifests/2.0', 404, 'MANIFEST_UNKNOWN'],
    ['a manifest', `/v2/team/app/manifests/${ABSENT}`, 404, 'MANIFEST_UNKNOWN'],
    ['a blob', `/v2/team/app/blobs/${ABSENT}`, 404, 'BLOB_UNKNOWN'],
    ['a repository', '/v2/nowhere/manifests/1', 404, 'MANIFEST_UNKNOWN'],
    ['tags of no repository', '/v2/nowhere/tags/list', 404, 'NAME_UNKNOWN'],
    ['a reference that cannot be', '/v2/team/app/manifests/.x', 404, 'MANIFEST_UNKNOWN'],
    ['a digest that cannot be', '/v2/team/app/manifests/md5:abc', 400, 'DIGEST_INVALID'],
    ['a digest of a blob that cannot be', '/v2/team/app/blobs/sha256:abc', 400, 'DIGEST_INVALID'],
    ['a name that cannot be', '/v2/Team/App/manifests/1', 400, 'NAME_INVALID'],
    ['a way out of the folder', '/v2/team/../../manifests/1', 400, 'NAME_INVALID'],
    ['an encoded way out', '/v2/%2e%2e%2fapp/manifests/1', 400, 'NAME_INVALID'],
    ['a part of our folder', '/v2/team/app/_blobs/manifests/1', 400, 'NAME_INVALID'],
    ['a name that is too long', `/v2/${'a'.repeat(256)}/manifests/1`, 400, 'NAME_INVALID'],
    ['another endpoint', '/v2/team/app/nothing', 404, 'UNSUPPORTED'],
    ['another version', '/v1/', 404, 'UNSUPPORTED'],
  ];
  it.each(rows)('%s', async (_what, path, status, code) => {
    const answer = await get(path);
    expect(answer).toMatchObject({ status, headers: { 'content-type': 'application/json' } });
    expect(errorCode(answer)).toBe(code);
    expect((await get(path, {}, 'HEAD')).status).toBe(status);
  });

  it('is a blob that only another repository has', async () => {
    const elsewhere = await pushBlob(registry.url, 'other', 'private');
    expect((await get(`/v2/other/blobs/${elsewhere}`)).status).toBe(200);
    expect((await get(`/v2/team/app/blobs/${elsewhere}`)).status).toBe(404);
  });

  it('is a manifest that only another repository has', async () => {
    const other = await pushSmallImage(registry.url, 'other', 'theirs', '1');
    expect((await get(`/v2/team/app/manifests/${other.digest}`)).status).toBe(404);
  });
});
