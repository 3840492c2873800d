import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Failure } from '../../base/failure.ts';
import type { JsonValue } from '../../formats/oci/json-object.ts';
import { checkPredicate, parseAttestationPolicy } from './attestation-policy.ts';

const PREDICATE: JsonValue = {
  builder: { id: 'https://ci.example.test/build' },
  packages: [
    { name: 'a', licence: 'MIT', size: 1 },
    { name: 'b', licence: 'GPL-2.0', size: 2 },
  ],
  'a.b': { 'c"d': true },
  empty: [],
  nothing: null,
};

const policy = (text: string) => parseAttestationPolicy('policy.yaml', Buffer.from(text));
const check = (path: string, demand: string) =>
  checkPredicate(PREDICATE, policy(`rules:\n- path: ${path}\n  ${demand}`));

describe('rules', () => {
  const rows: [path: string, demand: string, broken: RegExp | undefined][] = [
    ['builder.id', 'equals: https://ci.example.test/build', undefined],
    ['builder.id', 'equals: https://ci', /is "https:\/\/ci\.example\.test\/build", not "https:\/\/ci"$/],
    ['builder.id', 'matches: https://.*', undefined],
    ['builder.id', 'matches: ci', /does not match \/ci\//],
    ['builder', 'matches: .*', /no text, number or truth value/],
    ['builder', 'not-matches: x', /no text, number or truth value/],
    ['packages[*].licence', 'not-matches: AGPL.*', undefined],
    ['packages[*].licence', 'not-matches: GPL.*', /is "GPL-2\.0", which matches/],
    ['packages[*].name', 'equals: a', /is "b"/],
    ['packages[0].size', 'equals: 1', undefined],
    ['packages[2].size', 'equals: 1', /is not there/],
    ['packages.name', 'equals: a', /is not there/],
    ['\'["a.b"]["c\\"d"]\'', 'equals: "true"', undefined],
    ['builder[*]', 'matches: https://.*', undefined],
    ['empty[*]', 'not-matches: x', /is not there/],
    ['empty[*]', 'exists: false', undefined],
    ['nothing', 'exists: true', undefined],
    ['nothing', 'exists: false', /is there/],
    ['absent', 'exists: true', /is not there/],
    ['constructor', 'exists: false', undefined],
  ];
  it.each(rows)('%s %s', (path, demand, broken) => {
    expect(check(path, demand)).toEqual(broken === undefined ? [] : [expect.stringMatching(broken)]);
  });

  it('must all hold', () => {
    const two = policy('rules:\n- path: absent\n  equals: x\n- path: builder.id\n  exists: false');
    expect(checkPredicate(PREDICATE, two)).toEqual(['absent is not there', 'builder.id is there']);
  });

  it('never throw, whatever a predicate holds', () => {
    const rules = policy('rules:\n- path: a[*].b[0]\n  equals: x\n- path: "[*][*]"\n  matches: .*');
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        checkPredicate(value as JsonValue, rules);
      }),
    );
  });
});

describe('what is no policy', () => {
  it.each([
    ['{}', 'without rules'],
    ['rules: []', 'without rules'],
    ['rules: [{path: a}]', 'one of equals'],
    ['rules: [{path: a, equals: x, exists: "true"}]', 'one of equals'],
    ['rules: [{path: a..b, equals: x}]', 'is not a path'],
    ['rules: [{path: "a[x]", equals: x}]', 'is not a path'],
    ['rules: [{path: a b, equals: x}]', 'is not a path'],
    ['rules: [{path: a, matches: "("}]', 'regular expression'],
    ['rules: [{path: a, exists: maybe}]', 'exists'],
    ['rules: [{equals: x}]', 'path'],
    ['rule: []', 'rule'],
  ])('%s', (text, says) => {
    expect(() => policy(text)).toThrow(says);
  });

  it.each(['x.rego', 'x.CUE'])('%s', (name) => {
    let failure: Failure | undefined;
    try {
      parseAttestationPolicy(name, Buffer.from('package x'));
    } catch (error) {
      failure = error as Failure;
    }
    expect([failure?.code, failure?.hint]).toEqual(['FEATURE_UNSUPPORTED', expect.stringContaining('docs/signing.md')]);
  });
});
