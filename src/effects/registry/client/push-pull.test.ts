import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type FaultyRegistry,
  type FaultyRegistryOptions,
  openFaultyRegistry,
} from '../../../../test/support/faulty-registry.ts';
import {
  bytesOf,
  type ClientBench,
  failureOf,
  openBench,
  testImages,
} from '../../../../test/support/registry-client.ts';
import {
  after,
  answering,
  blobsElsewhere,
  cuttingAnswer,
  cuttingRequest,
  dockerV2Only,
  forgettingMounts,
  losingAnswer,
  on,
  slow,
  times,
  tooManyRequests,
  wrongBytes,
  wrongDigestHeader,
} from '../../../../test/support/registry-faults.ts';
import { openVerified } from '../../../formats/oci/blob-source.ts';
import { imageLayers, makeIndex } from '../../../formats/oci/image.ts';
import { pullImage } from './pull-image.ts';
import { pushImageIndex } from './push-image.ts';

let bench: ClientBench;
const open: FaultyRegistry[] = [];
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

const TAGS = { tags: ['1.0', 'latest'] };
const methods = (requests: FaultyRegistry['requests']) => requests.map(({ method }) => method);

describe('push and pull', () => {
  it('brings back what was pushed, byte for byte', async () => {
    const server = await registry();
    const client = bench.open(`${server.host}/team/app`);
    const { index, layers, blobs } = testImages();
    const report = await pushImageIndex(client, index, blobs, TAGS);
    expect(report).toEqual({ blobs: { present: 0, mounted: 0, sent: 5 }, sentBytes: expect.any(Number), manifests: 5 });
    for (const ref of ['1.0', 'latest', index.descriptor.digest]) {
      const pulled = await pullImage(client, ref);
      expect(pulled.value).toEqual(index);
      for (const { descriptor, bytes } of layers) {
        expect(await bytesOf(openVerified(pulled.blobs, descriptor))).toEqual(Buffer.from(bytes));
      }
    }
    const one = await pullImage(client, index.children[1]?.descriptor.digest ?? '');
    expect(one.value).toMatchObject({ kind: 'image', manifestBytes: index.children[1]?.manifestBytes });
  });

  it('sends what is named before what names it, and the tags last', async () => {
    const server = await registry();
    const { index, blobs } = testImages();
    const nested = makeIndex([index], { outer: 'yes' });
    await pushImageIndex(bench.open(`${server.host}/team/app`), nested, blobs, TAGS);
    const puts = server.requests.filter(({ method }) => method === 'PUT').map(({ path }) => path);
    const kind = (path: string) =>
      path.includes('/blobs/')
        ? 'blob'
        : path.endsWith(nested.descriptor.digest)
          ? 'outer'
          : path.endsWith(index.descriptor.digest)
            ? 'index'
            : path.includes('sha256:')
              ? 'image'
              : 'tag';
    expect(puts.map(kind)).toEqual([...Array(5).fill('blob'), 'image', 'image', 'index', 'outer', 'tag', 'tag']);
  });

  it('sends nothing that is there: looking is all it does', async () => {
    const server = await registry();
    const { index, blobs } = testImages();
    await pushImageIndex(bench.open(`${server.host}/team/app`), index, blobs, TAGS);
    const [before, given] = [server.requests.length, blobs.given.bytes];
    const report = await pushImageIndex(bench.open(`${server.host}/team/app`), index, blobs, TAGS);
    expect(report).toEqual({ blobs: { present: 0, mounted: 0, sent: 0 }, sentBytes: 0, manifests: 0 });
    expect(methods(server.requests.slice(before))).toEqual(['HEAD', 'HEAD', 'HEAD']);
    expect(blobs.given.bytes).toBe(given);
  });

  it('sends only what is new, and moves the tag', async () => {
    const server = await registry();
    const client = bench.open(`${server.host}/team/app`);
    const [old, next] = [testImages(1), testImages(2)];
    await pushImageIndex(client, old.index, old.blobs, TAGS);
    const mixed = makeIndex([old.index.children[0] as never, next.index.children[1] as never], {});
    const report = await pushImageIndex(client, mixed, next.blobs, { tags: ['1.0'] });
    expect(report.blobs).toEqual({ present: 0, mounted: 0, sent: 3 });
    expect(report.manifests).toBe(3);
    expect((await client.resolve('1.0'))?.digest).toBe(mixed.descriptor.digest);
    expect((await client.resolve('latest'))?.digest).toBe(old.index.descriptor.digest);
  });

  it('mounts from a neighbour instead of sending', async () => {
    const server = await registry();
    const { index, blobs } = testImages();
    await pushImageIndex(bench.open(`${server.host}/team/base`), index, blobs, { tags: [] });
    const given = blobs.given.bytes;
    const client = bench.open(`${server.host}/team/app`);
    const report = await pushImageIndex(client, index, blobs, { tags: ['1'], mountFrom: 'team/base' });
    expect(report.blobs).toEqual({ present: 0, mounted: 5, sent: 0 });
    expect(blobs.given.bytes).toBe(given);
  });

  it('pushes a single image, and by digest alone', async () => {
    const server = await registry();
    const client = bench.open(`${server.host}/team/app`);
    const { images, blobs } = testImages();
    const image = images[0];
    if (image === undefined) throw new Error('no image');
    await pushImageIndex(client, image, blobs, { tags: [] });
    const pulled = await pullImage(client, image.descriptor.digest);
    expect(pulled.value.kind === 'image' && imageLayers(pulled.value)).toEqual(imageLayers(image));
    expect(await client.resolve('latest')).toBeUndefined();
  });

  it('tells how far it is', async () => {
    const server = await registry();
    const { index, blobs } = testImages();
    const progress: number[] = [];
    await pushImageIndex(bench.open(`${server.host}/team/app`), index, blobs, {
      ...TAGS,
      events: (event) => event.type === 'progress' && progress.push(event.done / event.total),
    });
    expect(progress).toHaveLength(5);
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });
});

