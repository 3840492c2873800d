import { describe, expect, it } from 'vitest';
import { architecture, repository, type SmallPackage } from '../../../test/support/small-indexes.ts';
import type { ArchitectureIndexes, ResolvedPackage } from './architecture-indexes.ts';
import { printExplanation } from './explanation.ts';
import { resolveWanted, resolveWorld } from './resolve.ts';

function pins(packages: readonly ResolvedPackage[]): string {
  return packages.map(({ record, tag }) => `${record.name}=${record.version}${tag && `@${tag}`}`).join(' ');
}

/** Pass 1 on one architecture: install order, or the explanation's first line. */
function installs(indexes: ArchitectureIndexes, ...wanted: string[]): string {
  const result = resolveWanted({ wanted, architectures: [indexes], together: false });
  return result.ok ? pins(result.perArch[0]!.packages) : `! ${result.explanation.sentence}`;
}

describe('the reference way', () => {
  const versions: SmallPackage[] = ['1.0-r0', '1.0-r3', '1.0_rc1-r0', '1.10-r0', '1.9-r0'].map((v) => ({
    is: `v=${v}`,
  }));
  it.each<[string, SmallPackage[], string[], string]>([
    ['takes the highest version', versions, ['v'], 'v=1.10-r0'],
    ['honours a bound', versions, ['v<1.0'], 'v=1.0_rc1-r0'],
    ['honours a fuzzy version', versions, ['v~1.0'], 'v=1.0-r3'],
    ['reads an unknown operator as any version', versions, ['v~=1.0'], 'v=1.10-r0'],
    ['puts wishes in byte order', [{ is: 'b=1' }, { is: 'a=1' }, { is: 'B=1' }], ['b', 'a', 'B'], 'B=1 a=1 b=1'],
    ['wants a repeated wish once', [{ is: 'a=1' }], ['a', 'a'], 'a=1'],
    [
      'puts children before parents',
      [{ is: 'a=1', needs: ['b', 'c'] }, { is: 'b=1', needs: ['d'] }, { is: 'c=1' }, { is: 'd=1' }],
      ['a'],
      'd=1 b=1 c=1 a=1',
    ],
    [
      'takes the dependency with the fewest candidates first',
      [{ is: 'a=1', needs: ['b', 'c'] }, { is: 'b=1' }, { is: 'b=2' }, { is: 'c=1' }],
      ['a'],
      'c=1 b=2 a=1',
    ],
    [
      'lives with cycles',
      [
        { is: 'a=1', needs: ['b'] },
        { is: 'b=1', needs: ['a'] },
      ],
      ['a'],
      'b=1 a=1',
    ],
    [
      'takes the higher provided version before the priority',
      [
        { is: 'x=1', provides: ['v=1'], priority: 10 },
        { is: 'y=1', provides: ['v=2'], priority: 5 },
      ],
      ['v'],
      'y=1',
    ],
    [
      'takes the higher priority among equal versions',
      [
        { is: 'x=1', provides: ['v=1'], priority: 5 },
        { is: 'y=1', provides: ['v=1'], priority: 10 },
      ],
      ['v'],
      'y=1',
    ],
    [
      'takes the first name among equals',
      [
        { is: 'y=1', provides: ['v'] },
        { is: 'x=1', provides: ['v'] },
      ],
      ['v'],
      'x=1',
    ],
    [
      'prefers a sibling of an origin that is already there',
      [
        { is: 'a=1', origin: 'src', needs: ['v'] },
        { is: 'x=1', origin: 'src', provides: ['v'] },
        { is: 'y=9', provides: ['v'] },
      ],
      ['a'],
      'x=1 a=1',
    ],
    [
      'avoids what a dependency excludes',
      [
        { is: 'a=1', needs: ['!x', 'v'] },
        { is: 'x=2', provides: ['v=2'] },
        { is: 'y=1', provides: ['v=1'] },
      ],
      ['a'],
      'y=1 a=1',
    ],
    [
      'adds install_if packages of dependencies',
      [{ is: 'a=1', needs: ['b', 'c'] }, { is: 'b=1' }, { is: 'c=1' }, { is: 'bc=1', installIf: ['b', 'c=1'] }],
      ['a'],
      'b=1 c=1 bc=1 a=1',
    ],
    [
      'adds no install_if package for wishes',
      [{ is: 'b=1' }, { is: 'c=1' }, { is: 'bc=1', installIf: ['b', 'c=1'] }],
      ['b', 'c'],
      'b=1 c=1',
    ],
    ['loses a version that it cannot read', [{ is: 'a=9~ab' }, { is: 'a=1' }], ['a'], 'a=1'],
  ])('%s', (_what, packages, wanted, expected) => {
    expect(installs(architecture(packages), ...wanted)).toBe(expected);
  });
});

