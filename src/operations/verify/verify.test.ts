import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../../../test/support/faulty-registry.ts';
import {
  type LoopbackSigstore,
  openLoopbackSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from '../../../test/support/loopback-sigstore.ts';
import { type ClientBench, failureOf, openBench, testImages } from '../../../test/support/registry-client.ts';
import { noEvents } from '../../base/events.ts';
import { systemClock } from '../../effects/http/retry.ts';
import { writeOciLayout } from '../../effects/output/oci-layout.ts';
import { pushImageIndex } from '../../effects/registry/client/push-image.ts';
import { keySigner } from '../../effects/signing/bundle-signer.ts';
import { keylessSigner } from '../../effects/signing/keyless-signer.ts';
import { parseSigningConfig } from '../../effects/signing/signing-config.ts';
import { signingKeyOf } from '../../effects/signing/signing-key.ts';
import { makeIndex } from '../../formats/oci/image.ts';
import type { Host } from '../host.ts';
import { attestImage, signableBelow, signImage } from '../sign/sign-image.ts';
import { printTrustFile } from './trust-file.ts';
import { type VerifyReferenceRequest, verifyAttestation, verifyReference } from './verify.ts';

const key = signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'key');
const { index, blobs } = testImages();
const NOBODY = { key: '', identity: '', 'identity-regexp': '', issuer: '', 'issuer-regexp': '' };
const TYPE = 'https://example.test/checked/v1';

let bench: ClientBench;
let registry: FaultyRegistry;
let sigstore: LoopbackSigstore;
let folder: string;
let host: Host;
const place = (name: string) => `${registry.host}/team/${name}`;

beforeAll(async () => {
  bench = openBench();
  registry = await openFaultyRegistry();
  sigstore = await openLoopbackSigstore();
  folder = await mkdtemp(join(tmpdir(), 'stave-verify-'));
  host = { cwd: folder, env: {}, hostArch: 'amd64', homeDir: '/nonexistent', events: noEvents };
  const keyless = await keylessSigner({
    services: await parseSigningConfig(sigstore.config({ rekor: 1 }), 'config', Date.now()),
    identityToken: async () => sigstore.token(),
    clock: systemClock,
  });
  for (const [name, signer] of [
    ['keyed', keySigner(key)],
    ['keyless', keyless],
  ] as const) {
    const client = bench.open(place(name));
    await pushImageIndex(client, index, blobs, { tags: ['1.0'] });
    const signing = { client, clock: bench.clock, signer, format: 'both' as const };
    await signImage({ ...signing, reference: '1.0' });
    const [subject] = await signableBelow(client, '1.0');
    await attestImage(signing, [{ subject: subject!, predicateType: TYPE, predicate: { good: true } }]);
  }
  await writeFile(join(folder, 'key.pub'), key.publicKey.pem);
  await writeFile(join(folder, 'root.json'), sigstore.trustedRoot);
  const entries = [
    { match: `${registry.host}/team/keyed`, signers: [{ ...NOBODY, key: 'key.pub' }], log: 'ignored' as const },
    {
      match: `${registry.host}/team/keyless`,
      signers: [{ ...NOBODY, identity: TEST_IDENTITY, issuer: TEST_ISSUER }],
      log: 'required' as const,
    },
  ];
  await writeFile(join(folder, 'stave.trust.yaml'), printTrustFile({ images: entries, trustedRoot: 'root.json' }));
});
afterAll(async () => {
  await bench.close();
  await registry.close();
  await sigstore.close();
  await rm(folder, { recursive: true });
});

const request = (name: string, more: Partial<VerifyReferenceRequest> = {}): VerifyReferenceRequest => ({
  reference: `${place(name)}:1.0`,
  signer: {},
  ignoreTlog: false,
  annotations: {},
  offline: false,
  ...more,
});

