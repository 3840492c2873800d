import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type FaultyRegistry,
  type FaultyRegistryOptions,
  openFaultyRegistry,
} from '../../../../test/support/faulty-registry.ts';
import { openLoopbackServer } from '../../../../test/support/loopback-server.ts';
import {
  type ClientBench,
  failureOf,
  memoryBlobs,
  openBench,
  type TestBlob,
  testImages,
} from '../../../../test/support/registry-client.ts';
import { after, answering, ghcrLike, on, referrersRedirect, times } from '../../../../test/support/registry-faults.ts';
import { type Digest, sha256 } from '../../../base/digest.ts';
import type { Descriptor } from '../../../formats/oci/descriptor.ts';
import { describeBytes, MEDIA_TYPE } from '../../../formats/oci/descriptor.ts';
import { parseIndexManifest, printIndexManifest } from '../../../formats/oci/image-index.ts';
import { printManifest } from '../../../formats/oci/manifest.ts';
import { pushImageIndex } from './push-image.ts';
import { EMPTY_LIST, referrersTag, withReferrer } from './referrer-list.ts';
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

async function registry(options: FaultyRegistryOptions = {}): Promise<FaultyRegistry> {
  const made = await openFaultyRegistry(options);
  open.push(made);
  return made;
}

const EMPTY: TestBlob = {
  bytes: Buffer.from('{}'),
  descriptor: describeBytes(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json'),
};
const { index, blobs } = testImages();
const subject = index.descriptor;
const SPDX = 'application/spdx+json';

/** An artifact about `subject`, as bytes. */
function artifact(name: string, artifactType = SPDX, about: Descriptor = subject): Buffer {
  const { mediaType, sizeBytes, digest } = about;
  return Buffer.from(
    printManifest({
      mediaType: MEDIA_TYPE.imageManifest,
      artifactType,
      config: EMPTY.descriptor,
      layers: [EMPTY.descriptor],
      annotations: { name },
      subject: { mediaType, sizeBytes, digest },
    }),
  );
}

async function filled(options: FaultyRegistryOptions = {}): Promise<{ s: FaultyRegistry; client: RegistryClient }> {
  const honest = await registry();
  const first = bench.open(`${honest.host}/team/app`);
  await pushImageIndex(first, index, blobs, { tags: ['1'] });
  await first.pushBlob(EMPTY.descriptor, memoryBlobs(EMPTY));
  const s = await registry({ directory: honest.directory, ...options });
  return { s, client: bench.open(`${s.host}/team/app`) };
}
const attach = (client: RegistryClient, name: string, type?: string) =>
  client.attachReferrer(subject, MEDIA_TYPE.imageManifest, artifact(name, type));
const names = (found: readonly Descriptor[]) => found.map(({ annotations }) => annotations?.['name']);
const listAt = async (client: RegistryClient) =>
  parseIndexManifest((await client.getManifest(referrersTag(subject.digest))).bytes).manifests;

describe('with the referrers API', () => {
  it('lists what was attached, by type, and touches no tag', async () => {
    const { client } = await filled();
    expect(await client.referrers(subject.digest)).toEqual([]);
    const pushed = await attach(client, 'sbom');
    expect(pushed).toMatchObject({
      confirmedSubject: subject.digest,
      artifactType: SPDX,
      annotations: { name: 'sbom' },
    });
    await attach(client, 'signature', 'application/x-signature');
    expect(names(await client.referrers(subject.digest)).sort()).toEqual(['sbom', 'signature']);
    expect(names(await client.referrers(subject.digest, SPDX))).toEqual(['sbom']);
    expect(await client.referrers(subject.digest, 'application/none')).toEqual([]);
    expect(await client.resolve(referrersTag(subject.digest))).toBeUndefined();
    expect(bench.clock.slept).toEqual([]);
  });

  it('goes through pages, and filters where the registry did not', async () => {
    const entry = (i: number): Descriptor => ({
      mediaType: MEDIA_TYPE.imageManifest,
      sizeBytes: 5,
      digest: sha256(`${i}`),
      artifactType: i % 2 === 0 ? SPDX : 'other',
    });
    const s = await openLoopbackServer((request, response) => {
      const page = Number(/page=(\d)/.exec(request.url ?? '')?.[1] ?? 0);
      const link = page < 2 ? { link: `</v2/a/b/referrers/x?page=${page + 1}>; rel="next"` } : {};
      const manifests = [entry(page * 2), entry(page * 2 + 1)];
      response
        .writeHead(200, { 'content-type': MEDIA_TYPE.imageIndex, ...link })
        .end(printIndexManifest({ ...EMPTY_LIST, manifests }));
    });
    open.push(s);
    const client = bench.open(`127.0.0.1:${s.port}/a/b`);
    expect(await client.referrers(subject.digest, SPDX)).toEqual([entry(0), entry(2), entry(4)]);
    expect(s.requests[0]?.url).toBe(`/v2/a/b/referrers/${subject.digest}?artifactType=application%2Fspdx%2Bjson`);
  });

  it.each([429, 500, 503])('trouble (%i) is no proof that there is none', async (status) => {
    const { client } = await filled({ faults: [on({ kind: 'referrers' }, answering(status))] });
    expect(await failureOf(client.referrers(subject.digest))).toMatchObject({ code: 'HTTP_STATUS', data: { status } });
  });
});

describe('without the referrers API', () => {
  const absent: readonly [string, (stranger: string) => FaultyRegistryOptions][] = [
    ['404', () => ({ referrersApi: false })],
    [
      '404 as text',
      () => ({
        referrersApi: false,
        faults: [on({ kind: 'referrers' }, answering(404, { 'content-type': 'text/plain' }))],
      }),
    ],
    ['405', () => ({ referrersApi: false, faults: [on({ kind: 'referrers' }, answering(405))] })],
    ['400', () => ({ referrersApi: false, faults: [on({ kind: 'referrers' }, answering(400))] })],
    ['501', () => ({ referrersApi: false, faults: [on({ kind: 'referrers' }, answering(501))] })],
    ['303 to a stranger', (stranger) => ({ referrersApi: false, faults: [referrersRedirect(`${stranger}/packages`)] })],
    [
      '200 with a page',
      () => ({
        referrersApi: false,
        faults: [
          on({ kind: 'referrers' }, async () => ({
            status: 200,
            headers: { 'content-type': 'text/html' },
            body: Buffer.from('<html>'),
          })),
        ],
      }),
    ],
    ['as at GHCR', (stranger) => ({ faults: ghcrLike(stranger) })],
  ];

  it.each(absent)('%s: the tag has a list with types and annotations', async (_name, options) => {
    const stranger = await openLoopbackServer((_request, response) => void response.writeHead(429).end());
    open.push(stranger);
    const { client } = await filled(options(stranger.url));
    await attach(client, 'sbom');
    await attach(client, 'signature', 'application/x-signature');
    const bytes = artifact('sbom');
    expect(await listAt(client)).toEqual([
      {
        mediaType: MEDIA_TYPE.imageManifest,
        sizeBytes: bytes.length,
        digest: sha256(bytes),
        artifactType: SPDX,
        annotations: { name: 'sbom' },
      },
      expect.objectContaining({ artifactType: 'application/x-signature', annotations: { name: 'signature' } }),
    ]);
    expect(names(await client.referrers(subject.digest))).toEqual(['sbom', 'signature']);
    expect(names(await client.referrers(subject.digest, SPDX))).toEqual(['sbom']);
    expect(stranger.requests).toEqual([]);
  });

  it('adds nothing twice', async () => {
    const { s, client } = await filled({ referrersApi: false });
    await attach(client, 'sbom');
    const before = s.requests.length;
    await attach(client, 'sbom');
    expect(await listAt(client)).toHaveLength(1);
    expect(s.requests.slice(before).map(({ method }) => method)).toEqual(['PUT', 'GET', 'GET']);
  });

  it('keeps the entries of others, and what they say', async () => {
    const { client } = await filled({ referrersApi: false });
    const bytes = artifact('foreign');
    await client.putManifest(sha256(bytes), MEDIA_TYPE.imageManifest, bytes);
    const foreign = { ...describeBytes(bytes, MEDIA_TYPE.imageManifest), artifactType: 'a/b', annotations: { x: 'y' } };
    const list = printIndexManifest({ ...EMPTY_LIST, manifests: [foreign], annotations: { whose: 'theirs' } });
    const tag = referrersTag(subject.digest);
    await client.putManifest(tag, MEDIA_TYPE.imageIndex, Buffer.from(list));
    await attach(client, 'sbom');
    const after = parseIndexManifest((await client.getManifest(tag)).bytes);
    expect(after.manifests[0]).toEqual(foreign);
    expect(names(after.manifests)).toEqual([undefined, 'sbom']);
    expect(after.annotations).toEqual({ whose: 'theirs' });
  });

  it('looks into manifests whose entries do not say what they are', async () => {
    const { client } = await filled({ referrersApi: false });
    const bytes = artifact('sbom');
    await client.putManifest(sha256(bytes), MEDIA_TYPE.imageManifest, bytes);
    for (const artifactType of [undefined, 'application/vnd.oci.empty.v1+json']) {
      const entry = { ...describeBytes(bytes, MEDIA_TYPE.imageManifest), ...(artifactType && { artifactType }) };
      const list = printIndexManifest({ ...EMPTY_LIST, manifests: [entry] });
      await client.putManifest(referrersTag(subject.digest), MEDIA_TYPE.imageIndex, Buffer.from(list));
      expect(await client.referrers(subject.digest, SPDX)).toMatchObject([
        { artifactType: SPDX, annotations: { name: 'sbom' } },
      ]);
    }
  });

  it('leaves out what is gone where the registry takes no list that names it', async () => {
    const { client } = await filled({ referrersApi: false });
    const gone = await attach(client, 'gone');
    await attach(client, 'kept');
    await client.deleteManifest(gone.digest);
    await attach(client, 'new');
    expect(names(await listAt(client))).toEqual(['kept', 'new']);
  });

  it('does not touch a tag that is somebody else’s image', async () => {
    const { client } = await filled({ referrersApi: false });
    const image = index.children[0];
    if (image === undefined) throw new Error('no image');
    await client.putManifest(referrersTag(subject.digest), image.descriptor.mediaType, image.manifestBytes);
    for (const work of [() => attach(client, 'sbom'), () => client.referrers(subject.digest)]) {
      expect(await failureOf(work())).toMatchObject({
        code: 'IMAGE_INVALID',
        message: expect.stringMatching(/should be a list of referrers/),
      });
    }
    expect((await client.resolve(referrersTag(subject.digest)))?.digest).toBe(image.descriptor.digest);
  });
});

describe('many writers of one list', () => {
  it('of one client wait for each other', async () => {
    const { client } = await filled({ referrersApi: false });
    const wanted = Array.from({ length: 12 }, (_, i) => `sbom-${i}`);
    await Promise.all(wanted.map((name) => attach(client, name)));
    expect(names(await listAt(client)).sort()).toEqual(wanted.sort());
  });

  it.each([
    ['a registry that knows If-Match', undefined],
    [
      'a registry that ignores it',
      [
        on({ kind: 'manifest', method: 'PUT' }, (request, next) =>
          next({ ...request, headers: { ...request.headers, 'if-match': undefined } }),
        ),
      ],
    ],
  ] as const)('of several clients lose nothing: %s', async (_name, faults) => {
    const { s } = await filled({ referrersApi: false, ...(faults && { faults }) });
    // Each waits for real time, as processes of their own do: less of it would be too little on a busy machine.
    const clock = {
      now: () => Date.now(),
      random: () => Math.random(),
      sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
    };
    const clients = Array.from({ length: 4 }, () => bench.open(`${s.host}/team/app`, { clock }));
    await Promise.all(clients.flatMap((client, i) => ['a', 'b'].map((part) => attach(client, `sbom-${i}${part}`))));
    expect(names(await listAt(clients[0] as RegistryClient)).sort()).toEqual(
      ['0a', '0b', '1a', '1b', '2a', '2b', '3a', '3b'].map((part) => `sbom-${part}`),
    );
  });

  it('finds that its entry was overwritten, and adds it again', async () => {
    const { s, client } = await filled({ referrersApi: false });
    await attach(client, 'old');
    const tag = referrersTag(subject.digest);
    const before = await client.getManifest(tag);
    let rivals = 1;
    const rude = bench.open(`${s.host}/team/app`, {
      clock: {
        ...bench.clock,
        // While we wait, somebody who read the list before us writes it without our entry.
        sleep: async () => {
          if (rivals-- > 0) await client.putManifest(tag, before.descriptor.mediaType, before.bytes);
        },
      },
    });
    await attach(rude, 'new');
    expect(names(await listAt(client))).toEqual(['old', 'new']);
  });

  it('gives up where it never stays', async () => {
    const { s, client } = await filled({ referrersApi: false });
    await attach(client, 'old');
    const tag = referrersTag(subject.digest);
    const before = await client.getManifest(tag);
    const rude = bench.open(`${s.host}/team/app`, {
      clock: {
        ...bench.clock,
        sleep: async () => void (await client.putManifest(tag, before.descriptor.mediaType, before.bytes)),
      },
    });
    const failure = await failureOf(attach(rude, 'new'));
    expect(failure).toMatchObject({
      code: 'REGISTRY_CONFLICT',
      hint: expect.stringMatching(/manifest itself is stored/),
    });
  });

  it('tries again where the registry says that somebody was faster', async () => {
    const { client } = await filled({
      referrersApi: false,
      faults: [on({ kind: 'manifest', method: 'PUT', path: 'sha256-' }, times(2, answering(412)))],
    });
    await attach(client, 'sbom');
    expect(names(await listAt(client))).toEqual(['sbom']);
    const never = await filled({
      referrersApi: false,
      faults: [on({ kind: 'manifest', method: 'PUT', path: 'sha256-' }, answering(412))],
    });
    expect((await failureOf(attach(never.client, 'sbom'))).code).toBe('REGISTRY_CONFLICT');
  });

  it('passes on a tag that must not move', async () => {
    const { client } = await filled({
      referrersApi: false,
      faults: [
        on(
          { kind: 'manifest', method: 'PUT', path: 'sha256-' },
          after(1, answering(400, {}, 'TAG_INVALID', 'immutable')),
        ),
      ],
    });
    await attach(client, 'one');
    expect(await failureOf(attach(client, 'two'))).toMatchObject({
      code: 'HTTP_STATUS',
      notes: [expect.stringMatching(/immutable/)],
    });
  });
});

describe('withReferrer', () => {
  const entry = (name: string, artifactType = 'a'): Descriptor => ({
    mediaType: 'm',
    sizeBytes: 1,
    digest: sha256(name) as Digest,
    artifactType,
  });

  it('adds at the end, replaces in place, and leaves what is right alone', () => {
    const one = withReferrer(EMPTY_LIST, entry('1'));
    const two = withReferrer(one, entry('2'));
    expect(two.manifests).toEqual([entry('1'), entry('2')]);
    expect(withReferrer(two, entry('1'))).toBe(two);
    expect(withReferrer(two, entry('1', 'b')).manifests).toEqual([entry('1', 'b'), entry('2')]);
  });
});
