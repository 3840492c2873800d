// What `verify` and `verify-attestation` say to people: who was expected, what is there, which checks held, and which did not
// run. A check that was skipped is never told among the verified ones. What a registry says is printed with care.

import { signerName } from '../../effects/signing/signer-expectation.ts';
import type { VerifyAttestationReport, VerifyReport } from '../../operations/verify/verify.ts';
import type { Paint } from './paint.ts';
import { printable } from './printable.ts';

type Finding = VerifyReport['signatures'][number];

const OUTCOMES = {
  verified: 'is signed by whom it should be',
  refused: 'is not signed by whom it should be',
  unsigned: 'is not signed',
  absent: 'is not there',
} as const;

export function printVerdict(report: VerifyReport, paint: Paint): string {
  const { reference, outcome, signatures, attestations, advice } = report;
  const others = [...new Set(attestations)];
  return text([
    `${paint('strong', printable(reference))} ${paint(outcome === 'verified' ? 'good' : 'error', OUTCOMES[outcome])}`,
    ...expectedLines(report),
    ...signatures.flatMap((finding) => findingLines(finding, paint)),
    ...(others.length > 0 ? [`  attestations, not looked at here: ${printable(others.join(', '))}`] : []),
    ...advice.map((sentence) => `  ${paint('hint', 'hint:')} ${printable(sentence)}`),
  ]);
}

const ATTESTATION_OUTCOMES = {
  verified: 'has a verified attestation',
  denied: 'has a verified attestation, but none that fulfils the policy',
  refused: 'has no attestation that counts',
  missing: 'has no attestation',
  absent: 'is not there',
} as const;

export function printAttestationVerdict(report: VerifyAttestationReport, paint: Paint): string {
  const { reference, outcome, predicateType, attestations, others, broken } = report;
  const types = [...new Set(others)];
  const said = `${ATTESTATION_OUTCOMES[outcome]}${outcome === 'absent' ? '' : ` of the type ${printable(predicateType)}`}`;
  return text([
    `${paint('strong', printable(reference))} ${paint(outcome === 'verified' ? 'good' : 'error', said)}`,
    ...expectedLines(report),
    ...attestations.flatMap((finding) => findingLines(finding, paint)),
    ...broken.map((sentence) => `  ${paint('error', 'policy:')} ${printable(sentence)}`),
    ...(outcome === 'missing' && types.length > 0 ? [`  there are: ${printable(types.join(', '))}`] : []),
  ]);
}

function expectedLines({ expected, trustedBy }: Pick<VerifyReport, 'expected' | 'trustedBy'>): string[] {
  return [`  expected  ${printable(expected.join(' or '))} (says ${printable(trustedBy)})`];
}

function findingLines({ place, format, refusal, signer, verified, skipped }: Finding, paint: Paint): string[] {
  const by = signer === undefined ? 'nobody can be named' : signerName(signer);
  return [
    `  ${refusal === undefined ? paint('good', 'counts') : paint('error', 'refused')}  ${format}, ${printable(place)}`,
    `    signer    ${printable(by)}${verified.includes('signature') || signer === undefined ? '' : ' (claimed, not proven)'}`,
    ...(refusal === undefined ? [] : [`    because   ${printable(refusal.detail)} [${refusal.reason}]`]),
    ...(verified.length > 0 ? [`    verified  ${verified.join(', ')}`] : []),
    ...skipped.map(({ check, why }) => `    skipped   ${check}: ${printable(why)}`),
  ];
}

function text(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
