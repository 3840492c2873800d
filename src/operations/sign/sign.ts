// `stave sign` and `attest`: a reference, and a key or an identity (signing.md 5, 6, 9). Without a key the run's own identity
// signs. Must never ask for a token or a password before it is certain that there is something to sign.

import { Failure } from '../../base/failure.ts';
import { systemClock } from '../../effects/http/retry.ts';
import { predicateTypeOf } from '../../formats/attestation/predicate-type.ts';
import type { JsonValue, TextMap } from '../../formats/oci/json-object.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import type { Host } from '../host.ts';
import { withRegistries } from '../registry/registries.ts';
import type { RegistryAccess } from '../registry/registry-request.ts';
import { readLocalText, type SignerOptions, withSigner } from './open-signer.ts';
import {
  attestImage,
  type SignedSubject,
  type SigningFormat,
  type SigningPlace,
  type SignReport,
  signableBelow,
  signImage,
} from './sign-image.ts';

export interface SigningRequest extends SignerOptions, RegistryAccess {
  readonly reference: string;
  readonly format: SigningFormat;
}

export interface SignImageRequest extends SigningRequest {
  /** Signed along. */
  readonly annotations: TextMap;
}

/** Failures of the registry, KEY_*, SIGNING_FAILED, TRUST_ROOT_INVALID. */
export async function signReference(request: SignImageRequest, host: Host): Promise<SignReport> {
  const { annotations } = request;
  return await withPlace(request, host, (place, reference) => signImage({ ...place, reference, annotations }));
}

export interface AttestRequest extends SigningRequest {
  /** A short name or URI. */
  readonly type: string;
  readonly predicatePath: string;
}

export interface AttestReport {
  readonly predicateType: string;
  readonly signed: readonly SignedSubject[];
}

/** Attests the predicate of a JSON file about the image and every platform. Failures as `signReference`, CONFIG_*. */
export async function attestReference(request: AttestRequest, host: Host): Promise<AttestReport> {
  const predicateType = predicateTypeOf(request.type);
  const predicate = await readPredicate(request.predicatePath, host.cwd);
  return await withPlace(request, host, async (place, reference) => {
    const subjects = await signableBelow(place.client, reference);
    const attestations = subjects.map((subject) => ({ subject, predicateType, predicate }));
    return { predicateType, signed: await attestImage(place, attestations) };
  });
}

async function withPlace<T>(
  request: SigningRequest,
  host: Host,
  work: (place: SigningPlace, tagOrDigest: string) => Promise<T>,
): Promise<T> {
  const reference = parseReference(request.reference);
  return await withRegistries(request, host, async (registries) => {
    const client = registries.client(reference);
    // A tag may move: what is looked at now is what is signed.
    const { digest } = (await client.getManifest(reference.digest ?? reference.tag ?? '')).descriptor;
    const { format } = request;
    return await withSigner(request, host, (signer) => work({ client, signer, clock: systemClock, format }, digest));
  });
}

async function readPredicate(path: string, cwd: string): Promise<JsonValue> {
  const text = await readLocalText(path, cwd);
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw new Failure('CONFIG_SYNTAX', `${path} should hold a predicate, but is not JSON`);
  }
}
