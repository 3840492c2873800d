import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../base/failure.ts';
import { ALL_ARCHITECTURES, hostArchitecture } from './architecture.ts';
import { applyFlags, parseListFlag, selectArchitectures } from './flags.ts';
import type { ImageConfig } from './image-config.ts';
import { loadImageConfig } from './load.ts';

function config(yaml: string): ImageConfig {
  return loadImageConfig('a', () => new TextEncoder().encode(yaml), []).config;
}

const usageFailure = (message: RegExp) =>
  expect.objectContaining({ code: 'USAGE_FLAG', message: expect.stringMatching(message) });

describe('applyFlags', () => {
  it('joins, sorts and overrides', () => {
    const before = config(
      'contents: {repositories: [z, a], build_repositories: [b], keyring: [k], packages: [p]}\nannotations: {a: "1", b: "2"}',
    );
    const after = applyFlags(before, {
      repositoryAppend: ['m', 'a'],
      buildRepositoryAppend: ['a'],
      keyringAppend: ['c'],
      packageAppend: ['q', 'p'],
      annotations: ['b:3:4', 'c.d-e:x'],
      format: 'erofs',
    });
    expect(after).toEqual({
      ...before,
      contents: {
        ...before.contents,
        repositories: ['a', 'm', 'z'],
        buildRepositories: ['a', 'b'],
        keyring: ['c', 'k'],
        packages: ['p', 'q', 'p'],
      },
      annotations: { a: '1', b: '3:4', 'c.d-e': 'x' },
      format: 'erofs',
    });
    expect(applyFlags(before, { format: '' }).format).toBe('');
  });

  const mistakes: [annotations: string[], message: RegExp][] = [
    [['a'], /"a" has no colon/],
    [['A:1'], /"A" is not a key/],
    [['a_b:1'], /"a_b" is not a key/],
    [[':1'], /"" is not a key/],
    [['a:'], /"a" has no value/],
    [['a:1', 'a:1'], /"a" is given twice/],
  ];
  it.each(mistakes)('refuses the annotations %j', (annotations, message) => {
    expect(() => applyFlags(config('{}'), { annotations })).toThrow(usageFailure(message));
  });

  it('refuses an unknown format', () => {
    expect(() => applyFlags(config('{}'), { format: 'zip' })).toThrow(usageFailure(/"zip" .* "tar" or "erofs"/));
  });
});

describe('selectArchitectures', () => {
  const rows: [flag: string[], yaml: string, selected: readonly string[]][] = [
    [['x86_64', 'amd64', 'aarch64'], 'archs: [s390x]', ['amd64', 'arm64']],
    [['arm64', 'armv7', '386'], '{}', ['386', 'arm/v7', 'arm64']],
    [['all'], 'archs: [s390x]', ALL_ARCHITECTURES],
    [['host'], '{}', ['arm64']],
    [['host', 'amd64'], '{}', ['amd64', 'arm64']],
    [[], 'archs: [s390x, amd64, x86_64]', ['s390x', 'amd64']],
    [[], '{}', ALL_ARCHITECTURES],
  ];
  it.each(rows)('%j and %s', (flag, yaml, selected) => {
    expect(selectArchitectures(flag, config(yaml), 'aarch64')).toEqual(selected);
  });

  it('refuses unknown names with a suggestion', () => {
    expect(() => selectArchitectures(['amd46'], config('{}'), 'amd64')).toThrow(
      expect.objectContaining({ code: 'USAGE_FLAG', hint: 'did you mean "amd64"?' }),
    );
    expect(() => selectArchitectures([''], config('{}'), 'amd64')).toThrow(Failure);
  });

  it('knows what Node calls machines', () => {
    const names = ['x64', 'ia32', 'arm', 'arm64', 'ppc64', 'riscv64', 's390x', 'loong64'];
    expect(names.map(hostArchitecture)).toEqual([
      'amd64',
      '386',
      'arm/v7',
      'arm64',
      'ppc64le',
      'riscv64',
      's390x',
      'loong64',
    ]);
  });
});

describe('parseListFlag', () => {
  const rows: [values: string[], entries: string[]][] = [
    [
      ['a,b', 'c'],
      ['a', 'b', 'c'],
    ],
    [[''], []],
    [['a,'], ['a', '']],
    [['"a,b",c'], ['a,b', 'c']],
    [['"a""b"'], ['a"b']],
    [[' a , b '], [' a ', ' b ']],
    [[','], ['', '']],
  ];
  it.each(rows)('%j', (values, entries) => {
    expect(parseListFlag(values, '--arch')).toEqual(entries);
  });

  it.each(['a"b', '"a', '"a"b', 'a,"'])('refuses %j', (value) => {
    expect(() => parseListFlag([value], '--arch')).toThrow(usageFailure(/^--arch: stray or open double quote/));
  });

  it('reads back what CSV writers write', () => {
    const lists = fc.array(fc.string(), { minLength: 1 }).filter((list) => list.length > 1 || list[0] !== '');
    fc.assert(
      fc.property(lists, (list) => {
        const line = list.map((entry) => (/[",]/.test(entry) ? `"${entry.replaceAll('"', '""')}"` : entry)).join(',');
        expect(parseListFlag([line], '-k')).toEqual(list);
      }),
    );
  });
});
