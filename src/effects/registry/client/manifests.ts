// Manifests and indexes of a repository: ask, get, put, delete (distribution spec, "Pulling manifests", "Pushing
// manifests", "Deleting manifests"). Must never hand out bytes that are not what their digest says.

import type { IncomingHttpHeaders } from 'node:http';
import { type Digest, isDigest, sha256 } from '../../../base/digest.ts';
import { Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import { type Descriptor, describeBytes, MEDIA_TYPE } from '../../../formats/oci/descriptor.ts';
import { isIndexType } from '../../../formats/oci/image-index.ts';
import { isManifestType } from '../../../formats/oci/manifest.ts';
import { contentLength } from '../../http/exchange.ts';
import type { RegistryRequest } from './registry-connection.ts';
import { isTag, nameOf, type Repository, scopesOf } from './repository.ts';

export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  /** As the registry spells it, for a conditional change. */
  readonly etag: string | undefined;
}

export interface PushedManifest extends Descriptor {
  /** OCI-Subject: the registry has understood the subject and lists the manifest among its referrers. */
  readonly confirmedSubject?: Digest;
}

const ACCEPTED = [MEDIA_TYPE.imageIndex, MEDIA_TYPE.imageManifest, MEDIA_TYPE.dockerIndex, MEDIA_TYPE.dockerManifest];
/** A HEAD that a server does not know or does not like may still work as a GET. */
const HEAD_REFUSED = new Set([400, 405, 406, 501]);
/** Servers check a manifest's blobs before they answer. */
const STORE_TIMEOUT_MS = 120_000;

/** What the tag or digest is, or undefined where there is nothing. Costs no download where the registry can say it. */
export async function resolveManifest(repository: Repository, tagOrDigest: string): Promise<Descriptor | undefined> {
  const { connection } = repository;
  const request = manifestRequest(repository, 'HEAD', tagOrDigest, 'look up');
  const answer = await connection.read(request, LIMITS.registryAnswerBytes);
  if (answer.status === 404) return undefined;
  if (answer.status === 200) {
    const described = describedBy(answer.headers);
    const expected = !isDigest(tagOrDigest) || described?.digest === tagOrDigest;
    if (described !== undefined && expected) return described;
  } else if (!HEAD_REFUSED.has(answer.status)) {
    await connection.refuse(answer, request);
  }
  return (await findManifest(repository, tagOrDigest))?.descriptor;
}

/** Failures IMAGE_NOT_FOUND, CHECKSUM_MISMATCH, IMAGE_INVALID, and those of the connection. */
export async function getManifest(repository: Repository, tagOrDigest: string): Promise<FetchedManifest> {
  const found = await findManifest(repository, tagOrDigest);
  if (found !== undefined) return found;
  throw new Failure('IMAGE_NOT_FOUND', `${nameOf(repository, tagOrDigest)} does not exist`, {
    hint: 'check the spelling of repository and tag; old tags may have been deleted',
  });
}

/** The same with undefined where there is nothing. */
export async function findManifest(repository: Repository, tagOrDigest: string): Promise<FetchedManifest | undefined> {
  const { connection } = repository;
  const request = manifestRequest(repository, 'GET', tagOrDigest, 'read');
  const answer = await connection.read(request, LIMITS.imageManifestBytes);
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) await connection.refuse(answer, request);
  const { bytes, headers } = answer;
  const name = nameOf(repository, tagOrDigest);
  const promised = isDigest(tagOrDigest) ? tagOrDigest : digestHeader(headers);
  checkDigest(bytes, promised, name);
  return { descriptor: describeBytes(bytes, mediaTypeOf(bytes, headers, name)), bytes, etag: headers.etag };
}

/** Stores the bytes; `condition` goes along as a header. Failures CHECKSUM_MISMATCH and those of the connection. */
export async function putManifest(
  repository: Repository,
  tagOrDigest: string,
  mediaType: string,
  bytes: Uint8Array,
  condition: Readonly<Record<string, string>> = {},
): Promise<PushedManifest> {
  const answer = await repository.connection.ask(
    {
      ...manifestRequest(repository, 'PUT', tagOrDigest, 'store'),
      headers: { 'content-type': mediaType, ...condition },
      body: () => bytes,
      answerTimeoutMs: STORE_TIMEOUT_MS,
    },
    [201, 200, 202, 204],
  );
  checkDigest(bytes, digestHeader(answer.headers), nameOf(repository, tagOrDigest));
  const subject = answer.headers['oci-subject'];
  const descriptor = describeBytes(bytes, mediaType);
  return typeof subject === 'string' && isDigest(subject) ? { ...descriptor, confirmedSubject: subject } : descriptor;
}

