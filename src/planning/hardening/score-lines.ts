// A score in a few lines for people: what is met, what is not, and what an image cannot tell.

import type { Criterion, Score } from './score.ts';

export function scoreLines({ cis, chps }: Score): string[] {
  const decided = cis.filter(({ verdict }) => verdict !== 'open');
  const met = decided.filter(({ verdict }) => verdict === 'met').length;
  const missed = decided.filter(({ verdict }) => verdict === 'not-met');
  const cisLine = `CIS Docker Benchmark, section 4: ${met} of ${decided.length} that an image shows${listOf(missed)}`;
  const vectors = chps.map(({ name, level, highest, criteria }) => {
    const isOpen = criteria.every(({ verdict }) => verdict === 'open');
    if (isOpen) return undefined;
    return `CHPs ${name}: level ${level} of ${highest}${listOf(criteria.filter(({ verdict }) => verdict === 'not-met'))}`;
  });
  return [cisLine, ...vectors.filter((line) => line !== undefined)];
}

function listOf(missed: readonly Criterion[]): string {
  return missed.length === 0 ? '' : `; not met: ${missed.map(({ id, title }) => `${id} ${title}`).join(', ')}`;
}
