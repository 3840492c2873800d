import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type FaultyRegistry,
  type FaultyRegistryOptions,
  openFaultyRegistry,
} from '../../../../test/support/faulty-registry.ts';
import { type Handler, openLoopbackServer } from '../../../../test/support/loopback-server.ts';
import {
  bytesOf,
  type ClientBench,
  failureOf,
  memoryBlobs,
  openBench,
  testBlob,
} from '../../../../test/support/registry-client.ts';
import { answering, cuttingRequest, on, statefulUploads, times } from '../../../../test/support/registry-faults.ts';
import { sha256 } from '../../../base/digest.ts';
import { openVerified } from '../../../formats/oci/blob-source.ts';
import { parseConfirmedBytes } from './upload-session.ts';

let bench: ClientBench;
const open: { close(): Promise<void> }[] = [];
beforeEach(() => {
  bench = openBench();
});
afterEach(async () => {
  await bench.close();
  for (const one of open.splice(0)) await one.close();
});

async function registry(options: FaultyRegistryOptions = {}): Promise<FaultyRegistry> {
  const made = await openFaultyRegistry(options);
  open.push(made);
  return made;
}
async function server(handler: Handler) {
  const made = await openLoopbackServer(handler);
  open.push(made);
  return { ...made, host: `127.0.0.1:${made.port}` };
}
const blob = testBlob(500_000);
const seen = (requests: FaultyRegistry['requests']) => requests.map(({ method, status }) => `${method} ${status}`);

