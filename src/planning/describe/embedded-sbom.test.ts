import { describe, expect, it } from 'vitest';
import { embeddedDocument, filesOf, spdxPackage } from '../../../test/support/sbom-input.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { readEmbeddedSbom } from './embedded-sbom.ts';

const APK = { name: 'hello', version: '1.0-r0' };
const PATH = 'var/lib/db/sbom/hello-1.0-r0.spdx.json';

const read = (document: unknown) => readEmbeddedSbom(APK, filesOf({ [PATH]: document }));
const ids = (document: unknown) => read(document)?.packages.map((element) => element.SPDXID.replace('SPDXRef-', ''));

describe('readEmbeddedSbom: where it looks', () => {
  const named = (name: string) => embeddedDocument([name], [spdxPackage(name)]);

  it.each([
    ['the full version', [PATH, 'var/lib/db/sbom/hello-1.0.spdx.json', 'var/lib/db/sbom/hello.spdx.json'], PATH],
    [
      'no revision',
      ['var/lib/db/sbom/hello.spdx.json', 'var/lib/db/sbom/hello-1.0.spdx.json'],
      'var/lib/db/sbom/hello-1.0.spdx.json',
    ],
    [
      'no version',
      ['var/lib/db/sbom/hello.spdx.json', 'var/lib/db/sbom/other.spdx.json'],
      'var/lib/db/sbom/hello.spdx.json',
    ],
  ])('%s', (_, paths, found) => {
    const files = filesOf(Object.fromEntries(paths.map((path) => [path, named('x')])));
    expect(readEmbeddedSbom(APK, files)?.path).toBe(found);
  });

  it('nowhere for a name that would lead out of the folder', () => {
    const outside = { name: '../x', version: '1' };
    expect(readEmbeddedSbom(outside, () => new TextEncoder().encode(JSON.stringify(named('x'))))).toBeUndefined();
  });

  it.each(['no json', '{"packages": [', '[]'])('skips what is not a JSON object: %s', (text) => {
    expect(read(text)).toBeUndefined();
  });
});

describe('readEmbeddedSbom: what it takes', () => {
  const elements = ['a', 'b', 'c', 'd'].map((id) => spdxPackage(id));

  it.each([
    ['only what the document is about', ['a'], [], ['a']],
    ['and what that relates to', ['a'], ['a CONTAINS b', 'b GENERATED_FROM c'], ['a', 'b', 'c']],
    ['not against the direction', ['b'], ['a CONTAINS b'], ['b']],
    ['cycles once', ['a'], ['a CONTAINS b', 'b CONTAINS a', 'b CONTAINS b'], ['a', 'b']],
    ['what DESCRIBES names', [], ['DOCUMENT DESCRIBES d'], ['d']],
    ['no top that is not there', ['zzz', 'c'], [], ['c']],
    [
      'no files, snippets or other documents',
      ['a'],
      ['a CONTAINS File-x', 'a CONTAINS Snippet-x', 'a AMENDS DocumentRef-x:SPDXRef-y'],
      ['a'],
    ],
    ['no way back to the document', ['a'], ['a DESCRIBED_BY DOCUMENT'], ['a']],
    ['NONE and NOASSERTION as they are', ['a'], ['a DEPENDS_ON NONE', 'a CONTAINS NOASSERTION'], ['a']],
  ])('%s', (_, tops, relations, taken) => {
    expect(ids(embeddedDocument(tops, elements, relations))).toEqual(taken);
  });

  it('relations of what it takes, in their order, without those that lead out', () => {
    const document = embeddedDocument(['a'], elements, [
      'c CONTAINS d',
      'a CONTAINS b',
      'a CONTAINS File-x',
      'a DEPENDS_ON NONE',
    ]);
    expect(read(document)?.relationships.map((r) => r.relatedSpdxElement)).toEqual(['SPDXRef-b', 'NONE']);
  });

  it('the first of two elements with one id', () => {
    const twice = [spdxPackage('a', { name: 'first' }), spdxPackage('a', { name: 'second' })];
    expect(read(embeddedDocument(['a'], twice))?.packages.map((element) => element.name)).toEqual(['first']);
  });

  it('a chain of 50,000 elements in linear time', () => {
    const chain = Array.from({ length: 50_000 }, (_, i) => spdxPackage(`p${i}`));
    const relations = chain.slice(1).map((_, i) => `p${i} CONTAINS p${i + 1}`);
    const start = performance.now();
    expect(ids(embeddedDocument(['p0'], chain, relations))).toHaveLength(50_000);
    expect(performance.now() - start).toBeLessThan(5_000); // Quadratic would take minutes.
  });
});

describe('readEmbeddedSbom: what it refuses', () => {
  const failureOf = (work: () => unknown): Failure => {
    try {
      work();
    } catch (error) {
      if (error instanceof Failure) return error;
      throw error;
    }
    throw new Error('did not fail');
  };

  it('relations to packages that it lacks, told with path and names', () => {
    const failure = failureOf(() =>
      read(embeddedDocument(['a'], [spdxPackage('a')], ['a CONTAINS x', 'a CONTAINS y'])),
    );
    expect(failure.code).toBe('PACKAGE_INVALID');
    expect(failure.message).toBe(`the SBOM /${PATH} refers to SPDXRef-x, which it does not contain`);
    expect(failure.notes).toEqual(['it also lacks SPDXRef-y']);
  });

  it('a file above the bound, before reading it as text', () => {
    const huge = { length: LIMITS.embeddedSbomBytes + 1 } as Uint8Array;
    const failure = failureOf(() => readEmbeddedSbom(APK, () => huge));
    expect(failure.code).toBe('ARCHIVE_LIMIT');
    expect(failure.message).toContain('hello 1.0-r0');
  });
});
