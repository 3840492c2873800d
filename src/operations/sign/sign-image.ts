// Signs images and attests something about them (signing.md 2 to 4, 9): the index and every platform, as sigstore bundles
// among the referrers and as the older tags, so that every verifier of the field finds what it looks for.
// Signing the same again with the same key changes nothing.

import { mapBounded } from '../../base/bounded.ts';
import { printJson } from '../../base/canonical-json.ts';
import type { Digest } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import type { RetryClock } from '../../effects/http/retry.ts';
import { pullImage } from '../../effects/registry/client/pull-image.ts';
import type { RegistryClient } from '../../effects/registry/client/registry-client.ts';
import type { BundleSigner } from '../../effects/signing/bundle-signer.ts';
import type { Signer } from '../../effects/signing/signer-expectation.ts';
import { bundleSigner, verifyBundle } from '../../effects/signing/verify-bundle.ts';
import type { BundleJson } from '../../formats/attestation/bundle-json.ts';
import { IN_TOTO_TYPE } from '../../formats/attestation/dsse.ts';
import { legacyAnnotations } from '../../formats/attestation/legacy-bundle.ts';
import { SIGNATURE_PREDICATE } from '../../formats/attestation/predicate-type.ts';
import {
  ANNOTATION,
  attestationTag,
  DSSE_TYPE,
  type LegacyLayer,
  planBundleManifest,
  planLegacyLayer,
  planLegacyManifest,
  SIMPLE_SIGNING_TYPE,
  type StoredManifest,
  signatureTag,
} from '../../formats/attestation/signature-storage.ts';
import { printSimpleSigning } from '../../formats/attestation/simple-signing.ts';
import { printStatement } from '../../formats/attestation/statement.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
import { type Artifact, type Image, type ImageIndex, imagesOf } from '../../formats/oci/image.ts';
import type { JsonValue, TextMap } from '../../formats/oci/json-object.ts';
import { parseManifest } from '../../formats/oci/manifest.ts';
import { findSignatures, type StoredSignature } from '../verify/find-signatures.ts';

/** Between writing a list and looking whether it stayed. */
const LEAST_SETTLE_MS = 200;
/** Subjects being signed at once: mostly waiting. */
const SUBJECTS_IN_FLIGHT = 4;

/** `bundle`: referrers; `legacy`: `.sig` and `.att` tags. */
export type SigningFormat = 'bundle' | 'legacy' | 'both';

export interface SigningPlace {
  readonly client: RegistryClient;
  readonly clock: RetryClock;
  readonly signer: BundleSigner;
  readonly format: SigningFormat;
}

export interface SignRequest extends SigningPlace {
  /** A tag or digest. It is resolved once: what is signed is a digest. */
  readonly reference: string;
  readonly annotations?: TextMap;
}

export interface Attestation {
  readonly subject: Descriptor;
  readonly predicateType: string;
  readonly predicate: JsonValue;
}

export interface SignReport {
  readonly image: Digest;
  /** In the order of the index, which comes first itself. */
  readonly signed: readonly SignedSubject[];
}

export interface SignedSubject {
  readonly subject: Digest;
  readonly predicateType: string;
  readonly format: 'bundle' | 'legacy';
  readonly signer: Signer;
  /** False where an equal one by the same key was there. */
  readonly added: boolean;
}

/** Failures of the registry and of the signer, REGISTRY_CONFLICT. */
export async function signImage(request: SignRequest): Promise<SignReport> {
  const subjects = await signableBelow(request.client, request.reference);
  return { image: subjects[0]!.digest, signed: await signSubjects(request, subjects, request.annotations ?? {}) };
}

/** The same for manifests that are known. */
export async function signSubjects(
  place: SigningPlace,
  subjects: readonly Descriptor[],
  annotations: TextMap,
): Promise<SignedSubject[]> {
  const signed = await mapBounded(subjects, SUBJECTS_IN_FLIGHT, async (subject) => {
    const statement = {
      subjects: [{ digest: subject.digest, annotations }],
      predicateType: SIGNATURE_PREDICATE,
      predicate: {},
    };
    const payload = printSimpleSigning({
      dockerReference: placeName(place.client),
      manifestDigest: subject.digest,
      annotations,
    });
    const said = { predicateType: SIGNATURE_PREDICATE, statement: printStatement(statement), payload };
    return await attach(place, subject, said, await alreadyStored(place, subject));
  });
  return signed.flat();
}

/** Each attestation in each form, those of one subject one after the other. Failures as `signImage`. */
export async function attestImage(place: SigningPlace, attestations: readonly Attestation[]): Promise<SignedSubject[]> {
  const digests = [...new Set(attestations.map(({ subject }) => subject.digest))];
  const signed = await mapBounded(digests, SUBJECTS_IN_FLIGHT, async (digest) => {
    const subjects = [{ name: placeName(place.client), digest, annotations: {} }];
    const done: SignedSubject[] = [];
    const own = attestations.filter(({ subject }) => subject.digest === digest);
    const stored = await alreadyStored(place, own[0]!.subject);
    for (const { subject, predicateType, predicate } of own) {
      const statement = printStatement({ subjects, predicateType, predicate });
      done.push(...(await attach(place, subject, { predicateType, statement }, stored)));
    }
    return done;
  });
  return signed.flat();
}

/** The image or index, and every platform below: runtimes and admission controllers look at those. */
export async function signableBelow(client: RegistryClient, reference: string): Promise<Descriptor[]> {
  return signableIn((await pullImage(client, reference)).value);
}

export function signableIn(value: Image | Artifact | ImageIndex): Descriptor[] {
  const below = value.kind === 'index' ? imagesOf(value).map(({ descriptor }) => descriptor) : [];
  return [value.descriptor, ...below.filter(({ digest }) => digest !== value.descriptor.digest)];
}

