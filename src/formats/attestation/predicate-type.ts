// Predicate types of attestations and their short names (signing.md 8).

import { Failure } from '../../base/failure.ts';
import { sortedUnique } from '../../base/order.ts';

/** The one type that says "this image is signed", rather than something about it. */
export const SIGNATURE_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

const ALIASES: Readonly<Record<string, string>> = {
  cyclonedx: 'https://cyclonedx.org/bom',
  custom: 'https://cosign.sigstore.dev/attestation/v1',
  link: 'https://in-toto.io/Link/v1',
  openvex: 'https://openvex.dev/ns',
  slsaprovenance: 'https://slsa.dev/provenance/v0.2',
  slsaprovenance02: 'https://slsa.dev/provenance/v0.2',
  slsaprovenance1: 'https://slsa.dev/provenance/v1',
  spdx: 'https://spdx.dev/Document',
  spdxjson: 'https://spdx.dev/Document',
  vuln: 'https://cosign.sigstore.dev/attestation/vuln/v1',
};

/** The URI of a short name or URI. Failure USAGE_FLAG. */
export function predicateTypeOf(text: string): string {
  if (Object.hasOwn(ALIASES, text)) return ALIASES[text] as string;
  if (/^[a-z][a-z0-9+.-]*:\S+$/i.test(text)) return text;
  throw new Failure('USAGE_FLAG', `"${text}" is not a predicate type that we know`, {
    hint: `Give a URI, or one of ${sortedUnique(Object.keys(ALIASES)).join(', ')}.`,
  });
}
