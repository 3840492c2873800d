// What a predicate has to say for `verify-attestation --policy` to accept it: rules in a small YAML file, each about the values
// at a path. A rule that finds nothing does not hold, unless it asks for nothing: silence is no proof.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { patternRule } from '../../effects/signing/signer-expectation.ts';
import type { JsonValue } from '../../formats/oci/json-object.ts';
import { parseYaml } from '../../formats/yaml/parse-yaml.ts';
import { nodeAt, placeOf, type YamlNode } from '../../formats/yaml/yaml-node.ts';
import { failOnProblems, type Problem } from '../../planning/config/problem.ts';
import { checkShape } from '../../planning/config/shape-check.ts';
import { text } from '../../planning/config/shape-makers.ts';
import { shapeValue } from '../../planning/config/shape-value.ts';

export interface PolicyRule {
  /** As written, for messages. */
  readonly path: string;
  readonly steps: readonly Step[];
  readonly demand:
    | { readonly kind: 'equals'; readonly value: string }
    | { readonly kind: 'matches' | 'not-matches'; readonly source: string; readonly pattern: RegExp }
    | { readonly kind: 'present' | 'absent' };
}

type Step = { readonly key: string } | { readonly index: number } | 'every';

const DEMANDS = ['equals', 'matches', 'not-matches', 'exists'] as const;

const SCHEMA = {
  kind: 'record',
  doc: 'What a predicate has to say.',
  fields: {
    rules: {
      kind: 'list',
      doc: 'All of them have to hold.',
      of: {
        kind: 'record',
        doc: 'One rule: a path, and what must be there.',
        fields: {
          path: text('Where to look, from the predicate: `builder.id`, `packages[*].name`, `x["a.b"][0]`.', {
            required: true,
          }),
          equals: text('Every value there, as a text, is this one.', { optional: true }),
          matches: text('Every value there matches this regular expression from beginning to end.', { optional: true }),
          'not-matches': text('No value there does.', { optional: true }),
          exists: text('Whether there must be a value.', { optional: true, values: ['true', 'false'] }),
        },
      },
    },
  },
} as const;

/** Failures CONFIG_* with their places, FEATURE_UNSUPPORTED for policies in other languages. */
export function parseAttestationPolicy(file: string, bytes: Uint8Array): PolicyRule[] {
  const language = /\.(rego|cue)$/i.exec(file)?.[1]?.toLowerCase();
  if (language !== undefined) {
    const name = language === 'cue' ? 'CUE' : 'Rego';
    throw new Failure('FEATURE_UNSUPPORTED', `${file} is a policy in ${name}, which is not evaluated here`, {
      hint: 'write it as YAML rules (docs/signing.md), or give the verified statements on stdout to another program',
    });
  }
  if (bytes.length > LIMITS.configBytes) {
    throw new Failure('CONFIG_INVALID', `${file} has ${bytes.length} bytes; we read at most ${LIMITS.configBytes}`);
  }
  const root = parseYaml(file, bytes);
  failOnProblems(checkShape(SCHEMA, root, 'the policy'));
  const { rules } = shapeValue(SCHEMA, root);
  const problems: Problem[] = [];
  if (rules.length === 0) problems.push(problemAt(root, 'a policy without rules would accept everything'));
  const parsed = rules.flatMap((rule, i) => {
    const made = ruleOf(rule);
    if (typeof made !== 'string') return [made];
    problems.push(problemAt(nodeAt(root, ['rules', i]), made));
    return [];
  });
  failOnProblems(problems);
  return parsed;
}

/** A sentence for each rule that does not hold. */
export function checkPredicate(predicate: JsonValue, rules: readonly PolicyRule[]): string[] {
  return rules.flatMap((rule) => {
    const broken = brokenBy(rule, valuesAt(predicate, rule.steps));
    return broken === undefined ? [] : [`${rule.path} ${broken}`];
  });
}

function brokenBy({ demand }: PolicyRule, values: readonly JsonValue[]): string | undefined {
  if (demand.kind === 'absent') return values.length === 0 ? undefined : 'is there';
  if (values.length === 0) return 'is not there';
  if (demand.kind === 'present') return undefined;
  for (const value of values) {
    const said = typeof value === 'object' ? undefined : String(value);
    const shown = said === undefined ? 'no text, number or truth value' : JSON.stringify(said);
    if (demand.kind === 'equals' && said !== demand.value) return `is ${shown}, not ${JSON.stringify(demand.value)}`;
    if (demand.kind === 'matches' && (said === undefined || !demand.pattern.test(said))) {
      return `is ${shown}, which does not match /${demand.source}/`;
    }
    if (demand.kind === 'not-matches' && (said === undefined || demand.pattern.test(said))) {
      return said === undefined ? `is ${shown}` : `is ${shown}, which matches /${demand.source}/`;
    }
  }
  return undefined;
}

/** All values that the steps lead to. */
function valuesAt(value: JsonValue, steps: readonly Step[]): JsonValue[] {
  let found: JsonValue[] = [value];
  for (const step of steps) {
    found = found.flatMap((one): JsonValue[] => {
      if (one === null || typeof one !== 'object') return [];
      if (Array.isArray(one)) {
        if (step === 'every') return [...one];
        return 'index' in step && step.index < one.length ? [one[step.index] as JsonValue] : [];
      }
      const record = one as { readonly [key: string]: JsonValue };
      if (step === 'every') return Object.values(record);
      return 'key' in step && Object.hasOwn(record, step.key) ? [record[step.key] as JsonValue] : [];
    });
  }
  return found;
}

type WrittenRule = { readonly path: string } & { readonly [Name in (typeof DEMANDS)[number]]?: string | undefined };

/** The rule, or what is wrong with it. */
function ruleOf(written: WrittenRule): PolicyRule | string {
  const given = DEMANDS.filter((name) => written[name] !== undefined);
  const [name] = given;
  if (name === undefined || given.length > 1) return `a rule has one of ${DEMANDS.join(', ')}`;
  const steps = parsePath(written.path);
  if (steps === undefined) return `"${written.path}" is not a path, such as a.b[*]["c.d"]`;
  const value = written[name] ?? '';
  const { path } = written;
  if (name === 'equals') return { path, steps, demand: { kind: name, value } };
  if (name === 'exists') return { path, steps, demand: { kind: value === 'true' ? 'present' : 'absent' } };
  const rule = tryPattern(value);
  return rule === undefined
    ? `"${value}" is not a regular expression that we can use`
    : { path, steps, demand: { kind: name, source: value, pattern: rule } };
}

function tryPattern(source: string): RegExp | undefined {
  try {
    const rule = patternRule(source);
    return 'pattern' in rule ? rule.pattern : undefined;
  } catch {
    return undefined;
  }
}

const STEP = /(?:^|\.)([A-Za-z_@$][\w@$/-]*)|\[(?:(\*)|(\d{1,9})|"((?:[^"\\]|\\.)*)")\]/y;

function parsePath(path: string): Step[] | undefined {
  const steps: Step[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < path.length) {
    const found = STEP.exec(path);
    if (found === null) return undefined;
    const [, key, every, index, quoted] = found;
    if (key !== undefined) steps.push({ key });
    else if (every !== undefined) steps.push('every');
    else if (index !== undefined) steps.push({ index: Number(index) });
    else steps.push({ key: (quoted ?? '').replace(/\\(.)/g, '$1') });
  }
  return steps.length === 0 ? undefined : steps;
}

function problemAt(node: YamlNode | undefined, message: string): Problem {
  return { code: 'CONFIG_INVALID', message, where: node && placeOf(node) };
}
