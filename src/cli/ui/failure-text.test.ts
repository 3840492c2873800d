import { describe, expect, it } from 'vitest';
import { Failure, type SourcePlace } from '../../base/failure.ts';
import { failureRecord, printFailure, printThrown } from './failure-text.ts';
import { noPaint } from './paint.ts';

function shown(where: SourcePlace): string[] {
  return printFailure(new Failure('CONFIG_INVALID', 'wrong', { where }), noPaint)
    .split('\n')
    .slice(1, -1);
}

describe('printFailure', () => {
  it('shows sentence, place, caret, notes and hint', () => {
    const failure = new Failure('CONFIG_UNKNOWN_KEY', 'unknown key "pakages"', {
      where: { file: 'image.yaml', line: 12, column: 3, text: '  pakages:' },
      notes: ['known keys: packages, repositories', 'two\nlines'],
      hint: 'did you mean "packages"?',
    });
    expect(printFailure(failure, noPaint)).toBe(`error: unknown key "pakages" [CONFIG_UNKNOWN_KEY]
    --> image.yaml:12:3
     |
  12 |   pakages:
     |   ^
  known keys: packages, repositories
  two
  lines
  hint: did you mean "packages"?
`);
  });

  const carets: [name: string, text: string, column: number, line: string, caret: string][] = [
    ['first column', 'a: b', 1, 'a: b', '^'],
    ['after a tab', '\ta', 2, '\ta', '\t^'],
    ['after wide characters', '名: x', 4, '名: x', '    ^'],
    ['after a combining mark', 'e\u0301: x', 5, 'e\u0301: x', '   ^'],
    ['after an emoji (two code units)', '😀: x', 5, '😀: x', '    ^'],
    ['after a control character', 'a\x1bb', 3, 'a\\x1bb', '     ^'],
    ['behind the end of the line', 'ab', 5, 'ab', '    ^'],
    ['empty line', '', 1, '', '^'],
  ];
  it.each(carets)('caret: %s', (_name, text, column, line, caret) => {
    const lines = shown({ file: 'f', line: 7, column, text });
    expect(lines).toEqual([`   --> f:7:${column}`, '    |', `  7 | ${line}`, `    | ${caret}`]);
  });

  it('cuts a long line around the caret', () => {
    const text = `${'a'.repeat(500)}X${'b'.repeat(500)}`;
    const [, , line = '', caret = ''] = shown({ file: 'f', line: 1, column: 501, text });
    expect(line.length).toBeLessThan(140);
    expect(line[caret.indexOf('^')]).toBe('X');
    expect(line).toMatch(/\| …a+Xb+…$/);
    const atEnd = shown({ file: 'f', line: 1, column: 1001, text });
    expect(atEnd[2]?.[atEnd[3]!.indexOf('^')]).toBe('b');
  });

  it('names the place where there is no source line', () => {
    expect(shown({ file: 'f', line: 1, column: 2 })).toEqual(['  --> f:1:2']);
  });

  it('adds causes only when asked', () => {
    const cause = new Error('outer', { cause: new Error('GET https://u:pw@h/ failed') });
    const failure = new Failure('NETWORK_UNREACHABLE', 'no answer', { cause });
    expect(printFailure(failure, noPaint)).toBe('error: no answer [NETWORK_UNREACHABLE]\n');
    expect(printFailure(failure, noPaint, true)).toBe(
      'error: no answer [NETWORK_UNREACHABLE]\n  because: outer\n  because: GET https://xxxxx@h/ failed\n',
    );
  });

  it('lets no control character through', () => {
    const evil = 'a\x1b]0;title\x07\rb\u202e';
    const failure = new Failure('PACKAGE_INVALID', evil, {
      hint: evil,
      notes: [evil],
      where: { file: evil, line: 1, column: 1, text: evil },
    });
    expect(printFailure(failure, noPaint)).not.toMatch(/[\x1b\x07\r\u202e]/);
  });
});

describe('JSON', () => {
  it('has all fields, and none that are empty', () => {
    expect(failureRecord(new Failure('CONFIG_INVALID', 's'))).toEqual({
      type: 'failure',
      code: 'CONFIG_INVALID',
      message: 's',
      exitCode: 3,
    });
    const where = { file: 'f', line: 1, column: 2, text: 'x' };
    const full = new Failure('SOLVE_CONFLICT', 's', { where, hint: 'h', notes: ['n'], data: { tree: [] } });
    expect(failureRecord(full)).toEqual({
      type: 'failure',
      code: 'SOLVE_CONFLICT',
      message: 's',
      exitCode: 4,
      where,
      hint: 'h',
      notes: ['n'],
      data: { tree: [] },
    });
  });

  it('is one line, also for what is no Error', () => {
    const text = printThrown('a\nstring', noPaint, { json: true, verbose: false });
    expect(text.split('\n')).toHaveLength(2);
    expect(JSON.parse(text)).toEqual({ type: 'failure', code: 'INTERNAL', message: 'a\nstring', exitCode: 1 });
  });
});