describe('the search, where the reference gives up', () => {
  it.each<[string, SmallPackage[], string[], string]>([
    [
      'takes back a choice',
      [
        { is: 'a=1', needs: ['picky', 'bottom=1'] },
        { is: 'picky=2', needs: ['bottom=2'] },
        { is: 'picky=1', needs: ['bottom=1'] },
        { is: 'bottom=1' },
        { is: 'bottom=2' },
      ],
      ['a'],
      'bottom=1 picky=1 a=1',
    ],
    [
      'finds an older parent',
      [{ is: 'a=2', needs: ['gone'] }, { is: 'a=1', needs: ['b'] }, { is: 'b=1' }],
      ['a'],
      'b=1 a=1',
    ],
    [
      'compares versions that only apk-tools can read',
      [{ is: 'a=1.0~aa' }, { is: 'a=1.0~bb' }],
      ['a<1.0~bb'],
      'a=1.0~aa',
    ],
    [
      'obeys a wish not to install',
      [
        { is: 'a=1', needs: ['v'] },
        { is: 'x=2', provides: ['v'] },
        { is: 'y=1', provides: ['v'] },
      ],
      ['a', '!x'],
      'y=1 a=1',
    ],
    ['obeys a wish not to install a version', [{ is: 'a=1' }, { is: 'a=2' }], ['a', '!a>1'], 'a=1'],
    [
      'brings in what install_if asks for, when it fits',
      [
        { is: 'a=1', needs: ['picky', 'bottom=1'] },
        { is: 'picky=2', needs: ['bottom=2'] },
        { is: 'picky=1', needs: ['bottom=1'] },
        { is: 'bottom=1' },
        { is: 'bottom=2' },
        { is: 'fits=1', installIf: ['bottom', 'picky=1'] },
        { is: 'lacks=1', installIf: ['bottom'], needs: ['gone'] },
        { is: 'clashes=1', installIf: ['bottom'], provides: ['a=9'] },
        { is: 'excludes=1', installIf: ['bottom'], needs: ['!picky'] },
        { is: 'unwanted=1', installIf: ['bottom'] },
      ],
      ['a<5', '!unwanted'],
      'bottom=1 picky=1 a=1 fits=1',
    ],
  ])('%s', (_what, packages, wanted, expected) => {
    expect(installs(architecture(packages), ...wanted)).toBe(expected);
  });

  it('excludes what an excluded base package forbids', () => {
    const indexes = architecture([{ is: 'a=2', needs: ['!base'] }, { is: 'a=1' }]);
    expect(installs({ ...indexes, installed: ['base'] }, 'a')).toBe('a=1');
    expect(installs({ ...indexes, installed: ['other'] }, 'a')).toBe('a=2');
  });

  it('keeps the answer when the order of wishes changes', () => {
    const indexes = architecture([
      { is: 'a=1', needs: ['v'] },
      { is: 'x=1', provides: ['v=1'] },
      { is: 'b=1', needs: ['!x'] },
      { is: 'y=1', provides: ['v=1'] },
    ]);
    expect(installs(indexes, 'a', 'b')).toBe(installs(indexes, 'b', 'a'));
  });
});

