// What policies for Kubernetes have in common: documents of YAML with remarks, names that a cluster takes, and patterns that
// mean the same to Go as to us.

import { Failure } from '../../../base/failure.ts';
import type { SignerExpectation, TextRule } from '../../../effects/signing/signer-expectation.ts';
import { type PrintableYaml, printYaml } from '../../../formats/yaml/print-yaml.ts';
import type { TrustEntry } from '../trust-file.ts';

/** One entry of a trust file, with what it names read. */
export interface PolicySubject {
  readonly entry: TrustEntry;
  /** Of the entries before it, which decide where they fit. */
  readonly earlier: readonly TrustEntry[];
  readonly signers: readonly SignerExpectation[];
  /** Text of the trusted root of a private Sigstore; undefined for the public instance. */
  readonly trustedRoot: string | undefined;
}

/** Fields that are undefined are left out. */
export interface PolicyFields {
  readonly [name: string]:
    | PolicyFields
    | readonly PolicyFields[]
    | readonly string[]
    | string
    | number
    | boolean
    | undefined;
}

export interface PolicyDocument {
  /** Sentences that stand above it as comments. */
  readonly remarks: readonly string[];
  readonly fields: PolicyFields;
}

export function printPolicies(documents: readonly PolicyDocument[]): string {
  return documents
    .map(({ remarks, fields }) => `${remarks.map((line) => `# ${line}\n`).join('')}${printYaml(mapOf(fields))}`)
    .join('---\n');
}

function mapOf(fields: PolicyFields): ReadonlyMap<string, PrintableYaml> {
  const said = Object.entries(fields).filter((entry): entry is [string, Exclude<PolicyFields[string], undefined>] => {
    return entry[1] !== undefined;
  });
  return new Map(said.map(([name, value]) => [name, yamlOf(value)]));
}

function yamlOf(value: Exclude<PolicyFields[string], undefined> | PolicyFields): PrintableYaml {
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((one: string | PolicyFields) => yamlOf(one));
  return mapOf(value as PolicyFields);
}

/** A name by RFC 1123, not longer than webhooks and labels may be, that tells the entry. */
export function policyName({ entry, earlier }: PolicySubject): string {
  const words = entry.match.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `stave-${earlier.length + 1}-${words}`.slice(0, 60).replace(/-+$/, '');
}

/** What Go's expressions do not have. */
const NOT_GO = /\(\?(?:=|!|<=|<!)|\\[1-9]|\\k</;

/** `^(?:...)$`, since Go's patterns fit anywhere. Failure CONFIG_INVALID for what Go cannot read. */
function goPattern(rule: Exclude<TextRule, { exact: string }>): string {
  const found = NOT_GO.exec(rule.source)?.[0];
  if (found === undefined) return `^(?:${rule.source})$`;
  throw new Failure('CONFIG_INVALID', `the pattern "${rule.source}" has "${found}", which Go’s patterns do not have`, {
    hint: 'Say it without looking around and without references back.',
  });
}

/** In the spelling that cosign's policies share. */
export function identityFields({
  identity,
  issuer,
}: Extract<SignerExpectation, { kind: 'certificate' }>): PolicyFields {
  return {
    ...('exact' in issuer ? { issuer: issuer.exact } : { issuerRegExp: goPattern(issuer) }),
    ...('exact' in identity ? { subject: identity.exact } : { subjectRegExp: goPattern(identity) }),
  };
}

/** How such keys hash; undefined for SHA-256, which is what consumers take if nothing is said. */
export function hashOf({ key }: Extract<SignerExpectation, { kind: 'key' }>): string | undefined {
  return { 'ecdsa-p384': 'sha384', 'ecdsa-p521': 'sha512' }[key.algorithm as string];
}
