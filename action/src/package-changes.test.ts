import { describe, expect, it } from 'vitest';
import { packageChanges } from './package-changes.ts';

const of = (arch: string, ...packages: string[]) => ({
  arch,
  packages: packages.map((text) => ({ name: text.split('=')[0] ?? '', version: text.split('=')[1] ?? '' })),
});

describe('packageChanges', () => {
  it('are by name, with the architectures that have them', () => {
    const before = [of('amd64', 'b=1', 'a=1', 'gone=1'), of('arm64', 'a=1', 'b=1')];
    const after = [of('amd64', 'b=2', 'a=1', 'new=1'), of('arm64', 'a=1', 'b=2'), of('s390x', 'a=9')];
    expect(packageChanges(before, after)).toEqual([
      { name: 'b', before: '1', after: '2', archs: ['amd64', 'arm64'] },
      { name: 'gone', before: '1', after: undefined, archs: ['amd64'] },
      { name: 'new', before: undefined, after: '1', archs: ['amd64'] },
    ]);
  });

  it('are none between equal lists in another order', () => {
    expect(packageChanges([of('amd64', 'a=1', 'b=1')], [of('amd64', 'b=1', 'a=1')])).toEqual([]);
  });
});
