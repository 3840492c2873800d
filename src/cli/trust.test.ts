import { describe, expect, it } from 'vitest';
import type { ConsumerReport } from '../operations/verify/consumers/verify-as.ts';
import { main } from './main.ts';
import type { Operations } from './operations.ts';
import { recordedWorld } from './recorded-world.ts';

async function stave(doing: Partial<Operations>, ...argv: readonly string[]) {
  const world = recordedWorld({ doing });
  const exitCode = await main(argv, world);
  return { exitCode, stdout: world.stdout.text, stderr: world.stderr.text };
}

describe('verify --as', () => {
  const report = (outcome: ConsumerReport['outcome']): ConsumerReport => ({
    consumer: 'cosign3',
    title: 'cosign 3',
    rulesOf: 'a commit',
    reference: 'ghcr.io/org/app:1\u001b[31m',
    image: undefined,
    outcome,
    ways: [
      {
        name: 'cosign verify',
        decides: true,
        outcome: outcome === 'accepted' ? 'accepted' : 'refused',
        why: 'by referrer x',
        looks: [
          {
            place: 'referrers, by the API',
            there: 2,
            passedOver: [{ place: 'referrer y', why: 'it is no bundle' }],
            findings: [
              {
                place: 'referrer x',
                predicateType: 'https://example.test/any',
                signer: { kind: 'key', hint: 'abc' },
                refusal: outcome === 'accepted' ? undefined : { reason: 'other-key', detail: 'it is another key' },
              },
            ],
            broken: undefined,
          },
        ],
      },
    ],
    platforms: [{ platform: 'linux/amd64', image: `sha256:${'0'.repeat(64)}`, outcome: 'refused' }],
    advice: ['Do it right.'],
    notKnown: ['the moon'],
    expected: ['the key abc'],
    trustedBy: 'the flags',
  });

  it.each([
    ['accepted', 0],
    ['refused', 12],
    ['unknown', 12],
    ['absent', 11],
  ] as const)('%s: %i', async (outcome, exitCode) => {
    const run = await stave(
      { verifyAs: async () => report(outcome) },
      'verify',
      'ghcr.io/org/app:1',
      '--as',
      'cosign3',
    );
    expect(run.exitCode).toBe(exitCode);
    expect(run.stdout).not.toContain('\u001b');
    for (const text of [
      'cosign verify',
      'referrer y: it is no bundle',
      'linux/amd64: refused',
      'Do it right.',
      'the moon',
    ]) {
      expect(run.stdout).toContain(text);
    }
    expect(run.stdout.includes('[other-key]')).toBe(outcome !== 'accepted');
  });

  it('gives programs the whole report', async () => {
    const doing = { verifyAs: async () => report('refused') };
    const run = await stave(doing, 'verify', 'ghcr.io/org/app:1', '--as', 'cosign3', '--json');
    expect(JSON.parse(run.stdout)).toEqual(JSON.parse(JSON.stringify({ ...report('refused'), exitCode: 12 })));
  });

  it('knows its consumers', async () => {
    const run = await stave({}, 'verify', 'ghcr.io/org/app:1', '--as', 'kyvern');
    expect([run.exitCode, run.stderr]).toEqual([2, expect.stringContaining('did you mean kyverno?')]);
  });
});

describe('trust policy', () => {
  it.each([
    [['--for', 'kyverno'], 'ImageValidatingPolicy'],
    [['--for', 'kyverno', '--kind', 'ClusterPolicy'], 'ClusterPolicy'],
    [['--for', 'policy-controller', '--trust-file', 'own.yaml'], 'ClusterImagePolicy'],
  ])('%j', async (flags, kind) => {
    const doing: Partial<Operations> = {
      printTrustPolicy: async (request) => ({
        trustFile: 'own.yaml',
        images: [],
        text: 'kind: X\n',
        kind: request.kind,
      }),
    };
    const run = await stave(doing, 'trust', 'policy', ...flags, '--json');
    expect([run.exitCode, JSON.parse(run.stdout).kind]).toEqual([0, kind]);
    expect((await stave(doing, 'trust', 'policy', ...flags)).stdout).toBe('kind: X\n');
  });

  it.each([[['--for', 'gh']], [['--for', 'policy-controller', '--kind', 'ClusterPolicy']], [[]]])(
    'refuses %j',
    async (flags) => expect((await stave({}, 'trust', 'policy', ...flags)).exitCode).toBe(2),
  );
});

describe('trust update', () => {
  it.each([
    ['written', 'wrote trusted_root.json'],
    ['unchanged', 'trusted_root.json is up to date'],
  ] as const)('%s', async (outcome, text) => {
    const report = { path: '/trusted_root.json', mirror: 'https://tuf.example.test', outcome, advice: ['Name it.'] };
    const run = await stave({ updateTrustedRoot: async () => report }, 'trust', 'update');
    expect([run.exitCode, run.stdout]).toEqual([0, `${text}, by https://tuf.example.test\nName it.\n`]);
  });
});
