// Whether an image is signed by whom it should be, and what is attested about it (signing.md 4, 7). The answer is findings:
// who did sign, what was verified, what was skipped, what would have to change. An attestation is no signature here.

import type { Digest } from '../../base/digest.ts';
import { alsoRefused, refused, type SignatureVerdict } from '../../effects/signing/signature-verdict.ts';
import { expectationName, type SignerExpectation, signerName } from '../../effects/signing/signer-expectation.ts';
import type { TrustedRoot } from '../../effects/signing/trusted-root.ts';
import { verifyBundle } from '../../effects/signing/verify-bundle.ts';
import { SIGNATURE_PREDICATE } from '../../formats/attestation/predicate-type.ts';
import type { Statement } from '../../formats/attestation/statement.ts';
import type { TextMap } from '../../formats/oci/json-object.ts';
import { findSignatures, type SignatureFormat, type StoredSignature } from './find-signatures.ts';
import type { ImageStore } from './image-store.ts';

export interface VerifyRequest {
  readonly store: ImageStore;
  /** A tag or digest of the store. */
  readonly reference: string;
  /** A signature by any of these counts. */
  readonly expected: readonly SignerExpectation[];
  readonly trustedRoot?: TrustedRoot | undefined;
  readonly ignoreTlog?: boolean;
  /** Each has to be signed with this value. */
  readonly annotations?: TextMap;
}

export interface SignatureFinding extends SignatureVerdict {
  readonly place: string;
  readonly format: SignatureFormat;
  /** Undefined where it cannot be read. */
  readonly predicateType: string | undefined;
}

export interface ImageVerdict {
  /** What the reference led to; a tag may lead elsewhere a moment later. */
  readonly image: Digest;
  readonly outcome: 'verified' | 'refused' | 'unsigned';
  /** Signatures alone; those that cannot be read are among them. */
  readonly signatures: readonly SignatureFinding[];
  /** Predicate types of attestations that are there, not verified. */
  readonly attestations: readonly string[];
  /** Sentences for whoever expected something else; [] where verified. */
  readonly advice: readonly string[];
}

/** Failures IMAGE_NOT_FOUND, and those of the store. Opens no socket but the store's. */
export async function verifyImage(request: VerifyRequest): Promise<ImageVerdict> {
  const { descriptor } = await request.store.getManifest(request.reference);
  const stored = await findSignatures(request.store, descriptor.digest);
  const signatures = stored.filter(
    ({ content }) => content === undefined || content.predicateType === SIGNATURE_PREDICATE,
  );
  const findings: SignatureFinding[] = [];
  for (const one of signatures) findings.push(await findingOf(one, descriptor.digest, request));
  const verified = findings.some(({ refusal }) => refusal === undefined);
  const attestations = stored
    .flatMap(({ content }) => content?.predicateType ?? [])
    .filter((type) => type !== SIGNATURE_PREDICATE);
  const verdict = {
    image: descriptor.digest,
    outcome: verified ? ('verified' as const) : findings.length > 0 ? ('refused' as const) : ('unsigned' as const),
    signatures: findings,
    attestations,
  };
  return { ...verdict, advice: verified ? [] : adviceOn(verdict, request) };
}

interface AttestationFinding extends SignatureFinding {
  /** Only where it is verified. */
  readonly statement: Statement | undefined;
  /** The DSSE envelope, JSON; only where it is verified. */
  readonly envelope: string | undefined;
}

export interface AttestationVerdict {
  readonly image: Digest;
  readonly outcome: 'verified' | 'refused' | 'missing';
  /** Of the wanted predicate type. */
  readonly attestations: readonly AttestationFinding[];
  /** Other predicate types that are there, not verified. */
  readonly others: readonly string[];
}

