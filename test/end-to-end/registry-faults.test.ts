// Every fault switch against everything that speaks with a registry (issue 4, "Real parts, real tests"): each ends in success after
// another try, or in one clear failure, and then the tag is what it was and no file is there.

import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/effects/http/retry.ts';
import { type FaultyRegistry, type FaultyRegistryOptions, openFaultyRegistry } from '../support/faulty-registry.ts';
import {
  answering,
  cuttingAnswer,
  cuttingRequest,
  dockerV2Only,
  ghcrLike,
  losingAnswer,
  on,
  referrersRedirect,
  slow,
  times,
  tooManyRequests,
  wrongBytes,
  wrongDigestHeader,
} from '../support/registry-faults.ts';
import { failureOf, Place } from './place.ts';

const STRANGER = 'http://127.0.0.1:9';
const USERS = { somebody: 'secret' };

type Work = 'publish' | 'pull' | 'copy' | 'tree';
const WORKS: readonly Work[] = ['publish', 'pull', 'copy', 'tree'];

interface Row {
  readonly faults: () => FaultyRegistryOptions;
  /** The registry keeps lists of referrers under tags: it does not show its API. */
  readonly byTags?: true;
  /** The code of the failure; what is left out succeeds. */
  readonly fails?: { readonly [W in Work]?: string };
}

const all = (code: string) => ({ publish: code, pull: code, copy: code, tree: code });

const ROWS: Readonly<Record<string, Row>> = {
  'requests cut after some bytes': {
    faults: () => ({ faults: [on({ kind: 'upload', method: 'PUT' }, times(3, cuttingRequest(100)))] }),
  },
  'answers cut after some bytes': {
    faults: () => ({ faults: [on({ method: 'GET' }, times(4, cuttingAnswer(60)))] }),
  },
  'answers lost': { faults: () => ({ faults: [times(3, losingAnswer())] }) },
  'everything cut, always': {
    faults: () => ({ faults: [cuttingRequest(0), cuttingAnswer(0), losingAnswer()] }),
    fails: all('NETWORK_UNREACHABLE'),
  },
  '429 for a while': { faults: () => ({ faults: [times(4, tooManyRequests(1))] }) },
  '429, come back in an hour': {
    faults: () => ({ faults: [tooManyRequests(3600)] }),
    fails: all('HTTP_STATUS'),
  },
  '500 for a while': { faults: () => ({ faults: [times(4, answering(500))] }) },
  '503, always': { faults: () => ({ faults: [answering(503)] }), fails: all('HTTP_STATUS') },
  slow: { faults: () => ({ faults: [slow(15)] }) },
  'another digest in the header': {
    faults: () => ({ faults: [on({ kind: 'manifest' }, wrongDigestHeader())] }),
    // What is asked for by digest is held against that digest; a tag's answer, against the header.
    fails: all('CHECKSUM_MISMATCH'),
  },
  'other bytes in manifests': {
    faults: () => ({ faults: [on({ kind: 'manifest', method: 'GET' }, wrongBytes())] }),
    // Publishing to a registry with a referrers API reads no manifest.
    fails: { pull: 'CHECKSUM_MISMATCH', copy: 'CHECKSUM_MISMATCH', tree: 'CHECKSUM_MISMATCH' },
  },
  'other bytes in blobs': {
    faults: () => ({ faults: [on({ kind: 'blob', method: 'GET' }, wrongBytes())] }),
    fails: { pull: 'CHECKSUM_MISMATCH', copy: 'CHECKSUM_MISMATCH', tree: 'CHECKSUM_MISMATCH' },
  },
  'no referrers': { byTags: true, faults: () => ({ referrersApi: false }) },
  '405 for referrers': {
    byTags: true,
    faults: () => ({ referrersApi: false, faults: [on({ kind: 'referrers' }, answering(405))] }),
  },
  '303 for referrers': { byTags: true, faults: () => ({ faults: [referrersRedirect(`${STRANGER}/packages`)] }) },
  'the ways of GHCR': {
    byTags: true,
    faults: () => ({
      auth: { scheme: 'bearer', users: USERS, anonymousPull: true },
      referrersApi: false,
      faults: ghcrLike(STRANGER),
    }),
  },
  'a password that is wrong': {
    faults: () => ({ auth: { scheme: 'basic', users: { somebody: 'other' } } }),
    fails: all('REGISTRY_AUTH'),
  },
  'no OCI types': {
    byTags: true,
    faults: () => ({ faults: dockerV2Only() }),
    fails: { publish: 'HTTP_STATUS', copy: 'HTTP_STATUS' },
  },
};

