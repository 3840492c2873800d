import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { parseYaml } from './parse-yaml.ts';
import { isNull, nodeAt, placeOf, type YamlNode } from './yaml-node.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => parseYaml('a.yaml', bytes(text));

/** The value without places; plain scalars are marked by angle brackets. */
function plain(node: YamlNode): unknown {
  if (node.kind === 'scalar') return node.plain ? `<${node.text}>` : node.text;
  if (node.kind === 'list') return node.items.map(plain);
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plain(value)]));
}

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('parseYaml', () => {
  const values: [text: string, value: unknown][] = [
    ['a: 0755\nb: 1.20\nc: no', { a: '<0755>', b: '<1.20>', c: '<no>' }],
    ['a: "0755"\nb: \'x\'\nc: |\n  x\n  y\n', { a: '0755', b: 'x', c: 'x\ny\n' }],
    ['a:\nb: ~\nc: []\nd: {}', { a: '<>', b: '<~>', c: [], d: {} }],
    ['- a\n- [b, "c"]', ['<a>', ['<b>', 'c']]],
    ['a: 1\n---\nb: : :\n', { a: '<1>' }],
    ['%YAML 1.1\n---\na: yes', { a: '<yes>' }],
    ['\ufeffa: 1', { a: '<1>' }],
    ['a: !!str 07\nb: !!int "7"\nc: ! 8', { a: '07', b: '<7>', c: '8' }],
    ['{a, b: c}', { a: '<>', b: '<c>' }],
    ['? a\n: b\n? c', { a: '<b>', c: '<>' }],
    ['1: x\ntrue: y', { 1: '<x>', true: '<y>' }],
    ['a: &x [1]\nb: *x', { a: ['<1>'], b: ['<1>'] }],
    ['a: &x 1\nb: &x 2\nc: *x', { a: '<1>', b: '<2>', c: '<2>' }],
    ['base: &b {x: 1, y: 2}\nown:\n  y: 3\n  <<: *b', { base: { x: '<1>', y: '<2>' }, own: { y: '<3>', x: '<1>' } }],
    ['<<: [{a: 1}, {a: 2, b: 2}]', { a: '<1>', b: '<2>' }],
    ['"<<": {a: 1}', { '<<': { a: '<1>' } }],
    ['__proto__: 1', Object.fromEntries([['__proto__', '<1>']])],
  ];
  it.each(values)('%j', (text, value) => {
    expect(plain(parse(text))).toEqual(value);
  });

  const mistakes: [text: string, line: number, column: number, message: RegExp][] = [
    ['', 1, 1, /is empty/],
    ['# only a comment\n', 1, 1, /is empty/],
    ['a: 1\nb: 2\na: 3', 3, 1, /"a" is given twice/],
    ['<<: {a: 1}\n<<: {b: 1}', 2, 1, /"<<" is given twice/],
    ['a:\n\tb: 1', 2, 1, /not with tabs/],
    ['a: b: c', 1, 4, /middle of a line/],
    ['a: [1,\nb: 2', 2, 1, /flow sequence/],
    ['a: "x', 1, 6, /missing closing/],
    ['a: "\\q"', 1, 5, /unknown escape/],
    ['a\nb: 1', 1, 1, /followed by a colon/],
    ['a: @b', 1, 4, /cannot begin with this character/],
    ['a: *nope', 1, 4, /no anchor &nope before it/],
    ['a: &x [*x]', 1, 8, /no anchor &x before it/],
    ['a: !foo 1', 1, 9, /tag !foo means nothing/],
    ['? [a]\n: 1', 1, 3, /a key must be text/],
    ['<<: 5', 1, 5, /only maps can be merged/],
    ['a: x\x1by', 1, 5, /control character \(U\+001B\)/],
  ];
  it.each(mistakes)('refuses %j', (text, line, column, message) => {
    const failure = failureOf(() => parse(text));
    expect(failure.message).toMatch(message);
    expect(failure).toMatchObject({ code: 'CONFIG_SYNTAX', where: { file: 'a.yaml', line, column } });
  });

  it('refuses bytes that are not UTF-8, naming the line', () => {
    const failure = failureOf(() =>
      parseYaml('a.yaml', new Uint8Array([...bytes('a: 1\nb: '), 0xff, ...bytes('\nc: 1\n')])),
    );
    expect(failure).toMatchObject({ code: 'CONFIG_SYNTAX', where: { line: 2 } });
    expect(failureOf(() => parseYaml('a.yaml', new Uint8Array([0xc3]))).where).toMatchObject({ line: 1 });
  });

  it('refuses what exceeds its bounds', () => {
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    expect(() => parse(nested(LIMITS.yamlDepth))).not.toThrow();
    expect(failureOf(() => parse(nested(LIMITS.yamlDepth + 1))).message).toMatch(/more than 64 deep/);
    expect(failureOf(() => parse('['.repeat(100_000))).message).toMatch(/more than 64 deep/);
    expect(failureOf(() => parseYaml('a.yaml', new Uint8Array(LIMITS.configBytes + 1))).message).toMatch(
      /the bound is/,
    );

    const aliases = (count: number) => `a: &x 1\nb: [${'*x, '.repeat(count)}]`;
    expect(() => parse(aliases(LIMITS.yamlAliases))).not.toThrow();
    expect(failureOf(() => parse(aliases(LIMITS.yamlAliases + 1))).message).toMatch(/more than 100 aliases/);
  });

  it('stops a billion laughs at the aliases inside aliases', () => {
    const levels = ['a: &l0 [x, x]'];
    for (let i = 1; i < 30; i++) levels.push(`l${i}: &l${i} [*l${i - 1}, *l${i - 1}]`);
    expect(failureOf(() => parse(levels.join('\n')))).toMatchObject({ code: 'CONFIG_SYNTAX', where: { line: 6 } });
  });

  it('knows the place of every value, also behind aliases and merges', () => {
    const root = parse('contents:\n  packages:\n    - a\n    -\n    - é: x\nbase: &b\n  k: v\ncopy:\n  <<: *b\n');
    const place = (path: (string | number)[]) => {
      const node = nodeAt(root, path);
      const { line, column, text } = node === undefined ? { line: 0, column: 0, text: '' } : placeOf(node);
      return [line, column, text];
    };
    expect(place(['contents', 'packages', 0])).toEqual([3, 7, '    - a']);
    expect(place(['contents', 'packages', 1, 'é'])).toEqual([5, 10, '    - é: x']);
    expect(place(['copy', 'k'])).toEqual([7, 6, '  k: v']);
    for (const path of [['nothing'], ['contents', 'packages', 7], ['contents', 'packages', 'x'], ['copy', 'k', 0]]) {
      expect(nodeAt(root, path)).toBeUndefined();
    }
  });

  it('takes nothing but empty plain texts and the spellings of null for nothing', () => {
    const root = parse('[~, null, Null, NULL, , "", nil, "null", []]'.replace(', ,', ','));
    const kinds = root.kind === 'list' ? root.items.map(isNull) : [];
    expect(kinds).toEqual([true, true, true, true, false, false, false, false]);
  });

  it('reads any JSON as the texts it is made of', () => {
    const texts = fc.jsonValue().map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(texts, (text) => {
        // JSON may hold what YAML calls control characters and both keys of a merge.
        fc.pre(!/\\u00|\x7f|"<<"|\\b|\\f/.test(text));
        const expected = JSON.parse(text, (_key, value) =>
          typeof value === 'object' && value !== null
            ? value
            : typeof value === 'string'
              ? value
              : `<${String(value)}>`,
        );
        expect(plain(parse(`x: ${text}`))).toEqual({ x: expected });
      }),
      { numRuns: 100 },
    );
  });
});