/** The attestations of that predicate type. Failures as `verifyImage`. */
export async function verifyAttestations(request: VerifyRequest, predicateType: string): Promise<AttestationVerdict> {
  const { descriptor } = await request.store.getManifest(request.reference);
  const stored = await findSignatures(request.store, descriptor.digest);
  const attestations: AttestationFinding[] = [];
  const others: string[] = [];
  for (const one of stored) {
    if (one.content?.predicateType !== predicateType) {
      if (one.content !== undefined) others.push(one.content.predicateType);
      continue;
    }
    const finding = await findingOf(one, descriptor.digest, request);
    const { statement, envelope } =
      finding.refusal === undefined ? one.content : { statement: undefined, envelope: undefined };
    attestations.push({ ...finding, statement, envelope });
  }
  const verified = attestations.some(({ refusal }) => refusal === undefined);
  const outcome = verified ? 'verified' : attestations.length > 0 ? 'refused' : 'missing';
  return { image: descriptor.digest, outcome, attestations, others };
}

/** The verdict against the first expectation that it fulfils, or against the last. */
export async function findingOf(
  stored: StoredSignature,
  image: Digest,
  request: Omit<VerifyRequest, 'store' | 'reference'>,
): Promise<SignatureFinding> {
  const { place, format, content, problem } = stored;
  const about = { place, format, predicateType: content?.predicateType };
  let verdict = refused('malformed', problem ?? 'nobody is expected to have signed it');
  if (content === undefined) return { ...about, ...verdict };
  for (const expected of request.expected) {
    const { trustedRoot, ignoreTlog = false } = request;
    const artifact = content.artifact === undefined ? {} : { artifact: content.artifact };
    verdict = await verifyBundle(content.bundle, expected, { trustedRoot, ignoreTlog, ...artifact });
    if (verdict.refusal === undefined) break;
  }
  return { ...about, ...withClaims(verdict, content.subjects, image, request.annotations ?? {}) };
}

/** What is signed has to be about this image, with these annotations: else a signature could be moved to another image. */
function withClaims(
  verdict: SignatureVerdict,
  subjects: readonly { readonly digest: Digest; readonly annotations: TextMap }[],
  image: Digest,
  wanted: TextMap,
): SignatureVerdict {
  if (verdict.refusal !== undefined) return verdict;
  const subject = subjects.find(({ digest }) => digest === image);
  if (subject === undefined) {
    const about = subjects.map(({ digest }) => digest).join(', ') || 'nothing';
    return alsoRefused(verdict, 'digest', `it is about ${about}, not about ${image}`);
  }
  const wrong = Object.entries(wanted).find(
    ([key, value]) => !Object.hasOwn(subject.annotations, key) || subject.annotations[key] !== value,
  );
  if (wrong !== undefined) {
    const [key, value] = wrong;
    const has = Object.hasOwn(subject.annotations, key) ? `is "${subject.annotations[key]}"` : 'is missing';
    return alsoRefused(verdict, 'annotation', `its annotation ${key} ${has}, not "${value}"`);
  }
  const annotations = Object.keys(wanted).length > 0 ? (['annotations'] as const) : [];
  return { ...verdict, verified: [...verdict.verified, 'digest', ...annotations] };
}

function adviceOn({ signatures, attestations }: Omit<ImageVerdict, 'advice'>, request: VerifyRequest): string[] {
  const advice: string[] = [];
  if (signatures.length === 0) {
    advice.push('Nothing says that this image is signed. Sign it, or verify the index or tag that was signed.');
    if (attestations.length > 0) advice.push('It has attestations, but an attestation is not a signature.');
  }
  for (const { refusal, signer } of signatures) {
    if (refusal?.reason === 'log-missing')
      advice.push('To accept signatures that are in no log, say --insecure-ignore-tlog.');
    if (refusal?.reason === 'trusted-root-missing') advice.push('Name a trusted root with --trusted-root.');
    const elsewhere = refusal?.reason === 'identity' || refusal?.reason === 'other-key';
    if (elsewhere && signer !== undefined) {
      const wanted = request.expected.map(expectationName).join(' or ');
      advice.push(`Expected ${wanted}, found ${signerName(signer)}: if that is right, change the expected signer.`);
    }
  }
  return [...new Set(advice)];
}
