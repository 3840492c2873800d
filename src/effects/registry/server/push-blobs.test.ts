// Pushing blobs: in one piece, in chunks, after a broken connection, by mounting (distribution spec, "Pushing blobs").

import { access, readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../../../../test/support/faulty-registry.ts';
import {
  errorCode,
  pushBlob,
  type RawAnswer,
  type RawOptions,
  raw,
  sha256Of,
  sha512Of,
} from '../../../../test/support/raw-registry.ts';
import { LIMITS } from '../../../base/limits.ts';
import type { RegistryError } from './registry-error.ts';
import { openRegistryFolder } from './registry-folder.ts';
import { Uploads } from './uploads.ts';

const UPLOADS = '/v2/app/blobs/uploads/';
let registry: FaultyRegistry;
const send = (method: string, target: string, options?: RawOptions): Promise<RawAnswer> =>
  raw(registry.url, method, target, options);
const begin = async (): Promise<string> => (await send('POST', UPLOADS)).headers.location ?? '';
const chunk = (body: string, range?: string): RawOptions => ({
  body,
  headers: { 'content-type': 'application/octet-stream', ...(range && { 'content-range': range }) },
});
const finish = (location: string, digest: string, options?: RawOptions): Promise<RawAnswer> =>
  send('PUT', `${location}?digest=${encodeURIComponent(digest)}`, options);
const content = async (digest: string): Promise<string> =>
  (await send('GET', `/v2/app/blobs/${digest}`)).body.toString();

beforeAll(async () => {
  registry = await openFaultyRegistry();
});
afterAll(() => registry.close());

describe('in one piece', () => {
  it.each([
    ['POST alone', sha256Of('post alone'), 'post alone'],
    ['POST alone, SHA-512', sha512Of('post sha512'), 'post sha512'],
    ['POST alone, empty', sha256Of(''), ''],
  ])('%s', async (_what, digest, text) => {
    const answer = await send('POST', `${UPLOADS}?digest=${digest}`, chunk(text));
    expect(answer).toMatchObject({
      status: 201,
      headers: { location: `/v2/app/blobs/${digest}`, 'docker-content-digest': digest },
    });
    expect(await content(digest)).toBe(text);
  });

  it('POST, then PUT', async () => {
    const started = await send('POST', UPLOADS);
    expect(started.status).toBe(202);
    expect(started.headers.location).toMatch(/^\/v2\/app\/blobs\/uploads\/[0-9a-f-]{36}$/);
    expect(started.headers.range).toBe('0-0');
    const digest = sha256Of('post then put');
    const answer = await finish(started.headers.location ?? '', digest, chunk('post then put'));
    expect(answer).toMatchObject({ status: 201, headers: { location: `/v2/app/blobs/${digest}` } });
    expect(await content(digest)).toBe('post then put');
  });

  it('of more bytes than fit into one read', async () => {
    const bytes = Buffer.alloc(3_000_000, 'some bytes ');
    const answer = await send('GET', `/v2/app/blobs/${await pushBlob(registry.url, 'app', bytes)}`);
    expect(answer.body.equals(bytes)).toBe(true);
  });

  it('again, which changes nothing', async () => {
    await pushBlob(registry.url, 'app', 'twice');
    expect(await content(await pushBlob(registry.url, 'app', 'twice'))).toBe('twice');
  });
});

describe('in chunks', () => {
  it('with PATCH and a closing PUT', async () => {
    const first = await send('PATCH', await begin(), chunk('one ', '0-3'));
    expect(first).toMatchObject({ status: 202, headers: { range: '0-3' } });
    const second = await send('PATCH', first.headers.location ?? '', chunk('two', '4-6'));
    expect(second).toMatchObject({ status: 202, headers: { range: '0-6' } });
    const digest = sha256Of('one two');
    expect((await finish(second.headers.location ?? '', digest)).status).toBe(201);
    expect(await content(digest)).toBe('one two');
  });

  it('with the last one in the PUT, and SHA-512', async () => {
    const location = await begin();
    await send('PATCH', location, chunk('three ', '0-5'));
    const digest = sha512Of('three four');
    expect((await finish(location, digest, chunk('four', '6-9'))).status).toBe(201);
    expect(await content(digest)).toBe('three four');
  });

  it('without Content-Range, one after the other', async () => {
    const location = await begin();
    await send('PATCH', location, chunk('five '));
    await send('PATCH', location, chunk('six'));
    expect((await finish(location, sha256Of('five six'))).status).toBe(201);
  });

  it.each([
    ['a gap', '4-6'],
    ['a step back', '0-2'],
  ])('but not with %s', async (_what, range) => {
    const location = await begin();
    await send('PATCH', location, chunk('ab', '0-1'));
    for (const method of ['PATCH', 'PUT']) {
      const target = method === 'PUT' ? `${location}?digest=${sha256Of('abxyz')}` : location;
      const answer = await send(method, target, chunk('xyz', range));
      expect(answer).toMatchObject({ status: 416, headers: { range: '0-1', location } });
    }
    const status = await send('GET', location);
    expect(status).toMatchObject({ status: 204, headers: { range: '0-1', location } });
    await send('PATCH', location, chunk('xyz', '2-4'));
    expect((await finish(location, sha256Of('abxyz'))).status).toBe(201);
  });

  it('but not with a range that is none, or that contradicts the length', async () => {
    const location = await begin();
    expect((await send('PATCH', location, chunk('abc', 'three'))).status).toBe(416);
    const contradicting = await send('PATCH', location, chunk('abc', '0-5'));
    expect(contradicting.status).toBe(400);
    expect(errorCode(contradicting)).toBe('SIZE_INVALID');
    expect((await send('GET', location)).headers.range).toBe('0-0');
  });

  it.each([
    ['more', '0-1'],
    ['fewer', '0-9'],
  ])('but not with %s bytes than the range says, when no length was said', async (_what, range) => {
    const location = await begin();
    const answer = await fetch(`${registry.url}${location}`, {
      method: 'PATCH',
      body: new Blob(['abcde']).stream(),
      duplex: 'half',
      headers: { 'content-range': range },
    } as RequestInit);
    expect(answer.status).toBe(400);
    expect((await send('GET', location)).headers.range).toBe('0-0');
    expect((await finish(location, sha256Of('good'), chunk('good'))).status).toBe(201);
  });
});

describe('the digest', () => {
  it.each([
    ['POST alone', (wrong: string) => send('POST', `${UPLOADS}?digest=${wrong}`, chunk('bytes'))],
    ['PUT', async (wrong: string) => finish(await begin(), wrong, chunk('bytes'))],
  ])('must fit: %s', async (_what, push) => {
    for (const wrong of [sha256Of('others'), sha512Of('others')]) {
      const answer = await push(wrong);
      expect(answer.status).toBe(400);
      expect(errorCode(answer)).toBe('DIGEST_INVALID');
      expect((await send('HEAD', `/v2/app/blobs/${wrong}`)).status).toBe(404);
    }
  });

  it.each(['', 'sha256:abc', 'md5:d41d8cd98f00b204e9800998ecf8427e', `sha256:${'A'.repeat(64)}`])(
    'must be one: %j',
    async (digest) => {
      const location = await begin();
      expect(errorCode(await finish(location, digest))).toBe('DIGEST_INVALID');
      expect((await send('GET', location)).status).toBe(204);
    },
  );

  it('ends an upload that does not fit, and leaves no file', async () => {
    const location = await begin();
    await finish(location, sha256Of('others'), chunk('bytes'));
    const answer = await send('GET', location);
    expect(answer.status).toBe(404);
    expect(errorCode(answer)).toBe('BLOB_UPLOAD_UNKNOWN');
    const id = location.split('/').at(-1) ?? '';
    expect(await readdir(join(registry.directory, 'repositories/app/_uploads'))).not.toContain(id);
  });
});

describe('an upload', () => {
  it('can be cancelled', async () => {
    const location = await begin();
    await send('PATCH', location, chunk('abc'));
    expect((await send('DELETE', location)).status).toBe(204);
    expect((await send('GET', location)).status).toBe(404);
    expect((await send('DELETE', location)).status).toBe(404);
  });

  it.each(['nonsense', '..', '%2e%2e%2f_tags', '00000000-0000-0000-0000-000000000000'])(
    'is unknown by the name %s',
    async (id) => {
      expect([404, 405]).toContain((await send('PATCH', `${UPLOADS}${id}`, chunk('x'))).status);
    },
  );

  it('belongs to its repository', async () => {
    const location = await begin();
    const elsewhere = location.replace('/app/', '/other/');
    expect((await send('PATCH', elsewhere, chunk('abc'))).status).toBe(404);
  });

  it('goes on after the connection broke, with what had come', async () => {
    const location = await begin();
    const socket = connect(Number(new URL(registry.url).port), '127.0.0.1');
    socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf of `);
    await rangeBecomes(location, '0-7');
    socket.destroy();
    await send('PATCH', location, chunk('it', '8-9'));
    expect((await finish(location, sha256Of('half of it'))).status).toBe(201);
  });

  it('goes on while the old connection still looks alive', async () => {
    const location = await begin();
    const socket = connect(Number(new URL(registry.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf of `);
    await rangeBecomes(location, '0-7');
    const answer = await finish(location, sha256Of('half of that'), chunk('that', '8-11'));
    expect(answer.status).toBe(201);
    expect(await content(sha256Of('half of that'))).toBe('half of that');
    socket.destroy();
  });

  it('can be finished only once', async () => {
    const location = await begin();
    await send('PATCH', location, chunk('once'));
    const answers = await Promise.all([1, 2, 3].map(() => finish(location, sha256Of('once'))));
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 404, 404]);
  });

  it('goes on in the next process', async () => {
    const directory = join(registry.directory, 'inner');
    const first = await openFaultyRegistry({ directory });
    const { location = '' } = (await raw(first.url, 'POST', UPLOADS)).headers;
    await raw(first.url, 'PATCH', location, chunk('before '));
    await first.close();
    const second = await openFaultyRegistry({ directory });
    expect((await raw(second.url, 'PATCH', location, chunk('after', '7-11'))).status).toBe(202);
    const digest = sha256Of('before after');
    expect((await raw(second.url, 'PUT', `${location}?digest=${digest}`)).status).toBe(201);
    expect((await raw(second.url, 'GET', `/v2/app/blobs/${digest}`)).body.toString()).toBe('before after');
    await second.close();
  });

  it('needs room: there is a bound on how many are under way, and who rests must go', async () => {
    const crowded = await openFaultyRegistry();
    const uploads = new Uploads(await openRegistryFolder(crowded.directory, false));
    const repository = (await openRegistryFolder(crowded.directory, false)).repository('app');
    const first = await uploads.begin(repository, 0);
    const rest = 1 + LIMITS.registryRestMs / 2;
    for (let count = 1; count < LIMITS.registryUploads; count++) await uploads.begin(repository, rest);
    const refused = await uploads.begin(repository, rest).catch((error: RegistryError) => error.answer());
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '10' } });
    await uploads.begin(repository, LIMITS.registryRestMs);
    await expect(uploads.find(repository, first.id, LIMITS.registryRestMs)).rejects.toMatchObject({ status: 404 });
    await crowded.close();
  });

  async function rangeBecomes(location: string, range: string): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      if ((await send('GET', location)).headers.range === range) return;
      await pause(20);
    }
    throw new Error(`the upload never got to ${range}`);
  }
});

