import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FewestFirst } from './fewest-first.ts';

/** By looking through all of them each time. */
function takeSlowly(
  lists: Map<string, readonly number[]>,
): { entry: string; candidates: readonly number[] } | undefined {
  let next: string | undefined;
  for (const [entry, list] of lists) {
    if (next === undefined || list.length < (lists.get(next)?.length ?? 0)) next = entry;
  }
  if (next === undefined) return undefined;
  const candidates = lists.get(next) ?? [];
  lists.delete(next);
  return { entry: next, candidates };
}

describe('FewestFirst', () => {
  it('takes what a search through all entries takes, whatever is dropped on the way', () => {
    const candidates = fc.uniqueArray(fc.nat(12), { maxLength: 6 });
    const drops = fc.array(fc.array(fc.nat(12), { maxLength: 3 }), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(candidates, { maxLength: 12 }), drops, (given, dropped) => {
        const slow = new Map<string, readonly number[]>(given.map((list, i) => [`entry-${i}`, list]));
        const quick = new FewestFirst(slow);
        for (let round = 0; round <= given.length; round++) {
          const next = quick.take();
          expect(next && { entry: next.entry, candidates: next.candidates }).toEqual(takeSlowly(slow));
          for (const gone of dropped[round] ?? []) {
            quick.drop(gone);
            for (const [entry, list] of slow)
              slow.set(
                entry,
                list.filter((one) => one !== gone),
              );
          }
        }
      }),
    );
  });
});
