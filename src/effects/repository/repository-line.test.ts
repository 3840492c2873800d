import { describe, expect, it } from 'vitest';
import { parseRepositoryLine, placeOf, publicLine } from './repository-line.ts';

describe('parseRepositoryLine', () => {
  it.each([
    ['https://h/os', '', 'https://h/os'],
    ['https://h/os//', '', 'https://h/os'],
    ['https://user:p%40ss@h/os', '', 'https://h/os'],
    ['./repo', '', './repo'],
    ['/', '', '/'],
    ['@edge https://u@h/os', 'edge', 'https://h/os'],
    ['@local   ./my repo/ ', 'local', './my repo'],
  ])('%s', (line, tag, url) => {
    expect(parseRepositoryLine(line)).toEqual({ tag, url });
  });

  it.each(['', '@x', '@x   ', '@ https://h/os'])('refuses %j', (line) => {
    const failure = { code: 'CONFIG_INVALID', message: `invalid repository line: "${line}"` };
    expect(() => parseRepositoryLine(line)).toThrow(expect.objectContaining(failure));
  });
});

describe('publicLine', () => {
  it.each([
    ['https://user:p%40ss@h/os', 'https://h/os'],
    ['@edge https://u@h/os', '@edge https://h/os'],
    ['https://h/k.rsa.pub?token=abc&v=1', 'https://h/k.rsa.pub?token=xxxxx&v=1'],
    ['https://u:p@h/k.rsa.pub?v=1&X-Amz-Signature=abc', 'https://h/k.rsa.pub?v=1&X-Amz-Signature=xxxxx'],
    ['./repo@home', './repo@home'],
    ['https://h/os', 'https://h/os'],
  ])('%s', (line, shown) => {
    expect(publicLine(line)).toBe(shown);
  });
});

describe('placeOf', () => {
  it.each([
    ['https://h/os', { remote: 'https://h/os' }],
    ['HTTP://h/os', { remote: 'HTTP://h/os' }],
    ['repo', { local: '/srv/repo' }],
    ['../repo', { local: '/repo' }],
    ['/abs', { local: '/abs' }],
    ['file:///abs/a%20b', { local: '/abs/a b' }],
  ])('%s', (url, place) => {
    expect(placeOf(url, '/srv')).toEqual(place);
  });

  it.each(['ftp://h/os', 's3://bucket', 'file://host/os'])('refuses %s', (url) => {
    expect(() => placeOf(url, '/srv')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
