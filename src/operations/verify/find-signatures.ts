// Everything that is said about an image and signed: bundles and legacy signatures among its referrers, and the layers of
// its `.sig` and `.att` tags (signing.md 2 to 4). What is found is hostile: it is read within bounds, and what cannot be
// read is kept with the reason, so that nobody takes "unreadable" for "not there".

import { type Digest, isDigest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { IN_TOTO_TYPE, parseEnvelope } from '../../formats/attestation/dsse.ts';
import { legacyBundle } from '../../formats/attestation/legacy-bundle.ts';
import { SIGNATURE_PREDICATE } from '../../formats/attestation/predicate-type.ts';
import {
  attestationTag,
  DSSE_TYPE,
  isBundleType,
  OCI11_SIGNATURE_TYPE,
  SIMPLE_SIGNING_TYPE,
  signatureTag,
} from '../../formats/attestation/signature-storage.ts';
import { parseSimpleSigning } from '../../formats/attestation/simple-signing.ts';
import { parseStatement, type Statement } from '../../formats/attestation/statement.ts';
import { readSmallBlob } from '../../formats/oci/blob-source.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
import type { TextMap } from '../../formats/oci/json-object.ts';
import { parseManifest } from '../../formats/oci/manifest.ts';
import type { ImageStore } from './image-store.ts';

export type SignatureFormat = 'bundle' | 'legacy' | 'oci11';

export interface StoredSignature {
  /** `referrer sha256:...`, or `tag sha256-....sig, layer 2`. */
  readonly place: string;
  readonly format: SignatureFormat;
  /** Of the layer that holds it; '' where there is none. */
  readonly mediaType: string;
  /** Undefined where it cannot be read: `problem` says why. */
  readonly content: SignatureContent | undefined;
  readonly problem: string | undefined;
}

export interface SignatureContent {
  /** As `verifyBundle` takes it. */
  readonly bundle: unknown;
  /** The signed bytes, where the bundle has them not. */
  readonly artifact: Uint8Array | undefined;
  /** What is signed: a statement, or simple signing text. */
  readonly payload: Uint8Array;
  /** SIGNATURE_PREDICATE is a signature, everything else an attestation. */
  readonly predicateType: string;
  readonly subjects: readonly { readonly digest: Digest; readonly annotations: TextMap }[];
  readonly statement: Statement | undefined;
  /** The envelope as its own document, for those who want to keep it. */
  readonly envelope: string | undefined;
}

/** In the order of the store: referrers, then `.sig`, then `.att`. Failures of the store, and IMAGE_INVALID for too many. */
export async function findSignatures(store: ImageStore, image: Digest): Promise<StoredSignature[]> {
  const found: StoredSignature[] = [];
  for (const referrer of await store.referrers(image)) {
    const type = referrer.artifactType ?? '';
    if (!isBundleType(type) && type !== OCI11_SIGNATURE_TYPE) continue;
    refuseTooMany(found.length + 1, image);
    const format = isBundleType(type) ? 'bundle' : 'oci11';
    found.push(...(await readSignatureManifest(store, referrer.digest, `referrer ${referrer.digest}`, format, image)));
  }
  for (const tag of [signatureTag(image), attestationTag(image)]) {
    if ((await store.resolve(tag)) === undefined) continue;
    found.push(...(await readSignatureManifest(store, tag, `tag ${tag}`, 'legacy', image)));
  }
  refuseTooMany(found.length, image);
  return found;
}

/** The signatures in one manifest, one for each layer. Failures of the store, and IMAGE_INVALID for too many. */
export async function readSignatureManifest(
  store: ImageStore,
  tagOrDigest: string,
  place: string,
  format: SignatureFormat,
  image: Digest,
): Promise<StoredSignature[]> {
  const broken = (problem: string, where = place, mediaType = ''): StoredSignature => ({
    place: where,
    format,
    mediaType,
    content: undefined,
    problem,
  });
  const manifest = await readable(async () => parseManifest((await store.getManifest(tagOrDigest)).bytes, place));
  if (typeof manifest === 'string') return [broken(manifest)];
  if (isDigest(tagOrDigest) && manifest.subject?.digest !== image) return [broken('it refers to another image')];
  if (manifest.layers.length === 0) return [broken('it holds nothing')];
  refuseTooMany(manifest.layers.length, image);
  const stored: StoredSignature[] = [];
  for (const [i, layer] of manifest.layers.entries()) {
    const where = manifest.layers.length === 1 ? place : `${place}, layer ${i + 1}`;
    const content = await readable(async () => {
      const bytes = await readSmallBlob(store.blobs, layer, LIMITS.attestationBytes);
      return format === 'bundle' ? bundleContent(bytes, where) : legacyContent(bytes, layer, where);
    });
    const { mediaType } = layer;
    stored.push(
      typeof content === 'string'
        ? broken(content, where, mediaType)
        : { place: where, format, mediaType, content, problem: undefined },
    );
  }
  return stored;
}

function bundleContent(bytes: Uint8Array, place: string): SignatureContent {
  let bundle: { readonly dsseEnvelope?: unknown };
  try {
    bundle = JSON.parse(Buffer.from(bytes).toString('utf8')) ?? {};
  } catch {
    throw new Failure('IMAGE_INVALID', `${place} holds no JSON`);
  }
  if (bundle.dsseEnvelope === undefined) throw new Failure('IMAGE_INVALID', `${place} holds no envelope`);
  return { bundle, artifact: undefined, ...statementContent(JSON.stringify(bundle.dsseEnvelope), place) };
}

function legacyContent(bytes: Uint8Array, layer: Descriptor, place: string): SignatureContent {
  const bundle = legacyBundle(bytes, layer.mediaType, layer.annotations ?? {}, place);
  if (layer.mediaType === DSSE_TYPE) {
    return { bundle, artifact: undefined, ...statementContent(Buffer.from(bytes).toString('utf8'), place) };
  }
  if (layer.mediaType !== SIMPLE_SIGNING_TYPE) throw new Failure('IMAGE_INVALID', `${place} is a "${layer.mediaType}"`);
  const { manifestDigest, annotations } = parseSimpleSigning(bytes, place);
  return {
    bundle,
    artifact: bytes,
    payload: bytes,
    predicateType: SIGNATURE_PREDICATE,
    subjects: [{ digest: manifestDigest, annotations }],
    statement: undefined,
    envelope: undefined,
  };
}

function statementContent(
  envelope: string,
  place: string,
): Pick<SignatureContent, 'payload' | 'predicateType' | 'subjects' | 'statement' | 'envelope'> {
  const { payload, payloadType } = parseEnvelope(Buffer.from(envelope), place);
  if (payloadType !== IN_TOTO_TYPE) throw new Failure('IMAGE_INVALID', `${place} holds a "${payloadType}"`);
  const statement = parseStatement(payload, place);
  return { payload, predicateType: statement.predicateType, subjects: statement.subjects, statement, envelope };
}

/** What `read` gives, or why it is not readable: damage of one signature is no failure of the whole. */
async function readable<T>(read: () => Promise<T>): Promise<T | string> {
  try {
    return await read();
  } catch (error) {
    const damage =
      error instanceof Failure &&
      (error.code === 'IMAGE_INVALID' || error.code === 'CHECKSUM_MISMATCH' || error.code === 'IMAGE_NOT_FOUND');
    if (damage) return error.message;
    throw error;
  }
}

function refuseTooMany(count: number, image: Digest): void {
  if (count <= LIMITS.imageSignatures) return;
  throw new Failure(
    'IMAGE_INVALID',
    `more than ${LIMITS.imageSignatures} signatures and attestations are about ${image}`,
  );
}
