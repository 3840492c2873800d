import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../../../test/support/faulty-registry.ts';
import {
  type LoopbackSigstore,
  openLoopbackSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from '../../../test/support/loopback-sigstore.ts';
import { type ClientBench, failureOf, openBench, testImages } from '../../../test/support/registry-client.ts';
import { expectNoSecret, SECRET_CANARY, type SourcesBench, testSources } from '../../../test/support/signing-keys.ts';
import { pushImageIndex } from '../../effects/registry/client/push-image.ts';
import type { Host } from '../host.ts';
import { verifyAttestation, verifyReference } from '../verify/verify.ts';
import { generateKeys, importKeys, publicKeyOfPrivate } from './keys.ts';
import { attestReference, type SigningRequest, signReference } from './sign.ts';

const { index, blobs } = testImages();
let bench: ClientBench;
let registry: FaultyRegistry;
let sigstore: LoopbackSigstore;
let folder: string;
let sources: SourcesBench;
let host: Host;
let run = 0;
let reference = '';

beforeAll(async () => {
  bench = openBench();
  registry = await openFaultyRegistry();
  sigstore = await openLoopbackSigstore();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stave-sign-'));
  sources = testSources({ STAVE_PASSWORD: SECRET_CANARY, SIGSTORE_ID_TOKEN: sigstore.token() }, { cwd: folder });
  host = { ...sources, hostArch: 'amd64', homeDir: '/nonexistent' };
  await writeFile(join(folder, 'root.json'), sigstore.trustedRoot);
  await writeFile(join(folder, 'config.json'), sigstore.config({ rekor: 1, tsa: true }));
  reference = `${registry.host}/team/app${run++}:1.0`;
  await pushImageIndex(bench.open(reference), index, blobs, { tags: ['1.0'] });
});
afterEach(() => rm(folder, { recursive: true }));
afterAll(async () => {
  await bench.close();
  await registry.close();
  await sigstore.close();
});

const signing = (more: Partial<SigningRequest> = {}): SigningRequest => ({ reference, format: 'both', ...more });
const verifying = (signer: object, ignoreTlog = false) => ({
  reference,
  signer,
  trustedRoot: 'root.json',
  ignoreTlog,
  annotations: {},
  offline: false,
});
const identity = { certificateIdentity: TEST_IDENTITY, certificateOidcIssuer: TEST_ISSUER };

/** No file of the registry or of the user, and no event, has the canary. */
async function expectClean(): Promise<void> {
  for (const directory of [registry.directory, folder]) {
    for (const file of await readdir(directory, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      expect((await readFile(join(file.parentPath, file.name))).includes(SECRET_CANARY), file.name).toBe(false);
    }
  }
  expectNoSecret(sources.seen);
}

describe('signReference', () => {
  it('with a new key, in both forms, and says what it did', async () => {
    await generateKeys('cosign', sources);
    const report = await signReference({ ...signing({ key: 'cosign.key' }), annotations: { a: 'b' } }, host);
    expect([report.image, report.signed.length]).toEqual([index.descriptor.digest, 6]);
    const verdict = await verifyReference({ ...verifying({ key: 'cosign.pub' }, true), annotations: { a: 'b' } }, host);
    expect(verdict.outcome).toBe('verified');
    await expectClean();
  });

  it('with a key and a log', async () => {
    await generateKeys('cosign', sources);
    await signReference({ ...signing({ key: 'cosign.key', signingConfig: 'config.json' }), annotations: {} }, host);
    const verdict = await verifyReference(verifying({ key: 'cosign.pub' }), host);
    expect(verdict.signatures.map(({ refusal, verified }) => [refusal, verified])).toEqual(
      [1, 2].map(() => [undefined, ['signature', 'log', 'timestamp', 'digest']]),
    );
    await expectClean();
  });

  it('with an identity', async () => {
    await signReference({ ...signing({ signingConfig: 'config.json' }), annotations: {} }, host);
    const verdict = await verifyReference(verifying(identity), host);
    expect(verdict.signatures.map(({ refusal }) => refusal)).toEqual([undefined, undefined]);
    expect(sigstore.asked.filter((one) => one === 'POST /api/v2/signingCert')).toHaveLength(1);
    await expectClean();
  });

  it('asks for nothing where there is no image', async () => {
    const asked: string[] = [];
    const askPassword = async (question: string) => {
      asked.push(question);
      return '';
    };
    const request = { ...signing({ reference: `${registry.host}/team/absent:1`, key: 'cosign.key' }), annotations: {} };
    const failure = await failureOf(signReference(request, { ...host, env: {}, askPassword }));
    expect([failure.code, asked]).toEqual(['IMAGE_NOT_FOUND', []]);
  });

  it('fails without a signing configuration that can be read', async () => {
    const request = { ...signing({ signingConfig: 'absent.json' }), annotations: {} };
    expect((await failureOf(signReference(request, host))).code).toBe('FILE_UNREADABLE');
  });
});

describe('attestReference', () => {
  it('attests a predicate of the user about index and platforms', async () => {
    await writeFile(join(folder, 'predicate.json'), '{"checked":["a",1]}');
    const request = {
      ...signing({ signingConfig: 'config.json' }),
      type: 'https://example.test/x',
      predicatePath: 'predicate.json',
    };
    expect((await attestReference(request, host)).signed).toHaveLength(6);
    const verdict = await verifyAttestation({ ...verifying(identity), type: 'https://example.test/x' }, host);
    expect(verdict.attestations.map(({ statement }) => statement?.predicate)).toEqual(
      [1, 2].map(() => ({ checked: ['a', 1] })),
    );
    expect((await verifyReference(verifying(identity), host)).outcome).toBe('unsigned');
    await expectClean();
  });

  it.each([
    ['custom', 'absent.json', 'FILE_UNREADABLE'],
    ['custom', 'broken.json', 'CONFIG_SYNTAX'],
    ['unknown', 'broken.json', 'USAGE_FLAG'],
  ])('refuses type %s with %s', async (type, predicatePath, code) => {
    await writeFile(join(folder, 'broken.json'), '{');
    expect((await failureOf(attestReference({ ...signing(), type, predicatePath }, host))).code).toBe(code);
  });
});

describe('key files', () => {
  it('are for their owner alone, and open again', async () => {
    const { privatePath, publicPath } = await generateKeys('app', sources);
    expect([privatePath, publicPath]).toEqual([join(folder, 'app.key'), join(folder, 'app.pub')]);
    expect([(await stat(privatePath)).mode & 0o777, (await stat(publicPath)).mode & 0o777]).toEqual([0o600, 0o644]);
    expect(await publicKeyOfPrivate('app.key', sources)).toBe(await readFile(publicPath, 'utf8'));
    const imported = await importKeys('app.key', 'again', sources);
    expect(await readFile(imported.publicPath, 'utf8')).toBe(await readFile(publicPath, 'utf8'));
    await expectClean();
  });

  it.each(['app.key', 'app.pub'])('are never written over %s', async (name) => {
    await writeFile(join(folder, name), 'mine');
    const failure = await failureOf(generateKeys('app', sources));
    expect([failure.code, failure.message]).toEqual(['FILE_UNWRITABLE', expect.stringContaining(name)]);
    const left = (await readdir(folder)).filter((file) => file.startsWith('app'));
    expect([left, await readFile(join(folder, name), 'utf8')]).toEqual([[name], 'mine']);
  });

  it('leave nothing behind where there is no password, key or folder', async () => {
    expect((await failureOf(generateKeys('app', { ...sources, env: {} }))).code).toBe('KEY_PASSWORD');
    expect((await failureOf(importKeys('absent.key', 'app', sources))).code).toBe('FILE_UNREADABLE');
    expect((await failureOf(generateKeys('absent/app', sources))).code).toBe('FILE_UNWRITABLE');
    expect((await readdir(folder)).filter((file) => file.startsWith('app'))).toEqual([]);
  });
});
