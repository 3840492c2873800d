// A checked YAML value as the plain value of its shape. Must only see values that `checkShape` has nothing to say about.

import { assert } from '../../base/failure.ts';
import { isNull, type YamlMap, type YamlNode } from '../../formats/yaml/yaml-node.ts';
import { parseBoolean, parseInteger } from './scalar.ts';
import type { Shape, ShapeValue } from './shape.ts';

/** `undefined` is a value that the file does not have: '' / 0 / false / [] / {} or, for `optional` shapes, undefined. */
export function shapeValue<const S extends Shape>(shape: S, node: YamlNode | undefined): ShapeValue<S> {
  return plainValue(shape, node === undefined || isNull(node) ? undefined : node) as ShapeValue<S>;
}

function plainValue(shape: Shape, node: YamlNode | undefined): unknown {
  switch (shape.kind) {
    case 'text':
      return node === undefined && shape.optional === true ? undefined : textOf(node);
    case 'number':
      if (node === undefined) return shape.optional === true ? undefined : 0;
      return numberOf(textOf(node));
    case 'boolean':
      return node?.kind === 'scalar' && parseBoolean(node.text, node.plain) === true;
    case 'list': {
      if (node === undefined) return [];
      assert(node.kind === 'list', 'a list was not checked');
      // An entry that holds nothing is no entry, as in the reference.
      return node.items.filter((item) => !isNull(item)).map((item) => plainValue(shape.of, item));
    }
    case 'text-map': {
      if (node === undefined) return {};
      assert(node.kind === 'map', 'a map was not checked');
      const entries = [...node.entries].map(([key, { value }]) => [key, isNull(value) ? '' : textOf(value)] as const);
      return Object.fromEntries(entries);
    }
    case 'texts':
      if (node?.kind === 'list') return node.items.filter((item) => !isNull(item)).map(textOf);
      return [textOf(node)].filter((text) => text !== '');
    case 'record-map':
      assert(node === undefined || node.kind === 'map', 'a map was not checked');
      return [...((node as YamlMap | undefined)?.entries.keys() ?? [])];
    case 'record': {
      if (node === undefined && shape.optional === true) return undefined;
      assert(node === undefined || node.kind === 'map', 'a record was not checked');
      const entries = (node as YamlMap | undefined)?.entries;
      const fields = Object.entries(shape.fields);
      return Object.fromEntries(fields.map(([key, field]) => [key, shapeValue(field, entries?.get(key)?.value)]));
    }
  }
}

function numberOf(text: string): number {
  const value = parseInteger(text);
  assert(value !== undefined, 'a number was not checked');
  return value;
}

function textOf(node: YamlNode | undefined): string {
  if (node === undefined) return '';
  assert(node.kind === 'scalar', 'a text was not checked');
  return node.text;
}
