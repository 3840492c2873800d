import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../../../../test/support/faulty-registry.ts';
import {
  type LoopbackSigstore,
  openLoopbackSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from '../../../../test/support/loopback-sigstore.ts';
import { type ClientBench, failureOf, openBench } from '../../../../test/support/registry-client.ts';
import { KEYS, LIST_STATES, makeState, STATES, type State } from '../../../../test/support/signed-states.ts';
import { noEvents } from '../../../base/events.ts';
import type { Host } from '../../host.ts';
import type { ConsumerName } from './consumer.ts';
import { type ConsumerReport, verifyAs } from './verify-as.ts';

const CONSUMER_NAMES = ['cosign2', 'cosign3', 'kyverno', 'policy-controller', 'gh'] as const;

let bench: ClientBench;
let sigstore: LoopbackSigstore;
let folder: string;
let host: Host;
const registries = new Map<boolean, FaultyRegistry>();

beforeAll(async () => {
  bench = openBench();
  sigstore = await openLoopbackSigstore();
  for (const referrersApi of [true, false]) registries.set(referrersApi, await openFaultyRegistry({ referrersApi }));
  folder = await mkdtemp(join(tmpdir(), 'stave-consumers-'));
  host = { cwd: folder, env: {}, hostArch: 'amd64', homeDir: '/nonexistent', events: noEvents };
  await writeFile(join(folder, 'root.json'), sigstore.trustedRoot);
  for (const [name, key] of Object.entries(KEYS)) await writeFile(join(folder, `${name}.pub`), key.publicKey.pem);
});
afterAll(async () => {
  await bench.close();
  await sigstore.close();
  for (const registry of registries.values()) await registry.close();
  await rm(folder, { recursive: true });
});

async function reportsOn(
  name: string,
  state: State,
  referrersApi: boolean,
  consumers: readonly ConsumerName[] = CONSUMER_NAMES,
): Promise<Map<ConsumerName, ConsumerReport>> {
  const place = `team/${consumers.length}-${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
  const client = bench.open(`${registries.get(referrersApi)!.host}/${place}`);
  const reference = await makeState(state, { client, sigstore, clock: bench.clock });
  const reports = new Map<ConsumerName, ConsumerReport>();
  for (const consumer of consumers) {
    const signer =
      state.signer === 'identity'
        ? { certificateIdentity: TEST_IDENTITY, certificateOidcIssuer: TEST_ISSUER }
        : { key: `${state.signer}.pub` };
    const { logIgnored: ignoreTlog, annotations = {} } = state;
    const request = { consumer, reference, signer, trustedRoot: 'root.json', ignoreTlog, annotations, offline: false };
    reports.set(consumer, await verifyAs(request, host));
  }
  return reports;
}

const SHORT = { accepted: '+', refused: '-', unknown: '?' } as const;
/** One character for each way of each consumer. */
const signsOf = (reports: Map<ConsumerName, ConsumerReport>) =>
  [...reports.values()].map(({ ways }) => ways.map(({ outcome }) => SHORT[outcome]).join('')).join(' ');

// Columns: cosign 2 (until 2.6.2, since then), cosign 3, Kyverno (ImageValidatingPolicy, ClusterPolicy of type Cosign and of
// type SigstoreBundle), policy-controller (legacy, bundle), gh.
const ROWS: Readonly<Record<keyof typeof STATES, string>> = {
  'signed, bundle': '-+ + +-+ -- -',
  'signed, legacy': '++ + ++- +- -',
  'signed, both': '++ + +++ +- -',
  'signed, both, asked for the image of a platform': '++ + +++ +- -',
  'only the index signed, asked for the image of a platform': '-- - --- -- -',
  unsigned: '-- - --- -- -',
  'attested only, bundle': '-+ + +-+ -- -',
  'attested only, legacy': '-- - --- -- -',
  'attested as a bundle, signed legacy': '++ + +++ +- -',
  'signed by somebody else, bundle': '-- - --- -- -',
  'signed by somebody else, legacy': '-- - --- -- -',
  'bundle by somebody else, legacy right': '+- - -+- +- -',
  'bundle right, legacy by somebody else': '-+ + +-+ -- -',
  'both right and both by somebody else': '++ + +++ +- -',
  'the .sig of another image': '-- - --- -- -',
  'bundle with the annotation': '-+ + +-+ -- -',
  'bundle with another annotation': '-+ - +-+ -- -',
  'legacy with the annotation': '++ + ++- +- -',
  'legacy without the annotation': '-- - +-- +- -',
  'a bundle of version 0.2, legacy right': '++ + +++ +- -',
  'a bundle in a manifest of two layers': '-- - --+ -- -',
  'bundles that are made to break readers, legacy right': '+- - -+- +- -',
  'an SBOM beside, legacy right': '++ + ++- +- -',
  'P-384, bundle': '-- - +-+ -- -',
  'P-384, legacy': '-- - ++- +- -',
  'RSA, both': '++ + +++ +- -',
  'Ed25519, bundle': '-+ + +-+ -- -',
  'Ed25519, legacy': '++ + ++- +- -',
  'keyed, in no log, which is asked for': '-- - --- -- -',
  'keyless with a log, bundle': '-+ + +-+ -+ -',
  'keyless with a log, legacy': '++ + ++- +- -',
  'keyless with log and timestamp, both': '++ + +++ ++ -',
  'keyless with a timestamp, which a log is asked for': '-- - --- -- -',
  'keyless provenance, bundle': '-+ + +-+ -- +',
  'keyless provenance and signature, bundle': '-+ + +-+ -+ +',
};

it.each(Object.entries(STATES))('%s', async (name, state) => {
  expect(signsOf(await reportsOn(name, state, true))).toBe(ROWS[name]);
});

const WITHOUT_API = ['signed, bundle', 'signed, both', 'attested only, bundle', 'keyless provenance, bundle'];
it.each(WITHOUT_API)('%s, without a referrers API', async (name) => {
  expect(signsOf(await reportsOn(name, STATES[name]!, false))).toBe(ROWS[name]);
});

const LIST_ROWS: Readonly<Record<keyof typeof LIST_STATES, string>> = {
  'bundle, the list calls it the empty type': '-+ + +-- -- -',
  'both, the list calls bundles the empty type': '++ + ++- +- -',
  'keyless provenance, the list calls it the empty type': '-+ + +-- -- -',
  'bundle, the list is empty': '-- - --- -- -',
  'bundle, listed and deleted': '-- - --- -- -',
};

it.each(Object.entries(LIST_STATES))('a list of referrers: %s', async (name, state) => {
  expect(signsOf(await reportsOn(name, state, false))).toBe(LIST_ROWS[name]);
});

describe('what it says besides', () => {
  const rows: readonly [string, ConsumerName, ConsumerReport['outcome'], RegExp][] = [
    ['signed, both', 'kyverno', 'accepted', /^$/],
    ['signed, bundle', 'cosign2', 'refused', /accepted by cosign verify, 2.6.3 and later.*\.sig tag alone/],
    ['signed, bundle', 'policy-controller', 'refused', /takes no keys.*|\.sig tag alone/],
    ['signed, legacy', 'gh', 'refused', /takes no keys/],
    ['attested only, bundle', 'cosign3', 'accepted', /takes an attestation for a signature/],
    ['unsigned', 'cosign3', 'refused', /Nothing is signed here/],
    ['signed by somebody else, bundle', 'cosign3', 'refused', /Expected the key .*, found the key/],
    ['bundle by somebody else, legacy right', 'cosign3', 'refused', /keeps it from looking further/],
    ['bundle with another annotation', 'kyverno', 'accepted', /cannot ask for annotations/],
    ['P-384, bundle', 'cosign3', 'refused', /P-256 key/],
    ['keyed, in no log, which is asked for', 'cosign3', 'refused', /--insecure-ignore-tlog/],
    ['keyed, in no log, which is asked for', 'kyverno', 'refused', /insecureIgnoreTlog/],
    ['keyless with a log, legacy', 'gh', 'refused', /provenance\/v1/],
    ['keyless provenance, the list calls it the empty type', 'gh', 'refused', /calls bundles something else/],
  ];
  it.each(rows)('%s, as %s: %s', async (name, consumer, outcome, advice) => {
    const state = { ...STATES, ...LIST_STATES }[name]!;
    const report = (await reportsOn(name, state, STATES[name] !== undefined, [consumer])).get(consumer)!;
    expect([report.outcome, report.advice.join(' ')]).toEqual([outcome, expect.stringMatching(advice)]);
    expect(report.platforms.map(({ platform }) => platform)).toEqual(['linux/amd64', 'linux/arm64']);
    expect(report.notKnown.length).toBeGreaterThan(0);
  });

  it('reads registries alone, and says where there is nothing', async () => {
    const { host: place } = registries.get(true)!;
    const signer = { key: 'right.pub' };
    const request = { consumer: 'cosign3', signer, ignoreTlog: true, annotations: {}, offline: false } as const;
    const on = (more: object) => verifyAs({ ...request, reference: `${place}/team/none:1`, ...more }, host);
    expect((await failureOf(on({ layout: 'layout' }))).code).toBe('USAGE_FLAG');
    expect((await failureOf(on({ offline: true }))).code).toBe('USAGE_FLAG');
    expect(await on({})).toMatchObject({ outcome: 'absent', image: undefined, ways: [] });
  });
});