describe('mounting', () => {
  it.each([
    ['from the repository that is named', 'from=source'],
    ['from any repository', ''],
  ])('%s', async (_what, from) => {
    const digest = await pushBlob(registry.url, 'source', `to mount ${from}`);
    const answer = await send('POST', `/v2/target/blobs/uploads/?mount=${digest}&${from}`);
    expect(answer).toMatchObject({
      status: 201,
      headers: { location: `/v2/target/blobs/${digest}`, 'docker-content-digest': digest },
    });
    expect((await send('GET', `/v2/target/blobs/${digest}`)).body.toString()).toBe(`to mount ${from}`);
  });

  it.each([
    ['the blob is not there', 'from=source'],
    ['the blob is nowhere', ''],
    ['the repository is not there', 'from=nowhere'],
    ['the repository cannot be', 'from=../x'],
  ])('becomes an upload where %s', async (_what, from) => {
    const digest = sha256Of(`not pushed yet ${from}`);
    const answer = await send('POST', `/v2/target/blobs/uploads/?mount=${digest}&${from}`);
    expect(answer.status).toBe(202);
    const location = answer.headers.location ?? '';
    expect((await finish(location, digest, chunk(`not pushed yet ${from}`))).status).toBe(201);
  });

  it('does not revive what was deleted everywhere', async () => {
    const digest = await pushBlob(registry.url, 'source', 'deleted');
    await send('DELETE', `/v2/source/blobs/${digest}`);
    expect((await send('POST', `/v2/target/blobs/uploads/?mount=${digest}`)).status).toBe(202);
    expect((await send('POST', `/v2/target/blobs/uploads/?mount=${digest}&from=source`)).status).toBe(202);
  });

  it('needs a digest', async () => {
    expect(errorCode(await send('POST', '/v2/target/blobs/uploads/?mount=x&from=source'))).toBe('DIGEST_INVALID');
  });
});

it('keeps one file for a blob of several repositories', async () => {
  const digest = await pushBlob(registry.url, 'first', 'shared');
  await pushBlob(registry.url, 'second', 'shared');
  await send('DELETE', `/v2/first/blobs/${digest}`);
  expect((await send('GET', `/v2/first/blobs/${digest}`)).status).toBe(404);
  expect((await send('GET', `/v2/second/blobs/${digest}`)).body.toString()).toBe('shared');
  await access(join(registry.directory, 'blobs', digest.replace(':', '/')));
});

it('asks for a body only when it wants it', async () => {
  const socket = connect(Number(new URL(registry.url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (data) => (text += data));
  socket.write('PUT /v2/Wrong/manifests/1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
  await new Promise((resolve) => socket.on('close', resolve));
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  const willing = connect(Number(new URL(registry.url).port), '127.0.0.1');
  text = '';
  willing.on('data', (data) => (text += data));
  const digest = sha256Of('hello');
  willing.write(
    `POST ${UPLOADS}?digest=${digest} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
  );
  while (!text.includes('100 Continue')) await pause(10);
  willing.write('hello');
  while (!text.includes('201 Created')) await pause(10);
  willing.destroy();
});
