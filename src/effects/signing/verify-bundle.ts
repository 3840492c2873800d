// One sigstore bundle against one expected signer (signing.md 4, 7), by @sigstore/verify, with our own code where it falls
// short: it hashes with SHA-256 whatever the key, is lax about certificates (`checkLeaf`), and see log-entry.ts.
// Opens no socket. Whatever a hostile bundle makes the library throw is a refusal.

import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Bundle } from '@sigstore/bundle';
import type { SignedEntity } from '@sigstore/verify';
import { assert } from '../../base/failure.ts';
import { preAuthEncoding } from '../../formats/attestation/dsse.ts';
import { openDigestVerifier, signsDigests } from './digest-signature.ts';
import { foreignEntry, isDigestOf, type LoggedSignature, type Signed, unlikeCheckpoint } from './log-entry.ts';
import { type PublicKey, publicKeyOf } from './public-key.ts';
import { type RefusalReason, refused, type SignatureVerdict } from './signature-verdict.ts';
import { expectationName, isBy, type Signer, type SignerExpectation, signerName } from './signer-expectation.ts';
import type { TrustedRoot } from './trusted-root.ts';
import { foreignClaim } from './workflow-claims.ts';

export interface VerifyBundleOptions {
  /** What a message signature is over; envelopes bring their own payload. */
  readonly artifact?: Uint8Array;
  /** Its SHA-256 in place of the artifact, where nobody has that. */
  readonly artifactSha256?: Uint8Array;
  /** Needed for certificates, and to check log entries and timestamps. */
  readonly trustedRoot?: TrustedRoot | undefined;
  /** Do not ask for a log entry. One that is there is checked all the same, if there is a trusted root. */
  readonly ignoreTlog?: boolean;
}

/** Fulcio's extensions for who vouched for the identity: a DER string, and the raw text of older certificates. */
const ISSUER = '1.3.6.1.4.1.57264.1.8';
const OLD_ISSUER = '1.3.6.1.4.1.57264.1.1';
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';

/** `json` is the bundle, parsed from its text. Never throws for anything in it. */
export async function verifyBundle(
  json: unknown,
  expected: SignerExpectation,
  options: VerifyBundleOptions = {},
): Promise<SignatureVerdict> {
  const { bundleFromJSON, toSignedEntity } = await import('./verifying-library.ts');
  let evidence: Evidence;
  let signer: Signer;
  try {
    const bundle = bundleFromJSON(json);
    const entity = toSignedEntity(bundle, Buffer.from(options.artifact ?? []));
    signer = claimedSigner(entity);
    if (holdsRoot(bundle)) return refused('malformed', 'it brings its own root certificate', signer);
    const signed = signedBy(bundle, options);
    if (signed === undefined) {
      return refused('malformed', 'it has a signature over bytes that are not in it', signer);
    }
    const mismatch = kindMismatch(entity, signer, expected, options);
    if (mismatch !== undefined) return mismatch;
    evidence = { entity, logged: signatureOf(bundle, entity, expected, signed) };
    const broken = brokenPromise(bundle, evidence.logged);
    if (broken !== undefined) return refused('digest', broken, signer);
  } catch (error) {
    return refused('malformed', `it is not a sigstore bundle that we can read: ${messageOf(error)}`);
  }
  try {
    await checkEvidence(evidence, expected, options);
  } catch (error) {
    return refusalOf(error, signer, expected);
  }
  return verdictOf(evidence.entity, expected, signer, options.trustedRoot !== undefined);
}

/** Who says to have signed a bundle of ours; for a bundle of strangers that proves nothing. */
export async function bundleSigner(json: unknown): Promise<Signer> {
  const { bundleFromJSON, toSignedEntity } = await import('./verifying-library.ts');
  return claimedSigner(toSignedEntity(bundleFromJSON(json), Buffer.alloc(0)));
}

interface Evidence {
  readonly entity: SignedEntity;
  readonly logged: LoggedSignature;
}

/** What can be said before anything is computed. */
function kindMismatch(
  entity: SignedEntity,
  signer: Signer,
  expected: SignerExpectation,
  { trustedRoot, ignoreTlog = false }: VerifyBundleOptions,
): SignatureVerdict | undefined {
  const wanted = expectationName(expected);
  if (expected.kind === 'key' && signer.kind === 'certificate') {
    return refused('other-key', `it was made with a certificate of ${signerName(signer)}, not with ${wanted}`, signer);
  }
  if (expected.kind === 'certificate' && signer.kind === 'key') {
    return refused('identity', `it was made with ${signerName(signer)}, not by ${wanted}`, signer);
  }
  if (!ignoreTlog && entity.tlogEntries.length === 0) {
    return refused('log-missing', 'it is in no transparency log', signer);
  }
  if ((expected.kind === 'certificate' || !ignoreTlog) && trustedRoot === undefined) {
    return refused('trusted-root-missing', 'there is no trusted root to check it with', signer);
  }
  return undefined;
}