describe('faults while pushing', () => {
  const { index, layers, blobs } = testImages(3, 400_000);

  it.each<[string, FaultyRegistryOptions['faults']]>([
    ['requests refused with 429', [times(2, tooManyRequests(1))]],
    [
      'every kind refused once with 500',
      (['HEAD', 'POST', 'PUT'] as const).map((method) => on({ method }, times(2, answering(500)))),
    ],
    ['uploads cut', [on({ kind: 'upload', method: 'PUT' }, times(2, cuttingRequest(50_000)))]],
    ['uploads cut before the first byte', [on({ kind: 'upload', method: 'PUT' }, times(2, cuttingRequest(0)))]],
    ['uploads cut again and again', [on({ kind: 'upload' }, times(6, cuttingRequest(70_000)))]],
    ['lost answers to manifests', [on({ kind: 'manifest', method: 'PUT' }, times(3, losingAnswer()))]],
    ['lost answers to blobs', [on({ kind: 'upload', method: 'PUT' }, times(3, losingAnswer()))]],
    ['lost answers to looking', [on({ method: 'HEAD' }, times(3, losingAnswer()))]],
    ['uploads in trouble', [on({ kind: 'upload', method: 'PUT' }, times(3, answering(503)))]],
    [
      'uploads that vanish',
      [on({ kind: 'upload', method: 'PUT' }, times(2, answering(404, {}, 'BLOB_UPLOAD_UNKNOWN')))],
    ],
    [
      'blobs that a manifest’s first look does not find',
      [on({ kind: 'manifest', method: 'PUT' }, times(2, answering(400, {}, 'MANIFEST_BLOB_UNKNOWN')))],
    ],
    [
      'images that the index’s first look does not find',
      [
        on(
          { kind: 'manifest', method: 'PUT', path: testImages(3, 400_000).index.descriptor.digest },
          times(1, answering(404, {}, 'MANIFEST_UNKNOWN')),
        ),
      ],
    ],
    [
      'a tag whose image is not found at first',
      [on({ kind: 'manifest', method: 'PUT', path: '1.0' }, times(1, answering(400, {}, 'MANIFEST_BLOB_UNKNOWN')))],
    ],
    ['HEAD not allowed for manifests', [on({ kind: 'manifest', method: 'HEAD' }, answering(405))]],
  ])('%s: it gets there', async (_name, faults) => {
    const server = await registry(faults === undefined ? {} : { faults });
    const client = bench.open(`${server.host}/team/app`);
    await pushImageIndex(client, index, blobs, TAGS);
    const clean = await pullImage(client, '1.0');
    expect(clean.value).toEqual(index);
    for (const { descriptor, bytes } of layers) {
      expect((await bytesOf(openVerified(clean.blobs, descriptor))).equals(bytes)).toBe(true);
    }
    expect(server.warnings).toEqual([]);
  });

  it.each<[string, string, RegExp, FaultyRegistryOptions['faults']]>([
    ['500 for ever', 'HTTP_STATUS', /status 500/, [on({ kind: 'upload', method: 'PUT' }, answering(500))]],
    ['no room', 'HTTP_STATUS', /status 507/, [on({ kind: 'uploads' }, answering(507))]],
    ['429 for ever', 'HTTP_STATUS', /status 429/, [on({ kind: 'uploads' }, tooManyRequests(3600))]],
    ['uploads cut for ever', 'NETWORK_UNREACHABLE', /cannot send to/, [on({ kind: 'upload' }, cuttingRequest(0))]],
    [
      'manifests refused',
      'HTTP_STATUS',
      /does not let us store/,
      [on({ kind: 'manifest', method: 'PUT' }, answering(400, {}, 'MANIFEST_INVALID'))],
    ],
    [
      'the repository is not there',
      'HTTP_STATUS',
      /status 404/,
      [on({ kind: 'uploads' }, answering(404, {}, 'NAME_UNKNOWN'))],
    ],
    [
      'another digest than ours',
      'CHECKSUM_MISMATCH',
      /should have the digest/,
      [on({ kind: 'manifest', method: 'PUT' }, wrongDigestHeader())],
    ],
    [
      'another blob than ours',
      'REGISTRY_PROTOCOL',
      /stored the blob/,
      [on({ kind: 'upload', method: 'PUT' }, wrongDigestHeader())],
    ],
    ['no place for an upload', 'REGISTRY_PROTOCOL', /does not say where/, [on({ kind: 'uploads' }, answering(202))]],
    ['no OCI types', 'HTTP_STATUS', /status 400/, dockerV2Only()],
    [
      'blobs that no manifest finds',
      'HTTP_STATUS',
      /status 400/,
      [on({ kind: 'manifest', method: 'PUT' }, answering(400, {}, 'MANIFEST_BLOB_UNKNOWN'))],
    ],
    [
      'broken before the tag',
      'HTTP_STATUS',
      /status 500/,
      [on({ kind: 'manifest', method: 'PUT' }, after(3, answering(500)))],
    ],
  ])('%s: one clear failure, and no tag', async (_name, code, message, faults) => {
    const server = await registry(faults === undefined ? {} : { faults });
    const failure = await failureOf(pushImageIndex(bench.open(`${server.host}/team/app`), index, blobs, TAGS));
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(message);
    expect(failure.hint).toBeTruthy();
    const honest = await registry({ directory: server.directory });
    expect(await bench.open(`${honest.host}/team/app`).resolve('1.0')).toBeUndefined();
  });

  it('sends what was mounted and is not there', async () => {
    const server = await registry({ faults: [forgettingMounts()] });
    await pushImageIndex(bench.open(`${server.host}/team/base`), index, blobs, { tags: [] });
    const client = bench.open(`${server.host}/team/app`);
    await pushImageIndex(client, index, blobs, { tags: ['1.0'], mountFrom: 'team/base' });
    const { value, blobs: remote } = await pullImage(client, '1.0');
    expect(value).toEqual(index);
    for (const { descriptor } of layers) await bytesOf(openVerified(remote, descriptor));
  });

  it('puts back an image that somebody deleted before its index came', async () => {
    let deleted = 0;
    const image = index.children[0]?.descriptor.digest ?? '';
    const server = await registry({
      faults: [
        on({ kind: 'manifest', method: 'PUT', path: index.descriptor.digest }, async (request, next) => {
          if (deleted++ === 0) await bench.open(`${server.host}/team/app`).deleteManifest(image as never);
          return await next(request);
        }),
      ],
    });
    const client = bench.open(`${server.host}/team/app`);
    await pushImageIndex(client, index, blobs, TAGS);
    expect((await pullImage(client, '1.0')).value).toEqual(index);
  });

  it('a blob that is not what it should be never arrives', async () => {
    const server = await registry();
    const damaged = {
      open: async function* () {
        yield new Uint8Array(400_000);
      },
    };
    const client = bench.open(`${server.host}/team/app`);
    const failure = await failureOf(pushImageIndex(client, index, damaged, TAGS));
    expect(failure.code).toBe('CHECKSUM_MISMATCH');
    expect(await client.resolve('1.0')).toBeUndefined();
  });
});

