import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactText, stripCredentials, urlCredentials } from './redact.ts';

const urls: readonly (readonly [url: string, redacted: string, stripped: string])[] = [
  ['https://host/x', 'https://host/x', 'https://host/x'],
  ['https://u:p@host/x', 'https://xxxxx@host/x', 'https://host/x'],
  ['https://token@host', 'https://xxxxx@host', 'https://host'],
  ['https://u:p@ss@host/x', 'https://xxxxx@host/x', 'https://host/x'],
  ["https://u:it's@host/x", 'https://xxxxx@host/x', 'https://host/x'],
  ['https://u:"q"@host/x', 'https://xxxxx@host/x', 'https://host/x'],
  ['@tag https://u:p@host/x', '@tag https://xxxxx@host/x', '@tag https://host/x'],
  ['git+ssh://git@host/x', 'git+ssh://xxxxx@host/x', 'git+ssh://host/x'],
  ['https://host/a@b', 'https://host/a@b', 'https://host/a@b'],
  ['https://host?x=a@b', 'https://host?x=a@b', 'https://host?x=a@b'],
  ['https://host/x?token=s3cret&y=1', 'https://host/x?token=xxxxx&y=1', 'https://host/x?token=s3cret&y=1'],
  ['https://host/x?X-Amz-Signature=s', 'https://host/x?X-Amz-Signature=xxxxx', 'https://host/x?X-Amz-Signature=s'],
  ['./local@path', './local@path', './local@path'],
];

describe('credentials in URLs', () => {
  it.each(urls)('%s', (url, redacted, stripped) => {
    expect(redactText(url)).toBe(redacted);
    expect(stripCredentials(url)).toBe(stripped);
  });

  it('are found anywhere in a text, any number of them', () => {
    expect(redactText('GET https://a:b@x/1 then HTTPS://c:d@y/2: no')).toBe(
      'GET https://xxxxx@x/1 then HTTPS://xxxxx@y/2: no',
    );
  });

  it('never survive, whatever they are made of (property)', () => {
    const password = fc
      .string({ minLength: 6 })
      .map((p) => p.replace(/[\s/?#]/g, '_'))
      .filter((p) => p.length >= 6 && !'https://user:@host/pathxxxxx'.includes(p));
    fc.assert(
      fc.property(password, (secret) => {
        const url = `https://user:${secret}@host/path`;
        expect(redactText(`fetching ${url} failed`)).toBe('fetching https://xxxxx@host/path failed');
        expect(stripCredentials(url)).toBe('https://host/path');
      }),
    );
  });

  it('can be read, decoded', () => {
    expect(urlCredentials('https://u%40x:p%3Aq:r@host/')).toEqual({ user: 'u@x', password: 'p:q:r' });
    expect(urlCredentials('@tag https://u@host/')).toEqual({ user: 'u', password: '' });
    expect(urlCredentials('https://100%:p@host/')).toEqual({ user: '100%', password: 'p' });
    expect(urlCredentials('https://host/a@b')).toBeUndefined();
  });
});
