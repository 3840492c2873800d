import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNextLink } from './link-header.ts';

describe('parseNextLink', () => {
  it.each<[string, string | string[] | undefined, string | undefined]>([
    ['none', undefined, undefined],
    ['the usual form', '</v2/a/tags/list?last=x&n=1>; rel="next"', '/v2/a/tags/list?last=x&n=1'],
    ['without quotes', '<x>;rel=next', 'x'],
    ['in any case', '<x>; REL="Next"', 'x'],
    ['among several relations', '<x>; rel="prev next"', 'x'],
    ['among other parameters', '<x>; title="a; rel=\\"no\\", b"; rel="next"; n=1', 'x'],
    ['after another link', '<a>; rel="prev", <b>; rel="next"', 'b'],
    ['in another header', ['<a>; rel="prev"', '<b>; rel="next"'], 'b'],
    ['commas and semicolons in the target', '<a?x=1,2;3>; rel="next"', 'a?x=1,2;3'],
    ['another relation', '<x>; rel="nextish"', undefined],
    ['no relation', '<x>', undefined],
    ['what is no link', 'x; rel="next"', undefined],
    ['an open end', '<x; rel="next"', undefined],
    ['empty', '', undefined],
  ])('%s', (_name, header, expected) => {
    expect(parseNextLink(header)).toBe(expected);
  });

  it('finds the one next link among others', () => {
    const target = fc.stringMatching(/^[a-z0-9/?&=.,;%-]{1,20}$/);
    const other = fc.tuple(target, fc.constantFrom('prev', 'first', 'last'));
    fc.assert(
      fc.property(fc.array(other), target, fc.array(other), (before, next, behind) => {
        const links = [...before, [next, 'next'], ...behind].map(([to, rel]) => `<${to}>; rel="${rel}"`);
        expect(parseNextLink(links.join(', '))).toBe(next);
        expect(parseNextLink(links)).toBe(next);
      }),
    );
  });

  it('ends quickly for any text', () => {
    for (const text of [`<x>${'; a'.repeat(5_000)}`, `<x>;${' '.repeat(16_000)}`, `<x>; a=${'"\\'.repeat(5_000)}`]) {
      const started = performance.now();
      parseNextLink(text);
      expect(performance.now() - started).toBeLessThan(1_000);
    }
  });
});
