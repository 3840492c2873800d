import { describe, expect, it } from 'vitest';
import { architecture } from '../../../test/support/small-indexes.ts';
import { resolveWanted } from './resolve.ts';
import { printWhy, why } from './why.ts';
import { printWhyNot, whyNot } from './why-not.ts';

const WORLD = architecture([
  { is: 'app=1', needs: ['mid', 'so:x.so.1'] },
  { is: 'mid=1', needs: ['libx'] },
  { is: 'tool=1', needs: ['libx<9', '!zevil'] },
  { is: 'libx=2', provides: ['so:x.so.1=1.2'] },
  { is: 'libx=1', provides: ['so:x.so.1=1.1'] },
  { is: 'docs=1' },
  { is: 'app-docs=1', installIf: ['mid', 'libx=2'] },
  { is: 'zevil=1' },
  { is: 'free=1' },
  { is: 'broken=1', needs: ['gone'] },
]);

function explainPresence(name: string, ...wanted: string[]): string[] {
  const result = resolveWanted({ wanted, architectures: [WORLD], together: false });
  if (!result.ok) throw new Error('no solution');
  return printWhy(why(result.perArch[0]!.packages, wanted, name)).split('\n');
}

describe('why', () => {
  it('gives the shortest chain for each wish, shortest first', () => {
    expect(explainPresence('libx', 'app', 'mid', 'tool', 'free')).toEqual([
      '"libx" is libx-2',
      'wish app',
      '  app-1',
      '    needs so:x.so.1: libx-2',
      'wish mid',
      '  mid-1',
      '    needs libx: libx-2',
      'wish tool',
      '  tool-1',
      '    needs libx<9: libx-2',
    ]);
  });

  it.each<[string, string, string[], string[]]>([
    ['a wish itself', 'free', ['free'], ['"free" is free-1', 'wish free', '  free-1']],
    [
      'a provided name',
      'so:x.so.1',
      ['mid'],
      ['"so:x.so.1" is libx-2', 'wish mid', '  mid-1', '    needs libx: libx-2'],
    ],
    [
      'an install_if package',
      'app-docs',
      ['app'],
      ['"app-docs" is app-docs-1', '  app-docs-1 (install_if mid libx=2)'],
    ],
    ['what is not there', 'free', ['app'], ['"free" is not installed']],
    ['a version that is not there', 'libx<2', ['app'], ['"libx<2" is not installed']],
  ])('explains %s', (_what, name, wanted, lines) => {
    expect(explainPresence(name, ...wanted)).toEqual(lines);
  });

  it('says when no wish leads there any more', () => {
    const result = resolveWanted({ wanted: ['free'], architectures: [WORLD], together: false });
    const packages = result.ok ? result.perArch[0]!.packages : [];
    expect(printWhy(why(packages, [], 'free'))).toBe('"free" is free-1\nnothing that is wished for leads to it');
  });
});

describe('whyNot', () => {
  const ask = (dependency: string, ...wanted: string[]) =>
    whyNot({ wanted, architectures: [WORLD], together: false }, dependency).perArch[0]!;

  it.each([
    ['it is there', 'libx', ['app'], 'installed', 'on amd64, libx-2 is installed'],
    ['nobody asked', 'free', ['app'], 'possible', 'on amd64, nothing wishes for or needs "free"; it would fit'],
    [
      'another version won',
      'libx=1',
      ['app'],
      'possible',
      'on amd64, libx-2 is preferred to "libx=1", which would fit as well',
    ],
    ['it does not exist', 'fre', ['app'], 'missing', 'on amd64, "fre" cannot be installed: nothing provides it'],
    [
      'the version does not exist',
      'free>1',
      ['app'],
      'missing',
      'on amd64, "free>1" cannot be installed: there is only free 1 (in ./repo)',
    ],
    ['a wish rules it out', 'zevil', ['app', 'tool'], 'excluded', 'on amd64, "zevil" is ruled out by the wish "tool"'],
    [
      'wishes rule it out',
      'zevil',
      ['!zevil', 'tool'],
      'excluded',
      'on amd64, "zevil" is ruled out by the wish "!zevil"',
    ],
    ['it is broken', 'broken', ['app'], 'excluded', 'on amd64, "broken" cannot be installed at all'],
    [
      'the wishes have no solution',
      'free',
      ['broken'],
      'unsolved',
      'on amd64, nothing fulfils the wish "broken": broken-1 needs "gone", but nothing provides it',
    ],
  ])('%s', (_what, dependency, wanted, answer, sentence) => {
    const result = ask(dependency, ...wanted);
    expect([result.answer, result.sentence]).toEqual([answer, sentence]);
    expect(result.explanation !== undefined).toBe(answer === 'excluded' || answer === 'unsolved');
  });

  it('prints the clash as a tree', () => {
    expect(
      printWhyNot(whyNot({ wanted: ['app', 'tool'], architectures: [WORLD], together: false }, 'zevil')).split('\n'),
    ).toEqual([
      'on amd64, "zevil" is ruled out by the wish "tool"',
      '  - tool',
      '    - tool-1',
      '  - zevil',
      '    - zevil-1 is excluded by tool-1',
    ]);
  });

  it('answers for each architecture', () => {
    const arm = architecture([{ is: 'app=1' }], 'arm64');
    const { perArch } = whyNot({ wanted: ['app'], architectures: [WORLD, arm], together: true }, 'free');
    expect(perArch.map(({ arch, answer }) => [arch, answer])).toEqual([
      ['amd64', 'missing'],
      ['arm64', 'missing'],
    ]);
    expect(perArch[1]!.hints).toContain('"free" exists for amd64');
  });
});