describe('a registry that falls silent', () => {
  const { index, blobs } = testImages(6, 4_000);
  const impatient = { timeoutMs: 100 };

  it.each<[string, FaultyRegistryOptions['faults'], boolean]>([
    ['once, before it answers a push', [on({ kind: 'upload', method: 'PUT' }, times(1, slow(1_000)))], true],
    ['before it answers anything', [slow(1_000)], false],
  ])('%s', async (_name, faults, arrives) => {
    const server = await registry(faults === undefined ? {} : { faults });
    const pushing = pushImageIndex(bench.open(`${server.host}/team/app`, impatient), index, blobs, TAGS);
    if (arrives) await pushing;
    else expect(await failureOf(pushing)).toMatchObject({ code: 'NETWORK_UNREACHABLE', hint: expect.any(String) });
    const honest = await registry({ directory: server.directory });
    const digest = (await bench.open(`${honest.host}/team/app`).resolve('1.0'))?.digest;
    expect(digest).toBe(arrives ? index.descriptor.digest : undefined);
  });

  it.each<[string, FaultyRegistryOptions['faults'], boolean]>([
    ['once, before it answers a pull', [on({ method: 'GET' }, times(2, slow(1_000)))], true],
    ['before it answers any pull', [on({ method: 'GET' }, slow(1_000))], false],
  ])('%s', async (_name, faults, arrives) => {
    const full = await registry();
    await pushImageIndex(bench.open(`${full.host}/team/app`), index, blobs, TAGS);
    const server = await registry({ directory: full.directory, ...(faults && { faults }) });
    const pulling = pullImage(bench.open(`${server.host}/team/app`, impatient), '1.0');
    if (arrives) expect((await pulling).value).toEqual(index);
    else expect(await failureOf(pulling)).toMatchObject({ code: 'NETWORK_UNREACHABLE', hint: expect.any(String) });
  });
});

