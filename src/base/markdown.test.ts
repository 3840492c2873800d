import { describe, expect, it } from 'vitest';
import { markdownBlock, markdownText } from './markdown.ts';

describe('markdownText', () => {
  it.each([
    ['python-3.13 (1.0-r0)', 'python-3.13 (1.0-r0)'],
    ['a|b', 'a&#124;b'],
    ['<img src=x>', '&#60;img src=x&#62;'],
    ['[x](https://y)', '&#91;x&#93;(https://y)'],
    ['a\r\n# b', 'a &#35; b'],
    ['`*_~!\\{}&', '&#96;&#42;&#95;&#126;&#33;&#92;&#123;&#125;&#38;'],
  ])('%j', (text, expected) => {
    expect(markdownText(text)).toBe(expected);
  });
});

describe('markdownBlock', () => {
  it.each([
    ['a\nb', '```yaml\na\nb\n```'],
    ['a\n', '```yaml\na\n```'],
    ['```\n<b>', '````yaml\n```\n<b>\n````'],
    ['x ````` y', '``````yaml\nx ````` y\n``````'],
  ])('%j', (text, expected) => {
    expect(markdownBlock(text, 'yaml')).toBe(expected);
  });
});