describe('without flags', () => {
  it.each(['keyed', 'keyless'])('%s: the trust file says who', async (name) => {
    const report = await verifyReference(request(name), host);
    expect([report.outcome, report.trustedBy, report.advice]).toEqual(['verified', 'stave.trust.yaml', []]);
    expect(report.reference).toBe(`${place(name)}:1.0@${index.descriptor.digest}`);
    expect(report.signatures.map(({ format, refusal }) => [format, refusal])).toEqual([
      ['bundle', undefined],
      ['legacy', undefined],
    ]);
    const attested = await verifyAttestation({ ...request(name), type: TYPE }, host);
    expect(attested.attestations.map(({ statement }) => statement?.predicate)).toEqual([
      { good: true },
      { good: true },
    ]);
  });

  it('trusts nobody for an image without an entry', async () => {
    const failure = await failureOf(verifyReference(request('other'), host));
    expect([failure.code, failure.message]).toEqual([
      'TRUST_ROOT_INVALID',
      expect.stringContaining('nobody is trusted'),
    ]);
  });

  it('says what is missing where there is no trust file', async () => {
    const failure = await failureOf(verifyReference(request('keyed', { trustFile: 'absent.yaml' }), host));
    expect([failure.code, failure.hint]).toEqual(['USAGE_FLAG', expect.stringContaining('--certificate-identity')]);
  });
});

describe('with flags', () => {
  const keyless = { certificateIdentity: TEST_IDENTITY, certificateOidcIssuer: TEST_ISSUER };
  const rows: [string, string, Partial<VerifyReferenceRequest>, string, string?][] = [
    ['the key', 'keyed', { signer: { key: 'key.pub' }, ignoreTlog: true }, 'verified'],
    ['the key, with a log', 'keyed', { signer: { key: 'key.pub' } }, 'refused', '--insecure-ignore-tlog'],
    ['the identity', 'keyless', { signer: keyless, trustedRoot: 'root.json' }, 'verified'],
    ['the identity, by the root of another instance', 'keyless', { signer: keyless }, 'refused'],
    [
      'an anchored pattern',
      'keyless',
      {
        signer: { certificateIdentityRegexp: 'https://github.com/org/.*', certificateOidcIssuerRegexp: '.*' },
        trustedRoot: 'root.json',
      },
      'verified',
    ],
    [
      'a part of the identity',
      'keyless',
      {
        signer: { certificateIdentityRegexp: 'org/app', certificateOidcIssuer: TEST_ISSUER },
        trustedRoot: 'root.json',
      },
      'refused',
      TEST_IDENTITY,
    ],
    ['another key', 'keyless', { signer: { key: 'key.pub' }, trustedRoot: 'root.json' }, 'refused', TEST_IDENTITY],
    [
      'an identity for a key',
      'keyed',
      { signer: keyless, trustedRoot: 'root.json', ignoreTlog: true },
      'refused',
      key.publicKey.hint,
    ],
    ['an annotation', 'keyed', { signer: { key: 'key.pub' }, ignoreTlog: true, annotations: { a: 'b' } }, 'refused'],
  ];
  it.each(rows)('%s (%s)', async (_what, name, more, outcome, advice) => {
    const report = await verifyReference(request(name, more), host);
    expect([report.outcome, report.trustedBy]).toEqual([outcome, 'the flags']);
    if (advice !== undefined) expect(report.advice.join('\n')).toContain(advice);
  });

  it.each([
    [{ key: 'key.pub', certificateIdentity: 'x' }, /exclude each other/],
    [{ certificateIdentity: 'x' }, /--certificate-oidc-issuer \(or/],
    [{ certificateOidcIssuerRegexp: 'x' }, /--certificate-identity \(or/],
    [
      { ...keyless, certificateIdentityRegexp: 'x' },
      /--certificate-identity and --certificate-identity-regexp exclude/,
    ],
    [{ certificateIdentityRegexp: '(', certificateOidcIssuer: 'x' }, /not a regular expression/],
  ])('refuses %j', async (signer, message) => {
    const failure = await failureOf(verifyReference(request('keyed', { signer }), host));
    expect([failure.code, failure.message]).toEqual(['USAGE_FLAG', expect.stringMatching(message)]);
  });
});

it('reads a layout offline, and refuses a registry offline', async () => {
  const layout = join(folder, 'layout');
  await writeOciLayout(layout, makeIndex([index], {}), blobs);
  const reference = `${place('keyed')}@${index.descriptor.digest}`;
  const report = await verifyReference(request('keyed', { reference, layout: 'layout', offline: true }), host);
  expect([report.outcome, report.signatures]).toEqual(['unsigned', []]);
  const failure = await failureOf(verifyReference(request('keyed', { offline: true }), host));
  expect(failure.code).toBe('NETWORK_OFFLINE');
});
