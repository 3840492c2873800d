// Our models of other verifiers against those verifiers, over a table of registry states: in docker-registry, which has no
// referrers API, and in our own registry, which has. Runs where STAVE_COSIGN names a cosign 3, STAVE_COSIGN2 a cosign 2.6.3
// or later.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noEvents } from '../../src/base/events.ts';
import { systemClock } from '../../src/effects/http/retry.ts';
import { SIGNATURE_PREDICATE } from '../../src/formats/attestation/predicate-type.ts';
import { ANNOTATION, BUNDLE_TYPE } from '../../src/formats/attestation/signature-storage.ts';
import { MEDIA_TYPE } from '../../src/formats/oci/descriptor.ts';
import type { ConsumerName } from '../../src/operations/verify/consumers/consumer.ts';
import { verifyAs } from '../../src/operations/verify/consumers/verify-as.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { openFaultyRegistry } from '../support/faulty-registry.ts';
import {
  type LoopbackSigstore,
  openLoopbackSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from '../support/loopback-sigstore.ts';
import { missingPeers, runPeer } from '../support/peers.ts';
import { raw, sha256Of } from '../support/raw-registry.ts';
import { type ClientBench, openBench } from '../support/registry-client.ts';
import { IMAGES, KEYS, LIST_STATES, makeState, SPDX_TYPE, STATES, type State } from '../support/signed-states.ts';

const missing = missingPeers('docker-registry');
const programs: readonly [ConsumerName, string, string | undefined][] = [
  ['cosign3', 'cosign verify', process.env['STAVE_COSIGN']],
  ['cosign2', 'cosign verify, 2.6.3 and later', process.env['STAVE_COSIGN2']],
];
const known = programs.filter((one): one is [ConsumerName, string, string] => one[2] !== undefined);
const skipped = missing ?? (known.length === 0 ? 'neither STAVE_COSIGN nor STAVE_COSIGN2 is set' : undefined);

describe.skipIf(skipped !== undefined)(`models and programs${skipped === undefined ? '' : ` (${skipped})`}`, () => {
  let bench: ClientBench;
  let sigstore: LoopbackSigstore;
  let folder: string;
  const hosts: Record<string, string> = {};
  const open: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    bench = openBench();
    sigstore = await openLoopbackSigstore();
    folder = await mkdtemp(join(tmpdir(), 'stave-consumers-peers-'));
    await writeFile(join(folder, 'root.json'), sigstore.trustedRoot);
    for (const [name, key] of Object.entries(KEYS)) await writeFile(join(folder, `${name}.pub`), key.publicKey.pem);
    const docker = await startDockerRegistry();
    const own = await openFaultyRegistry();
    // docker-registry takes no list that leads to nothing.
    const plain = await openFaultyRegistry({ referrersApi: false });
    Object.assign(hosts, { docker: docker.host, own: own.host, plain: plain.host });
    open.push(docker.stop, own.close, plain.close, sigstore.close, bench.close, () => rm(folder, { recursive: true }));
  });
  afterAll(async () => {
    for (const close of open) await close();
  });

  async function answers(program: string, consumer: ConsumerName, reference: string, state: State) {
    const { signer, logIgnored, annotations = {} } = state;
    const isKeyless = signer === 'identity';
    const flags = [
      ...(isKeyless
        ? ['--certificate-identity', TEST_IDENTITY, '--certificate-oidc-issuer', TEST_ISSUER]
        : ['--key', join(folder, `${signer}.pub`)]),
      ...(isKeyless || !logIgnored || consumer === 'cosign2' ? ['--trusted-root', join(folder, 'root.json')] : []),
      ...(logIgnored ? ['--insecure-ignore-tlog=true'] : []),
      ...Object.entries(annotations).flatMap(([name, value]) => ['-a', `${name}=${value}`]),
    ];
    const run = await runPeer(program, ['verify', ...flags, '--allow-insecure-registry', reference], { HOME: folder });
    const report = await verifyAs(
      {
        consumer,
        reference,
        signer: isKeyless
          ? { certificateIdentity: TEST_IDENTITY, certificateOidcIssuer: TEST_ISSUER }
          : { key: `${signer}.pub` },
        trustedRoot: 'root.json',
        ignoreTlog: logIgnored,
        annotations,
        offline: false,
      },
      { cwd: folder, env: {}, hostArch: 'amd64', homeDir: folder, events: noEvents },
    );
    return { run, report };
  }

  const rows = known.flatMap(([consumer, way, program]) =>
    (['own', 'docker', 'plain'] as const).flatMap((where) =>
      Object.entries(where === 'plain' ? LIST_STATES : STATES).map(
        ([name, state]) => [consumer, where, name, state, way, program] as const,
      ),
    ),
  );
  it.each(rows)('%s, %s registry: %s', { timeout: 60_000 }, async (consumer, where, name, state, way, program) => {
    const place = `${hosts[where]}/${consumer}/${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
    const workshop = { client: bench.open(place), sigstore, clock: where === 'docker' ? systemClock : bench.clock };
    const { run, report } = await answers(program, consumer, await makeState(state, workshop), state);
    // What the log would say cannot be known here: then the model must not say that it is accepted or refused.
    const outcome = report.ways.find((one) => one.name === way)?.outcome;
    const expected = outcome === 'unknown' ? run.exitCode === 0 : outcome === 'accepted';
    expect(run.exitCode === 0, `${JSON.stringify(report.ways, null, 1)}\n${run.stderr}`).toBe(expected);
  });
});

const cosign = process.env['STAVE_COSIGN'];
describe.skipIf(missing !== undefined)('the list of referrers under a tag (sigstore/cosign#4641)', () => {
  let bench: ClientBench;
  let docker: DockerRegistry;
  let sigstore: LoopbackSigstore;
  beforeAll(async () => {
    bench = openBench();
    docker = await startDockerRegistry();
    sigstore = await openLoopbackSigstore();
    const client = bench.open(`${docker.host}/team/listed`);
    await makeState(STATES['signed, both']!, { client, sigstore, clock: systemClock });
    await makeState(STATES['attested only, bundle']!, { client, sigstore, clock: systemClock });
  });
  afterAll(async () => {
    await bench?.close();
    await sigstore?.close();
    await docker?.stop();
  });

  it('says of each entry what its manifest says, in the bytes that the registry has', async () => {
    const path = `/v2/team/listed/manifests/${IMAGES.index.descriptor.digest.replace(':', '-')}`;
    const list = await raw(docker.url, 'GET', path, { headers: { accept: MEDIA_TYPE.imageIndex } });
    expect(list.headers['content-type']).toBe(MEDIA_TYPE.imageIndex);
    const { schemaVersion, mediaType, manifests } = JSON.parse(list.body.toString());
    expect([schemaVersion, mediaType, manifests.length]).toEqual([2, MEDIA_TYPE.imageIndex, 2]);
    for (const entry of manifests) {
      const manifest = await raw(docker.url, 'GET', `/v2/team/listed/manifests/${entry.digest}`, {
        headers: { accept: MEDIA_TYPE.imageManifest },
      });
      const { artifactType, annotations } = JSON.parse(manifest.body.toString());
      expect(entry).toEqual({
        mediaType: MEDIA_TYPE.imageManifest,
        digest: sha256Of(manifest.body),
        size: manifest.body.length,
        artifactType: BUNDLE_TYPE,
        annotations,
      });
      expect(artifactType).toBe(BUNDLE_TYPE);
    }
    const types = manifests.map(
      (entry: { annotations: Record<string, string> }) => entry.annotations[ANNOTATION.bundlePredicateType],
    );
    expect(types.sort()).toEqual([SIGNATURE_PREDICATE, SPDX_TYPE].sort());
  });

  it.skipIf(cosign === undefined)('is read by cosign tree (STAVE_COSIGN), types and all', async () => {
    const image = `${docker.host}/team/listed@${IMAGES.index.descriptor.digest}`;
    const run = await runPeer(cosign ?? '', ['tree', '--allow-insecure-registry', image]);
    expect([run.exitCode, run.stdout], run.stderr).toEqual([0, expect.stringContaining(SIGNATURE_PREDICATE)]);
    expect(run.stdout).toContain(SPDX_TYPE);
  });
});
