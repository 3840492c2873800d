import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CollectedGroup } from '../files/collected-group.ts';
import { type Lock, parseLock, printLock } from './lock.ts';
import { assertOwnLock, groupSource, type OwnLock, type OwnLockPlan, planOwnLock } from './own-lock.ts';

const GROUP: CollectedGroup = {
  name: 'g',
  version: '1',
  license: 'MIT',
  image: '',
  entries: [
    { kind: 'symlink', path: 'b', owner: '', archs: [], target: 'x' },
    {
      kind: 'file',
      path: 'a',
      owner: 'web',
      archs: ['arm64', 'amd64'],
      mode: 0o755,
      sizeBytes: 1,
      sha1: '11',
      sha256: '22',
      content: { kind: 'inline', bytes: Buffer.from('a') },
    },
    { kind: 'directory', path: 'c', owner: '', archs: [], mode: 0o755 },
  ],
};

const plan = (more: Partial<OwnLockPlan> = {}) =>
  planOwnLock({ variant: '', vars: new Map(), production: {}, groups: [GROUP], ...more }) as OwnLock;

const EMPTY: Lock = {
  version: 'v1',
  config: undefined,
  contents: { keyring: [], buildRepositories: [], runtimeRepositories: [], repositories: [], packages: [] },
};

it('lists files in the order of their paths', () => {
  expect(plan().files[0]?.files).toEqual([
    { path: '/a', mode: '0755', owner: 'web', archs: 'amd64,arm64', content: 'sha256-22' },
    { path: '/b', mode: '', owner: '', archs: '', content: '-> x' },
    { path: '/c/', mode: '0755', owner: '', archs: '', content: '' },
  ]);
});

it('is not there where there is nothing to say', () => {
  expect(plan({ groups: [] })).toBeUndefined();
  expect(printLock(EMPTY)).not.toContain('stave');
});

it('gives account of a group: one digest for all of it, and where it came from', () => {
  const source = groupSource(GROUP);
  expect(source).toEqual({ name: 'g', version: '1', sha256: source.sha256, image: '', downloads: [] });
  const downloaded = (more: object) => ({ ...GROUP.entries[1], ...more }) as CollectedGroup['entries'][number];
  const others: CollectedGroup[] = [
    { ...GROUP, image: 'r.io/a@sha256:1' },
    { ...GROUP, version: '2' },
    { ...GROUP, entries: [downloaded({ sha256: '33' })] },
    { ...GROUP, entries: [downloaded({ mode: 0o700 })] },
    {
      ...GROUP,
      entries: [downloaded({ url: 'https://x.test/a' }), downloaded({ path: 'z', url: 'https://x.test/a' })],
    },
  ];
  expect(new Set([source, ...others.map(groupSource)].map((each) => each.sha256)).size).toBe(6);
  expect(groupSource({ ...GROUP, entries: [...GROUP.entries].reverse() })).toEqual(source);
  expect(groupSource(others[4]!).downloads).toEqual([{ url: 'https://x.test/a', sha256: '22' }]);
  expect(groupSource(others[0]!).image).toBe('r.io/a@sha256:1');
});

it('is read back as it was written', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1 });
  const key = fc.stringMatching(/^[a-z]{1,5}$/);
  const own = fc.record({
    variant: fc.string(),
    vars: fc.dictionary(key, fc.string(), { noNullPrototype: true }),
    production: fc.dictionary(key, fc.nat(), { noNullPrototype: true }),
    files: fc.array(
      fc.record({
        name: text,
        version: fc.string(),
        license: fc.string(),
        files: fc.array(
          fc
            .record({ path: text, mode: fc.string(), owner: fc.string(), archs: fc.string(), content: fc.string() })
            .chain((file) =>
              fc.option(text, { nil: undefined }).map((url) => (url === undefined ? file : { ...file, url })),
            ),
        ),
      }),
    ),
  });
  fc.assert(
    fc.property(own, (each) => {
      expect(parseLock(printLock({ ...EMPTY, own: each }), 'l').own).toEqual(each);
    }),
  );
});

