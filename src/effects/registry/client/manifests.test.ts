import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFaultyRegistry } from '../../../../test/support/faulty-registry.ts';
import { type Handler, type LoopbackServer, openLoopbackServer } from '../../../../test/support/loopback-server.ts';
import { type ClientBench, failureOf, openBench, testImages } from '../../../../test/support/registry-client.ts';
import { answering, on } from '../../../../test/support/registry-faults.ts';
import { type Digest, sha256 } from '../../../base/digest.ts';
import { LIMITS } from '../../../base/limits.ts';
import { MEDIA_TYPE } from '../../../formats/oci/descriptor.ts';
import { pushImageIndex } from './push-image.ts';
import type { RegistryClient } from './registry-client.ts';

let bench: ClientBench;
const open: { close(): Promise<void> }[] = [];
beforeEach(() => {
  bench = openBench();
});
afterEach(async () => {
  await bench.close();
  for (const one of open.splice(0)) await one.close();
});

async function server(handler: Handler): Promise<{ s: LoopbackServer; client: RegistryClient }> {
  const s = await openLoopbackServer(handler);
  open.push(s);
  return { s, client: bench.open(`127.0.0.1:${s.port}/team/app`) };
}

const manifest = Buffer.from(`{"schemaVersion":2,"mediaType":"${MEDIA_TYPE.imageManifest}"}`);
const digest = sha256(manifest);
/** Serves one manifest with these headers; HEAD has those of `head` in addition. */
const serving =
  (headers: Record<string, string>, bytes: Uint8Array = manifest, head: Record<string, string> = {}): Handler =>
  (request: IncomingMessage, response) => {
    const more = request.method === 'HEAD' ? head : {};
    response.writeHead(200, { 'content-type': MEDIA_TYPE.imageManifest, ...headers, ...more }).end(bytes);
  };
const full = { 'docker-content-digest': digest, 'content-length': `${manifest.length}` };

