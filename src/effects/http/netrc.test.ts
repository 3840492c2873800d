import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNetrc } from './netrc.ts';

const one = (machine: string, login: string, password: string) => [{ machine, login, password }];

describe('parseNetrc', () => {
  it.each([
    ['one line', 'machine h login u password p', one('h', 'u', 'p')],
    ['many lines, any indent', 'machine h\n\tlogin u\r\n  password p\n', one('h', 'u', 'p')],
    ['upper-case host', 'machine Packages.Example login u password p', one('packages.example', 'u', 'p')],
    ['account is skipped', 'machine h login u account login password p', one('h', 'u', 'p')],
    ['# in a password is no comment', 'machine h login u password a#b', one('h', 'u', 'a#b')],
    ['comment lines', '# machine x login y password z\nmachine h login u password p', one('h', 'u', 'p')],
    ['quoted values', String.raw`machine h login "a b" password "p\"q"`, one('h', 'a b', 'p"q')],
    [
      'macro bodies',
      'macdef init\nmachine evil login x password y\n\nmachine h login u password p',
      one('h', 'u', 'p'),
    ],
    ['no password', 'machine h login u', one('h', 'u', '')],
    ['default belongs to no host', 'default login u password p', []],
    ['default ends a machine', 'machine h login u password p default login x password y', one('h', 'u', 'p')],
    ['words of nobody', 'login u password p nonsense', []],
    ['cut after machine', 'machine', one('', '', '')],
    ['nothing', '', []],
  ])('%s', (_name, text, entries) => {
    expect(parseNetrc(text)).toEqual(entries);
  });

  it('reads back what it is given, whatever the password', () => {
    const word = fc.string({ minLength: 1, maxLength: 12 }).filter((s) => !/[\r\n]/.test(s));
    const quote = (s: string) => `"${s.replace(/["\\]/g, '\\$&')}"`;
    fc.assert(
      fc.property(word, word, (login, password) => {
        expect(parseNetrc(`machine h login ${quote(login)} password ${quote(password)}`)).toEqual(
          one('h', login, password),
        );
      }),
    );
  });
});
