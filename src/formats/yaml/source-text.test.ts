import { describe, expect, it } from 'vitest';
import { placeAt, readSourceText, sourceText } from './source-text.ts';

describe('placeAt', () => {
  const text = 'ab\r\ncd\n\nef\rg';
  const rows: [offset: number, line: number, column: number, source: string][] = [
    [0, 1, 1, 'ab'],
    [2, 1, 3, 'ab'],
    [4, 2, 1, 'cd'],
    [7, 3, 1, ''],
    [8, 4, 1, 'ef'],
    [11, 5, 1, 'g'],
    [99, 5, 2, 'g'],
  ];
  it.each(rows)('offset %i is %i:%i', (offset, line, column, source) => {
    expect(placeAt(sourceText('f', text), offset)).toEqual({ file: 'f', line, column, text: source });
  });

  it('takes credentials out of the source line and moves the caret with the text', () => {
    const source = sourceText('f', '[https://user:hunter2@host/os, @bad]');
    expect(placeAt(source, source.text.indexOf('@bad'))).toEqual({
      file: 'f',
      line: 1,
      column: '[https://xxxxx@host/os, '.length + 1,
      text: '[https://xxxxx@host/os, @bad]',
    });
  });
});

describe('readSourceText', () => {
  it('drops a byte order mark', () => {
    expect(readSourceText('f', new Uint8Array([0xef, 0xbb, 0xbf, 0x61])).text).toBe('a');
  });
});
