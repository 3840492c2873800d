import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coversScopes, mergeScopes, repositoryScope } from './scope.ts';

describe('scopes', () => {
  it('are spelled as registries want them', () => {
    expect(repositoryScope('team/app', 'pull', 'push')).toBe('repository:team/app:pull,push');
  });

  it.each<[string, string[], string[]]>([
    ['joins actions on one resource', ['repository:a:push', 'repository:a:pull'], ['repository:a:pull,push']],
    ['keeps resources apart', ['repository:b:pull', 'repository:a:pull'], ['repository:a:pull', 'repository:b:pull']],
    ['drops repetitions', ['repository:a:pull', 'repository:a:pull'], ['repository:a:pull']],
    ['takes names with colons', ['repository:host:5000/a:pull'], ['repository:host:5000/a:pull']],
    ['takes other types', ['registry:catalog:*'], ['registry:catalog:*']],
    ['has nothing to join', [], []],
  ])('%s', (_name, scopes, expected) => {
    expect(mergeScopes(scopes)).toEqual(expected);
  });

  it.each<[string[], string[], boolean]>([
    [['repository:a:pull,push'], ['repository:a:pull'], true],
    [['repository:a:pull'], ['repository:a:pull,push'], false],
    [['repository:a:pull', 'repository:a:push'], ['repository:a:pull,push'], true],
    [['repository:a:pull'], ['repository:b:pull'], false],
    [['repository:a:pull'], [], true],
    [[], ['repository:a:pull'], false],
  ])('%j covers %j: %s', (have, want, expected) => {
    expect(coversScopes(have, want)).toBe(expected);
  });

  it('merging changes nothing about what is covered', () => {
    const scope = fc
      .tuple(
        fc.constantFrom('repository:a', 'repository:b/c', 'registry:x'),
        fc.subarray(['pull', 'push', 'delete'], { minLength: 1 }),
      )
      .map(([resource, actions]) => `${resource}:${actions.join(',')}`);
    fc.assert(
      fc.property(fc.array(scope), fc.array(scope), (have, want) => {
        expect(coversScopes(mergeScopes([...have, ...want]), want)).toBe(true);
        expect(coversScopes(mergeScopes(have), want)).toBe(coversScopes(have, mergeScopes(want)));
        expect(mergeScopes(mergeScopes(have))).toEqual(mergeScopes(have));
      }),
    );
  });
});
