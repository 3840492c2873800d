// Signatures among the programs of others: stored in Debian's docker-registry, which has no referrers API, and read by a real
// cosign where STAVE_COSIGN names one.

import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/effects/http/retry.ts';
import { pushImageIndex } from '../../src/effects/registry/client/push-image.ts';
import type { RegistryClient } from '../../src/effects/registry/client/registry-client.ts';
import { keySigner } from '../../src/effects/signing/bundle-signer.ts';
import { signingKeyOf } from '../../src/effects/signing/signing-key.ts';
import { BUNDLE_TYPE } from '../../src/formats/attestation/signature-storage.ts';
import { parseIndexManifest } from '../../src/formats/oci/image-index.ts';
import { type SigningFormat, signImage } from '../../src/operations/sign/sign-image.ts';
import { verifyImage } from '../../src/operations/verify/verify-image.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import {
  type LoopbackSigstore,
  openLoopbackSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from '../support/loopback-sigstore.ts';
import { missingPeers, runPeer } from '../support/peers.ts';
import { type ClientBench, openBench, testImages } from '../support/registry-client.ts';
import { type Json, Place } from './place.ts';

const missing = missingPeers('docker-registry');
const cosign = process.env['STAVE_COSIGN'];
const { index, images, blobs } = testImages();
const PASSWORD = { COSIGN_PASSWORD: 'of the test' };
const NO_SERVICES = JSON.stringify({ mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json' });
const key = signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'key');

describe.skipIf(missing !== undefined)(`in docker-registry${missing === undefined ? '' : ` (${missing})`}`, () => {
  let bench: ClientBench;
  let registry: DockerRegistry;
  let folder: string;
  beforeAll(async () => {
    bench = openBench();
    registry = await startDockerRegistry();
    folder = await mkdtemp(join(tmpdir(), 'stave-signing-peers-'));
    await writeFile(join(folder, 'key.pub'), key.publicKey.pem);
  });
  afterAll(async () => {
    await bench?.close();
    await registry?.stop();
    if (folder) await rm(folder, { recursive: true });
  });

  async function signed(format: SigningFormat): Promise<RegistryClient> {
    const client = bench.open(`${registry.host}/team/${format}`);
    await pushImageIndex(client, index, blobs, { tags: ['1.0'] });
    await signImage({ client, clock: systemClock, signer: keySigner(key), format, reference: '1.0' });
    return client;
  }

  it.each(['bundle', 'legacy', 'both'] as const)('%s: index and platforms verify', async (format) => {
    const client = await signed(format);
    for (const { descriptor } of [index, ...images]) {
      const expected = [{ kind: 'key' as const, key: key.publicKey }];
      const verdict = await verifyImage({ store: client, reference: descriptor.digest, expected, ignoreTlog: true });
      expect(verdict.outcome).toBe('verified');
      expect(verdict.signatures.map((one) => one.format)).toEqual(format === 'both' ? ['bundle', 'legacy'] : [format]);
    }
  });

  it('over the command line: publish --sign, and verify without flags', async () => {
    const place = new Place();
    const sigstore = await openLoopbackSigstore();
    try {
      place.write('root.json', sigstore.trustedRoot);
      place.write('config.json', sigstore.config({ rekor: 2, tsa: true }));
      const tag = `${registry.host}/team/command:1`;
      const flags = ['--sign', '--signing-config', 'config.json', '--trusted-root', 'root.json'];
      await place.do(['publish', 'image.yaml', tag, ...flags], { SIGSTORE_ID_TOKEN: sigstore.token() });
      const report = JSON.parse((await place.do(['verify', tag, '--json'])).stdout);
      expect(report.signatures.find((one: Json) => one.format === 'bundle').verified).toContain('log');
      await place.do(['verify-attestation', tag, '--type', 'slsaprovenance1']);
      await place.do(['copy', tag, 'oci:kept:app']);
      const { stdout } = await place.do(['verify', `${tag}@${report.image}`, '--layout', 'kept', '--offline']);
      expect(stdout).toContain('is signed by whom it should be');
    } finally {
      await sigstore.close();
    }
  });

  it('labels the list of referrers, as other tools do not', async () => {
    const client = await signed('bundle');
    const list = parseIndexManifest((await client.getManifest(index.descriptor.digest.replace(':', '-'))).bytes);
    expect(list.manifests.map(({ artifactType }) => artifactType)).toEqual([BUNDLE_TYPE]);
    expect(list.manifests[0]?.annotations?.['dev.sigstore.bundle.predicateType']).toMatch(/cosign\/sign/);
  });
});

describe.skipIf(missing !== undefined || cosign === undefined)('and a real cosign (STAVE_COSIGN)', () => {
  let registry: DockerRegistry;
  let sigstore: LoopbackSigstore;
  let place: Place;
  const signers: Record<string, { flags: string[]; verify: string[] }> = {};
  beforeAll(async () => {
    registry = await startDockerRegistry();
    sigstore = await openLoopbackSigstore();
    place = new Place();
    place.write('root.json', sigstore.trustedRoot);
    place.write('config.json', sigstore.config({ rekor: 1, tsa: true }));
    place.write('none.json', NO_SERVICES);
    await place.do(['keys', 'generate'], PASSWORD);
    signers['key'] = { flags: ['--key', 'cosign.key'], verify: ['--key', 'cosign.pub', '--insecure-ignore-tlog=true'] };
    signers['identity'] = {
      flags: ['--signing-config', 'config.json', '--trusted-root', 'root.json', '--trust-file', 'keyless.yaml'],
      verify: [
        ...['--trusted-root', 'root.json', '--certificate-identity', TEST_IDENTITY],
        ...['--certificate-oidc-issuer', TEST_ISSUER],
      ],
    };
  });
  afterAll(async () => {
    await registry?.stop();
    await sigstore?.close();
  });

  const run = async (...words: readonly string[]) =>
    await runPeer(
      cosign as string,
      [...words, '--allow-insecure-registry'],
      { ...PASSWORD, HOME: place.path('home') },
      place.dir,
    );

  const publish = async (name: string, flags: readonly string[]) => {
    const tag = `${registry.host}/team/${name}:1`;
    const environment = { ...PASSWORD, SIGSTORE_ID_TOKEN: sigstore.token() };
    const words = ['publish', 'image.yaml', tag, '--json', ...flags];
    const report = JSON.parse((await place.do(words, environment)).stdout);
    return { tag, digests: [report.indexDigest, ...report.images.map(({ digest }: Json) => digest)] as string[] };
  };

  it.each([
    ['key', 'bundle'],
    ['key', 'legacy'],
    ['key', 'both'],
    ['identity', 'bundle'],
    ['identity', 'legacy'],
  ])('it accepts what publish --sign writes with the %s, as %s: signatures and attestations', async (by, format) => {
    const { flags, verify } = signers[by]!;
    const { tag, digests } = await publish(`${by}-${format}`, ['--sign', ...flags, '--signature-format', format]);
    for (const digest of digests) {
      const image = `${tag.replace(/:1$/, '')}@${digest}`;
      const verified = await run('verify', ...verify, image);
      expect(verified.exitCode, verified.stderr).toBe(0);
      for (const type of ['spdxjson', 'slsaprovenance1']) {
        const attested = await run('verify-attestation', ...verify, '--type', type, image);
        expect(attested.exitCode, attested.stderr).toBe(0);
      }
    }
  });

  it.each([
    ['bundle', []],
    ['legacy', ['--new-bundle-format=false']],
  ])('what it signs and attests verifies here, as %s', async (format, more) => {
    const { tag, digests } = await publish(`theirs-${format}`, []);
    const image = `${tag.replace(/:1$/, '')}@${digests[0]}`;
    place.write('vex.json', '{"statements":[]}');
    const services =
      format === 'bundle' ? ['--signing-config', 'none.json'] : ['--tlog-upload=false', '--use-signing-config=false'];
    const flags = ['--key', 'cosign.key', '--yes', ...services, ...more];
    const signed = await run('sign', ...flags, '-r', '-a', 'team=core', image);
    expect(signed.exitCode, signed.stderr).toBe(0);
    const attested = await run('attest', ...flags, '--type', 'openvex', '--predicate', 'vex.json', image);
    expect(attested.exitCode, attested.stderr).toBe(0);
    const ours = ['--key', 'cosign.pub', '--insecure-ignore-tlog', '--json'];
    for (const digest of digests) {
      const child = `${tag.replace(/:1$/, '')}@${digest}`;
      const report = JSON.parse((await place.do(['verify', child, ...ours, '-a', 'team=core'])).stdout);
      expect(report.signatures.map((one: Json) => one.format)).toEqual([format]);
    }
    const statement = JSON.parse((await place.do(['verify-attestation', image, '--type', 'openvex', ...ours])).stdout);
    expect(statement.attestations.map((one: Json) => one.format)).toEqual([format]);
    const other = await place.stave(['verify', image, '--key', 'small.rsa.pub', '--insecure-ignore-tlog', '--json']);
    expect(other.exitCode).toBe(12);
  });

  it('its refusals are ours: a key that did not sign', async () => {
    const { tag } = await publish('refused', ['--sign', ...signers['key']!.flags]);
    await place.do(['keys', 'generate', '--output-key-prefix', 'other'], PASSWORD);
    const flags = ['--key', 'other.pub'];
    expect((await run('verify', ...flags, '--insecure-ignore-tlog=true', tag)).exitCode).not.toBe(0);
    expect((await place.stave(['verify', tag, ...flags, '--insecure-ignore-tlog'])).exitCode).toBe(12);
  });
});
