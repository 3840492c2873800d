// How an included file lies under the including one (image-config.md 1): on YAML values, so that every merged value still
// knows its own file and line.

import { isNull, type YamlEntry, type YamlMap, type YamlNode } from '../../formats/yaml/yaml-node.ts';
import { parseInteger } from './scalar.ts';
import type { RecordShape, Shape } from './shape.ts';

/** The including file's map with the included one under it. Both must have passed `checkShape`. */
export function mergeInclude(shape: RecordShape, included: YamlMap, includer: YamlMap): YamlMap {
  const entries = new Map<string, YamlEntry>();
  for (const [key, field] of Object.entries(shape.fields)) {
    const entry = mergeField(field, included.entries.get(key), includer.entries.get(key));
    if (entry !== undefined) entries.set(key, entry);
  }
  return { ...includer, entries };
}

function mergeField(
  shape: Shape,
  included: YamlEntry | undefined,
  includer: YamlEntry | undefined,
): YamlEntry | undefined {
  if (shape.include === 'never' || included === undefined || isNull(included.value)) return includer;
  if (includer === undefined || isNull(includer.value)) return included;
  if (shape.include === 'whole') return isEmpty(shape, includer.value) ? included : includer;
  return { ...includer, value: mergeValue(shape, included.value, includer.value) };
}

function mergeValue(shape: Shape, included: YamlNode, includer: YamlNode): YamlNode {
  if (shape.kind === 'list' && included.kind === 'list' && includer.kind === 'list') {
    return { ...includer, items: [...included.items, ...includer.items] };
  }
  if (shape.kind === 'text-map' && included.kind === 'map' && includer.kind === 'map') {
    return { ...includer, entries: new Map([...included.entries, ...includer.entries]) };
  }
  if (shape.kind === 'record' && included.kind === 'map' && includer.kind === 'map') {
    return mergeInclude(shape, included, includer);
  }
  if (shape.kind === 'record-map' && included.kind === 'map' && includer.kind === 'map') {
    const keys = new Set([...included.entries.keys(), ...includer.entries.keys()]);
    const merged = [...keys].flatMap((key) => {
      const entry = mergeField(shape.of, included.entries.get(key), includer.entries.get(key));
      return entry === undefined ? [] : [[key, entry] as const];
    });
    return { ...includer, entries: new Map(merged) };
  }
  return isEmpty(shape, includer) ? included : includer;
}

/** Says nothing: absent as far as an include is concerned. An optional record counts as said once it is there. */
function isEmpty(shape: Shape, node: YamlNode): boolean {
  if (isNull(node)) return true;
  switch (shape.kind) {
    case 'text':
      return node.kind === 'scalar' && node.text === '';
    case 'number':
      return node.kind === 'scalar' && parseInteger(node.text) === 0;
    case 'texts':
      return node.kind === 'list' ? node.items.every(isNull) : node.kind === 'scalar' && node.text === '';
    case 'list':
      return node.kind === 'list' && node.items.every(isNull);
    case 'text-map':
    case 'record-map':
      return node.kind === 'map' && node.entries.size === 0;
    case 'record':
      if (shape.optional === true || node.kind !== 'map') return false;
      return Object.entries(shape.fields).every(([key, field]) => {
        const entry = node.entries.get(key);
        return entry === undefined || isEmpty(field, entry.value);
      });
    case 'boolean':
      return false;
  }
}
