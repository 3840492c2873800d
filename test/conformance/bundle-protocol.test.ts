// The hidden commands in the protocol of the sigstore conformance suite (docs/cli_protocol.md there): every vector of its
// bundle-verify, as a file and as a digest, and bundles that we sign with a private Sigstore.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { operations } from '../../src/cli/operations.ts';
import { recordedWorld } from '../../src/cli/recorded-world.ts';
import {
  type LoopbackSigstore,
  openLoopbackSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from '../support/loopback-sigstore.ts';
import { SHARED_ABSENT, sharedDir } from '../support/shared.ts';
import { SECRET_CANARY } from '../support/signing-keys.ts';

async function stave(cwd: string, ...argv: readonly string[]) {
  const world = recordedWorld({ cwd, operations: async () => operations });
  const exitCode = await main(argv, world);
  return { exitCode, stdout: world.stdout.text, stderr: world.stderr.text };
}

const base = `${sharedDir}/golden/cosign/sigstore-conformance/bundle-verify`;
const vectors =
  sharedDir === undefined ? [] : readdirSync(base).filter((name) => existsSync(`${base}/${name}/bundle.sigstore.json`));

/** As `BundleMaterials.from_dir` and `build_verify_args` of the suite's client do it. */
function verifyArguments(name: string, input: 'path' | 'digest'): string[] {
  const has = (file: string) => existsSync(`${base}/${name}/${file}`);
  const either = (file: string, otherwise: string) =>
    has(file) ? readFileSync(`${base}/${name}/${file}`, 'utf8').trim() : otherwise;
  const artifact = has('artifact') ? `${name}/artifact` : 'a.txt';
  const digest = `sha256:${createHash('sha256')
    .update(readFileSync(`${base}/${artifact}`))
    .digest('hex')}`;
  const beacon =
    'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main';
  return [
    'verify-bundle',
    ...['--bundle', `${name}/bundle.sigstore.json`],
    ...(has('key.pub')
      ? ['--key', `${name}/key.pub`]
      : [
          ...['--certificate-identity', either('identity', beacon)],
          ...['--certificate-oidc-issuer', either('issuer', 'https://token.actions.githubusercontent.com')],
        ]),
    ...(has('trusted_root.json') ? ['--trusted-root', `${name}/trusted_root.json`] : []),
    input === 'path' ? artifact : digest,
  ];
}

describe.skipIf(sharedDir === undefined)(`bundle-verify by the protocol (skipped when ${SHARED_ABSENT})`, () => {
  it('has all 70 vectors', () => expect(vectors).toHaveLength(70));

  it.each(vectors)('%s', async (name) => {
    const run = await stave(base, ...verifyArguments(name, 'path'));
    expect(run.exitCode === 0, run.stdout + run.stderr).toBe(!name.endsWith('_fail'));
    const byDigest = await stave(base, ...verifyArguments(name, 'digest'));
    expect(byDigest.exitCode === 0, byDigest.stdout + byDigest.stderr).toBe(!name.endsWith('_fail'));
  });
});

describe('sign-bundle', () => {
  let sigstore: LoopbackSigstore;
  let cwd: string;
  beforeAll(async () => {
    sigstore = await openLoopbackSigstore();
    cwd = await mkdtemp(join(tmpdir(), 'stave-protocol-'));
    await writeFile(join(cwd, 'root.json'), sigstore.trustedRoot);
    await writeFile(join(cwd, 'config.json'), sigstore.config({ rekor: 1, tsa: true }));
    await writeFile(join(cwd, 'a.txt'), 'an artifact');
    const digest = createHash('sha256').update('an artifact').digest('hex');
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'a.txt', digest: { sha256: digest } }],
      predicateType: 'https://example.test/any/v1',
      predicate: {},
    };
    await writeFile(join(cwd, 'statement.json'), JSON.stringify(statement));
  });
  afterAll(async () => {
    await sigstore.close();
    await rm(cwd, { recursive: true });
  });
  const who = ['--certificate-identity', TEST_IDENTITY, '--certificate-oidc-issuer', TEST_ISSUER];
  const sign = (...more: readonly string[]) => {
    const services = ['--trusted-root', 'root.json', '--signing-config', 'config.json'];
    const token = ['--identity-token', sigstore.token()];
    return stave(
      cwd,
      'sign-bundle',
      ...more.slice(0, -1),
      ...token,
      '--bundle',
      'made.json',
      ...services,
      more.at(-1)!,
    );
  };
  const verify = (file: string, ...more: readonly string[]) =>
    stave(cwd, 'verify-bundle', '--bundle', 'made.json', ...who, '--trusted-root', 'root.json', ...more, file);

  it('signs a file, and it verifies', async () => {
    const made = await sign('a.txt');
    expect(made.exitCode, made.stderr).toBe(0);
    expect(made.stdout + made.stderr + (await readFile(join(cwd, 'made.json'), 'utf8'))).not.toContain(SECRET_CANARY);
    expect((await verify('a.txt')).exitCode).toBe(0);
    expect((await verify('root.json')).exitCode).toBe(12);
    const digest = createHash('sha256').update('an artifact').digest('hex');
    expect((await verify(`sha256:${digest}`)).stdout).toContain('verified');
    const other = await verify(`sha256:${'0'.repeat(64)}`);
    expect([other.exitCode, other.stdout]).toEqual([
      12,
      expect.stringContaining('another than the given one [digest]'),
    ]);
  });

  it('signs a statement, and it verifies for its subject, as a file and as a digest', async () => {
    expect((await sign('--in-toto', 'statement.json')).exitCode).toBe(0);
    expect((await verify('a.txt')).exitCode).toBe(0);
    const digest = createHash('sha256').update('an artifact').digest('hex');
    expect((await verify(`sha256:${digest}`)).exitCode).toBe(0);
    expect((await verify(`sha256:${'0'.repeat(64)}`)).stdout).toContain('[digest]');
    expect((await verify('root.json')).exitCode).toBe(12);
  });

  it('refuses what it does not have', async () => {
    expect((await sign('--in-toto', 'a.txt')).exitCode).toBe(7);
    expect((await verify('a.txt', '--staging')).exitCode).not.toBe(2);
    const plain = await stave(cwd, 'verify-bundle', '--staging', '--bundle', 'made.json', ...who, 'a.txt');
    expect([plain.exitCode, plain.stderr]).toEqual([2, expect.stringContaining('--trusted-root')]);
    expect((await stave(cwd, 'verify-bundle', '--bundle', 'made.json', 'a.txt')).exitCode).toBe(2);
    expect((await stave(cwd, 'verify-bundle', '--bundle', 'root.pub', ...who, 'a.txt')).exitCode).toBe(8);
  });
});
