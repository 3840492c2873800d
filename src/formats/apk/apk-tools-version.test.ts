import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareApkToolsVersions, isApkToolsVersion, satisfiesApkTools } from './apk-tools-version.ts';
import type { VersionOperator } from './version.ts';

describe('compareApkToolsVersions', () => {
  it.each([
    ['1.0-r0', '>', '1.0'],
    ['1.01', '<', '1.1'],
    ['1.0015', '<', '1.002'],
    ['1.0', '<', '1.0bc'],
    ['1.0~12', '<', '1.0~ab'],
    ['1.0~12-r1', '>', '1.0~12-r0'],
    ['1.0_alpha_pre2', '<', '1.0_alpha'],
    ['1.0_alpha', '<', '1.0_alpha_p1'],
    ['1.0a', '<', '1.0.1'],
    ['1.00000000000000000000001', '<', '1.1'],
    ['2', '>', '1.99999999999999999999999'],
    ['x', '=', 'y'],
  ])('%s %s %s', (a, sign, b) => {
    const expected = { '<': -1, '=': 0, '>': 1 }[sign] ?? Number.NaN;
    expect(Math.sign(compareApkToolsVersions(a, b))).toBe(expected);
    expect(Math.sign(compareApkToolsVersions(b, a))).toBe(0 - expected);
  });

  it('never fails, whatever the strings', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(Math.sign(compareApkToolsVersions(a, b))).toBe(0 - Math.sign(compareApkToolsVersions(b, a)));
      }),
    );
  });
});

describe('satisfiesApkTools', () => {
  it.each<[string, VersionOperator, string, boolean]>([
    ['1.0~ab', '=', '1.0~ab', true],
    ['1.0~ab', '>', '1.0~aa', true],
    ['1.0~ab', '<=', '1.0~aa', false],
    ['1.0~ab', '~', '1.0', true],
    ['1.1', '~', '1.0', false],
    ['1.0_post1', '~', '1.0', true],
    ['junk', '', '9', true],
  ])('%s %s %s is %s', (actual, operator, required, expected) => {
    expect(satisfiesApkTools(actual, operator, required)).toBe(expected);
  });
});

it.each([
  ['1.2', true],
  ['0.1_p1_pre2', true],
  ['0.1_pre2~1234abcd-r1', true],
  ['', false],
  ['0.1_pre2-r1~12', false],
  ['0.1_', false],
  ['0.1_1_alpha', false],
  ['0.1_prefix', false],
])('isApkToolsVersion(%j) is %s', (text, expected) => {
  expect(isApkToolsVersion(text)).toBe(expected);
});
