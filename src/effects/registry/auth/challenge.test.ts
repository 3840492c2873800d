import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Challenge, parseChallenges } from './challenge.ts';

const plain = (challenges: readonly Challenge[]) =>
  challenges.map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('parseChallenges', () => {
  it.each<[string, string | string[] | undefined, unknown]>([
    ['none', undefined, []],
    ['an empty header', '', []],
    ['Basic', 'Basic realm="x"', [['basic', { realm: 'x' }]]],
    ['a scheme alone', 'Negotiate', [['negotiate', {}]]],
    [
      'a token challenge with a comma in quotes',
      'Bearer realm="https://a.example/t",service="s",scope="repository:x:pull,push"',
      [['bearer', { realm: 'https://a.example/t', service: 's', scope: 'repository:x:pull,push' }]],
    ],
    ['spaces everywhere', ' bearer  realm = "a" ,\tservice= b ', [['bearer', { realm: 'a', service: 'b' }]]],
    ['names in any case', 'BEARER Realm="a",SERVICE="b"', [['bearer', { realm: 'a', service: 'b' }]]],
    ['escapes', 'Basic realm="a\\"b\\\\c"', [['basic', { realm: 'a"b\\c' }]]],
    ['an empty value', 'Basic realm=""', [['basic', { realm: '' }]]],
    ['the first of two values', 'Basic realm="a", realm="b"', [['basic', { realm: 'a' }]]],
    [
      'several in one header',
      'Negotiate abc==, Basic realm="x, y", Bearer realm="z"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x, y' }],
        ['bearer', { realm: 'z' }],
      ],
    ],
    [
      'several headers',
      ['Bearer realm="a"', 'Basic realm="b"'],
      [
        ['bearer', { realm: 'a' }],
        ['basic', { realm: 'b' }],
      ],
    ],
    ['empty list elements', ', ,Basic realm=a,,', [['basic', { realm: 'a' }]]],
    ['an open quote', 'Basic realm="a, Bearer realm="b"', [['basic', { realm: 'a, Bearer realm=' }]]],
    ['a quote that never ends', 'Bearer realm="a', [['bearer', {}]]],
    ['what is no header', '"', []],
    ['a parameter before any scheme', '=x', []],
  ])('%s', (_name, header, expected) => {
    expect(plain(parseChallenges(header))).toEqual(expected);
  });

  const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,8}$/).map((text) => text.toLowerCase());
  const challenges = fc.array(
    fc.tuple(token, fc.uniqueArray(fc.tuple(token, fc.string({ unit: 'grapheme' })), { selector: ([name]) => name })),
  );

  it('reads back what is printed, in any quoting and spacing', () => {
    const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
    fc.assert(
      fc.property(challenges, fc.constantFrom(',', ', ', ' ,  '), (list, comma) => {
        const header = list
          .map(([scheme, parameters]) =>
            [scheme, parameters.map(([name, value]) => `${name}=${quote(value)}`).join(comma)].join(' '),
          )
          .join(comma);
        expect(plain(parseChallenges(header))).toEqual(
          list.map(([scheme, parameters]) => [scheme, Object.fromEntries(parameters)]),
        );
      }),
    );
  });

  it('ends for any text, with schemes and names in lower case', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        for (const { scheme, parameters } of parseChallenges(text)) {
          for (const name of [scheme, ...parameters.keys()]) expect(name).toMatch(/^[^\sA-Z,="]+$/);
        }
      }),
    );
  });
});
