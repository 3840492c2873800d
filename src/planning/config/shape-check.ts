// Holds a YAML value against a shape and says everything that is wrong with it, each with its place.
// Pure: finds, never throws.

import type { FailureCode } from '../../base/failure-codes.ts';
import { nearestNames } from '../../base/nearest.ts';
import { isNull, placeOf, type YamlMap, type YamlNode, type YamlScalar } from '../../formats/yaml/yaml-node.ts';
import { nearHint, type Problem, quotedList } from './problem.ts';
import { parseBoolean, parseInteger } from './scalar.ts';
import {
  kindInWords,
  type ListShape,
  type NumberShape,
  type RecordMapShape,
  type RecordShape,
  type Shape,
  type TextMapShape,
  type TextShape,
} from './shape.ts';

/** Problems of `node` in document order. `name` is what the value is called in sentences: `contents.packages`. */
export function checkShape(shape: Shape, node: YamlNode, name = ''): Problem[] {
  if (isNull(node)) return [];
  switch (shape.kind) {
    case 'text':
      return node.kind === 'scalar' ? checkText(shape, node, name) : [wrongKind(shape, node, name)];
    case 'number':
      return node.kind === 'scalar' ? checkNumber(shape, node, name) : [wrongKind(shape, node, name)];
    case 'boolean':
      return node.kind === 'scalar' && parseBoolean(node.text, node.plain) !== undefined
        ? []
        : [wrongKind(shape, node, name)];
    case 'list':
      return node.kind === 'list' ? checkItems(shape, node.items, name) : [wrongKind(shape, node, name)];
    case 'text-map':
      return node.kind === 'map' ? checkTextMap(shape, node, name) : [wrongKind(shape, node, name)];
    case 'record':
      return node.kind === 'map' ? checkRecord(shape, node, name) : [wrongKind(shape, node, name)];
    case 'texts':
      if (node.kind === 'scalar') return [];
      return node.kind === 'list' ? checkItems(TEXT_LIST, node.items, name) : [wrongKind(shape, node, name)];
    case 'record-map':
      return node.kind === 'map' ? checkRecordMap(shape, node, name) : [wrongKind(shape, node, name)];
  }
}

const TEXT_LIST: ListShape = { kind: 'list', doc: '', of: { kind: 'text', doc: '' } };

function checkText(shape: TextShape, node: YamlScalar, name: string): Problem[] {
  const { text } = node;
  if (text === '') return shape.required === true ? [problemAt(node, `${name} is empty`)] : [];
  if (shape.values !== undefined && shape.checkedLater !== true && !shape.values.includes(text)) {
    return [valueProblem(shape, text, name, node)];
  }
  if (shape.pattern !== undefined && !shape.pattern.test(text)) {
    return [problemAt(node, `${name} ${show(text)} must be ${shape.patternMeaning}`)];
  }
  return [];
}

function valueProblem(shape: TextShape, text: string, name: string, where: YamlNode): Problem {
  const values = shape.values ?? [];
  const choice = shape.listedIn === undefined ? `it must be ${quotedList(values)}` : `${shape.listedIn} lists them`;
  return problemAt(
    where,
    `unknown ${shape.noun ?? name} ${show(text)}; ${choice}`,
    shape.advice?.[text] ?? nearHint(text, values),
  );
}

function checkNumber(shape: NumberShape, node: YamlScalar, name: string): Problem[] {
  const value = parseInteger(node.text);
  if (!node.plain) {
    const hint = value === undefined ? undefined : `leave out the quotes: ${node.text}`;
    return [problemAt(node, `${name} must be a whole number, not the text ${show(node.text)}`, hint)];
  }
  if (value === undefined) {
    const hint = /^0[0-9]+$/.test(node.text) ? 'a leading 0 makes it octal' : undefined;
    return [problemAt(node, `${name} must be a whole number, not ${show(node.text)}`, hint)];
  }
  if (value < shape.minimum) {
    return [problemAt(node, `${name} ${node.text} is too small; the least is ${shape.minimum}`, shape.minimumHint)];
  }
  if (value > shape.maximum)
    return [problemAt(node, `${name} ${node.text} is too large; the most is ${shape.maximum}`)];
  return [];
}

function checkItems(shape: ListShape, items: readonly YamlNode[], name: string): Problem[] {
  return items.flatMap((item, index) => checkShape(shape.of, item, `${name}[${index}]`));
}

