import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../base/failure.ts';
import { type Lock, parseLock, printLock } from './lock.ts';

const EMPTY = {
  keyring: [],
  buildRepositories: [],
  runtimeRepositories: [],
  repositories: [],
  packages: [],
};

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('printLock', () => {
  it('prints what the reference prints', () => {
    const lock: Lock = {
      version: 'v1',
      config: { name: 'a<b>.yaml', checksum: 'sha256-x' },
      contents: {
        ...EMPTY,
        keyring: [
          { name: 'k', url: 'https://k', content: 'P\n' },
          { name: 'l', url: 'l', content: '' },
        ],
        repositories: [{ name: 'r/x86_64', url: 'r/x86_64/APKINDEX.tar.gz', architecture: 'x86_64' }],
        packages: [
          {
            name: 'p',
            url: 'r/x86_64/p-1.apk',
            version: '1',
            architecture: 'x86_64',
            signature: { range: '', checksum: '' },
            control: { range: 'bytes=0-9', checksum: 'sha1-c' },
            data: { range: 'bytes=10-19', checksum: 'sha256-d' },
            checksum: 'Q1c',
          },
        ],
      },
    };
    expect(printLock(lock)).toBe(`{
  "version": "v1",
  "config": {
    "name": "a\\u003cb\\u003e.yaml",
    "checksum": "sha256-x"
  },
  "contents": {
    "keyring": [
      {
        "name": "k",
        "url": "https://k",
        "content": "P\\n"
      },
      {
        "name": "l",
        "url": "l"
      }
    ],
    "build_repositories": [],
    "runtime_repositories": [],
    "repositories": [
      {
        "name": "r/x86_64",
        "url": "r/x86_64/APKINDEX.tar.gz",
        "architecture": "x86_64"
      }
    ],
    "packages": [
      {
        "name": "p",
        "url": "r/x86_64/p-1.apk",
        "version": "1",
        "architecture": "x86_64",
        "signature": {
          "range": "",
          "checksum": ""
        },
        "control": {
          "range": "bytes=0-9",
          "checksum": "sha1-c"
        },
        "data": {
          "range": "bytes=10-19",
          "checksum": "sha256-d"
        },
        "checksum": "Q1c"
      }
    ]
  }
}
`);
  });
});

describe('parseLock', () => {
  it('takes what is absent for empty and ignores what it does not know', () => {
    const nothing = { version: 'v1', config: undefined, contents: EMPTY };
    expect(parseLock('{"version":"v1"}', 'l')).toEqual(nothing);
    expect(parseLock('{"version":"v1","config":null,"contents":{"packages":null,"x":1},"y":2}', 'l')).toEqual(nothing);
    const entry = '{"name":"p","url":"u","version":"1","architecture":"a"}';
    expect(parseLock(`{"version":"v1","contents":{"packages":[${entry}]}}`, 'l').contents.packages[0]).toEqual({
      name: 'p',
      url: 'u',
      version: '1',
      architecture: 'a',
      signature: { range: '', checksum: '' },
      control: { range: '', checksum: '' },
      data: { range: '', checksum: '' },
      checksum: '',
    });
  });

  const mistakes: [text: string, message: RegExp][] = [
    ['', /is not JSON/],
    ['[]', /the lock file must be an object/],
    ['{}', /has no version/],
    ['{"version":"v2"}', /has version "v2"; only "v1"/],
    ['{"version":"v1","config":"x"}', /config must be an object/],
    ['{"version":"v1","config":{"name":1}}', /config\.name must be a text/],
    ['{"version":"v1","contents":[]}', /contents must be an object/],
    ['{"version":"v1","contents":{"keyring":{}}}', /contents\.keyring must be a list/],
    ['{"version":"v1","contents":{"repositories":["x"]}}', /contents\.repositories\[0\] must be an object/],
    ['{"version":"v1","contents":{"packages":[{"name":"a"}]}}', /has no contents\.packages\[0\]\.url/],
    ['{"version":"v1","contents":{"packages":[{"name":5}]}}', /contents\.packages\[0\]\.name must be a text/],
    [
      '{"version":"v1","contents":{"packages":[{"name":"p","url":"u","version":"1","architecture":"a","data":5}]}}',
      /contents\.packages\[0\]\.data must be an object/,
    ],
  ];
  it.each(mistakes)('refuses %j', (text, message) => {
    const failure = failureOf(() => parseLock(text, 'x.lock.json'));
    expect(failure.code).toBe('LOCK_INVALID');
    expect(failure.message).toMatch(message);
  });

  it('says where broken JSON breaks', () => {
    const text = '{\n  "version": "v1",\n  "config": }\n';
    expect(failureOf(() => parseLock(text, 'l')).where).toEqual({
      file: 'l',
      line: 3,
      column: 13,
      text: '  "config": }',
    });
    expect(failureOf(() => parseLock('{\n', 'l')).where).toMatchObject({ line: 2 });
  });

  const text = fc.string({ minLength: 1 });
  const member = fc.record({ range: fc.string(), checksum: fc.string() });
  const repositories = fc.array(fc.record({ name: text, url: text, architecture: text }), { maxLength: 3 });
  const locks: fc.Arbitrary<Lock> = fc.record({
    version: fc.constant('v1' as const),
    config: fc.option(fc.record({ name: fc.string(), checksum: fc.string() }), { nil: undefined }),
    contents: fc.record({
      keyring: fc.array(fc.record({ name: text, url: text, content: fc.string() }), { maxLength: 3 }),
      buildRepositories: repositories,
      runtimeRepositories: repositories,
      repositories,
      packages: fc.array(
        fc.record({
          name: text,
          url: text,
          version: text,
          architecture: text,
          signature: member,
          control: member,
          data: member,
          checksum: fc.string(),
        }),
        { maxLength: 3 },
      ),
    }),
  });

  it('reads back what is printed', () => {
    fc.assert(
      fc.property(locks, (lock) => {
        expect(parseLock(printLock(lock), 'l')).toEqual(lock);
      }),
    );
  });
});
