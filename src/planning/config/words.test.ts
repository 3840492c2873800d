import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitWords } from './words.ts';

describe('splitWords', () => {
  const rows: [text: string, words: string[]][] = [
    ['', []],
    [' \t\r\n ', []],
    ['/usr/bin/nginx -c /etc/x.conf', ['/usr/bin/nginx', '-c', '/etc/x.conf']],
    ['-g "daemon off;"', ['-g', 'daemon off;']],
    ["-c 'print(1)'", ['-c', 'print(1)']],
    ['a\\ b', ['a b']],
    ["''", ['']],
    ['a "" b', ['a', '', 'b']],
    ['a\'b\'"c"d', ['abcd']],
    ['"a\\"b\\\\c"', ['a"b\\c']],
    // A shell would keep this backslash; the reference does not.
    ['"a\\nb"', ['anb']],
    ["'a\\nb'", ['a\\nb']],
    ['a # b c', ['a']],
    ['a#b', ['a#b']],
    ['a # b\nc', ['a', 'c']],
    ['"#" \\# x', ['#', '#', 'x']],
    ['# only', []],
    ['a;b|c $HOME `x` *', ['a;b|c', '$HOME', '`x`', '*']],
    ['ä 🙂', ['ä', '🙂']],
    ['a\\\nb', ['a\nb']],
  ];
  it.each(rows)('%j', (text, words) => {
    expect(splitWords(text, 'cmd')).toEqual(words);
  });

  const mistakes: [text: string, message: string][] = [
    ['"a', 'cmd has an open double quote'],
    ["a 'b", 'cmd has an open single quote'],
    ['a\\', 'cmd ends with a backslash'],
    ['"a\\', 'cmd ends with a backslash'],
  ];
  it.each(mistakes)('refuses %j', (text, message) => {
    const where = { file: 'f', line: 1, column: 2 };
    expect(() => splitWords(text, 'cmd', where)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message, where }),
    );
  });

  it('finds the words that were quoted', () => {
    const quoted = (word: string) =>
      fc.constantFrom(`'${word.replaceAll("'", `'"'"'`)}'`, `"${word.replace(/["\\]/g, '\\$&')}"`);
    const words = fc.array(fc.string().chain((word) => quoted(word).map((text) => ({ word, text }))));
    fc.assert(
      fc.property(words, fc.constantFrom(' ', '\t', '\n  '), (list, blank) => {
        const text = list.map((entry) => entry.text).join(blank);
        expect(splitWords(text, 'cmd')).toEqual(list.map((entry) => entry.word));
      }),
    );
  });
});