/** Removes a manifest by digest, or only a tag; false where there was none. Failure HTTP_STATUS where deleting is off. */
export async function deleteManifest(repository: Repository, tagOrDigest: string): Promise<boolean> {
  const request = manifestRequest(repository, 'DELETE', tagOrDigest, 'delete');
  const answer = await repository.connection.ask(request, [202, 200, 204, 404]);
  return answer.status !== 404;
}

function manifestRequest(
  repository: Repository,
  method: 'GET' | 'HEAD' | 'PUT' | 'DELETE',
  tagOrDigest: string,
  verb: string,
): RegistryRequest {
  if (!isDigest(tagOrDigest) && !isTag(tagOrDigest)) {
    throw new Failure('IMAGE_INVALID', `"${tagOrDigest}" is neither a tag nor a digest`, {
      hint: 'a tag has 1 to 128 letters, digits, ".", "_" and "-"; a digest is sha256: and 64 lower-case hex digits',
    });
  }
  const reading = method === 'GET' || method === 'HEAD';
  const actions = reading
    ? (['pull'] as const)
    : method === 'PUT'
      ? (['pull', 'push'] as const)
      : (['delete'] as const);
  return {
    method,
    place: `${repository.name}/manifests/${tagOrDigest}`,
    doing: `${verb} ${nameOf(repository, tagOrDigest)}`,
    scopes: scopesOf(repository, ...actions),
    ...(reading && { headers: { accept: ACCEPTED.join(', ') }, redirects: 'all' as const }),
  };
}

function checkDigest(bytes: Uint8Array, promised: Digest | undefined, name: string): void {
  const digest = sha256(bytes);
  if (promised === undefined || digest === promised) return;
  throw new Failure('CHECKSUM_MISMATCH', `${name} should have the digest ${promised}, but its bytes have ${digest}`, {
    hint: 'the registry, or a proxy in front of it, changes what it stores; do not use it',
  });
}

function digestHeader(headers: IncomingHttpHeaders): Digest | undefined {
  const text = headers['docker-content-digest'];
  return typeof text === 'string' && isDigest(text) ? text : undefined;
}

/** What the headers alone say, where they say it all. */
function describedBy(headers: IncomingHttpHeaders): Descriptor | undefined {
  const digest = digestHeader(headers);
  const sizeBytes = contentLength(headers);
  const mediaType = contentType(headers);
  if (digest === undefined || sizeBytes === undefined || sizeBytes === 0 || !isKnownType(mediaType)) return undefined;
  return { mediaType, sizeBytes, digest };
}

/** The type that header and document agree on. Servers of plain files have no better header than a general one. */
function mediaTypeOf(bytes: Uint8Array, headers: IncomingHttpHeaders, name: string): string {
  const header = contentType(headers);
  const own = ownMediaType(bytes);
  if (isKnownType(header) && own.mediaType !== undefined && own.mediaType !== header) {
    throw new Failure('IMAGE_INVALID', `${name} is served as "${header}", but calls itself "${own.mediaType}"`, {
      hint: 'tools would not agree on what it is; push it again',
    });
  }
  if (isKnownType(header)) return header;
  const found = own.mediaType ?? (own.isIndex ? MEDIA_TYPE.imageIndex : MEDIA_TYPE.imageManifest);
  if (own.schemaVersion === 2 && isKnownType(found)) return found;
  throw new Failure('IMAGE_INVALID', `${name} is a "${own.mediaType ?? header}", not an image manifest or index`, {
    hint: 'images in the old schema 1 have to be pushed again by a current tool',
  });
}

function ownMediaType(bytes: Uint8Array): { mediaType?: string; isIndex: boolean; schemaVersion: unknown } {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown> | null;
    const mediaType = value?.['mediaType'];
    return {
      ...(typeof mediaType === 'string' && { mediaType }),
      isIndex: value?.['manifests'] !== undefined,
      schemaVersion: value?.['schemaVersion'],
    };
  } catch {
    return { isIndex: false, schemaVersion: undefined };
  }
}

function contentType(headers: IncomingHttpHeaders): string {
  return (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

function isKnownType(mediaType: string): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType);
}