describe('tags', () => {
  const tagged: ArchitectureIndexes = {
    arch: 'amd64',
    repositories: [
      repository('./edge', [{ is: 'a=2', needs: ['b'] }, { is: 'b=1' }, { is: 'c=2' }], 'edge'),
      repository('./main', [{ is: 'a=1' }, { is: 'c=1' }]),
    ],
  };
  it.each([
    ['without its tag a repository is invisible', ['a'], 'a=1'],
    ['a tag is preferred to a higher version', ['c@edge', 'a'], 'a=1 c=2@edge'],
    ['dependencies may use the tag', ['a@edge'], 'b=1 a=2@edge'],
    ['an unknown tag is ignored', ['a@nowhere'], 'a=1@nowhere'],
    [
      'a tagged-only name needs its tag',
      ['b'],
      '! on amd64, nothing fulfils the wish "b": it is only in the repository tagged @edge (./edge)',
    ],
  ])('%s', (_what, wanted, expected) => {
    expect(installs(tagged, ...wanted)).toBe(expected);
  });

  it('resolves its own lock in pass 2, where a dependency from the tagged repository has no tag', () => {
    const first = resolveWanted({ wanted: ['a@edge'], architectures: [tagged], together: false });
    const locked = first.ok ? first.perArch[0]!.locked : [];
    expect(locked).toEqual(['a=2@edge', 'b=1']);
    const second = resolveWorld(locked, tagged);
    expect(second.ok && pins(second.packages)).toBe('b=1 a=2@edge');
  });

  it('does not let a world without tags use tagged repositories', () => {
    expect(resolveWorld(['b=1'], tagged).ok).toBe(false);
  });
});

describe('several architectures', () => {
  const amd = architecture([{ is: 'a=1' }, { is: 'a=2' }, { is: 'only=1' }], 'amd64');
  const arm = architecture([{ is: 'a=1' }], 'arm64');
  const locked = (wanted: string[], together: boolean, architectures = [amd, arm]) => {
    const result = resolveWanted({ wanted, architectures, together });
    if (!result.ok) return result.explanation.sentence;
    return result.perArch.map((one) => `${one.arch}: ${one.locked.join(' ')}`).join('; ');
  };

  it('together, each has only what all have', () => {
    expect(locked(['a'], true)).toBe('amd64: a=1; arm64: a=1');
    expect(locked(['a'], false)).toBe('amd64: a=2; arm64: a=1');
    expect(locked(['only'], true)).toContain(
      'on amd64, nothing fulfils the wish "only": only 1 (in ./repo) does not exist for arm64',
    );
  });

  it('together, a version may be lowered so that all agree', () => {
    const one = architecture([{ is: 'a=1' }, { is: 'a=2' }], 'amd64');
    const two = architecture([{ is: 'a=1' }, { is: 'a=2', needs: ['gone'] }], 'arm64');
    expect(locked(['a'], true, [one, two])).toBe('amd64: a=1; arm64: a=1');
  });

  it('says so when each could be had alone, but not alike', () => {
    const one = architecture([{ is: 'a=1', needs: ['gone'] }, { is: 'a=2' }], 'amd64');
    const two = architecture([{ is: 'a=1' }, { is: 'a=2', needs: ['gone'] }], 'arm64');
    const result = resolveWanted({ wanted: ['a'], architectures: [one, two], together: true });
    expect(result.ok ? '' : printExplanation(result.explanation)).toBe(
      [
        'no versions of "a" fit on all of amd64, arm64 at once',
        '  - amd64 alone could have a-2',
        '  - arm64 alone could have a-1',
        'hint: build the architectures one by one, or ask for exact versions',
      ].join('\n'),
    );
  });
});