function checkTextMap(shape: TextMapShape, node: YamlMap, name: string): Problem[] {
  const problems: Problem[] = [];
  for (const [key, entry] of node.entries) {
    if (shape.keyPattern !== undefined && !shape.keyPattern.test(key)) {
      problems.push(problemAt(entry, `the key ${show(key)} in ${name} must be ${shape.keyMeaning}`));
    }
    if (entry.value.kind !== 'scalar') {
      problems.push(problemAt(entry.value, `${joined(name, key)} must be a text, not ${kindOf(entry.value)}`));
    }
  }
  return problems;
}

function checkRecordMap(shape: RecordMapShape, node: YamlMap, name: string): Problem[] {
  return [...node.entries].flatMap(([key, entry]) => [
    ...(shape.keyPattern.test(key)
      ? []
      : [problemAt(entry, `the key ${show(key)} in ${name} must be ${shape.keyMeaning}`)]),
    ...checkShape(shape.of, entry.value, joined(name, key)),
  ]);
}

function checkRecord(shape: RecordShape, node: YamlMap, name: string): Problem[] {
  const problems: Problem[] = [];
  for (const [key, entry] of node.entries) {
    const field = Object.hasOwn(shape.fields, key) ? shape.fields[key] : undefined;
    if (field === undefined) problems.push(unknownKey(shape, key, name, entry));
    else problems.push(...checkShape(field, entry.value, joined(name, key)));
  }
  for (const [key, field] of Object.entries(shape.fields)) {
    if (!('required' in field && field.required === true)) continue;
    const entry = node.entries.get(key);
    if (entry === undefined) problems.push(problemAt(node, `${joined(name, key)} is missing`));
    else if (isNull(entry.value)) problems.push(problemAt(entry, `${joined(name, key)} is empty`));
  }
  return problems;
}

function unknownKey(shape: RecordShape, key: string, name: string, where: Parameters<typeof placeOf>[0]): Problem {
  const keys = Object.keys(shape.fields);
  return problemAt(
    where,
    `unknown key ${show(key)}${name === '' ? '' : ` in ${name}`}`,
    nearHint(key, keys) ?? sameLetters(key, keys) ?? insideHint(shape, key) ?? `the keys here are ${keys.join(', ')}`,
    'CONFIG_UNKNOWN_KEY',
  );
}

/** `workdir` and `work_dir` mean `work-dir`, however far apart they are for an edit distance. */
function sameLetters(key: string, keys: readonly string[]): string | undefined {
  const letters = (text: string) => text.toLowerCase().replace(/[-_ ]/g, '');
  const same = keys.find((candidate) => letters(candidate) === letters(key));
  return same === undefined ? undefined : `did you mean "${same}"?`;
}

/** `packages` at the top belongs one level deeper. */
function insideHint(shape: RecordShape, key: string): string | undefined {
  for (const [parent, field] of Object.entries(shape.fields)) {
    if (field.kind !== 'record') continue;
    const [nearest] = Object.hasOwn(field.fields, key) ? [key] : nearestNames(key, Object.keys(field.fields), 1);
    if (nearest !== undefined) return `did you mean "${nearest}" inside "${parent}"?`;
  }
  return undefined;
}

function wrongKind(shape: Shape, node: YamlNode, name: string): Problem {
  const hint =
    shape.kind === 'list' && node.kind === 'scalar'
      ? 'write one entry a line, each after "- "'
      : shape.kind === 'boolean' && node.kind === 'scalar' && !node.plain && parseBoolean(node.text, true) !== undefined
        ? 'leave out the quotes'
        : undefined;
  const called = name === '' ? 'a configuration' : name;
  return problemAt(node, `${called} must be ${kindInWords(shape)}, not ${kindOf(node)}`, hint);
}

function kindOf(node: YamlNode): string {
  if (node.kind === 'scalar') return `the text ${show(node.text)}`;
  return node.kind === 'list' ? 'a list' : 'a map';
}

/** Long texts (whole certificates) are cut: the source line is shown anyway. */
function show(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > 80 || line !== text ? `"${line.slice(0, 80)}…"` : `"${text}"`;
}

function joined(name: string, key: string): string {
  return name === '' ? key : `${name}.${key}`;
}

function problemAt(
  where: Parameters<typeof placeOf>[0],
  message: string,
  hint?: string,
  code: FailureCode = 'CONFIG_INVALID',
): Problem {
  return { code, message, where: placeOf(where), hint };
}
