// `stave verify` and `verify-attestation`: a reference, held against who is expected to have signed it (signing.md 7). Who that is,
// and who said so, is part of the report.

import { resolve } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { readOciLayout } from '../../effects/output/oci-layout.ts';
import { expectationName } from '../../effects/signing/signer-expectation.ts';
import { predicateTypeOf } from '../../formats/attestation/predicate-type.ts';
import type { TextMap } from '../../formats/oci/json-object.ts';
import { parseReference, printReference } from '../../formats/oci/reference.ts';
import type { Host } from '../host.ts';
import { withRegistries } from '../registry/registries.ts';
import type { RegistryAccess } from '../registry/registry-request.ts';
import { readLocalText } from '../sign/open-signer.ts';
import { checkPredicate, type PolicyRule, parseAttestationPolicy } from './attestation-policy.ts';
import { type ExpectedSignerRequest, trustFor } from './expected-signer.ts';
import { type ImageStore, layoutStore } from './image-store.ts';
import {
  type AttestationVerdict,
  type ImageVerdict,
  type VerifyRequest,
  verifyAttestations,
  verifyImage,
} from './verify-image.ts';

export interface VerifyReferenceRequest extends ExpectedSignerRequest, RegistryAccess {
  /** Where it lies in a registry. With `layout` it still says which entry of the trust file counts. */
  readonly reference: string;
  /** An OCI layout to read instead; the reference then needs a digest, or a tag that the layout names. */
  readonly layout?: string | undefined;
  readonly annotations: TextMap;
  /** Opens no socket. */
  readonly offline: boolean;
}

interface VerifyContext {
  /** With the digest, where there is such an image. */
  readonly reference: string;
  /** Whom it had to be signed by, and who said so. */
  readonly expected: readonly string[];
  readonly trustedBy: string;
}

/** Nothing is under the reference: neither an image nor anything that is said about one. */
interface AbsentVerdict {
  readonly image: undefined;
  readonly outcome: 'absent';
}

export type VerifyReport = VerifyContext &
  (ImageVerdict | (AbsentVerdict & Pick<ImageVerdict, 'signatures' | 'attestations' | 'advice'>));

export type VerifyAttestationReport = VerifyContext & {
  readonly predicateType: string;
} & (PolicyVerdict | (AbsentVerdict & Pick<PolicyVerdict, 'attestations' | 'others' | 'broken'>));

/** `denied`: an attestation is verified, but none of those fulfils the policy. */
interface PolicyVerdict extends Omit<AttestationVerdict, 'outcome'> {
  readonly outcome: AttestationVerdict['outcome'] | 'denied';
  /** Sentences about the rules of the policy that do not hold, of each attestation that is verified and does not fulfil it. */
  readonly broken: readonly string[];
}

/** Failures of the registry or layout, CONFIG_*, KEY_INVALID, TRUST_ROOT_INVALID, USAGE_FLAG. */
export async function verifyReference(request: VerifyReferenceRequest, host: Host): Promise<VerifyReport> {
  return await withStore(request, host, async (verification, context) => {
    const verdict = await unlessAbsent(() => verifyImage(verification));
    if (verdict !== undefined) return { ...context(verdict.image), ...verdict };
    const advice = ['There is no such image. Look at the tag or digest.'];
    return { ...context(), image: undefined, outcome: 'absent', signatures: [], attestations: [], advice };
  });
}

export interface VerifyAttestationRequest extends VerifyReferenceRequest {
  /** A short name or URI. */
  readonly type: string;
  /** Path of a policy that the predicate has to fulfil. */
  readonly policy?: string;
}

/** The attestations of a predicate type. Failures as `verifyReference`. */
export async function verifyAttestation(
  request: VerifyAttestationRequest,
  host: Host,
): Promise<VerifyAttestationReport> {
  const predicateType = predicateTypeOf(request.type);
  const policy = request.policy === undefined ? [] : await readPolicy(request.policy, host);
  return await withStore(request, host, async (verification, context) => {
    const verdict = await unlessAbsent(() => verifyAttestations(verification, predicateType));
    if (verdict === undefined) {
      const nothing = { attestations: [], others: [], broken: [] };
      return { ...context(), predicateType, image: undefined, outcome: 'absent', ...nothing };
    }
    return { ...context(verdict.image), predicateType, ...withPolicy(verdict, policy) };
  });
}

/** One attestation that fulfils all rules is enough, as one signature is. */
function withPolicy(verdict: AttestationVerdict, policy: readonly PolicyRule[]): PolicyVerdict {
  const verified = verdict.attestations.filter(({ refusal }) => refusal === undefined);
  const findings = verified.map(({ place, statement }) =>
    checkPredicate(statement?.predicate ?? null, policy).map((finding) => `${place}: ${finding}`),
  );
  const denied = verdict.outcome === 'verified' && findings.every((broken) => broken.length > 0);
  return { ...verdict, outcome: denied ? 'denied' : verdict.outcome, broken: findings.flat() };
}

async function readPolicy(path: string, host: Host): Promise<readonly PolicyRule[]> {
  return parseAttestationPolicy(path, Buffer.from(await readLocalText(path, host.cwd)));
}

/** Undefined where the image itself is not there; whatever else is missing was found out while looking for it. */
async function unlessAbsent<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof Failure && error.code === 'IMAGE_NOT_FOUND') return undefined;
    throw error;
  }
}

type ContextOf = (image?: Digest) => VerifyContext;

async function withStore<T>(
  request: VerifyReferenceRequest,
  host: Host,
  work: (verification: VerifyRequest, context: ContextOf) => Promise<T>,
): Promise<T> {
  const reference = parseReference(request.reference);
  const trust = await trustFor(request, reference, host);
  return await withRegistries(request, host, async (registries) => {
    const store: ImageStore =
      request.layout === undefined
        ? registries.client(reference)
        : layoutStore(await readOciLayout(resolve(host.cwd, request.layout)));
    const { expected, trustedRoot, ignoreTlog } = trust;
    const { annotations } = request;
    const tagOrDigest = reference.digest ?? reference.tag ?? '';
    const verification = { store, reference: tagOrDigest, expected, trustedRoot, ignoreTlog, annotations };
    return await work(verification, (digest) => ({
      reference: printReference(digest === undefined ? reference : { ...reference, digest }),
      expected: expected.map(expectationName),
      trustedBy: trust.by,
    }));
  });
}
