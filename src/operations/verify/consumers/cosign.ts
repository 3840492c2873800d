// How cosign 2 and 3 verify an image. Sources: sigstore/cosign d6d86c2 (v3.1.2 and three commits, 2026-07-24) in Go; what is
// marked (run) was also seen by running cosign over the registry states of test/end-to-end/consumers-peers.test.ts.

import { type Consumer, type Look, SIGNATURE_TAG_LOOK, type Way } from './consumer.ts';

/**
 * cosign 3 asks for all referrers, without a filter, fetches each, and passes over what is no bundle: the manifest must have
 * one layer whose media type begins with that of a bundle, version 0.3 or newer (pkg/oci/remote/signatures.go, `Bundle`;
 * pkg/cosign/verify.go, `GetBundles`). So the labels in a list of referrers do not matter to it (run). Any predicate counts:
 * an image that has only attestations passes (cmd/cosign/cli/verify/verify.go: "OCI bundle always contains attestation"; run).
 * Where there is one bundle, good or bad, the tags are not looked at (same file, `co.NewBundleFormat = false` only where
 * there is none; run).
 */
export const COSIGN_BUNDLE_LOOK: Look = {
  at: 'referrers',
  listed: 'all',
  oldestBundle: 0.3,
  layers: 'one',
  predicateType: undefined,
  hidesOthers: true,
  unreadable: 'skipped',
};

const VERIFY: Way = {
  name: 'cosign verify',
  decides: true,
  looks: [],
  signers: 'all',
  // `--key` is loaded with SHA-256 unless --signature-digest-algorithm says otherwise (options/verify.go; run with P-384).
  keyHash: 'sha256',
  // pkg/cosign/verify.go, `verificationOptions`: with the log ignored and no --use-signed-timestamps the current time counts.
  unloggedTime: 'now',
  // pkg/cosign/verify.go, `verifyInternal`: no entry beside a legacy signature -> `tlogValidateEntry` over the network.
  asksLog: true,
  // pkg/cosign/verifiers.go: annotations of the subject, or of the simple signing text.
  annotations: ['referrers', 'signature-tag'],
  ignoreLogBy: 'give cosign --insecure-ignore-tlog',
};

const NOT_KNOWN = [
  'what the log says to a legacy signature that has no entry beside it: that is a question over the network',
  'trusted roots other than the one given here: without --trusted-root cosign fetches that of the public instance by TUF',
];

export const COSIGN_2: Consumer = {
  name: 'cosign2',
  title: 'cosign 2',
  seen: 'sigstore/cosign v2.4.3, v2.5.3 and v2.6.0 to v2.6.5',
  needs: 'every',
  ways: [
    // cmd/cosign/cli/verify/verify.go: --new-bundle-format is off by default, so only the tag is looked at.
    { ...VERIFY, name: 'cosign verify, 2.0 to 2.6.2', looks: [SIGNATURE_TAG_LOOK] },
    // The same file since v2.6.3: "Check to see if we are using the new bundle format or not" asks `GetBundles` (run: 2.6.5).
    {
      ...VERIFY,
      name: 'cosign verify, 2.6.3 and later',
      looks: [COSIGN_BUNDLE_LOOK, SIGNATURE_TAG_LOOK],
      // Those of a bundle are not compared (run: 2.6.5 accepts another value).
      annotations: ['signature-tag'],
    },
  ],
  notKnown: [...NOT_KNOWN, 'offline machines: from 2.6.3 on bundles need a trusted root even for a key without a log'],
};

export const COSIGN_3: Consumer = {
  name: 'cosign3',
  title: 'cosign 3',
  seen: 'sigstore/cosign d6d86c2 (2026-07-24)',
  needs: 'every',
  ways: [{ ...VERIFY, looks: [COSIGN_BUNDLE_LOOK, SIGNATURE_TAG_LOOK] }],
  notKnown: NOT_KNOWN,
};
