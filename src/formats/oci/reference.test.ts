import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../base/failure.ts';
import { hasRegistryHost, parseReference, printReference, type Reference } from './reference.ts';

const HEX = 'a'.repeat(64);

describe('parseReference', () => {
  it.each([
    ['test', 'index.docker.io/library/test:latest'],
    ['test:v1', 'index.docker.io/library/test:v1'],
    ['docker.io/test', 'index.docker.io/library/test:latest'],
    ['index.docker.io/test', 'index.docker.io/library/test:latest'],
    ['team/app', 'index.docker.io/team/app:latest'],
    ['ghcr.io/org/app:1.0.0', 'ghcr.io/org/app:1.0.0'],
    ['ghcr.io/app', 'ghcr.io/app:latest'],
    ['example.com/foo/bar:v1', 'example.com/foo/bar:v1'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app', 'localhost:5000/app:latest'],
    ['localhost:5000/app:2', 'localhost:5000/app:2'],
    ['127.0.0.1:5000/a/b', '127.0.0.1:5000/a/b:latest'],
    ['[::1]:5000/app', '[::1]:5000/app:latest'],
    ['my_registry:5000/app', 'my_registry:5000/app:latest'],
    ['a__b/c.d/e-f/g---h', 'index.docker.io/a__b/c.d/e-f/g---h:latest'],
    [`app@sha256:${HEX}`, `index.docker.io/library/app@sha256:${HEX}`],
    [`x.io/app:1@sha256:${HEX}`, `x.io/app:1@sha256:${HEX}`],
    [`x.io:443/app@sha256:${HEX}`, `x.io:443/app@sha256:${HEX}`],
    [`x.io/${'r'.repeat(255)}:1`, `x.io/${'r'.repeat(255)}:1`],
    [`app:${'t'.repeat(128)}`, `index.docker.io/library/app:${'t'.repeat(128)}`],
  ])('%s is %s', (text, printed) => {
    expect(printReference(parseReference(text))).toBe(printed);
  });

  it('takes a reference apart', () => {
    expect(parseReference(`x.io:5000/team/app:1@sha256:${HEX}`)).toEqual({
      registry: 'x.io:5000',
      repository: 'team/app',
      tag: '1',
      digest: `sha256:${HEX}`,
    });
    expect(parseReference(`app@sha256:${HEX}`).tag).toBeUndefined();
  });

  it.each([
    ['t:1', 'has 1 characters', '2 to 255'],
    ['', 'has 0 characters', '2 to 255'],
    ['x.io/', 'has 0 characters', '2 to 255'],
    [`x.io/${'r'.repeat(256)}`, 'has 256 characters', '2 to 255'],
    ['ghcr.io/Org/App', 'not a repository name', 'did you mean "org/app"?'],
    ['MyApp', 'not a repository name', 'did you mean "myapp"?'],
    ['a//b', 'not a repository name', 'Each part'],
    ['/app', 'not a repository name', 'Each part'],
    ['x.io/../app', 'not a repository name', 'Each part'],
    ['x.io/a_-b', 'not a repository name', 'Each part'],
    ['x.io/a___b', 'not a repository name', 'Each part'],
    ['x.io/-ab', 'not a repository name', 'Each part'],
    ['app name', 'not a repository name', 'Each part'],
    ['app:', 'not a tag', 'A tag has'],
    ['app:-x', 'not a tag', 'A tag has'],
    ['app:ä', 'not a tag', 'A tag has'],
    ['app:x\n', 'not a tag', 'A tag has'],
    [`app:${'t'.repeat(129)}`, 'not a tag', 'A tag has'],
    ['-x.io/app', 'not a host name', 'registry.example.com'],
    ['x.io:port/app', 'not a host name', 'registry.example.com'],
    ['x.io:/app', 'not a host name', 'registry.example.com'],
    ['https://ghcr.io/org/app', 'has a scheme', 'leave out'],
    ['oci://ghcr.io/org/app', 'has a scheme', 'leave out'],
    ['app@sha256:abc', 'not a sha256 digest', '64 lower-case'],
    [`app@sha512:${HEX}${HEX}`, 'not a sha256 digest', '64 lower-case'],
    [`app@sha256:${HEX.toUpperCase()}`, 'not a sha256 digest', '64 lower-case'],
  ])('refuses %j: %s', (text, why, hint) => {
    const failure = failureOf(() => parseReference(text));
    expect(failure.code).toBe('IMAGE_INVALID');
    expect(failure.message).toContain(why);
    expect(failure.hint).toContain(hint);
  });

  it('does not repeat what may be a password', () => {
    const failure = failureOf(() => parseReference('user:c4nary@ghcr.io/org/app'));
    expect(JSON.stringify([failure.message, failure.hint])).not.toContain('c4nary');
  });

  it('reads what printReference prints', () => {
    const component = fc.stringMatching(/^[a-z0-9]{2,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}$/);
    const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/);
    const digest = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex): `sha256:${string}` => `sha256:${hex}`);
    const named = fc
      .record({
        registry: fc.constantFrom('ghcr.io', 'localhost', 'localhost:5000', '[::1]:80', 'index.docker.io'),
        repository: fc.array(component, { minLength: 2, maxLength: 4 }).map((parts) => parts.join('/')),
        tag: fc.option(tag, { nil: undefined }),
        digest: fc.option(digest, { nil: undefined }),
      })
      .filter((reference) => reference.tag !== undefined || reference.digest !== undefined);
    fc.assert(
      fc.property(named, (reference: Reference) => {
        expect(parseReference(printReference(reference))).toEqual(reference);
      }),
    );
  });

  it('prints whatever it accepts so that it is accepted as the same', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z.:/@-]{1,30}$/), (text) => {
        let reference: Reference;
        try {
          reference = parseReference(text);
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
          return;
        }
        expect(parseReference(printReference(reference))).toEqual(reference);
      }),
      { numRuns: 500 },
    );
  });
});

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('expected a Failure');
}

it.each([
  ['ghcr.io/a/b', true],
  ['localhost/a', true],
  ['r:5000/a', true],
  ['[::1]:5000/a', true],
  ['alpine', false],
  ['library/alpine', false],
  ['./ghcr.io/a', false],
  ['../a.b/c', false],
  ['/a.b/c', false],
])('%s names a registry: %s', (text, expected) => {
  expect(hasRegistryHost(text)).toBe(expected);
});
