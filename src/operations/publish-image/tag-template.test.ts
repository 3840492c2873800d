import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../base/failure.ts';
import { printReference } from '../../formats/oci/reference.ts';
import { checkTagTemplate, expandTagTemplate } from './tag-template.ts';

const IMAGES = [
  {
    arch: 'amd64',
    packages: [
      { name: 'python-3.12', version: '3.12.4-r1' },
      { name: 'zig', version: '0.13_git20240101-r0' },
      { name: 'tzdata', version: '2024a-r10' },
      { name: 'odd', version: '1.0-r0' },
    ],
  },
  {
    arch: 'arm64',
    packages: [
      { name: 'python-3.12', version: '3.12.4-r1' },
      { name: 'odd', version: '1.1-r0' },
    ],
  },
];

describe('expandTagTemplate', () => {
  it.each([
    ['r.io/a/b:1', 'r.io/a/b:1'],
    ['r.io/a/b', 'r.io/a/b:latest'],
    ['r.io/a/b:{version:python-3.12}', 'r.io/a/b:3.12.4'],
    ['r.io/a/b:{version:python-3.12|upstream}', 'r.io/a/b:3.12.4'],
    ['r.io/a/b:{version:python-3.12|full}', 'r.io/a/b:3.12.4-r1'],
    ['r.io/a/b:{version:python-3.12|major}', 'r.io/a/b:3'],
    ['r.io/a/b:{version:python-3.12|minor}', 'r.io/a/b:3.12'],
    ['r.io/a/b:{version:python-3.12|patch}', 'r.io/a/b:3.12.4'],
    ['r.io/a/b:{version:zig}', 'r.io/a/b:0.13_git20240101'],
    ['r.io/a/b:{version:zig|minor}', 'r.io/a/b:0.13'],
    ['r.io/a/b:{version:tzdata}-x', 'r.io/a/b:2024a-x'],
    ['localhost:5000/a:{version:tzdata|major}.{version:zig|major}', 'localhost:5000/aa:2024.0'],
  ])('%s -> %s', (template, expected) => {
    const text = template.replace('5000/a:', '5000/aa:');
    expect(() => checkTagTemplate(text)).not.toThrow();
    expect(printReference(expandTagTemplate(text, IMAGES))).toBe(expected);
  });

  it.each([
    [
      'r.io/a/b:{version:pyhton-3.12}',
      /needs the version of pyhton-3.12, which is not in the image/,
      'did you mean python-3.12?',
    ],
    [
      'r.io/a/b:{version:nothing-like-it}',
      /which is not in the image/,
      '`stave show-packages` lists what is in the image',
    ],
    [
      'r.io/a/b:{version:odd}',
      /needs one version of odd, but architectures have several/,
      'publish the architectures one by one, or make the lock file anew',
    ],
    [
      'r.io/a/b:{version:tzdata|minor}',
      /needs the minor version of tzdata, which is 2024a-r10/,
      'its version has fewer numbers: use {version:NAME} or {version:NAME|major}',
    ],
  ])('%s is refused when the packages are known', (template, message, hint) => {
    const failure = failureOf(() => expandTagTemplate(template, IMAGES));
    expect(failure).toMatchObject({ code: 'USAGE_ARGUMENTS', message: expect.stringMatching(message), hint });
  });

  it('shows who has which version', () => {
    expect(failureOf(() => expandTagTemplate('r.io/a/b:{version:odd}', IMAGES)).notes).toEqual([
      'amd64: 1.0-r0',
      'arm64: 1.1-r0',
    ]);
  });
});

describe('checkTagTemplate', () => {
  it.each([
    ['r.io/a/b:{date}', 'a placeholder that we do not know: {date}'],
    ['r.io/a/b:{version}', 'a placeholder that we do not know: {version}'],
    ['r.io/a/b:{version:}', 'a placeholder that we do not know: {version:}'],
    ['r.io/a/b:{version:x|mior}', 'a placeholder that we do not know: {version:x|mior}'],
    ['r.io/a/b:{version:x', 'has a brace without its partner'],
    ['r.io/a/b:x}', 'has a brace without its partner'],
    ['r.io/A/b:1', 'is not a repository name'],
    ['https://r.io/a/b:1', 'it has a scheme'],
    [`r.io/a/b:1@sha256:${'a'.repeat(64)}`, 'names a digest'],
  ])('%s', (template, message) => {
    expect(failureOf(() => checkTagTemplate(template))).toMatchObject({
      code: 'USAGE_ARGUMENTS',
      message: expect.stringContaining(message),
    });
  });

  it('finds a near part', () => {
    expect(failureOf(() => checkTagTemplate('r.io/a/b:{version:x|mior}')).hint).toBe('did you mean {version:x|minor}?');
  });

  it('never lets through what is no tag, whatever the version', () => {
    const version = fc.stringMatching(/^[0-9]{1,3}(\.[0-9]{1,3}){0,3}(_p[0-9])?-r[0-9]{1,2}$/);
    fc.assert(
      fc.property(version, fc.constantFrom('', '|major', '|full'), (text, part) => {
        const reference = expandTagTemplate(`r.io/a/b:{version:p${part}}`, [
          { arch: 'amd64', packages: [{ name: 'p', version: text }] },
        ]);
        expect(text.startsWith(reference.tag ?? '-')).toBe(true);
      }),
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
  throw new Error('nothing was refused');
}
