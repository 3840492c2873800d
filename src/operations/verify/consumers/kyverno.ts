// How Kyverno verifies an image. Source: kyverno/kyverno 111e07b (2026-08-21, after 1.19.0).

import { type Consumer, SIGNATURE_TAG_LOOK, type Way } from './consumer.ts';
import { COSIGN_BUNDLE_LOOK } from './cosign.ts';

/**
 * ImageValidatingPolicy, `verifyImageSignatures` (pkg/image/verifiers/ivpol/cosign/verifier.go): asks cosign's `GetBundles`
 * whether there is a bundle, and if so verifies bundles alone, as cosign 3 does, any predicate included; else the tag.
 */
const IMAGE_VALIDATING_POLICY: Way = {
  name: 'ImageValidatingPolicy',
  decides: true,
  looks: [COSIGN_BUNDLE_LOOK, SIGNATURE_TAG_LOOK],
  signers: 'all',
  // ivpol/cosign/opts.go: `key.hashAlgorithm`, which the policy that we print sets for keys that need it.
  keyHash: 'own',
  // ivpol/cosign/verifier.go, `shouldUseSignedTimestamps`: a bundle whose log is ignored is judged by its timestamp.
  unloggedTime: 'timestamp',
  // ivpol/cosign/opts.go: without `ctlog.url` there is no client of the log and `Offline` is set.
  asksLog: false,
  // certs.go, `checkSignatureAnnotations` compares with the annotations of the layer, where signed ones never are.
  annotations: [],
  ignoreLogBy: 'set ctlog.insecureIgnoreTlog in the policy',
};

/** ClusterPolicy, verifyImages with `type: Cosign`, its default (cpol/cosign/verifier.go): the tag alone. */
const CLUSTER_POLICY: Way = {
  ...IMAGE_VALIDATING_POLICY,
  name: 'ClusterPolicy with type: Cosign',
  decides: false,
  looks: [SIGNATURE_TAG_LOOK],
  unloggedTime: 'now',
  // cpol/cosign/cosign.go: `RekorClient` is made from `rekor.url`, which has a default.
  asksLog: true,
  // cpol/cosign/cosign.go, `checkAnnotations`: those of the simple signing text.
  annotations: ['signature-tag'],
  ignoreLogBy: 'set rekor.ignoreTlog in the policy',
};

/**
 * ClusterPolicy, verifyImages with `type: SigstoreBundle` (cpol/cosign/sigstore.go, `fetchBundles`): keeps the entries whose
 * label in the list begins with the type of bundles, so that lists whose labels are wrong lead to nothing
 * (kyverno/kyverno#16664, #16754); at most 50 referrers; one bundle that cannot be read ends it.
 */
const CLUSTER_POLICY_BUNDLE: Way = {
  ...CLUSTER_POLICY,
  name: 'ClusterPolicy with type: SigstoreBundle',
  looks: [
    {
      at: 'referrers',
      listed: 'bundles',
      oldestBundle: 0,
      layers: 'first',
      predicateType: undefined,
      hidesOthers: true,
      unreadable: 'fatal',
      mostReferrers: 50,
    },
  ],
  // `buildVerifyOptions`: an observer's timestamp, from a log or an authority.
  unloggedTime: 'timestamp',
  asksLog: false,
  annotations: [],
};

export const KYVERNO: Consumer = {
  name: 'kyverno',
  title: 'Kyverno',
  seen: 'kyverno/kyverno 111e07b (2026-08-21, after 1.19.0)',
  needs: 'one',
  ways: [IMAGE_VALIDATING_POLICY, CLUSTER_POLICY, CLUSTER_POLICY_BUNDLE],
  notKnown: [
    'releases: 1.19.0 was reported to refuse bundles by a key that 1.18 takes (kyverno/kyverno#17363, #17343); a policy with type: SigstoreBundle knows keys since June 2026 (#16267)',
    'credentials: Kyverno has its own for the registry',
    'whether the reference in a pod is the one given here: a platform that a pod names by digest is an image of its own',
  ],
};
