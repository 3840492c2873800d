import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRepositoryName, isTag, parseRoute, type Route } from './route.ts';

describe('parseRoute', () => {
  const rows: [path: string, route: Route][] = [
    ['/v2', { kind: 'base' }],
    ['/v2/', { kind: 'base' }],
    ['/v2/app/manifests/1.0', { kind: 'manifest', name: 'app', reference: '1.0' }],
    ['/v2/team/app/manifests/sha256:ab', { kind: 'manifest', name: 'team/app', reference: 'sha256:ab' }],
    ['/v2/app/blobs/sha256%3Aab', { kind: 'blob', name: 'app', digest: 'sha256:ab' }],
    ['/v2/app/blobs/uploads/', { kind: 'uploads', name: 'app' }],
    ['/v2/app/blobs/uploads', { kind: 'uploads', name: 'app' }],
    ['/v2/app/blobs/uploads/some-id', { kind: 'upload', name: 'app', id: 'some-id' }],
    ['/v2/app/tags/list', { kind: 'tags', name: 'app' }],
    ['/v2/app/referrers/sha256:ab', { kind: 'referrers', name: 'app', digest: 'sha256:ab' }],
    // Repositories may be called like endpoints: the last one counts.
    ['/v2/tags/tags/list', { kind: 'tags', name: 'tags' }],
    ['/v2/a/manifests/manifests/1', { kind: 'manifest', name: 'a/manifests', reference: '1' }],
    ['/v2/a/blobs/uploads/manifests/1', { kind: 'manifest', name: 'a/blobs/uploads', reference: '1' }],
    ['/v2/blobs/uploads/blobs/uploads/', { kind: 'uploads', name: 'blobs/uploads' }],
    // Names are not checked here.
    ['/v2/../x/manifests/1', { kind: 'manifest', name: '../x', reference: '1' }],
    ['/v2/a%2F..%2Fb/manifests/1', { kind: 'manifest', name: 'a/../b', reference: '1' }],
    ['/', { kind: 'unknown' }],
    ['/v1/', { kind: 'unknown' }],
    ['/v2x/app/manifests/1', { kind: 'unknown' }],
    ['/v2/app', { kind: 'unknown' }],
    ['/v2/app/tags/', { kind: 'unknown' }],
    ['/v2/_catalog', { kind: 'unknown' }],
    ['/v2/manifests/1', { kind: 'unknown' }],
    ['/v2/app/manifests/%zz', { kind: 'unknown' }],
  ];
  it.each(rows)('%s', (path, route) => {
    expect(parseRoute(path)).toEqual(route);
  });
});

describe('isRepositoryName', () => {
  it.each(['a', 'app', 'team/app', 'a.b', 'a_b', 'a__b', 'a---b', '1/2/3', 'a'.repeat(255)])('takes %s', (name) => {
    expect(isRepositoryName(name)).toBe(true);
  });

  it.each([
    '',
    '/',
    'App',
    'a/',
    '/a',
    'a//b',
    '.',
    '..',
    'a/..',
    '../a',
    'a/../b',
    '.a',
    'a.',
    'a..b',
    'a___b',
    '_a',
    'a_',
    '-a',
    'a\\b',
    'a\0b',
    'a\nb',
    'a b',
    'ä',
    '_blobs',
    'a/_tags',
    'a'.repeat(256),
  ])('refuses %j', (name) => {
    expect(isRepositoryName(name)).toBe(false);
  });

  it('lets nothing pass that is more than a path downwards', () => {
    const part = fc.constantFrom('a', '.', '..', '_', '-', '/', '\\', '~', '%', ':', 'A', '\0', '_blobs');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const name = parts.join('');
        if (!isRepositoryName(name)) return;
        expect(name.split('/').every((each) => /^[a-z0-9]/.test(each))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('isTag', () => {
  it.each(['latest', '1.0', '_x', 'A-b.c', 'a'.repeat(128)])('takes %s', (tag) => expect(isTag(tag)).toBe(true));
  it.each(['', '.', '..', '-a', '.a', 'a/b', 'a:b', 'ü', 'a'.repeat(129)])('refuses %j', (tag) =>
    expect(isTag(tag)).toBe(false),
  );
});