it.each([
  ['{"version":"v1","stave":[]}', 'stave must be an object'],
  ['{"version":"v1","stave":{"files":{}}}', 'stave.files must be a list'],
  ['{"version":"v1","stave":{"files":[{}]}}', 'has no stave.files[0].name'],
  [
    '{"version":"v1","stave":{"files":[{"name":"a","files":[{"path":1}]}]}}',
    'stave.files[0].files[0].path must be a text',
  ],
  ['{"version":"v1","stave":{"production":{"x86_64":-1}}}', 'stave.production.x86_64 must be a count'],
  ['{"version":"v1","stave":{"vars":{"a":1}}}', 'stave.vars.a must be a text'],
])('refuses %s', (text, message) => {
  expect(() => parseLock(text, 'l')).toThrow(message);
});

describe('assertOwnLock', () => {
  const entry = (more: object): CollectedGroup => ({
    ...GROUP,
    entries: [{ ...GROUP.entries[1], ...more } as CollectedGroup['entries'][number]],
  });
  const one = (more: object = {}) => plan({ groups: [entry(more)] });
  const use = { lockPath: 'l', archs: ['amd64'] };

  it.each<[name: string, locked: OwnLock | undefined, now: OwnLock | undefined]>([
    ['the same', plan(), plan()],
    ['nothing', undefined, undefined],
    ['another file for another architecture', one({ archs: ['arm64'] }), one({ archs: ['arm64'], sha256: '33' })],
    ['another number of packages below', plan({ production: { a: 1 } }), plan({ production: {} })],
  ])('accepts %s', (_name, locked, now) => {
    expect(() => assertOwnLock(locked, now, use)).not.toThrow();
  });

  it.each<[locked: OwnLock | undefined, now: OwnLock | undefined, message: string]>([
    [plan(), undefined, 'the files of "g" are no longer there'],
    [undefined, plan(), 'the files of "g" were not there'],
    [one(), one({ sha256: '33' }), '/a has other content'],
    [one(), one({ mode: 0o644 }), '/a has another mode or owner'],
    [one(), one({ owner: '' }), '/a has another mode or owner'],
    [one(), plan({ groups: [{ ...GROUP, entries: [] }] }), '/a is gone'],
    [plan({ groups: [{ ...GROUP, entries: [] }] }), one(), '/a is new'],
    [one(), one({ archs: [] }), '/a is new'],
    [plan(), plan({ groups: [{ ...GROUP, version: '2' }] }), '"g" had the version 1, now 2'],
    [plan(), plan({ groups: [{ ...GROUP, license: '' }] }), '"g" had another licence'],
    [
      plan({ groups: [{ ...GROUP, image: 'r.io/a@sha256:1' }] }),
      plan({ groups: [{ ...GROUP, image: 'r.io/a@sha256:2' }] }),
      '"g" was copied out of r.io/a@sha256:1',
    ],
    [plan({ variant: 'dev' }), plan(), 'of the variant "dev", not "runtime"'],
    [
      plan({ vars: new Map([['a', '1']]) }),
      plan({ vars: new Map([['a', '2']]) }),
      'the variable "a" had another value',
    ],
    [plan(), plan({ vars: new Map([['a', '2']]) }), 'the variable "a" had another value'],
  ])('refuses row %#', (locked, now, message) => {
    expect(() => assertOwnLock(locked, now, use)).toThrow(
      expect.objectContaining({ code: 'LOCK_MISMATCH', message: expect.stringContaining(message) }),
    );
  });

  it('lists only so many', () => {
    const many = Array.from(
      { length: 50 },
      (_, i) => ({ ...GROUP.entries[0], path: `p${i}` }) as CollectedGroup['entries'][number],
    );
    try {
      assertOwnLock(
        plan({ groups: [{ ...GROUP, entries: many }] }),
        plan({ groups: [{ ...GROUP, entries: [] }] }),
        use,
      );
    } catch (error) {
      expect((error as { notes: string[] }).notes).toHaveLength(21);
      return;
    }
    throw new Error('nothing was thrown');
  });
});
