import { describe, expect, it } from 'vitest';
import { hardenedImage, subjectOf } from '../../../test/support/hardened-image.ts';
import type { CheckId } from './check-table.ts';
import { type Score, scoreImage } from './score.ts';
import { scoreLines } from './score-lines.ts';

const seen = (...checks: CheckId[]) => checks.map((check) => ({ check, message: '' }));
const scored = (checks: CheckId[], more: object = {}): Score =>
  scoreImage({ ...subjectOf(hardenedImage()), ...more }, seen(...checks));
const cis = (score: Score) => Object.fromEntries(score.cis.map(({ id, verdict }) => [id, verdict]));
const levels = (score: Score) => Object.fromEntries(score.chps.map(({ name, level }) => [name, level]));
const runWith = (others: object) => ({ run: { ...hardenedImage().run, others } });

describe('the image section of the CIS benchmark', () => {
  it('has twelve items, of which an image shows seven', () => {
    const verdicts = cis(scored([]));
    expect(Object.keys(verdicts)).toHaveLength(12);
    expect(
      Object.entries(verdicts)
        .filter(([, v]) => v === 'open')
        .map(([id]) => id),
    ).toEqual(['4.2', '4.4', '4.5', '4.11', '4.12']);
    expect(
      Object.entries(verdicts)
        .filter(([, v]) => v === 'not-met')
        .map(([id]) => id),
    ).toEqual(['4.6']);
  });

  it.each<readonly [item: string, checks: CheckId[], more: object]>([
    ['4.1', ['locked/root-user'], {}],
    ['4.3', ['minimal/build-tool'], {}],
    ['4.7', [], { history: ['RUN /bin/sh -c apt-get update'] }],
    ['4.8', ['locked/setgid'], {}],
    ['4.9', [], { history: ['ADD https://example.com/x /x'] }],
    ['4.10', ['locked/secret'], {}],
  ])('%s is missed', (item, checks, more) => {
    expect(cis(scored(checks, more))[item]).toBe('not-met');
  });

  it.each<readonly [item: string, more: object]>([
    ['4.6', runWith({ Healthcheck: { Test: ['CMD', 'x'] } })],
    ['4.7', { history: ['RUN apt-get update && apt-get install -y x'] }],
    ['4.9', { history: ['ADD file:abc in /', 'COPY x /x'] }],
  ])('%s is met', (item, more) => {
    expect(cis(scored([], more))[item]).toBe('met');
  });

  it('takes a health check that is switched off for none', () => {
    expect(cis(scored([], runWith({ Healthcheck: { Test: ['NONE'] } })))['4.6']).toBe('not-met');
  });
});

describe('the levels of CHPs', () => {
  it.each<readonly [checks: CheckId[], minimalism: number, configuration: number]>([
    [[], 3, 2],
    [['minimal/shell'], 2, 2],
    [['minimal/package-manager'], 2, 2],
    [['minimal/build-tool', 'minimal/shell'], 1, 2],
    [['minimal/cache'], 0, 2],
    [['locked/private-key'], 3, 0],
    [['locked/setuid'], 3, 1],
    [['locked/root-user'], 3, 1],
  ])('with %j', (checks, minimalism, configuration) => {
    expect(levels(scored(checks))).toEqual({
      Minimalism: minimalism,
      Provenance: 0,
      'Configuration & Metadata': configuration,
      Vulnerabilities: 0,
    });
  });

  it('want annotations', () => {
    const criteria = scored([], { annotations: {} }).chps[2]?.criteria ?? [];
    expect(criteria.find(({ title }) => title === 'there are annotations')?.verdict).toBe('not-met');
  });
});

it('a score is a few lines, without what an image cannot show at all', () => {
  expect(scoreLines(scored(['minimal/shell']))).toEqual([
    'CIS Docker Benchmark, section 4: 5 of 7 that an image shows; not met: 4.3 no unnecessary packages are installed, 4.6 there is a HEALTHCHECK',
    'CHPs Minimalism: level 2 of 3; not met: 3 no shell',
    'CHPs Configuration & Metadata: level 2 of 5',
  ]);
});
