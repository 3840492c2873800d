import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exclusion, isPattern, matchesPattern, patternFolder } from './path-pattern.ts';

describe('matchesPattern', () => {
  it.each([
    ['*', 'a', true],
    ['*', 'a/b', false],
    ['*', '.a', true],
    ['*.js', 'a.js', true],
    ['*.js', 'a.jsx', false],
    ['*.js', 'x/a.js', false],
    ['**/*.js', 'a.js', true],
    ['**/*.js', 'x/y/a.js', true],
    ['a/**', 'a/b/c', true],
    ['a/**', 'a', true],
    ['a/**', 'b/a', false],
    ['a/**/z', 'a/z', true],
    ['a/**/z', 'a/b/z/c/z', true],
    ['a/**/z', 'a/b/z/c', false],
    ['?.c', 'x.c', true],
    ['?.c', '😀.c', true],
    ['?.c', '.c', false],
    ['a*b*c', 'aXbXbXc', true],
    ['a*b*c', 'aXcXb', false],
    ['[slug].js', '[slug].js', true],
    ['[slug].js', 's.js', false],
    ['{a,b}', 'a', false],
    ['a.b', 'aXb', false],
    ['./a', 'a', true],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(matchesPattern(pattern, path)).toBe(expected);
  });

  it('takes no time that grows with the number of wildcards', () => {
    expect(matchesPattern(`${'*a'.repeat(2000)}b`, 'a'.repeat(10_000))).toBe(false);
    expect(matchesPattern(`${'**/a/'.repeat(1000)}b`, 'a/'.repeat(5000))).toBe(false);
  });

  it('means what the regular expression of it means', () => {
    const part = fc.constantFrom('a', 'b', '*', '?', '/', '**/');
    const texts = fc.tuple(
      fc.array(part, { maxLength: 8 }),
      fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 8 }),
    );
    fc.assert(
      fc.property(texts, ([patternParts, pathParts]) => {
        const clean = (text: string) => text.split('/').filter((name) => name !== '');
        const names = clean(patternParts.join(''));
        const path = clean(pathParts.join('')).join('/');
        // A name of several stars is a name, unless it is exactly two.
        const source = names
          .map((name) => (name === '**' ? '(?:[^/]+/)*' : `${name.replace(/\*+/g, '[^/]*').replaceAll('?', '[^/]')}/`))
          .join('');
        const expected = new RegExp(`^${source}$`).test(path === '' ? '' : `${path}/`);
        expect(matchesPattern(names.join('/'), path)).toBe(expected);
      }),
    );
  });
});

it.each([
  ['a/b/*.c', 'a/b'],
  ['*.c', ''],
  ['/usr/lib/**/x', '/usr/lib'],
  ['/*', '/'],
  ['./a?', '.'],
])('the folder of %s is %j', (pattern, folder) => {
  expect(isPattern(pattern)).toBe(true);
  expect(patternFolder(pattern)).toBe(folder);
});

describe('exclusion', () => {
  it.each([
    [['*.map'], 'a/b.map', false, true],
    [['*.map'], 'b.map/x', false, false],
    [['test/'], 'test', true, true],
    [['test/'], 'test', false, false],
    [['test/'], 'a/test', true, true],
    [['/test'], 'a/test', true, false],
    [['/test'], 'test', true, true],
    [['a/b'], 'a/b', false, true],
    [['a/b'], 'x/a/b', false, false],
    [['**/b'], 'x/a/b', false, true],
    [['*', '!*.js'], 'a.js', false, false],
    [['*', '!*.js'], 'a.ts', false, true],
    [['!*.js', '*'], 'a.js', false, true],
    [[], 'a', false, false],
  ])('%j on %s (folder: %s): %s', (patterns, path, isDirectory, expected) => {
    expect(exclusion(patterns).excludes(path, isDirectory)).toBe(expected);
  });
});
