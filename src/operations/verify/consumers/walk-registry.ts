// Walks a registry the way a consumer does, and says what it would find and accept there. The cryptography is our own
// verifier's; what the consumer does otherwise stands in its table, and is applied to each finding here.

import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import type { Digest } from '../../../base/digest.ts';
import { Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import type { ReferrerListing } from '../../../effects/registry/client/referrers.ts';
import type { RegistryClient } from '../../../effects/registry/client/registry-client.ts';
import type { RefusalReason } from '../../../effects/signing/signature-verdict.ts';
import type { Signer, SignerExpectation } from '../../../effects/signing/signer-expectation.ts';
import type { BundleJson } from '../../../formats/attestation/bundle-json.ts';
import { IN_TOTO_TYPE, preAuthEncoding } from '../../../formats/attestation/dsse.ts';
import { isBundleType, signatureTag } from '../../../formats/attestation/signature-storage.ts';
import type { Descriptor } from '../../../formats/oci/descriptor.ts';
import type { Trust } from '../expected-signer.ts';
import { readSignatureManifest, type SignatureContent, type StoredSignature } from '../find-signatures.ts';
import type { ImageStore } from '../image-store.ts';
import { findingOf, type SignatureFinding } from '../verify-image.ts';
import type { Look, Way } from './consumer.ts';
import { githubProblem, isByGithub } from './github-identity.ts';

export interface ConsumerStore extends ImageStore, Pick<RegistryClient, 'listReferrers'> {}

/** Ours, and those that only consumers have. */
type ConsumerReason = RefusalReason | 'certificate-expired' | 'key-hash';

interface ConsumerFinding {
  readonly place: string;
  /** What is signed: SIGNATURE_PREDICATE for signatures. Undefined where it cannot be read. */
  readonly predicateType: string | undefined;
  readonly signer: Signer | undefined;
  readonly refusal: { readonly reason: ConsumerReason; readonly detail: string } | undefined;
}

/** Where a consumer looked, and what was there. */
interface LookReport {
  readonly place: string;
  /** Entries of the list, or layers under the tag. */
  readonly there: number;
  /** Those it does not look at, with the reason. */
  readonly passedOver: readonly { readonly place: string; readonly why: string }[];
  readonly findings: readonly ConsumerFinding[];
  /** Why it gives up here, whatever else there is. */
  readonly broken: string | undefined;
}

export interface WayReport {
  readonly name: string;
  readonly decides: boolean;
  /** `unknown`: it depends on something that cannot be seen from here; `why` says on what. */
  readonly outcome: 'accepted' | 'refused' | 'unknown';
  readonly why: string;
  readonly looks: readonly LookReport[];
}

/** What a registry has about an image, read once for all ways. */
export interface RegistryView {
  readonly image: Digest;
  readonly listing: ReferrerListing | string;
  /** By digest of the entry. */
  readonly bundles: ReadonlyMap<Digest, readonly StoredSignature[]>;
  readonly tagged: readonly StoredSignature[];
}

/** go-containerregistry reads the list under the tag after these, and fails after others (remote/referrers.go). */
const API_ANSWERS = [200, 400, 404, 406];

export async function readView(store: ConsumerStore, image: Digest): Promise<RegistryView> {
  const listing = await listingOf(store, image);
  const entries = typeof listing === 'string' ? [] : listing.entries;
  if (entries.length > LIMITS.imageSignatures) {
    throw new Failure('IMAGE_INVALID', `more than ${LIMITS.imageSignatures} manifests refer to ${image}`);
  }
  const bundles = new Map<Digest, readonly StoredSignature[]>();
  for (const { digest } of entries) {
    bundles.set(digest, await readSignatureManifest(store, digest, `referrer ${digest}`, 'bundle', image));
  }
  const tag = signatureTag(image);
  const isTagged = (await store.resolve(tag)) !== undefined;
  const tagged = isTagged ? await readSignatureManifest(store, tag, `tag ${tag}`, 'legacy', image) : [];
  return { image, listing, bundles, tagged };
}

/** A list that is none is what consumers fail at, too: part of the answer. */
async function listingOf(store: ConsumerStore, image: Digest): Promise<ReferrerListing | string> {
  try {
    return await store.listReferrers(image);
  } catch (error) {
    if (error instanceof Failure && error.code === 'IMAGE_INVALID') return error.message;
    throw error;
  }
}

export interface WalkContext {
  readonly trust: Trust;
  readonly annotations: Readonly<Record<string, string>>;
  readonly nowMs: number;
}

export async function walkWay(way: Way, view: RegistryView, context: WalkContext): Promise<WayReport> {
  const looks: LookReport[] = [];
  const report = (outcome: WayReport['outcome'], why: string): WayReport => {
    return { name: way.name, decides: way.decides, outcome, why, looks };
  };
  if (way.signers === 'certificates' && context.trust.expected.every(({ kind }) => kind === 'key')) {
    return report('refused', 'it takes no keys, only certificates');
  }
  for (const look of way.looks) {
    const seen = await lookAt(look, way, view, context);
    looks.push(seen);
    const good = seen.findings.find(({ refusal }) => refusal === undefined);
    if (good !== undefined && seen.broken === undefined) return report('accepted', `by ${good.place}`);
    const asking = seen.findings.find(({ refusal }) => refusal?.reason === 'log-missing');
    if (asking !== undefined && look.at === 'signature-tag' && way.asksLog) {
      return report('unknown', `it asks the log over the network about ${asking.place}, which brings no entry along`);
    }
    if (seen.findings.length > 0 && look.hidesOthers) break;
  }
  return report('refused', whyRefused(looks));
}

function whyRefused(looks: readonly LookReport[]): string {
  const last = looks.findLast(({ findings, broken }) => findings.length > 0 || broken !== undefined);
  if (last === undefined) return 'it finds nothing where it looks';
  if (last.broken !== undefined) return last.broken;
  const [first] = last.findings;
  return `${first?.place}: ${first?.refusal?.detail}`;
}

async function lookAt(look: Look, way: Way, view: RegistryView, context: WalkContext): Promise<LookReport> {
  const passedOver: { place: string; why: string }[] = [];
  const findings: ConsumerFinding[] = [];
  const stored = look.at === 'signature-tag' ? view.tagged : listedBundles(look, view, passedOver);
  const broken = look.at === 'signature-tag' ? undefined : brokenListing(look, view.listing);
  let unreadable: string | undefined;
  for (const one of broken === undefined ? stored : []) {
    const version = bundleVersion(one);
    if (one.format === 'bundle' && (one.content === undefined || version < look.oldestBundle)) {
      const why = one.problem ?? `it is a bundle of version ${version}, too old`;
      passedOver.push({ place: one.place, why });
      if (look.unreadable === 'fatal') unreadable = `${one.place}: ${why}`;
      continue;
    }
    const { predicateType } = one.content ?? {};
    if (look.predicateType !== undefined && predicateType !== undefined && predicateType !== look.predicateType) {
      passedOver.push({ place: one.place, why: `it is about ${predicateType}` });
      continue;
    }
    findings.push(await judge(one, look, way, view.image, context));
  }
  return { place: placeOf(look, view), there: sizeOf(look, view), passedOver, findings, broken: broken ?? unreadable };
}

/** The bundles behind the entries that the consumer does not filter out. */
function listedBundles(
  look: Look,
  { listing, bundles }: RegistryView,
  passedOver: { place: string; why: string }[],
): StoredSignature[] {
  if (typeof listing === 'string') return [];
  return listing.entries.flatMap((entry) => {
    const place = `referrer ${entry.digest}`;
    const labelled = (entry.artifactType ?? '').startsWith('application/vnd.dev.sigstore.bundle');
    if (look.listed === 'bundles' && !labelled) {
      passedOver.push({ place, why: labelProblem(entry, bundles) });
      return [];
    }
    const layers = bundles.get(entry.digest) ?? [];
    const [first, second] = layers;
    const isBundle = first?.mediaType.startsWith('application/vnd.dev.sigstore.bundle') ?? false;
    if (first === undefined || (look.layers === 'one' && (second !== undefined || !isBundle))) {
      passedOver.push({ place, why: first?.problem ?? 'it is no bundle' });
      return [];
    }
    return [first];
  });
}

/** Whether the list is wrong about the entry, or the entry is something else. */
function labelProblem({ digest, artifactType }: Descriptor, bundles: RegistryView['bundles']): string {
  const label = artifactType === undefined ? 'nothing' : `"${artifactType}"`;
  const isBundle = bundles.get(digest)?.some(({ mediaType }) => isBundleType(mediaType)) ?? false;
  return isBundle ? `it is a bundle, but the list calls it ${label}` : `the list calls it ${label}`;
}

function brokenListing(look: Look, listing: RegistryView['listing']): string | undefined {
  if (typeof listing === 'string') return listing;
  if (!API_ANSWERS.includes(listing.apiStatus)) {
    return `the registry answers its request for referrers with ${listing.apiStatus}, at which it fails`;
  }
  if (listing.entries.length > (look.mostReferrers ?? Number.POSITIVE_INFINITY)) {
    return `there are ${listing.entries.length} referrers, and it takes at most ${look.mostReferrers}`;
  }
  return undefined;
}

function placeOf(look: Look, { image, listing }: RegistryView): string {
  if (look.at === 'signature-tag') return `tag ${signatureTag(image)}`;
  const fromApi = typeof listing !== 'string' && listing.from === 'api';
  return fromApi ? 'referrers, by the API' : `referrers, listed under the tag ${image.replace(':', '-')}`;
}

function sizeOf(look: Look, { listing, tagged }: RegistryView): number {
  if (look.at === 'signature-tag') return tagged.length;
  return typeof listing === 'string' ? 0 : listing.entries.length;
}

function bundleVersion({ content, mediaType }: StoredSignature): number {
  const text = (content?.bundle as { mediaType?: unknown } | undefined)?.mediaType ?? mediaType;
  return Number(/(?:v|version=)(0\.\d+)/.exec(String(text))?.[1] ?? 0);
}

/** Our own verdict, then what the consumer wants besides. */
async function judge(
  stored: StoredSignature,
  look: Look,
  way: Way,
  image: Digest,
  { trust, annotations, nowMs }: WalkContext,
): Promise<ConsumerFinding> {
  const expected = trust.expected.filter(({ kind }) => way.signers === 'all' || kind === 'certificate');
  const ignoreTlog = way.githubOnly === true ? isByGithub(leafOf(stored.content)) : trust.ignoreTlog;
  const request = { expected, trustedRoot: trust.trustedRoot, ignoreTlog };
  const finding = await findingOf(stored, image, {
    ...request,
    annotations: way.annotations.includes(look.at) ? annotations : {},
  });
  const { place, predicateType, signer, refusal } = finding;
  if (refusal !== undefined || stored.content === undefined) return { place, predicateType, signer, refusal };
  return { place, predicateType, signer, refusal: await foreignRefusal(finding, stored.content, way, expected, nowMs) };
}

/** Why the consumer refuses what we accept. */
async function foreignRefusal(
  { signer, verified }: SignatureFinding,
  content: SignatureContent,
  way: Way,
  expected: readonly SignerExpectation[],
  nowMs: number,
): Promise<ConsumerFinding['refusal']> {
  if (signer?.kind === 'key') {
    const key = expected.find((one) => one.kind === 'key' && one.key.hint === signer.hint);
    if (key?.kind === 'key' && way.keyHash === 'sha256' && !isSignedWithSha256(content, key.key.pem)) {
      const detail = `it hashes with SHA-256, and the signature of this ${key.key.algorithm} key is another`;
      return { reason: 'key-hash', detail };
    }
    return undefined;
  }
  const leaf = leafOf(content);
  if (leaf === undefined || signer === undefined) return undefined;
  const problem = way.githubOnly === true ? await githubProblem(content.bundle, signer) : undefined;
  if (problem !== undefined) return { reason: 'identity', detail: problem };
  const untimed = !verified.includes('log') && way.unloggedTime === 'now';
  if (untimed && Date.parse(leaf.validTo) < nowMs) {
    return {
      reason: 'certificate-expired',
      detail: `its certificate ended at ${leaf.validTo}, and nothing else is asked`,
    };
  }
  return undefined;
}

/** Undefined where there is none, or none that can be read: a bundle is hostile, and not verified yet. */
function leafOf(content: SignatureContent | undefined): X509Certificate | undefined {
  if (content === undefined) return undefined;
  try {
    const { certificate, x509CertificateChain } = (content.bundle as BundleJson).verificationMaterial;
    const base64 = certificate?.rawBytes ?? x509CertificateChain?.certificates[0]?.rawBytes;
    return base64 === undefined ? undefined : new X509Certificate(Buffer.from(base64, 'base64'));
  } catch {
    return undefined;
  }
}

/** Our verifier takes the hash that belongs to the key as well. */
function isSignedWithSha256({ bundle, artifact, payload }: SignatureContent, pem: string): boolean {
  const { dsseEnvelope, messageSignature } = bundle as BundleJson;
  const signed = artifact ?? preAuthEncoding(IN_TOTO_TYPE, payload);
  const signature = dsseEnvelope?.signatures[0]?.sig ?? messageSignature?.signature ?? '';
  const key = createPublicKey(pem);
  return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', signed, key, Buffer.from(signature, 'base64'));
}