/** Returns where everything holds; throws a Refused or an error of the library. */
async function checkEvidence(
  { entity, logged }: Evidence,
  expected: SignerExpectation,
  { trustedRoot }: VerifyBundleOptions,
): Promise<void> {
  const { Verifier, verifyTLogInclusion } = await import('./verifying-library.ts');
  const holds = await signatureCheck(logged);
  const verifier = new Verifier(
    {
      ...(trustedRoot?.material ?? { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] }),
      publicKey: () => ({ publicKey: keyOf(expected, entity), validFor: () => true }),
    },
    { tlogThreshold: 0, timestampThreshold: expected.kind === 'certificate' ? 1 : 0 },
  );
  verifier.verify({
    ...entity,
    ...(trustedRoot === undefined && { timestamps: [] }),
    tlogEntries: [],
    signature: {
      ...entity.signature,
      signature: Buffer.from(logged.signature),
      verifySignature: (object) => holds(publicKeyOf(object, 'the key')),
    },
  });
  if (trustedRoot === undefined) return;
  if (logged.certificate !== undefined) checkLeaf(logged.certificate, trustedRoot);
  for (const entry of entity.tlogEntries) {
    verifyTLogInclusion(entry, trustedRoot.material.tlogs);
    const foreign = unlikeCheckpoint(entry) ?? foreignEntry(entry, logged);
    if (foreign !== undefined) throw new Refused('log-entry', foreign);
  }
}

async function signatureCheck({ signed, signature }: LoggedSignature): Promise<(key: PublicKey) => boolean> {
  if ('bytes' in signed) return (key) => key.verify(signed.bytes, signature);
  const verify = await openDigestVerifier();
  return (key) => verify(key, signed.sha256, signature);
}

/** What the library leaves out: the usage, and that what stands around the signed part of a certificate fits it. */
function checkLeaf(der: Uint8Array, { material }: TrustedRoot): void {
  const leaf = new X509Certificate(der);
  if (!(leaf.keyUsage ?? []).includes(CODE_SIGNING)) {
    throw new Refused('certificate', 'its certificate is not for signing code');
  }
  const issuers = material.certificateAuthorities.flatMap(({ certChain }) => certChain);
  const issued = issuers.some(({ publicKey: key }) =>
    leaf.verify(createPublicKey({ key, format: 'der', type: 'spki' })),
  );
  if (!issued) throw new Refused('certificate', 'its certificate is not one that its issuer made');
}

/** What the checks that ran allow to say. */
function verdictOf(
  entity: SignedEntity,
  expected: SignerExpectation,
  claimed: Signer,
  hasRoot: boolean,
): SignatureVerdict {
  const signer: Signer = expected.kind === 'key' ? { kind: 'key', hint: expected.key.hint } : claimed;
  const isLogged = entity.tlogEntries.length > 0;
  const isTimed = entity.timestamps.some(provesTime);
  const unread = 'there is no trusted root to check it with';
  const verdict: SignatureVerdict = {
    refusal: undefined,
    signer,
    verified: [
      'signature',
      ...(signer.kind === 'certificate' ? (['certificate'] as const) : []),
      ...(isLogged && hasRoot ? (['log'] as const) : []),
      ...(isTimed && hasRoot ? (['timestamp'] as const) : []),
    ],
    skipped: [
      ...(isLogged && hasRoot ? [] : [{ check: 'log' as const, why: isLogged ? unread : 'it is in no log' }]),
      ...(isTimed && !hasRoot ? [{ check: 'timestamp' as const, why: unread }] : []),
    ],
  };
  if (expected.kind !== 'certificate' || signer.kind !== 'certificate') return verdict;
  const detail = isBy(signer, expected)
    ? entity.key.$case === 'certificate' && foreignClaim(entity.key.certificate, expected.workflow ?? {})
    : `it is by ${signerName(signer)}, not by ${expectationName(expected)}`;
  return detail ? { ...verdict, refusal: { reason: 'identity', detail } } : verdict;
}

/** A log that made no promise says a time that nobody signed. */
function provesTime(timestamp: SignedEntity['timestamps'][number]): boolean {
  return timestamp.$case === 'timestamp-authority' || timestamp.tlogEntry.inclusionPromise !== undefined;
}

