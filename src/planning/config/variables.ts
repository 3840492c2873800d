// `${{vars.NAME}}` in the texts of a configuration. Only where a configuration has `vars:` at all: elsewhere the text means
// what it means to the reference, itself. `$${{` stands for a literal `${{`.

import { Failure } from '../../base/failure.ts';
import { placeOf, type YamlEntry, type YamlMap, type YamlNode, type YamlScalar } from '../../formats/yaml/yaml-node.ts';
import { nearHint, type Problem } from './problem.ts';
import { parseBoolean, parseInteger } from './scalar.ts';

export const VARIABLE_NAME = /^[A-Za-z][A-Za-z0-9_-]*$/;

export type Variables = ReadonlyMap<string, string>;

/** `NAME=VALUE` each, as `--var` has them. Failure USAGE_FLAG. */
export function parseVariables(texts: readonly string[]): Variables {
  const variables = new Map<string, string>();
  for (const text of texts) {
    const equals = text.indexOf('=');
    const name = text.slice(0, Math.max(0, equals));
    if (!VARIABLE_NAME.test(name)) {
      throw new Failure('USAGE_FLAG', `--var: "${text}" is not NAME=VALUE`, {
        hint: 'for example --var version=1.4.2',
      });
    }
    if (variables.has(name)) throw new Failure('USAGE_FLAG', `--var: "${name}" is given twice`);
    variables.set(name, text.slice(equals + 1));
  }
  return variables;
}

/** Keys at the top whose texts are read before any variable is known. */
const UNTOUCHED: ReadonlySet<string> = new Set(['vars', 'include']);

/** A file's map with all references replaced; what cannot be is added to `problems` and stays. */
export function substituteVariables(root: YamlMap, variables: Variables, problems: Problem[]): YamlMap {
  return mapEntries(root, ([key, entry]) =>
    UNTOUCHED.has(key) ? entry : { ...entry, value: substitute(entry.value, variables, problems) },
  );
}

function substitute(node: YamlNode, variables: Variables, problems: Problem[]): YamlNode {
  switch (node.kind) {
    case 'scalar':
      return node.text.includes('${{') ? substituteText(node, variables, problems) : node;
    case 'list':
      return { ...node, items: node.items.map((item) => substitute(item, variables, problems)) };
    case 'map':
      return mapEntries(node, ([, entry]) => ({ ...entry, value: substitute(entry.value, variables, problems) }));
  }
}

function substituteText(node: YamlScalar, variables: Variables, problems: Problem[]): YamlScalar {
  const problem = (message: string, hint: string | undefined) =>
    problems.push({ code: 'CONFIG_INVALID', message, where: placeOf(node), hint });
  const text = node.text.replace(
    /(\$?)\$\{\{(?:\s*vars\.([^}\s]*)\s*\}\})?/g,
    (found, dollar, name: string | undefined) => {
      if (dollar !== '') return found.slice(1);
      if (name === undefined) {
        problem(`"${found}" begins no variable`, 'write ${{vars.NAME}}, or $${{ for the characters themselves');
        return found;
      }
      const value = variables.get(name);
      if (value !== undefined) return value;
      const known = [...variables.keys()];
      problem(
        `there is no variable "${name}"`,
        nearHint(name, known) ?? (known.length === 0 ? 'add it to "vars"' : `the variables are ${known.join(', ')}`),
      );
      return found;
    },
  );
  // A value can be a number or a boolean, but it never makes a text disappear by spelling "null".
  const plain = node.plain && (parseInteger(text) !== undefined || parseBoolean(text, true) !== undefined);
  return { ...node, text, plain };
}

function mapEntries(map: YamlMap, change: (entry: readonly [string, YamlEntry]) => YamlEntry): YamlMap {
  return { ...map, entries: new Map([...map.entries].map(([key, entry]) => [key, change([key, entry])])) };
}
