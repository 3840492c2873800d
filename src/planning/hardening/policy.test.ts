import { describe, expect, it } from 'vitest';
import { CHECK_IDS, CHECKS } from './check-table.ts';
import { covers, HARDENING_PROFILES, levelOf } from './policy.ts';

describe('a path of an exception', () => {
  it.each<readonly [pattern: string, path: string, isCovered: boolean]>([
    ['usr/bin/sh', 'usr/bin/sh', true],
    ['/usr/bin/sh', 'usr/bin/sh', true],
    ['usr/bin', 'usr/bin/sh', false],
    ['usr/bin/*', 'usr/bin/sh', true],
    ['usr/bin/*', 'usr/bin/x/sh', false],
    ['usr/*/sh', 'usr/bin/sh', true],
    ['usr/b*n/s*', 'usr/bin/sh', true],
    ['**', 'usr/bin/sh', true],
    ['**/sh', 'usr/bin/sh', true],
    ['**/sh', 'sh', true],
    ['usr/**', 'usr/bin/sh', true],
    ['usr/**/sh', 'usr/sh', true],
    ['usr/**/lib/*.so', 'usr/a/lib/b/lib/c.so', true],
    ['*a*b*', 'xaxbx', true],
    ['*a*b', 'xaxbx', false],
    ['u.r/bin', 'usr/bin', false],
    ['*', '', false],
  ])('%s covers %s: %s', (path, at, isCovered) => {
    expect(covers({ check: 'minimal/shell', path, reason: 'r' }, 'minimal/shell', at)).toBe(isCovered);
  });

  it('covers no finding without a path; without one, every finding of its check', () => {
    expect(covers({ check: 'locked/secret', path: '**', reason: 'r' }, 'locked/secret', undefined)).toBe(false);
    expect(covers({ check: 'locked/secret', reason: 'r' }, 'locked/secret', undefined)).toBe(true);
    expect(covers({ check: 'locked/secret', reason: 'r' }, 'locked/setuid', 'x')).toBe(false);
  });

  it('that is hostile takes no time', () => {
    const started = performance.now();
    covers({ check: 'locked/secret', path: '*a'.repeat(2000), reason: 'r' }, 'locked/secret', 'a'.repeat(4000));
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('the table', () => {
  it.each(CHECK_IDS)('%s is explained', (id) => {
    const { title, reason, fix } = CHECKS[id];
    expect(id).toMatch(/^(runs|minimal|locked|accountable|policy)\/[a-z-]+$/);
    expect(title).toMatch(/^[^A-Z].*[^.]$|^CA/);
    expect(reason).toMatch(/\.$/);
    expect(fix).toMatch(/\.$/);
  });

  it('gets no milder from profile to profile', () => {
    const rank = { off: 0, warning: 1, error: 2 };
    for (const id of CHECK_IDS) {
      const levels = (['default', 'distroless', 'strict'] as const).map((profile) => rank[levelOf(id, profile)]);
      expect(levels, id).toEqual([...levels].sort());
      expect(levelOf(id, 'off')).toBe('off');
    }
    expect(HARDENING_PROFILES).toContain('default');
  });
});
