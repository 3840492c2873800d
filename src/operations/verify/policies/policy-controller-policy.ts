// Policies for sigstore's policy-controller (sigstore/policy-controller f925c0c, 2026-08-18; config/300-*.yaml): a
// ClusterImagePolicy for each entry, and a TrustRoot for a private Sigstore. Pure.

import { Failure } from '../../../base/failure.ts';
import type { SignerExpectation } from '../../../effects/signing/signer-expectation.ts';
import { SIGNATURE_PREDICATE } from '../../../formats/attestation/predicate-type.ts';
import {
  hashOf,
  identityFields,
  type PolicyDocument,
  type PolicyFields,
  type PolicySubject,
  policyName,
} from './policy-document.ts';
import { parseTrustedKeys, type TrustedKeys } from './trusted-keys.ts';

const ROOT_NAME = 'stave-trusted-root';
const PUBLIC_LOG = 'https://rekor.sigstore.dev';
const PUBLIC_AUTHORITY = 'https://fulcio.sigstore.dev';

export function clusterImagePolicy(subject: PolicySubject): PolicyDocument {
  const { entry, signers, earlier } = subject;
  return {
    remarks: [
      `Images like ${entry.match} must be signed, as a trust file of stave says.`,
      ...(earlier.length > 0
        ? ['policy-controller wants every policy that fits an image fulfilled, not the first alone.']
        : []),
    ],
    fields: {
      apiVersion: 'policy.sigstore.dev/v1beta1',
      kind: 'ClusterImagePolicy',
      metadata: { name: policyName(subject) },
      spec: {
        mode: 'enforce',
        images: globsOf(entry.match).map((glob) => ({ glob })),
        // One of them is enough.
        authorities: signers.flatMap((signer, i) => authoritiesOf(signer, `signer-${i + 1}`, subject)),
      },
    },
  };
}

/** Its globs are held against the whole reference, with a tag or digest always in it. */
function globsOf(match: string): string[] {
  return match.endsWith('**') ? [match] : [`${match}:**`, `${match}@**`];
}

function authoritiesOf(signer: SignerExpectation, name: string, { entry, trustedRoot }: PolicySubject): PolicyFields[] {
  const trustRootRef = trustedRoot === undefined ? undefined : ROOT_NAME;
  const ctlog = trustedRoot === undefined ? { url: PUBLIC_LOG } : { trustRootRef };
  if (signer.kind === 'key') {
    // Only the legacy form: bundles are for identities alone there. Without `ctlog` no log is asked for.
    const key = { data: signer.key.pem, hashAlgorithm: hashOf(signer) };
    return [{ name, key, ctlog: entry.log === 'required' ? ctlog : undefined }];
  }
  const url = authorityUrl(trustedRoot);
  const keyless = { url, identities: [identityFields(signer)], trustRootRef };
  const proof = proofOf(entry.log, ctlog, trustRootRef);
  // A bundle's signature is an attestation of its own type; the legacy form is not among bundles. So there are two.
  return [
    {
      name: `${name}-bundle`,
      signatureFormat: 'bundle',
      keyless,
      ...proof,
      attestations: [{ name: 'signature', predicateType: SIGNATURE_PREDICATE }],
    },
    { name: `${name}-legacy`, keyless, ...proof },
  ];
}

/** What stands in for the time of the signature. */
function proofOf(log: 'required' | 'ignored', ctlog: PolicyFields, trustRootRef: string | undefined): PolicyFields {
  if (log === 'required') return { ctlog: trustRootRef === undefined ? undefined : ctlog };
  if (trustRootRef !== undefined) return { rfc3161timestamp: { trustRootRef } };
  throw new Failure('CONFIG_INVALID', 'policy-controller cannot ignore the log for identities of the public Sigstore', {
    hint: 'Say "log: required" in the trust file, or name the trusted root of an instance that has a timestamp authority.',
  });
}

function authorityUrl(trustedRoot: string | undefined): string {
  if (trustedRoot === undefined) return PUBLIC_AUTHORITY;
  const [authority] = parseTrustedKeys(trustedRoot).authorities;
  return authority === undefined || authority.url === '' ? PUBLIC_AUTHORITY : authority.url;
}

/** The same trusted root as the cluster has it: keys and chains as base64 of PEM. */
export function trustRoot(text: string): PolicyDocument {
  const { authorities, timestampAuthorities, logs, certificateLogs } = parseTrustedKeys(text);
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  const authority = ({ url, organization, commonName, pem }: TrustedKeys['authorities'][number]): PolicyFields => {
    return { subject: { organization, commonName }, uri: url, certChain: base64(pem) };
  };
  const log = ({ url, pem }: TrustedKeys['logs'][number]): PolicyFields => {
    return { baseURL: url, hashAlgorithm: 'sha-256', publicKey: base64(pem) };
  };
  return {
    remarks: ['The private Sigstore that the policies refer to.'],
    fields: {
      apiVersion: 'policy.sigstore.dev/v1alpha1',
      kind: 'TrustRoot',
      metadata: { name: ROOT_NAME },
      spec: {
        sigstoreKeys: {
          certificateAuthorities: authorities.map(authority),
          tLogs: logs.map(log),
          ctLogs: certificateLogs.map(log),
          timestampAuthorities: timestampAuthorities.map(authority),
        },
      },
    },
  };
}
