import { describe, expect, it } from 'vitest';
import { nearestNames } from './nearest.ts';

const table: readonly (readonly [name: string, candidates: readonly string[], near: readonly string[]])[] = [
  ['pakages', ['packages', 'paths', 'cmd'], ['packages']],
  ['busybx', ['busybox', 'busybox-static', 'bash'], ['busybox']],
  ['abc', ['acb', 'abd', 'xyz'], ['abd', 'acb']],
  ['ab', ['abcd'], []],
  ['name', ['name'], []],
  ['x', ['a', 'b', 'c', 'd'], ['a', 'b', 'c']],
  ['entrypiont', ['entrypoint'], ['entrypoint']],
  ['', ['a'], ['a']],
];

describe('near names', () => {
  it.each(table)('%s', (name, candidates, near) => {
    expect(nearestNames(name, candidates)).toEqual(near);
  });

  it('come best first and bounded in number', () => {
    expect(nearestNames('python', ['pythom', 'pytho', 'pyhton', 'pythonn', 'pyton'], 2)).toHaveLength(2);
    expect(nearestNames('python3', ['python32', 'pythn33'])).toEqual(['python32', 'pythn33']);
  });
});
