import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareApkToolsVersions } from './apk-tools-version.ts';
import { compareVersions, parseVersion, satisfies, type Version, type VersionOperator } from './version.ts';

function version(text: string): Version {
  const parsed = parseVersion(text);
  if (parsed === undefined) throw new Error(`not a version: ${text}`);
  return parsed;
}

const digits = fc.integer({ min: 0, max: 30 }).map(String);
const versionText = fc
  .tuple(
    fc.array(digits, { minLength: 1, maxLength: 3 }),
    fc.constantFrom('', 'a', 'z'),
    fc.constantFrom('', '_alpha1', '_beta2', '_pre3', '_rc1', '_rc10'),
    fc.constantFrom('', '_cvs1', '_svn2', '_git20230101', '_hg1', '_p1', '_p10'),
    fc.constantFrom('-r0', '-r1', '-r10'),
  )
  .map(([numbers, letter, pre, post, revision]) => numbers.join('.') + letter + pre + post + revision);

describe('parseVersion', () => {
  it.each([
    ['1', [1], 0, '0'],
    ['1.2.3', [1, 2, 3], 0, '0'],
    ['087-r1', [87], 0, '1'],
    ['2.3.0b-r12', [2, 3, 0], 2, '12'],
    ['1.0_rc1_p2-r3', [1, 0], 0, '3'],
    ['20191002222144000', [20191002222144000n], 0, '0'],
    ['9223372036854775807', [9223372036854775807n], 0, '0'],
  ])('reads %s', (text, numbers, letter, revision) => {
    const parsed = version(text);
    expect(parsed.numbers).toEqual(numbers);
    expect(parsed.letter).toBe(letter);
    expect(String(parsed.revision)).toBe(revision);
    expect(parsed.text).toBe(text);
  });

  it.each([
    ['', 'empty'],
    ['a', 'no number first'],
    ['1.', 'a dot at the end'],
    ['.1', 'a dot first'],
    ['1..2', 'two dots'],
    ['1.0bc', 'two letters'],
    ['1.0a1', 'a number after the letter'],
    ['1.0_foo', 'an unknown suffix'],
    ['1.0_alpha_pre2', 'two suffixes before the release'],
    ['1.0_p1_git2', 'two suffixes after the release'],
    ['1.0_p1_rc2', 'suffixes in the wrong order'],
    ['1.0~1234abcd', 'a commit hash'],
    ['1.0-r', 'a revision without number'],
    ['1.0-r1-r2', 'two revisions'],
    ['1.0\n', 'a line end'],
    ['9223372036854775808', 'a number beyond 64 bits'],
    [`1.${'9'.repeat(100_000)}`, 'a very long number'],
  ])('refuses %j: %s', (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });
});

describe('compareVersions', () => {
  it.each([
    ['1.2.0', '>', '1.2'],
    ['1.10', '>', '1.9'],
    ['1.01', '=', '1.1'],
    ['1.0a', '>', '1.0'],
    ['1.0b', '>', '1.0a'],
    ['1.0.1', '>', '1.0z'],
    ['1.0_alpha1', '<', '1.0_beta'],
    ['1.0_beta', '<', '1.0_pre'],
    ['1.0_pre', '<', '1.0_rc1'],
    ['1.0_rc1', '<', '1.0'],
    ['1.0_rc2', '<', '1.0_rc10'],
    ['1.0', '<', '1.0_cvs1'],
    ['1.0_cvs9', '<', '1.0_svn1'],
    ['1.0_svn9', '<', '1.0_git1'],
    ['1.0_git9', '<', '1.0_hg1'],
    ['1.0_hg9', '<', '1.0_p1'],
    ['1.0_rc1_p1', '>', '1.0_rc1'],
    ['1.0_rc1_p1', '<', '1.0'],
    ['1.0', '=', '1.0-r0'],
    ['1.0-r2', '<', '1.0-r10'],
    ['1.20191002222144000', '<', '1.20191002222144001'],
  ])('%s %s %s', (a, sign, b) => {
    const expected = { '<': -1, '=': 0, '>': 1 }[sign] ?? Number.NaN;
    expect(Math.sign(compareVersions(version(a), version(b)))).toBe(expected);
    expect(Math.sign(compareVersions(version(b), version(a)))).toBe(0 - expected);
  });

  it('is a total order', () => {
    fc.assert(
      fc.property(versionText, versionText, versionText, (a, b, c) => {
        const [x, y, z] = [version(a), version(b), version(c)].sort(compareVersions) as [Version, Version, Version];
        expect(compareVersions(x, y)).toBeLessThanOrEqual(0);
        expect(compareVersions(y, z)).toBeLessThanOrEqual(0);
        expect(compareVersions(x, z)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('agrees with apk-tools wherever zeros are written out plainly', () => {
    fc.assert(
      fc.property(versionText, versionText, (a, b) => {
        const ours = Math.sign(compareVersions(version(a), version(b)));
        expect(ours).toBe(Math.sign(compareApkToolsVersions(a, b)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('satisfies', () => {
  it.each<[string, VersionOperator, string, boolean]>([
    ['1.0-r0', '=', '1.0', true],
    ['1.0-r1', '=', '1.0', false],
    ['1.0-r0', '<', '1.0', false],
    ['1.0_rc1-r0', '<', '1.0', true],
    ['2.0', '>', '1.9', true],
    ['2.0', '>', '2.0', false],
    ['2.0', '>=', '2.0', true],
    ['2.0', '<=', '2.0', true],
    ['2.1', '<=', '2.0', false],
    ['0.1', '', '9', true],
    ['3.6.0', '~', '3.6', true],
    ['3.6', '~', '3.6.0', false],
    ['3.60', '~', '3.6', false],
    ['3.6_pre1', '~', '3.6', true],
    ['3.6.1_pre1', '~', '3.6_rc1', true],
    ['3.6_pre1', '~', '3.6_pre1', true],
    ['3.6_pre2', '~', '3.6_pre1', false],
    ['3.6_pre2', '~', '3.6_pre', true],
    ['3.6b', '~', '3.6a', false],
    ['3.6a', '~', '3.6a', true],
    ['3.6_p1', '~', '3.6_git1', false],
    ['3.6-r1', '~', '3.6-r1', true],
    ['3.6-r2', '~', '3.6-r1', false],
    ['3.6-r2', '~', '3.6-r0', true],
  ])('%s %s %s is %s', (actual, operator, required, expected) => {
    expect(satisfies(version(actual), operator, version(required))).toBe(expected);
  });
});
