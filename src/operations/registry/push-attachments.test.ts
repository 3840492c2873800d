// Things that are attached to one image share blobs (the empty config) and are pushed side by side: what registries make of that.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type FaultyRegistry,
  type FaultyRegistryOptions,
  openFaultyRegistry,
} from '../../../test/support/faulty-registry.ts';
import { type ClientBench, failureOf, openBench, testImages } from '../../../test/support/registry-client.ts';
import {
  answering,
  cuttingRequest,
  forgettingMounts,
  ghcrLike,
  linksInPlace,
  losingAnswer,
  on,
  referrersRedirect,
  slow,
  times,
  tooManyRequests,
  wrongBytes,
  wrongDigestHeader,
} from '../../../test/support/registry-faults.ts';
import { pushImageIndex } from '../../effects/registry/client/push-image.ts';
import type { RegistryClient } from '../../effects/registry/client/registry-client.ts';
import { EMPTY_CONFIG, makeArtifact } from '../../formats/oci/artifact.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import type { Attachment } from './attachments.ts';
import { pushAttachments } from './push-attachments.ts';

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

const { images, index, blobs: layers } = testImages(5);
const ATTACHMENTS: readonly Attachment[] = [...images, index].flatMap(({ descriptor: subject }) =>
  ['a', 'b'].map((name) => ({
    subject,
    tag: undefined,
    attached: [],
    value: makeArtifact({
      artifactType: `text/${name}`,
      layers: [EMPTY_CONFIG.descriptor],
      subject,
      annotations: { name },
    }),
  })),
);
const BLOBS: BlobSource = {
  open: (descriptor, range) =>
    descriptor.digest === EMPTY_CONFIG.descriptor.digest
      ? (async function* () {
          yield EMPTY_CONFIG.bytes;
        })()
      : layers.open(descriptor, range),
};
const push = (client: RegistryClient, mountFrom?: string) =>
  pushAttachments(client, ATTACHMENTS, BLOBS, { events: () => {}, mountFrom });

/** The types of what is attached to the index, and to nothing that was not pushed. */
async function attachedTypes(client: RegistryClient): Promise<(string | undefined)[]> {
  const lists = await Promise.all([...images, index].map(({ descriptor }) => client.referrers(descriptor.digest)));
  return lists.flat().map(({ artifactType }) => artifactType);
}

describe('pushAttachments', () => {
  it('looks for a blob that several share, sends it and mounts it once at a time', async () => {
    const server = await registry({ faults: [linksInPlace(5, 60)] });
    const [first, second] = ['one', 'two'].map((name) => bench.open(`${server.host}/${name}`)) as [
      RegistryClient,
      RegistryClient,
    ];
    expect(await push(first)).toBe(6);
    expect(await push(second, 'one')).toBe(6);
    const refused = server.requests.filter(({ status }) => status === 400);
    expect(refused).toEqual([]);
    const begun = server.requests.filter(({ method }) => method === 'POST').map(({ path }) => path.split('?')[0]);
    expect(begun).toEqual(['/v2/one/blobs/uploads/', '/v2/two/blobs/uploads/']);
    expect((await attachedTypes(second)).length).toBe(6);
  });

  it.each<[string, FaultyRegistryOptions]>([
    ['nothing', {}],
    ['429', { faults: [times(3, tooManyRequests(1))] }],
    ['500', { faults: [on({ kind: 'manifest', method: 'PUT' }, times(3, answering(500)))] }],
    ['a list that cannot be had at first', { faults: [on({ kind: 'referrers' }, times(2, answering(503)))] }],
    ['uploads cut', { faults: [on({ kind: 'upload', method: 'PUT' }, times(2, cuttingRequest(1)))] }],
    ['lost answers', { faults: [on({ kind: 'manifest', method: 'PUT' }, times(3, losingAnswer()))] }],
    ['slow answers', { faults: [slow(30)] }],
    ['mounts that are forgotten', { faults: [forgettingMounts()] }],
    ['no referrers API', { referrersApi: false }],
    ['no referrers API, and slow', { referrersApi: false, faults: [slow(10)] }],
    ['303 on referrers', { faults: [referrersRedirect('http://127.0.0.1:9/elsewhere')] }],
    ['405 on referrers', { faults: [on({ kind: 'referrers' }, answering(405))], referrersApi: false }],
    ['the ways of GHCR', { faults: ghcrLike('http://127.0.0.1:9'), referrersApi: false }],
  ])('%s: everything is found afterwards', async (_name, options) => {
    const server = await registry(options);
    const client = bench.open(`${server.host}/team/app`);
    await push(bench.open(`${server.host}/team/base`));
    await pushImageIndex(client, index, layers, { tags: [] });
    expect(await push(client, 'team/base')).toBe(6);
    expect((await attachedTypes(client)).toSorted()).toEqual([...Array(3).fill('text/a'), ...Array(3).fill('text/b')]);
    expect(await push(client)).toBe(0);
  });

  it.each<[string, string, RegExp, FaultyRegistryOptions]>([
    ['429 for ever', 'HTTP_STATUS', /status 429/, { faults: [tooManyRequests(3600)] }],
    ['500 for ever', 'HTTP_STATUS', /status 500/, { faults: [on({ kind: 'referrers' }, answering(500))] }],
    [
      'uploads cut for ever',
      'NETWORK_UNREACHABLE',
      /cannot send to/,
      { faults: [on({ kind: 'upload' }, cuttingRequest(0))] },
    ],
    [
      'another digest than ours',
      'CHECKSUM_MISMATCH',
      /should have the digest/,
      { faults: [on({ kind: 'manifest', method: 'PUT' }, wrongDigestHeader())] },
    ],
    [
      'a list that is not what its digest says',
      'CHECKSUM_MISMATCH',
      /should have the digest/,
      { referrersApi: false, faults: [on({ kind: 'manifest', method: 'GET' }, wrongBytes())] },
    ],
    [
      'blobs that no manifest finds',
      'HTTP_STATUS',
      /status 400/,
      { faults: [on({ kind: 'manifest', method: 'PUT' }, answering(400, {}, 'MANIFEST_BLOB_UNKNOWN'))] },
    ],
  ])('%s: one clear failure', async (_name, code, message, options) => {
    const server = await registry(options);
    const failure = await failureOf(push(bench.open(`${server.host}/team/app`)));
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(message);
    expect(failure.hint).toBeTruthy();
  });
});
