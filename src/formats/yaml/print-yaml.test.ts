import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseYaml } from './parse-yaml.ts';
import { type PrintableYaml, printYaml } from './print-yaml.ts';
import type { YamlNode } from './yaml-node.ts';

const map = (entries: Record<string, PrintableYaml>) => new Map(Object.entries(entries));

describe('printYaml', () => {
  const scalars: [value: PrintableYaml, printed: string][] = [
    ['plain text', 'plain text'],
    ['', '""'],
    ['65532', '"65532"'],
    ['0755', '"0755"'],
    ['1.20', '"1.20"'],
    ['1e3', '"1e3"'],
    ['.inf', '".inf"'],
    ['12:30:45', '"12:30:45"'],
    ['2024-02-03', '"2024-02-03"'],
    ['yes', '"yes"'],
    ['null', '"null"'],
    ['~', '"~"'],
    ['1.2.3', '1.2.3'],
    ['x: y', "'x: y'"],
    ["it's: x", "'it''s: x'"],
    ['-g "daemon off;"', '-g "daemon off;"'],
    ["-c 'print(1)'", "-c 'print(1)'"],
    ['- x', "'- x'"],
    ['#x', "'#x'"],
    ['a #b', "'a #b'"],
    ['a#b', 'a#b'],
    ['@edge corpus/edge', "'@edge corpus/edge'"],
    ['!bash', "'!bash'"],
    ['!Ä"b', "'!Ä\"b'"],
    [' x', "' x'"],
    ['x ', "'x '"],
    ['a\tb', '"a\\tb"'],
    ['a"\x01\x85\u2028\ufeff', '"a\\"\\x01\\N\\L\\uFEFF"'],
    ['---', "'---'"],
    ['äöü 🙂', 'äöü 🙂'],
    [493, '493'],
    [true, 'true'],
    [null, 'null'],
    [[], '[]'],
    [new Map(), '{}'],
    ['a\nb', '|-\n    a\n    b'],
    ['a\nb\n', '|\n    a\n    b'],
    ['a\n\nb\n\n', '|+\n    a\n\n    b\n'],
    ['\n', '|4+\n'],
    [' a\nb', '|4-\n     a\n    b'],
    ['a \nb', '"a \\nb"'],
    ['a\nb\x01', '"a\\nb\\x01"'],
  ];
  it.each(scalars)('%j', (value, printed) => {
    expect(printYaml(map({ key: value }))).toBe(`key: ${printed}\n`);
  });

  it('indents lists below their key, and maps in lists behind the dash', () => {
    const value = map({
      users: [
        map({ name: 'a', members: ['x', ['w', 'z']], text: 'l1\nl2\n' }),
        map({ 'a: b': map({ c: 'd' }) }),
        'l1\nl2',
      ],
    });
    expect(printYaml(value)).toBe(
      [
        'users:',
        '    - name: a',
        '      members:',
        '        - x',
        '        - - w',
        '          - z',
        '      text: |',
        '        l1',
        '        l2',
        "    - 'a: b':",
        '        c: d',
        '    - |-',
        '      l1',
        '      l2',
        '',
      ].join('\n'),
    );
  });

  it('prints an empty map as such', () => {
    expect(printYaml(new Map())).toBe('{}\n');
  });

  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom(' ', '\n', '\t', 'a', ':', '#', '-', "'", '"', '1', '\\', '?', ',', '[', '{', '&'),
    }),
  );
  const { tree } = fc.letrec<{ tree: PrintableYaml }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      texts,
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(texts, tie('tree'), { maxKeys: 3 }).map((object) => new Map(Object.entries(object))),
    ),
  }));

  it('is read back to the same texts', () => {
    fc.assert(
      fc.property(tree, (value) => {
        const printed = printYaml(new Map([['x', value]]));
        expect(read(parseYaml('f', new TextEncoder().encode(printed))), printed).toEqual(
          wellFormed(new Map([['x', value]])),
        );
      }),
      { numRuns: 500 },
    );
  });
});

function read(node: YamlNode): unknown {
  if (node.kind === 'scalar') return node.text;
  if (node.kind === 'list') return node.items.map(read);
  return new Map([...node.entries].map(([key, { value }]) => [key, read(value)]));
}

function wellFormed(value: PrintableYaml): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  return value instanceof Map ? new Map([...value].map(([key, v]) => [key.toWellFormed(), wellFormed(v)])) : value;
}
