import { describe, expect, it } from 'vitest';
import { architecture, repository, type SmallPackage } from '../../../test/support/small-indexes.ts';
import { Failure } from '../../base/failure.ts';
import type { ArchitectureIndexes } from './architecture-indexes.ts';
import { type Explanation, explanationFailure, printExplanation } from './explanation.ts';
import { resolveWanted } from './resolve.ts';

function explain(wanted: string[], ...architectures: ArchitectureIndexes[]): Explanation {
  const result = resolveWanted({ wanted, architectures, together: true });
  if (result.ok) throw new Error('there is a solution');
  return result.explanation;
}

const CLASH: SmallPackage[] = [
  { is: 'app=1', needs: ['mid'] },
  { is: 'mid=1', needs: ['lib<2'] },
  { is: 'tool=1', needs: ['lib>=2'] },
  { is: 'lib=1' },
  { is: 'lib=1.5' },
  { is: 'lib=2' },
  { is: 'other=1' },
];

describe('printExplanation', () => {
  it.each<[string, SmallPackage[], string[], string[]]>([
    [
      'an unknown name',
      [{ is: 'busybox=1' }],
      ['bootstrap', 'busybx'],
      [
        'on amd64, nothing fulfils the wish "bootstrap": nothing provides it',
        '  - bootstrap',
        '    - nothing provides it',
      ],
    ],
    [
      'a misspelt name',
      [{ is: 'busybox=1' }],
      ['busybx'],
      [
        'on amd64, nothing fulfils the wish "busybx": nothing provides it',
        '  - busybx',
        '    - nothing provides it',
        'hint: did you mean "busybox"?',
      ],
    ],
    [
      'a misspelt program',
      [{ is: 'curl=1', provides: ['cmd:curl=1'] }],
      ['cmd:crul'],
      [
        'on amd64, nothing fulfils the wish "cmd:crul": nothing provides it',
        '  - cmd:crul',
        '    - nothing provides it',
        'hint: did you mean "cmd:curl"?',
      ],
    ],
    [
      'a version that does not exist',
      ['1', '2', '3', '4', '9'].map((v) => ({ is: `lib=${v}` })),
      ['lib=5'],
      [
        'on amd64, nothing fulfils the wish "lib=5": there is only lib 9, lib 4, lib 3 and 2 more (in ./repo)',
        '  - lib=5',
        '    - there is only lib 9, lib 4, lib 3 and 2 more (in ./repo)',
        'hint: "lib=9" would do instead of "lib=5"',
      ],
    ],
    [
      'a dependency that nothing provides',
      [
        { is: 'a=1', needs: ['b'] },
        { is: 'b=1', needs: ['so:gone.so.1'] },
      ],
      ['a'],
      [
        'on amd64, nothing fulfils the wish "a": b-1 needs "so:gone.so.1", but nothing provides it',
        '  - a',
        '    - a-1',
        '      - needs b: b-1',
        '        - needs so:gone.so.1, but nothing provides it',
      ],
    ],
    [
      'two wishes whose dependencies clash; the third is not mentioned',
      CLASH,
      ['other', 'app', 'tool'],
      [
        'on amd64, these wishes cannot be fulfilled together: "app", "tool"',
        '  - app',
        '    - app-1',
        '      - needs mid: mid-1',
        '        - needs lib<2, but lib-1, lib-1.5 cannot be installed beside lib-2',
        '  - tool',
        '    - tool-1',
        '      - needs lib>=2: lib-2',
      ],
    ],
    [
      'a wish for a version: the nearest that would do',
      CLASH,
      ['app', 'lib=2'],
      [
        'on amd64, these wishes cannot be fulfilled together: "app", "lib=2"',
        '  - app',
        '    - app-1',
        '      - needs mid: mid-1',
        '        - needs lib<2, but lib-1, lib-1.5 cannot be installed beside lib-2',
        '  - lib=2',
        '    - lib-2',
        'hint: "lib=1.5" would do instead of "lib=2"',
      ],
    ],
    [
      'packages that exclude each other',
      [{ is: 'a=1', needs: ['!b'] }, { is: 'b=1' }],
      ['a', 'b'],
      [
        'on amd64, these wishes cannot be fulfilled together: "a", "b"',
        '  - a',
        '    - a-1',
        '  - b',
        '    - b-1 is excluded by a-1',
      ],
    ],
    [
      'two packages that are one thing',
      [
        { is: 'a=1', provides: ['mta=1'] },
        { is: 'b=1', provides: ['mta=2'] },
      ],
      ['a', 'b'],
      [
        'on amd64, these wishes cannot be fulfilled together: "a", "b"',
        '  - a',
        '    - a-1',
        '  - b',
        '    - b-1 cannot be installed beside a-1 (both are mta)',
      ],
    ],
    [
      'a wish not to install',
      [{ is: 'a=1', needs: ['b'] }, { is: 'b=1' }],
      ['a', '!b'],
      [
        'on amd64, these wishes cannot be fulfilled together: "!b", "a"',
        '  - !b',
        '  - a',
        '    - a-1',
        '      - needs b, but b-1 is excluded by the wish !b',
      ],
    ],
    [
      'several versions that fail for reasons of their own',
      [
        { is: 'a=1', needs: ['gone'] },
        { is: 'a=2', needs: ['b'] },
        { is: 'b=1', needs: ['lost'] },
      ],
      ['a'],
      [
        'on amd64, nothing fulfils the wish "a"',
        '  - a',
        '    - none of these can be:',
        '      - a-1',
        '        - needs gone, but nothing provides it',
        '      - a-2',
        '        - needs b: b-1',
        '          - needs lost, but nothing provides it',
      ],
    ],
    [
      'several versions that all fail on the same need of another wish',
      [{ is: 'a=1' }, { is: 'a=2' }, { is: 'a=3' }, { is: 'b=1', needs: ['a>2'] }, { is: 'a=4' }],
      ['a<3', 'b'],
      [
        'on amd64, these wishes cannot be fulfilled together: "a<3", "b"',
        '  - a<3',
        '    - none of these can be:',
        '      - a-1, a-2',
        '        - does not go with this: b-1 needs a>2',
        '  - b',
        '    - b-1',
        'hint: "a=3" would do instead of "a<3"',
      ],
    ],
  ])('tells %s', (_what, packages, wanted, lines) => {
    expect(printExplanation(explain(wanted, architecture(packages))).split('\n')).toEqual(lines);
  });

  it('says on which architecture something is', () => {
    const amd = architecture([{ is: 'a=1' }, { is: 'b=1' }], 'amd64');
    const arm = architecture([{ is: 'b=1' }], 'arm64');
    expect(explain(['a', 'b'], amd, arm).sentence).toBe(
      'on amd64, nothing fulfils the wish "a": a 1 (in ./repo) does not exist for arm64',
    );
    const swapped = explain(['a', 'b'], arm, amd);
    expect([swapped.arch, swapped.hints]).toEqual(['arm64', ['"a" exists for amd64']]);
  });

  it('says in which tagged repository something is', () => {
    const indexes = {
      arch: 'amd64',
      repositories: [repository('./edge', [{ is: 'a=1' }], 'edge'), repository('./r', [])],
    };
    const explanation = explain(['a>0'], indexes);
    expect(explanation.sentence).toContain('it is only in the repository tagged @edge (./edge)');
    expect(explanation.hints).toContain('write "a>0@edge" to take it from there');
  });

  it('names an architecture that no repository has', () => {
    const sparc = { arch: 'sparc', repositories: [] };
    const explanation = explain(['a'], architecture([{ is: 'a=1' }]), sparc);
    expect(printExplanation(explanation)).toBe(
      'no repository has packages for the architecture "sparc"\nhint: there are packages for amd64',
    );
  });

  it('never shows credentials of a repository', () => {
    const url = 'https://user:canary@example.test/os';
    const repositories = [repository(url, [{ is: 'a=1' }, { is: 'b=1' }]), repository(url, [{ is: 'c=1' }], 'edge')];
    for (const wish of ['a>1', 'c']) {
      const text = JSON.stringify(explain([wish], { arch: 'amd64', repositories }));
      expect(text).toContain('example.test/os');
      expect(text).not.toContain('canary');
    }
  });

  it('names what the base image rules out', () => {
    const indexes = architecture([{ is: 'a=1', needs: ['!base'] }]);
    expect(explain(['a'], { ...indexes, installed: ['base'] }).sentence).toContain('the base image excludes a 1');
  });

  it('stays short', () => {
    const deep = Array.from({ length: 60 }, (_, i) => ({ is: `p${i}=1`, needs: [`p${i + 1}`] }));
    const { tree } = explain(['p0'], architecture(deep));
    expect(tree.length).toBe(41);
    expect(tree.at(-1)?.text).toMatch(/^\(and \d+ more lines\)$/);
  });
});

describe('explanationFailure', () => {
  it('carries the explanation as data and its tree as notes', () => {
    const explanation = explain(['app', 'lib=2'], architecture(CLASH));
    const failure = explanationFailure(explanation);
    expect(failure).toBeInstanceOf(Failure);
    expect(failure.code).toBe('SOLVE_CONFLICT');
    expect(failure.exitCode).toBe(4);
    expect(failure.message).toBe(explanation.sentence);
    expect(failure.hint).toBe('"lib=1.5" would do instead of "lib=2"');
    expect(failure.notes).toContain('- app');
    expect(JSON.parse(JSON.stringify(failure.data))).toEqual(explanation);
  });
});
