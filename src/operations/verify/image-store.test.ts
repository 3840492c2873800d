// Verifying without any network: an OCI layout that carries its signatures, with every socket forbidden.

import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { memoryBlobs, testImages } from '../../../test/support/registry-client.ts';
import { Failure } from '../../base/failure.ts';
import { readOciLayout, writeOciLayout } from '../../effects/output/oci-layout.ts';
import { keySigner } from '../../effects/signing/bundle-signer.ts';
import { signingKeyOf } from '../../effects/signing/signing-key.ts';
import { IN_TOTO_TYPE } from '../../formats/attestation/dsse.ts';
import { SIGNATURE_PREDICATE } from '../../formats/attestation/predicate-type.ts';
import { planBundleManifest } from '../../formats/attestation/signature-storage.ts';
import { printStatement } from '../../formats/attestation/statement.ts';
import { makeIndex } from '../../formats/oci/image.ts';
import { parseManifest } from '../../formats/oci/manifest.ts';
import { layoutStore } from './image-store.ts';
import { verifyImage } from './verify-image.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stave-layout-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

it('verifies a layout that carries its signatures, and opens no socket', async () => {
  const key = signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'key');
  const { index, layers } = testImages();
  const statement = printStatement({
    subjects: [{ digest: index.descriptor.digest, annotations: {} }],
    predicateType: SIGNATURE_PREDICATE,
    predicate: {},
  });
  const bundle = await keySigner(key).signEnvelope(Buffer.from(statement), IN_TOTO_TYPE);
  const stored = planBundleManifest(Buffer.from(JSON.stringify(bundle)), SIGNATURE_PREDICATE, index.descriptor);
  const signature = {
    kind: 'artifact' as const,
    descriptor: stored.descriptor,
    manifest: parseManifest(stored.bytes),
    manifestBytes: stored.bytes,
  };
  await writeOciLayout(folder, makeIndex([index, signature], {}), memoryBlobs(...layers, ...stored.blobs));

  const connect = vi.spyOn(Socket.prototype, 'connect').mockImplementation(() => {
    throw new Error('a socket was opened');
  });
  const store = layoutStore(await readOciLayout(folder));
  const request = { store, expected: [{ kind: 'key' as const, key: key.publicKey }], ignoreTlog: true };
  const verdict = await verifyImage({ ...request, reference: index.descriptor.digest });
  expect(verdict.outcome).toBe('verified');
  const child = await verifyImage({ ...request, reference: index.children[0]!.descriptor.digest });
  expect([child.outcome, child.signatures]).toEqual(['unsigned', []]);
  const absent = await verifyImage({ ...request, reference: 'absent' }).catch((error: unknown) => error);
  expect(absent).toBeInstanceOf(Failure);
  expect((absent as Failure).code).toBe('IMAGE_NOT_FOUND');
  expect(connect).not.toHaveBeenCalled();
});
