// How sigstore's policy-controller verifies an image. Source: sigstore/policy-controller f925c0c (2026-08-18).

import { SIGNATURE_PREDICATE } from '../../../formats/attestation/predicate-type.ts';
import { type Consumer, SIGNATURE_TAG_LOOK, type Way } from './consumer.ts';
import { COSIGN_BUNDLE_LOOK } from './cosign.ts';

/** An authority without `signatureFormat`: pkg/webhook/validation.go, `validSignatures` -> cosign's `VerifyImageSignatures`. */
const LEGACY: Way = {
  name: 'authority with signatureFormat: legacy',
  decides: true,
  looks: [SIGNATURE_TAG_LOOK],
  signers: 'all',
  // pkg/apis/policy/v1beta1: `key.hashAlgorithm`, which the policy that we print sets.
  keyHash: 'own',
  unloggedTime: 'now',
  // pkg/webhook/validator.go, `rekorClientAndKeysFromAuthority`: a client of the log where the authority has `ctlog.url`.
  asksLog: true,
  // ClusterImagePolicy has no place for annotations.
  annotations: [],
  ignoreLogBy: 'leave ctlog out of the authority of a key; for an identity there is no such setting',
};

/**
 * An authority with `signatureFormat: bundle` (validator.go, `checkOptsFromAuthority`): "the authority must be keyless"
 * (sigstore/policy-controller#1958), and only attestations can be asked for, since cosign's `VerifyImageSignatures` refuses
 * bundles (sigstore/policy-controller#1899, #1968 open). So the signature is asked for as the attestation that it is.
 */
const BUNDLE: Way = {
  ...LEGACY,
  name: 'authority with signatureFormat: bundle, asking for the attestation of a signature',
  looks: [{ ...COSIGN_BUNDLE_LOOK, predicateType: SIGNATURE_PREDICATE }],
  signers: 'certificates',
  // `ret.UseSignedTimestamps = true; ret.IgnoreTlog = true` go together, with rfc3161timestamp.
  unloggedTime: 'timestamp',
  asksLog: false,
  ignoreLogBy: 'give the authority rfc3161timestamp with the trust root of its keyless part',
};

export const POLICY_CONTROLLER: Consumer = {
  name: 'policy-controller',
  title: 'policy-controller',
  seen: 'sigstore/policy-controller f925c0c (2026-08-18)',
  needs: 'one',
  ways: [LEGACY, BUNDLE],
  notKnown: [
    'trust roots in the cluster: a private instance needs a TrustRoot there',
    'the switch enable-oci11 of its configuration, which looks for another form among the referrers first',
    'credentials: policy-controller has its own for the registry',
  ],
};
