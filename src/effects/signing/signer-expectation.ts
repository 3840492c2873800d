// Whom a signature must be from: a key, or somebody to whom a certificate was given (signing.md 7).
// Patterns are anchored: `dev` does not match `dev@example.test`, as it does in other tools.

import { Failure } from '../../base/failure.ts';
import type { PublicKey } from './public-key.ts';
import { claimsText, type WorkflowClaims } from './workflow-claims.ts';

export type SignerExpectation =
  | { readonly kind: 'key'; readonly key: PublicKey }
  | {
      readonly kind: 'certificate';
      readonly identity: TextRule;
      readonly issuer: TextRule;
      /** What else the certificate has to say. */
      readonly workflow?: WorkflowClaims;
    };

/** One text, or all that a regular expression matches from beginning to end. */
export type TextRule = { readonly exact: string } | { readonly pattern: RegExp; readonly source: string };

/** Who signed, or says so: a key's hint, or what a certificate was given for. */
export type Signer =
  | { readonly kind: 'key'; readonly hint: string }
  | { readonly kind: 'certificate'; readonly identity: string; readonly issuer: string };

/** Longer ones are no identity but an attempt to keep a regular expression busy. */
const MOST_CHARACTERS = 2048;

/** Failure USAGE_FLAG where `source` is not a regular expression. */
export function patternRule(source: string): TextRule {
  try {
    return { pattern: new RegExp(`^(?:${source})$`, 'u'), source };
  } catch {
    throw new Failure('USAGE_FLAG', `"${source}" is not a regular expression that we can use`);
  }
}

export function matchesRule(rule: TextRule, text: string): boolean {
  if ('exact' in rule) return rule.exact === text;
  return text.length <= MOST_CHARACTERS && rule.pattern.test(text);
}

/** Whether it is that key or identity; what else a certificate has to say is not looked at. */
export function isBy(signer: Signer, expected: SignerExpectation): boolean {
  if (expected.kind === 'key') return signer.kind === 'key' && signer.hint === expected.key.hint;
  if (signer.kind === 'key') return false;
  return matchesRule(expected.identity, signer.identity) && matchesRule(expected.issuer, signer.issuer);
}

/** `dev@example.test (by https://issuer.example.test)`, for messages. */
export function signerName(signer: Signer): string {
  return signer.kind === 'key' ? `the key ${signer.hint}` : `${signer.identity} (by ${signer.issuer})`;
}

export function expectationName(expected: SignerExpectation): string {
  if (expected.kind === 'key') return `the key ${expected.key.hint}`;
  const { identity, issuer, workflow = {} } = expected;
  return `${ruleName(identity)} (by ${ruleName(issuer)})${claimsText(workflow)}`;
}

function ruleName(rule: TextRule): string {
  return 'exact' in rule ? rule.exact : `/${rule.source}/`;
}
