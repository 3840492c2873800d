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
import { missingPeers, runPeer } from '../support/peers.ts';
import { type ClientBench, openBench, testImages } from '../support/registry-client.ts';

const missing = missingPeers('docker-registry');
const cosign = process.env['STAVE_COSIGN'];
const { index, images, blobs } = testImages();
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

  it('labels the list of referrers, as other tools do not', async () => {
    const client = await signed('bundle');
    const list = parseIndexManifest((await client.getManifest(index.descriptor.digest.replace(':', '-'))).bytes);
    expect(list.manifests.map(({ artifactType }) => artifactType)).toEqual([BUNDLE_TYPE]);
    expect(list.manifests[0]?.annotations?.['dev.sigstore.bundle.predicateType']).toMatch(/cosign\/sign/);
  });

  it.skipIf(cosign === undefined).each(['bundle', 'legacy', 'both'] as const)(
    '%s: cosign (STAVE_COSIGN) accepts it',
    async (format) => {
      await signed(format);
      const image = `${registry.host}/team/${format}:1.0`;
      const flags = ['--key', join(folder, 'key.pub'), '--insecure-ignore-tlog=true', '--allow-insecure-registry'];
      const run = await runPeer(cosign as string, ['verify', ...flags, image]);
      expect(run.exitCode, run.stderr).toBe(0);
    },
  );
});