const scratch = mkdtempSync(join(tmpdir(), 'stave-registry-faults-'));
const [FULL, FULL_BY_TAGS, OLD] = ['full', 'full-by-tags', 'old'].map((name) => join(scratch, name)) as [
  string,
  string,
  string,
];
let newDigest = '';
let oldDigest = '';
beforeAll(async () => {
  const publishInto = async (directory: string, referrersApi: boolean, ...more: string[]): Promise<string> => {
    const server = await openFaultyRegistry({ directory, referrersApi });
    const { stdout } = await new Place().do(['publish', 'image.yaml', `${server.host}/team/app:1`, ...more]);
    await server.close();
    return stdout.trim().split('@')[1] ?? '';
  };
  newDigest = await publishInto(FULL, true);
  await publishInto(FULL_BY_TAGS, false);
  oldDigest = await publishInto(OLD, true, '-p', 'docs');
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const open: FaultyRegistry[] = [];
beforeEach(() => {
  vi.spyOn(systemClock, 'sleep').mockImplementation(async () => {});
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const one of open.splice(0)) await one.close();
});

/** A registry of its own with these contents and faults, and one without faults on the same folder. */
async function registryOf(contents: string, options: FaultyRegistryOptions) {
  const directory = mkdtempSync(join(scratch, 'registry-'));
  cpSync(contents, directory, { recursive: true });
  const [faulty, honest] = [
    await openFaultyRegistry({ ...options, directory }),
    await openFaultyRegistry({ directory }),
  ];
  open.push(faulty, honest);
  const digest = async (): Promise<string | null> =>
    (await fetch(`${honest.url}/v2/team/app/manifests/1`, { method: 'HEAD' })).headers.get('docker-content-digest');
  return { ref: `${faulty.host}/team/app:1`, host: faulty.host, digest };
}

describe.each(Object.entries(ROWS))('%s', (_name, { faults, byTags, fails }) => {
  it.each(WORKS)('%s', async (work) => {
    const source = await registryOf(byTags ? FULL_BY_TAGS : FULL, faults());
    const target = await registryOf(OLD, faults());
    const place = new Place();
    const auth = Buffer.from('somebody:secret').toString('base64');
    const auths = Object.fromEntries([source, target].map(({ host }) => [host, { auth }]));
    place.write('home/.docker/config.json', JSON.stringify({ auths }));
    const words: Readonly<Record<Work, readonly string[]>> = {
      publish: ['publish', 'image.yaml', target.ref],
      pull: ['pull', source.ref, 'pulled/'],
      copy: ['copy', source.ref, target.ref],
      tree: ['tree', source.ref],
    };
    const before = readdirSync(place.dir).toSorted();
    const answer = await place.stave([...words[work], '--json']);
    const code = fails?.[work];
    const moves = work === 'publish' || work === 'copy';
    if (code !== undefined) {
      const failure = failureOf(answer);
      expect(failure).toMatchObject({ code, hint: expect.any(String) });
      expect(answer.stdout).toBe('');
      expect(await target.digest()).toBe(oldDigest);
      expect(readdirSync(place.dir).toSorted()).toEqual(before);
      return;
    }
    expect(answer.exitCode, answer.stderr).toBe(0);
    expect(await target.digest()).toBe(moves ? newDigest : oldDigest);
    const report = JSON.parse(answer.stdout);
    if (work === 'tree') expect(report.root.attached).toHaveLength(1);
    else if (work === 'publish') expect(report.repositories).toMatchObject([{ newSboms: 3 }]);
    else expect(report).toMatchObject({ digest: newDigest, attachments: 3 });
  });
});
