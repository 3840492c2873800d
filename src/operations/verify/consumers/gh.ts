// How GitHub's `gh attestation verify oci://... --bundle-from-oci` verifies an image. Source: cli/cli 36b1cf5 (end of 2024)
// and its newest stored state of artifact/oci/client.go, which do the same.

import type { Consumer } from './consumer.ts';

/** verification/attestation.go: --predicate-type has this default, and everything else is filtered out. */
const SLSA_PROVENANCE = 'https://slsa.dev/provenance/v1';

export const GH: Consumer = {
  name: 'gh',
  title: 'gh attestation verify',
  seen: 'cli/cli 36b1cf5',
  needs: 'one',
  ways: [
    {
      name: 'gh attestation verify --bundle-from-oci',
      decides: true,
      looks: [
        {
          // artifact/oci/client.go, `GetAttestations`: the label in the list must begin with the type of bundles; the first
          // layer; an unreadable bundle is an error.
          at: 'referrers',
          listed: 'bundles',
          // verification/sigstore.go, `getBundleIssuer`: MinVersion("0.2").
          oldestBundle: 0.2,
          layers: 'first',
          predicateType: SLSA_PROVENANCE,
          hidesOthers: true,
          unreadable: 'fatal',
        },
      ],
      // verification/sigstore.go: "leaf cert not found".
      signers: 'certificates',
      keyHash: 'sha256',
      // verify/policy.go and verification/extensions.go: the identity lies below https://github.com/OWNER/, and the
      // certificate says the same owner of the source repository.
      githubOnly: true,
      // `newGitHubVerifier`: a signed timestamp; `newPublicGoodVerifier`: the log and an observer's timestamp.
      unloggedTime: 'timestamp',
      asksLog: false,
      annotations: [],
      ignoreLogBy: 'there is no such setting: the log is asked for unless GitHub’s own instance signed',
    },
  ],
  notKnown: [
    'attestations at GitHub: without --bundle-from-oci gh asks its API and never looks into the registry',
    'which --owner or --repo will be given: the owner is taken from the expected identity',
  ],
};