/** What may be there of the same signer. One who is not known before cannot be recognized. */
async function alreadyStored({ client, signer }: SigningPlace, { digest }: Descriptor): Promise<StoredSignature[]> {
  return signer.expectation === undefined ? [] : await findSignatures(client, digest);
}

interface Said {
  readonly predicateType: string;
  readonly statement: string;
  /** The simple signing text of a signature; an attestation has its envelope in the legacy form too. */
  readonly payload?: string;
}

async function attach(
  place: SigningPlace,
  subject: Descriptor,
  { predicateType, statement, payload }: Said,
  stored: readonly StoredSignature[],
): Promise<SignedSubject[]> {
  const { client, signer, format } = place;
  const done: SignedSubject[] = [];
  let bundle: BundleJson | undefined;
  const report = async (one: 'bundle' | 'legacy', made: BundleJson | undefined) => {
    const by = made === undefined ? knownSigner(signer) : await bundleSigner(made);
    done.push({ subject: subject.digest, predicateType, format: one, signer: by, added: made !== undefined });
  };
  const envelope = async () => (bundle ??= await signer.signEnvelope(Buffer.from(statement), IN_TOTO_TYPE));
  if (format !== 'legacy') {
    const known = await isThere(stored, 'bundle', statement, signer);
    if (!known) {
      const manifest = planBundleManifest(Buffer.from(printJson(await envelope())), predicateType, subject);
      await pushBlobs(client, manifest);
      await client.attachReferrer(subject, manifest.descriptor.mediaType, manifest.bytes);
    }
    await report('bundle', known ? undefined : bundle);
  }
  if (format !== 'bundle') {
    const known = await isThere(stored, 'legacy', payload ?? statement, signer);
    let made: BundleJson | undefined;
    if (!known && payload === undefined) {
      made = await envelope();
      await appendLayer(place, attestationTag(subject.digest), envelopeLayer(made, predicateType));
    } else if (!known && payload !== undefined) {
      const bytes = Buffer.from(payload);
      made = await signer.signMessage(bytes);
      const layer = planLegacyLayer(bytes, SIMPLE_SIGNING_TYPE, legacyAnnotations(made));
      await appendLayer(place, signatureTag(subject.digest), layer);
    }
    await report('legacy', made);
  }
  return done;
}

/** Only signatures of a signer that is known before are found again. */
function knownSigner({ expectation }: BundleSigner): Signer {
  assert(expectation?.kind === 'key', 'what was not made anew is by a key');
  return { kind: 'key', hint: expectation.key.hint };
}

function envelopeLayer(bundle: BundleJson, predicateType: string): LegacyLayer {
  const annotations = { ...legacyAnnotations(bundle), [ANNOTATION.predicateType]: predicateType };
  return planLegacyLayer(Buffer.from(printJson(bundle.dsseEnvelope)), DSSE_TYPE, annotations);
}

/** Whether the same bytes are signed there by the same key. */
async function isThere(
  stored: readonly StoredSignature[],
  format: 'bundle' | 'legacy',
  payload: string,
  { expectation }: BundleSigner,
): Promise<boolean> {
  if (expectation === undefined) return false;
  for (const { content, format: theirs } of stored) {
    if (theirs !== format || content === undefined || !Buffer.from(payload).equals(content.payload)) continue;
    const options = { ignoreTlog: true, ...(content.artifact && { artifact: content.artifact }) };
    if ((await verifyBundle(content.bundle, expectation, options)).refusal === undefined) return true;
  }
  return false;
}

/**
 * Adds a layer to the manifest under a tag. Two that sign at once read the same list, and the later one overwrites the
 * other: so it is read again after a while, and the loser tries again. Reading and writing of others take about as long as
 * ours did; a look after three times that finds the loss.
 */
async function appendLayer({ client, clock }: SigningPlace, tag: string, layer: LegacyLayer): Promise<void> {
  const signature = layer.descriptor.annotations?.[ANNOTATION.signature];
  const isIn = (layers: readonly Descriptor[]) =>
    layers.some(
      ({ digest, annotations }) =>
        digest === layer.descriptor.digest && annotations?.[ANNOTATION.signature] === signature,
    );
  for (let round = 0; round < LIMITS.referrerRounds; round++) {
    const started = clock.now();
    const layers = await layersOf(client, tag);
    if (isIn(layers)) return;
    const manifest = planLegacyManifest([...layers, layer.descriptor], layer);
    await pushBlobs(client, manifest);
    await client.putManifest(tag, manifest.descriptor.mediaType, manifest.bytes);
    await clock.sleep(Math.max(LEAST_SETTLE_MS, 3 * (clock.now() - started)) * (1 + clock.random()));
    if (isIn(await layersOf(client, tag))) return;
  }
  throw new Failure('REGISTRY_CONFLICT', `others keep changing the tag ${tag} at the same time`, {
    hint: 'Try again when they are done.',
  });
}

async function layersOf(client: RegistryClient, tag: string): Promise<readonly Descriptor[]> {
  if ((await client.resolve(tag)) === undefined) return [];
  return parseManifest((await client.getManifest(tag)).bytes, `the signatures under ${tag}`).layers;
}

async function pushBlobs(client: RegistryClient, { blobs }: StoredManifest): Promise<void> {
  for (const { descriptor, bytes } of blobs) await client.pushBlob(descriptor, sourceOf(bytes));
}

function sourceOf(bytes: Uint8Array): BlobSource {
  return {
    async *open(_descriptor, range) {
      yield range === undefined ? bytes : bytes.subarray(range.start, range.end);
    },
  };
}

function placeName({ registry, repository }: RegistryClient): string {
  return `${registry}/${repository}`;
}
