// The golden files of cosign that are neither signatures nor bundles: a signing configuration without services, what a registry
// answers about referrers, and the deprecated SBOM tag.

import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noEvents } from '../../src/base/events.ts';
import { parseSigningConfig } from '../../src/effects/signing/signing-config.ts';
import { SIGNATURE_PREDICATE } from '../../src/formats/attestation/predicate-type.ts';
import { ANNOTATION, BUNDLE_TYPE } from '../../src/formats/attestation/signature-storage.ts';
import { describeBytes, MEDIA_TYPE } from '../../src/formats/oci/descriptor.ts';
import { parseIndexManifest } from '../../src/formats/oci/image-index.ts';
import { parseManifest } from '../../src/formats/oci/manifest.ts';
import { downloadSboms } from '../../src/operations/verify/download.ts';
import { type FaultyRegistry, openFaultyRegistry } from '../support/faulty-registry.ts';
import { type ClientBench, memoryBlobs, openBench } from '../support/registry-client.ts';
import { SHARED_ABSENT, sharedDir } from '../support/shared.ts';

const cosign = (path: string) => readFileSync(`${sharedDir}/golden/cosign/${path}`);

describe.skipIf(sharedDir === undefined)(`files of cosign (skipped when ${SHARED_ABSENT})`, () => {
  let bench: ClientBench;
  let registry: FaultyRegistry;
  let folder: string;
  beforeAll(async () => {
    bench = openBench();
    registry = await openFaultyRegistry();
    folder = await mkdtemp(join(tmpdir(), 'stave-golden-'));
  });
  afterAll(async () => {
    await bench?.close();
    await registry?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  it('a signing configuration without services names none', async () => {
    const text = cosign('signing-config-empty.json').toString();
    const nothing = { certificateAuthority: undefined, logs: [], timestampAuthorities: [] };
    expect(await parseSigningConfig(text, 'it', Date.UTC(2026, 10, 23))).toEqual(nothing);
  });

  it('an answer of the referrers API says what each referrer is', () => {
    const { manifests } = parseIndexManifest(cosign('bundle-referrer/referrers-api-response.json'));
    expect(new Set(manifests.map(({ artifactType }) => artifactType))).toEqual(new Set([BUNDLE_TYPE]));
    const types = manifests.map(({ annotations }) => annotations?.[ANNOTATION.bundlePredicateType]);
    expect(types).toContain(SIGNATURE_PREDICATE);
    expect(types).toContain('https://spdx.dev/Document');
    expect(types.every((type) => type?.startsWith('https://'))).toBe(true);
  });

  it('the SBOM under a .sbom tag is downloaded', async () => {
    const client = bench.open(`${registry.host}/demo/app`);
    const names = readdirSync(`${sharedDir}/golden/cosign/image/blobs/sha256`);
    const blobs = names.map((name) => cosign(`image/blobs/sha256/${name}`));
    const manifest = cosign('legacy/sbom/manifest.json');
    const parts = readdirSync(`${sharedDir}/golden/cosign/legacy/sbom`).filter((name) => name !== 'manifest.json');
    for (const bytes of [...blobs, ...parts.map((name) => cosign(`legacy/sbom/${name}`))]) {
      const descriptor = describeBytes(bytes, 'application/octet-stream');
      await client.pushBlob(descriptor, memoryBlobs({ descriptor, bytes }));
    }
    const documents = blobs.filter((bytes) => bytes.toString().includes('"mediaType"'));
    const isIndex = (bytes: Buffer) => bytes.toString().includes('"manifests"');
    for (const bytes of documents.sort((a, b) => Number(isIndex(a)) - Number(isIndex(b)))) {
      const type = isIndex(bytes) ? MEDIA_TYPE.imageIndex : MEDIA_TYPE.imageManifest;
      await client.putManifest(isIndex(bytes) ? '1.0' : describeBytes(bytes, type).digest, type, bytes);
    }
    const index = await client.resolve('1.0');
    await client.putManifest(`${index?.digest.replace(':', '-')}.sbom`, MEDIA_TYPE.imageManifest, manifest);
    const host = { cwd: folder, env: {}, hostArch: 'amd64', homeDir: folder, events: noEvents };
    const { documents: found } = await downloadSboms({ reference: `${registry.host}/demo/app:1.0` }, host);
    const [layer] = parseManifest(manifest).layers;
    expect(found).toEqual([
      expect.objectContaining({
        type: 'text/spdx+json',
        text: cosign(`legacy/sbom/blob-${layer?.digest.slice(7)}`).toString(),
      }),
    ]);
  });
});
