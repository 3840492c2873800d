// Policies for Kyverno (kyverno/kyverno 111e07b, 2026-08-21; config/crds): an ImageValidatingPolicy, which reads both forms of
// signatures, and the older ClusterPolicy, which by its default reads the .sig tag alone. Pure.

import { Failure } from '../../../base/failure.ts';
import type { SignerExpectation } from '../../../effects/signing/signer-expectation.ts';
import { matchPattern } from '../trust-file.ts';
import {
  hashOf,
  identityFields,
  type PolicyDocument,
  type PolicyFields,
  type PolicySubject,
  policyName,
} from './policy-document.ts';
import { parseTrustedKeys } from './trusted-keys.ts';

export function imageValidatingPolicy(subject: PolicySubject): PolicyDocument {
  const { entry, signers, trustedRoot } = subject;
  const names = signers.map((_signer, i) => `attestors.signer${i + 1}`).join(', ');
  const isPrivate = trustedRoot !== undefined && (entry.log === 'required' || signers.some(isCertificate));
  return {
    remarks: [
      `Images like ${entry.match} must be signed, as a trust file of stave says.`,
      ...(isPrivate
        ? ['Kyverno still asks the public TUF repository when it starts to verify (ivpol/cosign/opts.go).']
        : []),
    ],
    fields: {
      apiVersion: 'policies.kyverno.io/v1',
      kind: 'ImageValidatingPolicy',
      metadata: { name: policyName(subject) },
      spec: {
        validationActions: ['Deny'],
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['pods'] },
          ],
        },
        matchImageReferences: [{ expression: imageExpression(subject) }],
        attestors: signers.map((signer, i) => attestor(signer, i, subject)),
        validations: ['containers', 'initContainers', 'ephemeralContainers'].map((group) => ({
          expression: `images.${group}.map(image, verifyImageSignatures(image, [${names}])).all(count, count > 0)`,
          message: `an image of ${group} is not signed by whom it should be`,
        })),
      },
    },
  };
}

/** CEL about `ref`, the reference as a pod has it: this entry, and none before it. */
function imageExpression({ entry, earlier }: PolicySubject): string {
  const fits = (match: string) => `ref.matches(${JSON.stringify(`^${podPattern(match)}([:@].*)?$`)})`;
  const before = earlier.filter(({ match }) => match !== entry.match).map(({ match }) => ` && !${fits(match)}`);
  return `${fits(entry.match)}${before.join('')}`;
}

/** Pods leave out what belongs to Docker Hub alone. */
function podPattern(match: string): string {
  const [, hub, name = ''] = /^(index\.docker\.io\/)(.*)$/.exec(match) ?? [];
  if (hub === undefined) return matchPattern(match);
  const [, library, rest = ''] = /^(library\/)(.*)$/.exec(name) ?? [];
  const path = library === undefined ? matchPattern(name) : `(library/)?${matchPattern(rest)}`;
  return `((index\\.)?docker\\.io/)?${path}`;
}

function attestor(signer: SignerExpectation, i: number, { entry, trustedRoot }: PolicySubject): PolicyFields {
  // Without `ctlog` the log is asked for, and only proofs that lie beside the signature count.
  const ignoring = entry.log === 'ignored' ? { insecureIgnoreTlog: true } : undefined;
  const who: PolicyFields = isCertificate(signer)
    ? { keyless: { identities: [identityFields(signer)] }, ctlog: ignoring }
    : {
        key: { data: signer.key.pem, hashAlgorithm: hashOf(signer) },
        // A key has no certificate: there is nothing that a log of certificates could say.
        ctlog: ignoring && { ...ignoring, insecureIgnoreSCT: true },
      };
  const isAsked = isCertificate(signer) || entry.log === 'required';
  const root = trustedRoot === undefined || !isAsked ? undefined : { value: trustedRoot };
  return { name: `signer${i + 1}`, cosign: { ...who, trustedRoot: root } };
}

/** verifyImages with `type: Cosign`: the form that stands in a .sig tag. */
export function clusterPolicy(subject: PolicySubject): PolicyDocument {
  const { entry, signers, trustedRoot } = subject;
  const { match } = entry;
  const isExact = !match.includes('*');
  return {
    remarks: [
      `Images like ${match} must be signed, as a trust file of stave says; only signatures under .sig tags are seen.`,
      ...(isExact ? [] : ['"*" also stands for slashes here: more images may be meant than in the trust file.']),
    ],
    fields: {
      apiVersion: 'kyverno.io/v1',
      kind: 'ClusterPolicy',
      metadata: { name: policyName(subject) },
      spec: {
        webhookConfiguration: { failurePolicy: 'Fail' },
        background: false,
        rules: [
          {
            name: 'signed',
            match: { any: [{ resources: { kinds: ['Pod'] } }] },
            verifyImages: [
              {
                type: 'Cosign',
                failureAction: 'Enforce',
                imageReferences: [`${match}:*`, `${match}@*`].map((one) =>
                  one.replaceAll('**', '*').replace(/^index\./, ''),
                ),
                attestors: [{ count: 1, entries: signers.map((one) => entryOf(one, entry.log, trustedRoot)) }],
              },
            ],
          },
        ],
      },
    },
  };
}

function entryOf(
  signer: SignerExpectation,
  log: 'required' | 'ignored',
  trustedRoot: string | undefined,
): PolicyFields {
  const rekor = log === 'ignored' ? { ignoreTlog: true } : undefined;
  const isPrivate = trustedRoot !== undefined && (log === 'required' || isCertificate(signer));
  const { roots, log: key, certificateLog } = isPrivate ? onlyKeys(trustedRoot) : {};
  const services: PolicyFields = {
    rekor: rekor ?? (key && { url: key.url, pubkey: key.pem }),
    ctlog: certificateLog && { pubkey: certificateLog.pem },
  };
  if (isCertificate(signer)) return { keyless: { ...identityFields(signer), roots, ...services } };
  return { keys: { publicKeys: signer.key.pem, signatureAlgorithm: hashOf(signer), ...services, ctlog: undefined } };
}

/** A ClusterPolicy names one log of each kind. */
function onlyKeys(trustedRoot: string) {
  const { authorities, logs, certificateLogs } = parseTrustedKeys(trustedRoot);
  const [log, secondLog] = logs;
  const [certificateLog, secondCertificateLog] = certificateLogs;
  if (secondLog !== undefined || secondCertificateLog !== undefined) {
    throw new Failure('CONFIG_INVALID', 'a ClusterPolicy names one log, and the trusted root has several', {
      hint: 'Print an ImageValidatingPolicy, which takes the whole trusted root.',
    });
  }
  return { roots: authorities.map(({ pem }) => pem).join(''), log, certificateLog };
}

function isCertificate(signer: SignerExpectation): signer is Extract<SignerExpectation, { kind: 'certificate' }> {
  return signer.kind === 'certificate';
}