describe('faults while pulling', () => {
  const { index, layers, blobs } = testImages(4, 400_000);
  const pullAll = async (server: FaultyRegistry) => {
    const { value, blobs: remote } = await pullImage(bench.open(`${server.host}/team/app`), '1.0');
    const found = await Promise.all(layers.map(({ descriptor }) => bytesOf(openVerified(remote, descriptor))));
    return { value, found };
  };
  const filled = async (faults: FaultyRegistryOptions['faults']) => {
    const honest = await registry();
    await pushImageIndex(bench.open(`${honest.host}/team/app`), index, blobs, TAGS);
    return await registry({ directory: honest.directory, ...(faults && { faults }) });
  };

  it.each<[string, FaultyRegistryOptions['faults']]>([
    ['429 and 500', [times(1, tooManyRequests(1)), on({ method: 'GET' }, times(3, answering(500)))]],
    ['blobs cut', [on({ kind: 'blob', method: 'GET' }, times(5, cuttingAnswer(90_000)))]],
    ['manifests cut', [on({ kind: 'manifest', method: 'GET' }, times(3, cuttingAnswer(100)))]],
    ['lost answers', [on({ method: 'GET' }, times(3, losingAnswer()))]],
  ])('%s: it gets there', async (_name, faults) => {
    const { value, found } = await pullAll(await filled(faults));
    expect(value).toEqual(index);
    expect(found.map((bytes, i) => bytes.equals(layers[i]?.bytes ?? Buffer.from('')))).toEqual([true, true, true]);
  });

  it('goes on where it was, without beginning again', async () => {
    const server = await filled([
      on({ kind: 'blob', method: 'GET', path: layers[0]?.descriptor.digest ?? '' }, times(2, cuttingAnswer(150_000))),
    ]);
    const { found } = await pullAll(server);
    expect(found[0]?.length).toBe(400_000);
    const asked = server.requests.filter(({ path }) => path.endsWith(layers[0]?.descriptor.digest ?? '?'));
    expect(asked.map(({ status }) => status)).toEqual([200, 206, 206]);
  });

  it('follows blobs elsewhere', async () => {
    const storage = await registry();
    await pushImageIndex(bench.open(`${storage.host}/team/app`), index, blobs, TAGS);
    const server = await registry({ directory: storage.directory, faults: [blobsElsewhere(storage.url)] });
    expect((await pullAll(server)).value).toEqual(index);
    expect(storage.requests.filter(({ method }) => method === 'GET')).toHaveLength(5);
  });

  it.each<[string, string, RegExp, FaultyRegistryOptions['faults']]>([
    [
      'wrong bytes in a manifest',
      'CHECKSUM_MISMATCH',
      /should have the digest/,
      [on({ kind: 'manifest', method: 'GET' }, wrongBytes())],
    ],
    ['wrong bytes in a blob', 'CHECKSUM_MISMATCH', /other content/, [on({ kind: 'blob' }, wrongBytes())]],
    [
      'a lie about the digest',
      'CHECKSUM_MISMATCH',
      /should have the digest/,
      [on({ kind: 'manifest', method: 'GET' }, wrongDigestHeader())],
    ],
    ['a missing blob', 'IMAGE_INVALID', /has no blob/, [on({ kind: 'blob' }, answering(404))]],
    ['a missing manifest', 'IMAGE_NOT_FOUND', /does not exist/, [on({ kind: 'manifest' }, answering(404))]],
    ['trouble for ever', 'HTTP_STATUS', /status 503/, [answering(503)]],
    [
      'cuts without progress',
      'NETWORK_UNREACHABLE',
      /cannot fetch/,
      [on({ kind: 'blob', path: layers[0]?.descriptor.digest ?? '' }, cuttingAnswer(0))],
    ],
  ])('%s: one clear failure', async (_name, code, message, faults) => {
    const failure = await failureOf(pullAll(await filled(faults)));
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(message);
    expect(failure.hint).toBeTruthy();
  });
});
