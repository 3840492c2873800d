// What signing says to people: how much was signed, by whom, and what became of the trust file.

import { signerName } from '../../effects/signing/signer-expectation.ts';
import { SIGNATURE_PREDICATE } from '../../formats/attestation/predicate-type.ts';
import type { SignedSubject } from '../../operations/sign/sign-image.ts';
import type { TrustInitReport } from '../../operations/verify/trust-init.ts';
import { printable } from './printable.ts';
import { printCount } from './quantity.ts';

/** One line for the signatures, one for the attestations, one for each signer. */
export function printSigned(signed: readonly SignedSubject[]): string {
  const signatures = signed.filter(({ predicateType }) => predicateType === SIGNATURE_PREDICATE);
  const attestations = signed.filter(({ predicateType }) => predicateType !== SIGNATURE_PREDICATE);
  const names = new Set(signed.map(({ signer }) => signerName(signer)));
  return [
    ...(signatures.length > 0 ? [amountLine('signed', signatures)] : []),
    ...(attestations.length > 0 ? [amountLine('attested', attestations)] : []),
    ...[...names].map((name) => `  by ${printable(name)}`),
  ].join('\n');
}

function amountLine(done: string, some: readonly SignedSubject[]): string {
  const subjects = new Set(some.map(({ subject }) => subject)).size;
  const formats = [...new Set(some.map(({ format }) => format))].join(' and ');
  const old = some.filter(({ added }) => !added).length;
  const known = old === 0 ? '' : old === some.length ? ', all there already' : `, ${old} there already`;
  return `  ${done} ${printCount(subjects, 'manifest')} (${formats}${known})`;
}

/** What to do with the trust file; [] where nothing is to be done. */
export function printTrust({ path, outcome, text }: TrustInitReport, shortPath: (path: string) => string): string[] {
  const name = printable(shortPath(path));
  if (outcome === 'written') return [`${name}: the signer, for \`stave verify\`; look at it, and commit it`];
  if (outcome === 'known') return [];
  return [`${name} has no entry for this image yet; add what fits of this:`, ...printable(text).trimEnd().split('\n')];
}
