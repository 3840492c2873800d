import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { noEvents } from '../../base/events.ts';
import { matchesRule } from '../../effects/signing/signer-expectation.ts';
import type { Host } from '../host.ts';
import { expectationsOf, findTrustEntry, parseTrustFile } from './trust-file.ts';
import { initTrust, type TrustInitRequest } from './trust-init.ts';

const PEM = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString();
const KEYED: TrustInitRequest = {
  references: ['ghcr.io/org/app:1'],
  signer: { key: PEM },
  log: 'ignored',
  trustedRoot: '',
};
const KEYLESS: TrustInitRequest = {
  ...KEYED,
  signer: { kind: 'certificate', identity: 'dev@example.test', issuer: 'https://issuer.example.test' },
  log: 'required',
  trustedRoot: 'root.json',
};

let host: Host;
beforeEach(async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'stave-trust-'));
  host = { cwd, env: {}, hostArch: 'amd64', homeDir: cwd, events: noEvents };
});
afterEach(() => rm(host.cwd, { recursive: true }));

it.each([
  ['a key', KEYED, { kind: 'key' }],
  ['an identity', KEYLESS, { kind: 'certificate', identity: { exact: 'dev@example.test' } }],
])('writes down %s', async (_what, request, expected) => {
  const report = await initTrust(request, host);
  expect([report.outcome, report.path]).toEqual(['written', join(host.cwd, 'stave.trust.yaml')]);
  const file = parseTrustFile('it', await readFile(report.path));
  const entry = findTrustEntry(file, { registry: 'ghcr.io', repository: 'org/app' });
  expect([entry?.log, file.trustedRoot]).toEqual([request.log, request.trustedRoot]);
  expect(await expectationsOf(entry!, async () => '')).toEqual([expect.objectContaining(expected)]);
});

it('is short enough to review', async () => {
  expect(
    (await initTrust(KEYLESS, host)).text,
  ).toBe(`# Whose signature which image must have. The first entry that fits an image decides.
images:
    - match: ghcr.io/org/app
      signers:
        - identity: dev@example.test
          issuer: https://issuer.example.test
      log: required
trusted-root: root.json
`);
});

it('trusts a workflow for every tag, and for its one branch', async () => {
  const workflow = 'https://github.com/org/app/.github/workflows/release.yml';
  for (const [ref, line] of [
    [
      'refs/tags/v1.2',
      String.raw`identity-regexp: https://github\.com/org/app/\.github/workflows/release\.yml@refs/tags/.+`,
    ],
    ['refs/heads/main', `identity: ${workflow}@refs/heads/main`],
  ]) {
    const signer = {
      kind: 'certificate',
      identity: `${workflow}@${ref}`,
      issuer: 'https://issuer.example.test',
    } as const;
    const { text, path } = await initTrust({ ...KEYLESS, signer }, host);
    expect(text).toContain(line);
    const entry = findTrustEntry(parseTrustFile('it', Buffer.from(text)), {
      registry: 'ghcr.io',
      repository: 'org/app',
    });
    const [expected] = await expectationsOf(entry!, async () => '');
    const holds = (identity: string) => expected?.kind === 'certificate' && matchesRule(expected.identity, identity);
    expect([holds(`${workflow}@${ref}`), holds(`${workflow}@refs/tags/v2`)]).toEqual([true, ref === 'refs/tags/v1.2']);
    expect(holds(`https://githubXcom/org/app/.github/workflows/release.yml@${ref}`)).toBe(false);
    await rm(path);
  }
});

it('never changes a file that is there', async () => {
  const path = join(host.cwd, 'own.yaml');
  const text = '# Because I said so.\nimages:\n  - match: ghcr.io/org/app\n    signers: [{key: my.pub}]\n';
  await writeFile(path, text);
  const trustFile = 'own.yaml';
  expect((await initTrust({ ...KEYED, trustFile }, host)).outcome).toBe('known');
  const other = await initTrust({ ...KEYED, trustFile, references: ['ghcr.io/org/app', 'ghcr.io/org/other'] }, host);
  expect([other.outcome, other.text]).toEqual(['to-add', expect.stringContaining('match: ghcr.io/org/other')]);
  expect(other.text).not.toContain('match: ghcr.io/org/app');
  expect(await readFile(path, 'utf8')).toBe(text);
  await writeFile(path, 'images: [');
  await expect(initTrust({ ...KEYED, trustFile }, host)).rejects.toMatchObject({ code: 'CONFIG_SYNTAX' });
});
