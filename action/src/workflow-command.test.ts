import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLogLine } from '../../test/support/actions-runner.ts';
import { plainText, printCommand } from './workflow-command.ts';

/** The runner reads lines as .NET does. */
const linesOf = (text: string) => text.split(/\r\n|\r|\n/);

const PIECES = [
  '::',
  ':',
  '##[',
  '#',
  '[',
  ']',
  '%',
  '%0A',
  '%3A',
  ',',
  '=',
  ' ',
  '\t',
  '\r',
  '\n',
  '\u2028',
  '\u0085',
  'a',
];
const hostile = fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary', maxLength: 2 })), {
  maxLength: 12,
});
const hostileText = hostile.map((parts) => parts.join(''));

describe('printCommand', () => {
  it.each<[Parameters<typeof printCommand>, string]>([
    [['group', 'stave publish'], '::group::stave publish\n'],
    [['endgroup', ''], '::endgroup::\n'],
    [
      ['error', 'no such key', { file: 'a/image.yaml', line: 3, col: 5, title: 'CONFIG_UNKNOWN_KEY' }],
      '::error file=a/image.yaml,line=3,col=5,title=CONFIG_UNKNOWN_KEY::no such key\n',
    ],
    [['warning', 'w', { file: undefined, title: 'X' }], '::warning title=X::w\n'],
    [['error', '100%\r\nsure', { file: 'C:\\a,b' }], '::error file=C%3A\\a%2Cb::100%25%0D%0Asure\n'],
    [['error', 'x\n::add-mask::y', { title: 'a::b' }], '::error title=a%3A%3Ab::x%0A::add-mask::y\n'],
  ])('%j', (args, expected) => {
    expect(printCommand(...args)).toBe(expected);
  });

  it('is one command, and what the runner reads is what was said', () => {
    fc.assert(
      fc.property(hostileText, hostileText, (message, title) => {
        const [line = '', ...rest] = linesOf(printCommand('error', message, { title }));
        expect(rest).toEqual(['']);
        expect(parseLogLine(line)).toEqual({ name: 'error', properties: { title }, message });
      }),
    );
  });
});

describe('plainText', () => {
  it.each([
    ['fetching packages', 'fetching packages'],
    ['::error::x', '\\x3a:error::x'],
    ['  ::set-output name=a::b', '  \\x3a:set-output name=a::b'],
    ['a\n\t::add-path::/tmp', 'a\n\t\\x3a:add-path::/tmp'],
    ['a\r::stop-commands::x', 'a\\x0d::stop-commands::x'],
    ['a ##[add-path]b', 'a #\\x23[add-path]b'],
    ['###[group]', '##\\x23[group]'],
    ['std::string', 'std::string'],
    ['\u00a0::debug::', '\u00a0\\x3a:debug::'],
  ])('%j', (text, expected) => {
    expect(plainText(text)).toBe(expected);
  });

  it('holds no command, whatever it is made of', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        expect(linesOf(plainText(text)).map(parseLogLine).filter(Boolean)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });
});