describe('resolve', () => {
  it('asks without a download where the answer says it all', async () => {
    const { s, client } = await server(serving(full));
    expect(await client.resolve('1.0')).toEqual({
      mediaType: MEDIA_TYPE.imageManifest,
      sizeBytes: manifest.length,
      digest,
    });
    expect(s.requests.map(({ method, url }) => [method, url])).toEqual([['HEAD', '/v2/team/app/manifests/1.0']]);
    const accept = s.requests[0]?.headers.accept ?? '';
    for (const type of [
      MEDIA_TYPE.imageIndex,
      MEDIA_TYPE.imageManifest,
      MEDIA_TYPE.dockerIndex,
      MEDIA_TYPE.dockerManifest,
    ]) {
      expect(accept).toContain(type);
    }
  });

  it.each<[string, Record<string, string>]>([
    ['no digest', { 'docker-content-digest': '' }],
    ['a digest of another kind', { 'docker-content-digest': `sha512:${'0'.repeat(128)}` }],
    ['no size', { 'content-length': '0' }],
    ['no type', { 'content-type': '' }],
    ['a general type', { 'content-type': 'application/json; charset=utf-8' }],
  ])('reads it where there is %s', async (_name, head) => {
    const { s, client } = await server(serving({ 'docker-content-digest': digest }, manifest, { ...full, ...head }));
    expect(await client.resolve('1.0')).toEqual({
      mediaType: MEDIA_TYPE.imageManifest,
      sizeBytes: manifest.length,
      digest,
    });
    expect(s.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
  });

  it.each([400, 405, 406, 501])('reads it where HEAD is answered with %i', async (status) => {
    const { client } = await server((request, response) =>
      request.method === 'HEAD' ? void response.writeHead(status).end() : serving(full)(request, response),
    );
    expect((await client.resolve('1.0'))?.digest).toBe(digest);
  });

  it('is undefined where there is nothing', async () => {
    const { client } = await server((_request, response) => void response.writeHead(404).end());
    expect(await client.resolve('1.0')).toBeUndefined();
    expect((await failureOf(client.getManifest('1.0'))).code).toBe('IMAGE_NOT_FOUND');
    const failure = await failureOf(client.getManifest(digest));
    expect(failure.message).toMatch(/^127\.0\.0\.1:\d+\/team\/app@sha256:\w+ does not exist$/);
  });

  it('does not take the word of a server about another digest than was asked for', async () => {
    const { client } = await server(serving(full));
    expect((await failureOf(client.resolve(sha256('x')))).code).toBe('CHECKSUM_MISMATCH');
  });
});

describe('getManifest', () => {
  it.each(['', '../x', 'a/b', 'a?b', '.a', 'sha256:abc', 'x'.repeat(129)])('sends nothing for %j', async (text) => {
    const { s, client } = await server(serving(full));
    for (const work of [() => client.getManifest(text), () => client.resolve(text), () => client.deleteTag(text)]) {
      expect((await failureOf(work())).code).toBe('IMAGE_INVALID');
    }
    expect(s.requests).toEqual([]);
  });

  it('shows the beginning of a long error page as an error, not as too large', async () => {
    const { client } = await server((_request, response) => void response.writeHead(418).end('x'.repeat(10_000_000)));
    expect(await failureOf(client.getManifest('1.0'))).toMatchObject({ code: 'HTTP_STATUS', data: { status: 418 } });
  });

  it.each<[string, string, Record<string, string>, string]>([
    [
      'the type of both',
      `{"schemaVersion":2,"mediaType":"${MEDIA_TYPE.dockerIndex}"}`,
      { 'content-type': MEDIA_TYPE.dockerIndex },
      MEDIA_TYPE.dockerIndex,
    ],
    [
      'the type of the header',
      '{"schemaVersion":2}',
      { 'content-type': `${MEDIA_TYPE.imageIndex.toUpperCase()} ; x=y` },
      MEDIA_TYPE.imageIndex,
    ],
    [
      'the type of the document',
      `{"schemaVersion":2,"mediaType":"${MEDIA_TYPE.dockerManifest}"}`,
      { 'content-type': 'text/plain' },
      MEDIA_TYPE.dockerManifest,
    ],
    [
      'an index without a type',
      '{"schemaVersion":2,"manifests":[]}',
      { 'content-type': 'application/json' },
      MEDIA_TYPE.imageIndex,
    ],
    ['a manifest without a type', '{"schemaVersion":2,"layers":[]}', {}, MEDIA_TYPE.imageManifest],
  ])('takes %s', async (_name, text, headers, mediaType) => {
    const { client } = await server((_request, response) => void response.writeHead(200, headers).end(text));
    const found = await client.getManifest('1.0');
    expect(found.descriptor).toEqual({ mediaType, sizeBytes: text.length, digest: sha256(text) });
    expect(Buffer.from(found.bytes).toString()).toBe(text);
  });

  it.each<[string, string, RegExp, Handler]>([
    [
      'types that differ',
      'IMAGE_INVALID',
      /is served as ".*", but calls itself/,
      serving({ 'content-type': MEDIA_TYPE.imageIndex }),
    ],
    [
      'schema 1',
      'IMAGE_INVALID',
      /not an image manifest/,
      (_q, r) =>
        void r
          .writeHead(200, { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' })
          .end('{"schemaVersion":1}'),
    ],
    [
      'a page',
      'IMAGE_INVALID',
      /is a "text\/html"/,
      (_q, r) => void r.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    ],
    [
      'another digest than the header says',
      'CHECKSUM_MISMATCH',
      /should have the digest/,
      serving({ 'docker-content-digest': sha256('x') }),
    ],
    [
      'too much, announced',
      'RESPONSE_TOO_LARGE',
      /larger than/,
      (_q, r) => void r.writeHead(200, { 'content-length': LIMITS.imageManifestBytes + 1 }).end(),
    ],
    [
      'too much, unannounced',
      'RESPONSE_TOO_LARGE',
      /larger than/,
      (_q, r) => {
        r.write(Buffer.alloc(LIMITS.imageManifestBytes));
        r.end('x');
      },
    ],
    [
      'a strange status',
      'HTTP_STATUS',
      /does not let us read .*team\/app:1\.0: .* status 418/,
      (_q, r) => void r.writeHead(418).end(),
    ],
    [
      'a redirect without end',
      'NETWORK_UNREACHABLE',
      /redirects more than/,
      (_q, r) => void r.writeHead(302, { location: '/again' }).end(),
    ],
  ])('refuses %s', async (_name, code, message, handler) => {
    const { client } = await server(handler);
    expect(await failureOf(client.getManifest('1.0'))).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('follows a redirect to another server without credentials', async () => {
    const other = await server(serving(full));
    const { client } = await server(
      (_request, response) => void response.writeHead(307, { location: `${other.s.url}/there` }).end(),
    );
    expect((await client.getManifest('1.0')).descriptor.digest).toBe(digest);
  });
});

describe('putManifest', () => {
  it('says what it is, and reports the confirmed subject', async () => {
    const { s, client } = await server(
      (_request, response) =>
        void response.writeHead(201, { 'docker-content-digest': digest, 'oci-subject': sha256('s') }).end(),
    );
    expect(await client.putManifest('1.0', MEDIA_TYPE.imageManifest, manifest)).toEqual({
      mediaType: MEDIA_TYPE.imageManifest,
      sizeBytes: manifest.length,
      digest,
      confirmedSubject: sha256('s'),
    });
    expect(s.requests[0]?.headers).toMatchObject({
      'content-type': MEDIA_TYPE.imageManifest,
      'content-length': `${manifest.length}`,
    });
  });

  it('does not believe in a subject that is none', async () => {
    const { client } = await server(
      (_request, response) => void response.writeHead(201, { 'oci-subject': 'yes' }).end(),
    );
    expect(await client.putManifest('1.0', MEDIA_TYPE.imageManifest, manifest)).not.toHaveProperty('confirmedSubject');
  });

  it('shows the words of the registry', async () => {
    const s = await openFaultyRegistry({
      faults: [on({ method: 'PUT' }, answering(400, {}, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown'))],
    });
    open.push(s);
    const client = bench.open(`${s.host}/team/app`);
    const failure = await failureOf(client.putManifest('1.0', MEDIA_TYPE.imageManifest, manifest));
    expect(failure).toMatchObject({
      code: 'HTTP_STATUS',
      data: { status: 400 },
      notes: ['the registry says: MANIFEST_BLOB_UNKNOWN: blob unknown'],
    });
  });
});

describe('management', () => {
  it('deletes tags, manifests and blobs', async () => {
    const s = await openFaultyRegistry();
    open.push(s);
    const client = bench.open(`${s.host}/team/app`);
    const { index, images, layers, blobs } = testImages();
    await pushImageIndex(client, index, blobs, { tags: ['a', 'b'] });
    expect(await client.deleteTag('a')).toBe(true);
    expect(await client.deleteTag('a')).toBe(false);
    expect(await client.resolve('a')).toBeUndefined();
    expect(await client.deleteManifest(index.descriptor.digest)).toBe(true);
    expect(await client.resolve('b')).toBeUndefined();
    expect(await client.deleteManifest(images[0]?.descriptor.digest as Digest)).toBe(true);
    expect(await client.deleteBlob(layers[1]?.descriptor.digest as Digest)).toBe(true);
    expect(await client.deleteBlob(layers[1]?.descriptor.digest as Digest)).toBe(false);
    expect(s.requests.filter(({ method }) => method === 'DELETE').map(({ status }) => status)).toEqual([
      202, 404, 202, 202, 202, 404,
    ]);
  });

  it('says so where deleting is off', async () => {
    const { client } = await server(
      (_request, response) => void response.writeHead(405).end('{"errors":[{"code":"UNSUPPORTED"}]}'),
    );
    for (const work of [client.deleteTag('a'), client.deleteManifest(digest), client.deleteBlob(digest)]) {
      const failure = await failureOf(work);
      expect(failure).toMatchObject({
        code: 'HTTP_STATUS',
        data: { status: 405 },
        hint: expect.stringMatching(/does not offer that/),
      });
    }
  });
});

describe('listTags', () => {
  const tagsOf = async (client: RegistryClient) => {
    const tags: string[] = [];
    for await (const tag of client.listTags()) tags.push(tag);
    return tags;
  };
  const pages =
    (...answers: readonly [body: string, link?: string][]): Handler =>
    (request, response) => {
      const [body = '{}', link] = answers[Number(/page=(\d+)/.exec(request.url ?? '')?.[1] ?? 0)] ?? [];
      response.writeHead(200, link === undefined ? {} : { link }).end(body);
    };

  it('goes through the pages', async () => {
    const { s, client } = await server(
      pages(
        ['{"tags":["a"]}', '</v2/team/app/tags/list?page=1>; rel="next"'],
        ['{"tags":null}', '<list?page=2>; rel=next'],
        ['{"tags":["b","c"]}'],
      ),
    );
    expect(await tagsOf(client)).toEqual(['a', 'b', 'c']);
    expect(s.requests.map(({ url }) => url)).toEqual([
      '/v2/team/app/tags/list?n=1000',
      '/v2/team/app/tags/list?page=1',
      '/v2/team/app/tags/list?page=2',
    ]);
  });

  it('reads a page only when it is wanted', async () => {
    const { s, client } = await server(pages(['{"tags":["a"]}', '<?page=1>; rel="next"'], ['{"tags":["b"]}']));
    for await (const _tag of client.listTags()) break;
    expect(s.requests).toHaveLength(1);
  });

  it('works with a real list', async () => {
    const s = await openFaultyRegistry();
    open.push(s);
    const client = bench.open(`${s.host}/team/app`);
    expect((await failureOf(tagsOf(client))).code).toBe('IMAGE_NOT_FOUND');
    const { index, blobs } = testImages();
    await pushImageIndex(client, index, blobs, { tags: ['z', 'a', 'm-1'] });
    expect(await tagsOf(client)).toEqual(['a', 'm-1', 'z']);
  });

  it.each<[string, string, RegExp, Handler]>([
    [
      'another server',
      'REGISTRY_PROTOCOL',
      /on another server/,
      pages(['{"tags":[]}', '<http://other.example/x>; rel="next"']),
    ],
    ['another protocol', 'REGISTRY_PROTOCOL', /on another server/, pages(['{"tags":[]}', '<file:///x>; rel="next"'])],
    [
      'a circle',
      'REGISTRY_PROTOCOL',
      /without end \(page 3\)/,
      pages(['{"tags":[]}', '<?page=1>; rel="next"'], ['{"tags":[]}', '<?page=1>; rel="next"']),
    ],
    ['no tag', 'IMAGE_INVALID', /cannot be a tag/, pages(['{"tags":["a/../b"]}'])],
    ['no list', 'IMAGE_INVALID', /tags is not a list/, pages(['{"tags":{}}'])],
    ['no JSON', 'IMAGE_INVALID', /is not JSON/, pages(['<html>'])],
    ['trouble', 'HTTP_STATUS', /list the tags/, (_q, r) => void r.writeHead(500).end()],
    [
      'trouble later',
      'HTTP_STATUS',
      /list the tags/,
      (q, r) =>
        void (q.url?.includes('page')
          ? r.writeHead(400).end()
          : r.writeHead(200, { link: '<?page=1>; rel="next"' }).end('{}')),
    ],
  ])('%s: a failure', async (_name, code, message, handler) => {
    const { client } = await server(handler);
    expect(await failureOf(tagsOf(client))).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
