import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonErrorOffset } from './json-error.ts';

const rows: [text: string, offset: number | undefined][] = [
  ['{"a": [1, true, null, "x\\u00e9"], "b": {}}\n', undefined],
  ['[]', undefined],
  [' "x" ', undefined],
  ['', 0],
  ['  ', 2],
  ['{\n', 2],
  ['{"a": }', 6],
  ['{"a" 1}', 5],
  ['{a: 1}', 1],
  ['{"a": 1,}', 8],
  ['[1,]', 3],
  ['[1 2]', 3],
  ['[1}', 2],
  ['1 ]', 2],
  ['{"a": 01}', 7],
  ['{"a": "x\ny"}', 6],
  ['[\n<<<<<<< ours\n', 2],
  ['{,}', 1],
  ['1,2', 1],
];
it.each(rows)('%j breaks at %s', (text, offset) => {
  expect(jsonErrorOffset(text)).toBe(offset);
});

it('finds a place exactly where the engine refuses', () => {
  const noise = fc.constantFrom('', '{', '}', '[', ']', ',', ':', '"', '\\', '0', '-', '.', 'e', ' ', 'x', 'null');
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.nat(3), noise, (json, at, removed, added) => {
      const start = at % (json.length + 1);
      const text = json.slice(0, start) + added + json.slice(start + removed);
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      expect(jsonErrorOffset(text) === undefined).toBe(isJson);
    }),
    { numRuns: 500 },
  );
});
