// Keeps the table in docs/hardening.md in step with the checks. After a change, put the printed table into the document.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hardenedImage, subjectOf } from '../../../test/support/hardened-image.ts';
import { CHECK_IDS, CHECKS } from './check-table.ts';
import { scoreImage } from './score.ts';

const docs = readFileSync(new URL('../../../docs/hardening.md', import.meta.url), 'utf8');

function checksTable(): string {
  const rows = CHECK_IDS.map((id) => {
    const { title, reason, fix, levels } = CHECKS[id];
    return `| \`${id}\` | ${title} | ${levels.default} | ${levels.distroless} | ${levels.strict} | ${reason} ${fix} |`;
  });
  return [
    '| id | holds when | default | distroless | strict | why, and what to do |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

describe('docs/hardening.md', () => {
  it('has the table of all checks', () => {
    expect(docs).toContain(checksTable());
  });

  it('says which items of the two scales an image shows', () => {
    const { cis, chps } = scoreImage(subjectOf(hardenedImage()), []);
    for (const { id, title, verdict } of cis) {
      expect(docs).toContain(`| ${id} | ${title} | ${verdict === 'open' ? 'no' : 'yes'} |`);
    }
    for (const { name, criteria } of chps) {
      for (const { id, title, verdict } of criteria) {
        expect(docs).toContain(`| ${name} | ${id} | ${title} | ${verdict === 'open' ? 'no' : 'yes'} |`);
      }
    }
  });
});