/** Undefined where the bundle does not have it and nobody else brought it. */
function signedBy({ content }: Bundle, { artifact, artifactSha256 }: VerifyBundleOptions): Signed | undefined {
  if (content.$case === 'dsseEnvelope') {
    return { bytes: preAuthEncoding(content.dsseEnvelope.payloadType, content.dsseEnvelope.payload) };
  }
  if (artifact !== undefined) return { bytes: artifact };
  return artifactSha256 && { sha256: artifactSha256 };
}

function signatureOf(
  { content }: Bundle,
  entity: SignedEntity,
  expected: SignerExpectation,
  signed: Signed,
): LoggedSignature {
  const spki = keyOf(expected, entity).export({ type: 'spki', format: 'der' });
  const certificate = entity.key.$case === 'certificate' ? entity.key.certificate.root.toDER() : undefined;
  if (content.$case === 'messageSignature') {
    const { signature } = content.messageSignature;
    return { signature, signed, payload: undefined, certificate, spki };
  }
  const { payload, signatures } = content.dsseEnvelope;
  return { signature: signatures[0]?.sig ?? Buffer.alloc(0), signed, payload, certificate, spki };
}

/**
 * A message signature says what its message's digest is; then it must be. Where the message is known by its SHA-256 alone,
 * that has to be enough for the signature.
 */
function brokenPromise({ content }: Bundle, { signed, spki }: LoggedSignature): string | undefined {
  if (content.$case !== 'messageSignature') return undefined;
  const { digest } = content.messageSignature.messageDigest;
  if ('bytes' in signed) return isDigestOf(digest, signed) ? undefined : 'its digest is not that of the signed bytes';
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  if (!signsDigests(publicKeyOf(key, 'the key').algorithm)) {
    return 'an Ed25519 signature is over the bytes themselves, and only their digest is known: give the file';
  }
  if (digest.length !== signed.sha256.length) return 'its digest is no SHA-256, and only that is known: give the file';
  return isDigestOf(digest, signed) ? undefined : 'its digest is another than the given one';
}

/** The key that has to have signed: the expected one, or that of the certificate. */
function keyOf(expected: SignerExpectation, { key }: SignedEntity): KeyObject {
  if (expected.kind === 'key') return expected.key.object;
  assert(key.$case === 'certificate', 'a certificate is expected and there');
  return createPublicKey({ key: key.certificate.publicKey, format: 'der', type: 'spki' });
}

function claimedSigner({ key }: SignedEntity): Signer {
  if (key.$case === 'public-key') return { kind: 'key', hint: key.hint };
  const { certificate } = key;
  const issuer = certificate.extension(ISSUER)?.valueObj.subs[0]?.value ?? certificate.extension(OLD_ISSUER)?.value;
  return {
    kind: 'certificate',
    identity: certificate.subjectAltName ?? '',
    issuer: issuer?.toString('utf8') ?? '',
  };
}

/** A bundle must not bring what it is to be trusted by. */
function holdsRoot({ verificationMaterial: { content } }: Bundle): boolean {
  if (content.$case !== 'x509CertificateChain') return false;
  return content.x509CertificateChain.certificates.slice(1).some(({ rawBytes }) => {
    const certificate = new X509Certificate(rawBytes);
    return certificate.subject === certificate.issuer;
  });
}

class Refused extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/** Codes of the library's errors. */
const REASONS: readonly (readonly [prefix: string, RefusalReason])[] = [
  ['CERTIFICATE', 'certificate'],
  ['TLOG', 'log-entry'],
  ['TIMESTAMP', 'timestamp'],
  ['SIGNATURE', 'signature'],
];

function refusalOf(error: unknown, signer: Signer, expected: SignerExpectation): SignatureVerdict {
  if (error instanceof Refused) return refused(error.reason, error.message, signer);
  const code = String((error as { code?: unknown } | undefined)?.code ?? '');
  const reason = REASONS.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'malformed';
  if (reason !== 'signature') return refused(reason, messageOf(error), signer);
  const wanted = expectationName(expected);
  if (expected.kind === 'key' && signer.kind === 'key' && signer.hint !== '' && signer.hint !== expected.key.hint) {
    return refused('other-key', `it was made with ${signerName(signer)}, not with ${wanted}`, signer);
  }
  return refused('signature', `it is not a signature by ${wanted} over these bytes`, signer);
}

/** One printable line, not too long: what a library says may quote a hostile text. */
function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : 'it cannot be read';
  return text.replace(/[\p{C}\s]+/gu, ' ').slice(0, 200);
}
