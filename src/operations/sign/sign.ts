// `stave sign` and `attest`: a reference, and a key or an identity (signing.md 5, 6, 9). Without a key the run's own identity
// signs. Must never ask for a token or a password before it is certain that there is something to sign.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { VERSION } from '../../base/version.ts';
import { createHttpClient, type HttpClient } from '../../effects/http/client.ts';
import { systemClock } from '../../effects/http/retry.ts';
import { openRegistry } from '../../effects/registry/client/registry-client.ts';
import { type BundleSigner, keySigner } from '../../effects/signing/bundle-signer.ts';
import { readIdentityToken } from '../../effects/signing/identity-token.ts';
import { keylessSigner, witnessesOf } from '../../effects/signing/keyless-signer.ts';
import { PUBLIC_SERVICES } from '../../effects/signing/public-instance.ts';
import type { SecretSources } from '../../effects/signing/secret-sources.ts';
import { parseSigningConfig, type SigningServices } from '../../effects/signing/signing-config.ts';
import { readSigningKey } from '../../effects/signing/signing-key.ts';
import { predicateTypeOf } from '../../formats/attestation/predicate-type.ts';
import type { JsonValue, TextMap } from '../../formats/oci/json-object.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import type { Host } from '../host.ts';
import {
  attestImage,
  type SignedSubject,
  type SigningFormat,
  type SigningPlace,
  type SignReport,
  signableBelow,
  signImage,
} from './sign-image.ts';

export interface SigningRequest {
  readonly reference: string;
  /** A path, `env://NAME` or `-`. Undefined: keyless. */
  readonly key?: string | undefined;
  readonly allowEd25519?: boolean;
  /** A token, or where it is; default: from the surroundings. */
  readonly identityToken?: string | undefined;
  /** Path of a signing configuration; default: none for keys, the public instance for identities. */
  readonly signingConfig?: string | undefined;
  readonly format: SigningFormat;
}

/** Failures of the registry, KEY_*, SIGNING_FAILED, TRUST_ROOT_INVALID. */
export async function signReference(
  request: SigningRequest & { readonly annotations: TextMap },
  host: Host,
  sources: SecretSources,
): Promise<SignReport> {
  return await withPlace(request, host, sources, async (place, reference) =>
    signImage({ ...place, reference, annotations: request.annotations }),
  );
}

/** Attests the predicate of a JSON file about the image and every platform. Failures as `signReference`, CONFIG_*. */
export async function attestReference(
  request: SigningRequest & { readonly type: string; readonly predicatePath: string },
  host: Host,
  sources: SecretSources,
): Promise<readonly SignedSubject[]> {
  const predicateType = predicateTypeOf(request.type);
  const predicate = await readPredicate(request.predicatePath, host.cwd);
  return await withPlace(request, host, sources, async (place, reference) => {
    const subjects = await signableBelow(place.client, reference);
    return await attestImage(
      place,
      subjects.map((subject) => ({ subject, predicateType, predicate })),
    );
  });
}

async function withPlace<T>(
  request: SigningRequest,
  host: Host,
  sources: SecretSources,
  work: (place: SigningPlace, tagOrDigest: string) => Promise<T>,
): Promise<T> {
  const reference = parseReference(request.reference);
  const { env: environment, homeDir, events } = host;
  const http = createHttpClient({ version: VERSION, environment, events });
  const client = openRegistry(reference, { environment, homeDir, version: VERSION, events });
  try {
    const tagOrDigest = reference.digest ?? reference.tag ?? '';
    // A tag may move: what is looked at now is what is signed.
    const { digest } = (await client.getManifest(tagOrDigest)).descriptor;
    const signer = await signerFor(request, host, sources, http);
    return await work({ client, signer, clock: systemClock, format: request.format }, digest);
  } finally {
    await client.close();
    await http.close();
  }
}

async function signerFor(
  { key, allowEd25519 = false, identityToken, signingConfig }: SigningRequest,
  host: Host,
  sources: SecretSources,
  http: HttpClient,
): Promise<BundleSigner> {
  const services = await servicesAt(signingConfig, host.cwd);
  if (key === undefined) {
    return await keylessSigner({
      services: services ?? PUBLIC_SERVICES,
      identityToken: () => readIdentityToken(identityToken, sources, http),
      clock: systemClock,
    });
  }
  const witnesses = services === undefined ? [] : await witnessesOf(services);
  return keySigner(await readSigningKey(key, sources), { allowEd25519, witnesses });
}

async function servicesAt(path: string | undefined, cwd: string): Promise<SigningServices | undefined> {
  if (path === undefined) return undefined;
  return await parseSigningConfig((await readLocal(path, cwd)).toString('utf8'), path, systemClock.now());
}

async function readPredicate(path: string, cwd: string): Promise<JsonValue> {
  const bytes = await readLocal(path, cwd);
  try {
    return JSON.parse(bytes.toString('utf8')) as JsonValue;
  } catch {
    throw new Failure('CONFIG_SYNTAX', `${path} should hold a predicate, but is not JSON`);
  }
}

async function readLocal(path: string, cwd: string): Promise<Buffer> {
  try {
    return await readFile(resolve(cwd, path));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Failure('FILE_UNREADABLE', `cannot read ${path}: ${code}`, { cause });
  }
}