describe('pushBlob', () => {
  it('asks, begins, sends', async () => {
    const s = await registry();
    const client = bench.open(`${s.host}/team/app`);
    const sent: number[] = [];
    expect(await client.pushBlob(blob.descriptor, memoryBlobs(blob), { onSent: (n) => sent.push(n) })).toBe('sent');
    expect(seen(s.requests)).toEqual(['HEAD 404', 'POST 202', 'PUT 201']);
    expect(sent.reduce((a, b) => a + b)).toBe(500_000);
    expect(await client.pushBlob(blob.descriptor, memoryBlobs(blob))).toBe('present');
    expect(await client.hasBlob(blob.descriptor)).toBe(true);
    expect(await client.hasBlob({ ...blob.descriptor, sizeBytes: 7 })).toBe(false);
    expect(await bytesOf(openVerified(client.blobs, blob.descriptor))).toEqual(Buffer.from(blob.bytes));
  });

  it('takes an empty blob', async () => {
    const s = await registry();
    const client = bench.open(`${s.host}/team/app`);
    const empty = testBlob(0);
    expect(await client.pushBlob(empty.descriptor, memoryBlobs(empty))).toBe('sent');
    expect(await bytesOf(openVerified(client.blobs, empty.descriptor))).toHaveLength(0);
  });

  it('mounts, and sends where mounting does not work', async () => {
    const s = await registry();
    await bench.open(`${s.host}/team/base`).pushBlob(blob.descriptor, memoryBlobs(blob));
    const client = bench.open(`${s.host}/team/app`);
    expect(await client.pushBlob(blob.descriptor, memoryBlobs(), { mountFrom: 'team/base' })).toBe('mounted');
    const other = testBlob(10, 2);
    expect(await client.pushBlob(other.descriptor, memoryBlobs(other), { mountFrom: 'team/base' })).toBe('sent');
    const third = testBlob(10, 3);
    const refusing = await registry({ faults: [on({ kind: 'uploads', path: 'app' }, times(1, answering(405)))] });
    const there = bench.open(`${refusing.host}/team/app`);
    expect(await there.pushBlob(third.descriptor, memoryBlobs(third), { mountFrom: 'team/base' })).toBe('sent');
  });

  it('goes on where it was after a broken connection', async () => {
    const s = await registry({ faults: [on({ kind: 'upload' }, times(1, cuttingRequest(200_000)))] });
    const source = memoryBlobs(blob);
    await bench.open(`${s.host}/team/app`).pushBlob(blob.descriptor, source);
    expect(seen(s.requests)).toEqual(['HEAD 404', 'POST 202', 'PUT undefined', 'GET 204', 'PATCH 202', 'PUT 201']);
    // Not everything again: what the registry had was not read a second time.
    expect(source.given.bytes).toBeLessThan(1_000_000);
  });

  it('begins anew where the registry has lost the upload', async () => {
    const faults = [
      on({ kind: 'upload', method: 'PUT' }, times(1, cuttingRequest(200_000))),
      on({ kind: 'upload', method: 'GET' }, answering(404, {}, 'BLOB_UPLOAD_UNKNOWN')),
    ];
    const s = await registry({ faults });
    await bench.open(`${s.host}/team/app`).pushBlob(blob.descriptor, memoryBlobs(blob));
    expect(seen(s.requests).filter((text) => text.startsWith('PUT'))).toEqual(['PUT undefined', 'PUT 201']);
    expect(s.requests.some(({ method }) => method === 'DELETE')).toBe(true);
  });

  it('keeps the state that an upload place carries', async () => {
    const s = await registry({ faults: [statefulUploads()] });
    const client = bench.open(`${s.host}/team/app`);
    expect(await client.pushBlob(blob.descriptor, memoryBlobs(blob))).toBe('sent');
    const cut = await registry({
      faults: [on({ kind: 'upload', method: 'PUT' }, times(1, cuttingRequest(100_000))), statefulUploads()],
    });
    expect(await bench.open(`${cut.host}/team/app`).pushBlob(blob.descriptor, memoryBlobs(blob))).toBe('sent');
  });

  it('sends smaller pieces where one request may not have it all', async () => {
    const big = testBlob(5 * 1024 * 1024);
    const faults = [
      on({ kind: 'upload' }, async (request, next) =>
        Number(request.headers['content-length'] ?? 0) > 4 * 1024 * 1024
          ? await answering(413)(request, next)
          : await next(request),
      ),
    ];
    const s = await registry({ faults });
    const client = bench.open(`${s.host}/team/app`);
    expect(await client.pushBlob(big.descriptor, memoryBlobs(big))).toBe('sent');
    expect(seen(s.requests).filter((text) => text.startsWith('PATCH'))).toEqual(['PATCH 202', 'PATCH 202']);
    const small = await registry({ faults: [on({ kind: 'upload', method: 'PUT' }, answering(413))] });
    const failure = await failureOf(bench.open(`${small.host}/team/app`).pushBlob(blob.descriptor, memoryBlobs(blob)));
    expect(failure).toMatchObject({ code: 'HTTP_STATUS', data: { status: 413 } });
  });

  it('honours OCI-Chunk-Min-Length', async () => {
    const big = testBlob(5 * 1024 * 1024);
    const lengths: number[] = [];
    const s = await registry({
      faults: [
        on({ kind: 'uploads' }, async (request, next) => {
          const answer = await next(request);
          return { ...answer, headers: { ...answer.headers, 'oci-chunk-min-length': `${10 * 1024 * 1024}` } };
        }),
        on({ kind: 'upload', method: 'PUT' }, times(1, answering(413))),
        on({ kind: 'upload', method: 'PATCH' }, (request, next) => {
          lengths.push(Number(request.headers['content-length']));
          return next(request);
        }),
      ],
    });
    // A chunk that small would be refused: there is no smaller way, and that is said.
    const failure = await failureOf(bench.open(`${s.host}/team/app`).pushBlob(big.descriptor, memoryBlobs(big)));
    expect(failure.data).toEqual({ status: 413 });
    expect(lengths).toEqual([]);
  });

  it('never lets a damaged source through', async () => {
    const s = await registry();
    const client = bench.open(`${s.host}/team/app`);
    const short = {
      open: async function* () {
        yield blob.bytes.subarray(0, 1000);
      },
    };
    const other = {
      open: async function* () {
        yield testBlob(500_000, 9).bytes;
      },
    };
    for (const source of [short, other]) {
      expect((await failureOf(client.pushBlob(blob.descriptor, source))).code).toBe('CHECKSUM_MISMATCH');
      expect(await client.hasBlob(blob.descriptor)).toBe(false);
    }
  });

  it('sends with constant memory', async () => {
    const sizeBytes = 192 * 1024 * 1024;
    const chunk = Buffer.alloc(256 * 1024, 7);
    const { createHash } = await import('node:crypto');
    const hash = createHash('sha256');
    for (let at = 0; at < sizeBytes; at += chunk.length) hash.update(chunk);
    const descriptor = { ...blob.descriptor, sizeBytes, digest: `sha256:${hash.digest('hex')}` as const };
    const source = {
      async *open() {
        for (let at = 0; at < sizeBytes; at += chunk.length) yield Buffer.from(chunk);
      },
    };
    let received = 0;
    const s = await server((request, response) => {
      if (request.method === 'HEAD') return void response.writeHead(404).end();
      if (request.method === 'POST') return void response.writeHead(202, { location: '/up' }).end();
      request.on('data', (piece: Buffer) => {
        received += piece.length;
      });
      request.on('end', () => response.writeHead(201).end());
    });
    let most = 0;
    const before = process.memoryUsage().arrayBuffers;
    const client = bench.open(`${s.host}/team/app`);
    await client.pushBlob(descriptor, source, {
      onSent: () => {
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      },
    });
    expect(received).toBe(sizeBytes);
    expect(most).toBeLessThan(96 * 1024 * 1024);
  });
});

describe('upload places', () => {
  const uploading =
    (place: (request: IncomingMessage) => string, rest: Handler): Handler =>
    (request, response) => {
      if (request.method === 'HEAD') return void response.writeHead(404).end();
      if (request.method === 'POST') return void response.writeHead(202, { location: place(request) }).end();
      rest(request, response);
    };
  const created: Handler = (request: IncomingMessage, response: ServerResponse) => {
    request.resume().on('end', () => response.writeHead(201).end());
  };
  const small = testBlob(100);

  it.each<[string, (origin: string) => string, string]>([
    ['relative to the host', () => '/up/1', '/up/1?digest='],
    ['relative to the request', () => 'next', '/v2/team/app/blobs/uploads/next?digest='],
    ['absolute', (origin) => `${origin}/up/2`, '/up/2?digest='],
    ['with a query that is signed', () => '/up?_state=a%3D%2B~b&x', '/up?_state=a%3D%2B~b&x&digest='],
    ['with user info', (origin) => origin.replace('//', '//a:b@'), '/?digest='],
  ])('%s', async (_name, place, expected) => {
    const s = await server(uploading((request) => place(`http://${request.headers.host}`), created));
    await bench.open(`${s.host}/team/app`).pushBlob(small.descriptor, memoryBlobs(small));
    expect(s.requests[2]?.url).toBe(`${expected}${encodeURIComponent(small.descriptor.digest)}`);
    expect(s.requests[2]?.headers.authorization).toBeUndefined();
  });

  it('on another host get the bytes, and never our Authorization', async () => {
    const storage = await server(created);
    const guarded = uploading(() => `${storage.url}/bucket?sig=1`, created);
    const s = await server((request, response) => {
      const known = request.headers.authorization === `Basic ${Buffer.from('ci:pw').toString('base64')}`;
      if (known) return guarded(request, response);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
    const { join } = await import('node:path');
    const home = await mkdtemp(join((await import('node:os')).tmpdir(), 'stave-home-'));
    await writeFile(
      join(home, 'config.json'),
      JSON.stringify({ auths: { [s.host]: { username: 'ci', password: 'pw' } } }),
    );
    const client = bench.open(`${s.host}/team/app`, { environment: { DOCKER_CONFIG: home } });
    expect(await client.pushBlob(small.descriptor, memoryBlobs(small))).toBe('sent');
    await rm(home, { recursive: true });
    expect(storage.requests.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      [`/bucket?sig=1&digest=${encodeURIComponent(small.descriptor.digest)}`, undefined],
    ]);
    expect(s.requests.at(-1)?.headers.authorization).toBeDefined();
  });

  it.each([
    ['ftp://r.example/up', /does not say where it goes/],
    ['http://', /does not say where it goes/],
  ])('%s is refused', async (place, message) => {
    const s = await server(uploading(() => place, created));
    const failure = await failureOf(bench.open(`${s.host}/a/b`).pushBlob(small.descriptor, memoryBlobs(small)));
    expect(failure).toMatchObject({ code: 'REGISTRY_PROTOCOL', message: expect.stringMatching(message) });
  });

  it('whose answer is strange are a failure of the registry', async () => {
    const s = await server(
      uploading(
        () => '/up',
        (request, response) => {
          if (request.method === 'PUT' && !('content-range' in request.headers) && s.requests.length < 4)
            return void request.socket.destroy();
          if (request.method === 'GET') return void response.writeHead(204, { range: '0-49', location: '/up' }).end();
          request.resume().on('end', () => response.writeHead(202, { range: '0-200', location: '/up' }).end());
        },
      ),
    );
    const failure = await failureOf(bench.open(`${s.host}/a/b`).pushBlob(small.descriptor, memoryBlobs(small)));
    expect(failure).toMatchObject({ code: 'REGISTRY_PROTOCOL', message: expect.stringMatching(/confirms 201 bytes/) });
  });
});

describe('parseConfirmedBytes', () => {
  it.each([
    ['0-0', 0],
    ['0--1', 0],
    ['0-9', 10],
    ['bytes=0-9', 10],
    [' 0-1048575 ', 1_048_576],
    ['1-9', undefined],
    ['0-', undefined],
    ['x', undefined],
    [undefined, undefined],
  ])('%s: %s', (header, expected) => {
    expect(parseConfirmedBytes(header)).toBe(expected);
  });
});

describe('openBlob', () => {
  const digits = {
    bytes: Buffer.from('0123456789'),
    descriptor: { ...blob.descriptor, sizeBytes: 10, digest: sha256('0123456789') },
  };
  const reading = async (handler: Handler, range?: { start: number; end: number }) => {
    const s = await server(handler);
    const text = (await bytesOf(bench.open(`${s.host}/team/app`).openBlob(digits.descriptor, range))).toString();
    return { text, requests: s.requests };
  };
  const all: Handler = (_request, response) => void response.end(digits.bytes);

  it('reads ranges, also where the server ignores them', async () => {
    const s = await registry();
    const client = bench.open(`${s.host}/team/app`);
    await client.pushBlob(digits.descriptor, memoryBlobs(digits));
    const range = async (start: number, end: number) =>
      (await bytesOf(client.openBlob(digits.descriptor, { start, end }))).toString();
    expect(await range(2, 5)).toBe('234');
    expect(await range(0, 10)).toBe('0123456789');
    expect(await range(8, 99)).toBe('89');
    expect(await range(4, 4)).toBe('');
    expect(s.requests.filter(({ method }) => method === 'GET').map(({ status }) => status)).toEqual([206, 206, 206]);
    expect((await reading(all, { start: 2, end: 5 })).text).toBe('234');
    expect((await reading(all, { start: 9, end: 10 })).text).toBe('9');
  });

  it.each<[string, string, RegExp, Handler, { start: number; end: number } | undefined]>([
    [
      'more bytes than promised',
      'CHECKSUM_MISMATCH',
      /has 11 bytes, not 10/,
      (_q, r) => void r.end('0123456789x'),
      undefined,
    ],
    [
      'another range',
      'REGISTRY_PROTOCOL',
      /another range/,
      (_q, r) => void r.writeHead(206, { 'content-range': 'bytes 0-2/10' }).end('012'),
      { start: 2, end: 5 },
    ],
    [
      'too short a range',
      'REGISTRY_PROTOCOL',
      /sent 1 bytes .* should have sent 3/,
      (_q, r) => void r.writeHead(206, { 'content-range': 'bytes 2-2/10' }).end('2'),
      { start: 2, end: 5 },
    ],
    [
      'a refusal of the storage',
      'HTTP_STATUS',
      /status 403/,
      (q, r) =>
        void (q.url === '/s'
          ? r.writeHead(403).end()
          : r.writeHead(307, { location: `http://localhost:${(q.socket.address() as AddressInfo).port}/s` }).end()),
      undefined,
    ],
  ])('%s', async (_name, code, message, handler, range) => {
    const failure = await failureOf(reading(handler, range));
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('stops reading when nobody wants more', async () => {
    let closed = false;
    const endless = createServer((_request, response) => {
      response.on('close', () => {
        closed = true;
      });
      const more = () => response.write(Buffer.alloc(64 * 1024)) && setImmediate(more);
      response.on('drain', more);
      more();
    });
    await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => endless.close(() => resolve()).closeAllConnections()) });
    const client = bench.open(`127.0.0.1:${(endless.address() as AddressInfo).port}/team/app`);
    for await (const _chunk of client.openBlob({ ...blob.descriptor, sizeBytes: 1e12 })) break;
    await expect.poll(() => closed).toBe(true);
  });
});
