// Where an upload goes and how much of it has arrived, as a registry says it in headers (distribution spec, "Pushing blobs").
// Must never let a registry lead us from https to plain http: such places are none.

import { Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import type { Descriptor } from '../../../formats/oci/descriptor.ts';
import { repositoryScope } from '../auth/scope.ts';
import type { SmallAnswer } from '../small-answer.ts';
import { placeNamedBy } from './registry-connection.ts';
import { protocolFailure } from './registry-failure.ts';
import { nameOf, type Repository, scopesOf } from './repository.ts';

/** An upload under way. */
export interface UploadSession {
  readonly place: URL;
  /** OCI-Chunk-Min-Length; 0 where the registry does not mind. */
  readonly leastChunkBytes: number;
}

/** A place to upload to, or the blob itself where a mount succeeds. A mount that does not is no failure. */
export async function beginUpload(
  repository: Repository,
  descriptor: Descriptor,
  mountFrom: string | undefined,
): Promise<UploadSession | 'mounted'> {
  const { connection } = repository;
  const place = `${repository.name}/blobs/uploads/`;
  const request = {
    method: 'POST',
    place,
    doing: `push a blob to ${nameOf(repository)}`,
    scopes: scopesOf(repository, 'pull', 'push'),
    headers: { 'content-length': '0' },
  } as const;
  if (mountFrom !== undefined && mountFrom !== repository.name) {
    const query = new URLSearchParams({ mount: descriptor.digest, from: mountFrom });
    const scopes = [...request.scopes, repositoryScope(mountFrom, 'pull')];
    const mounted = await connection
      .read({ ...request, place: `${place}?${query}`, scopes }, LIMITS.registryAnswerBytes)
      .catch((error: unknown) => {
        if (error instanceof Failure && error.code === 'REGISTRY_AUTH') return undefined;
        throw error;
      });
    if (mounted?.status === 201) return 'mounted';
    if (mounted?.status === 202) return sessionOf(repository, mounted);
  }
  return sessionOf(repository, await connection.ask(request, [202]));
}

function sessionOf(repository: Repository, answer: SmallAnswer): UploadSession {
  const place = uploadPlace(repository, answer);
  if (place === undefined) {
    throw protocolFailure(repository.connection.base, 'begins an upload and does not say where it goes');
  }
  const least = Number(answer.headers['oci-chunk-min-length'] ?? 0);
  return { place, leastChunkBytes: Number.isSafeInteger(least) && least > 0 ? least : 0 };
}

export function uploadPlace({ connection }: Repository, answer: SmallAnswer): URL | undefined {
  return placeNamedBy(connection.base, answer, answer.headers.location);
}

/** From `Range: 0-N`, both included; some registries begin it with `bytes=`. Nothing yet is `0-0` or `0--1`. */
export function parseConfirmedBytes(header: string | undefined): number | undefined {
  const last = /^(?:bytes[= ])?0-(-?\d{1,15})$/.exec(header?.trim() ?? '')?.[1];
  // `0-0` is what registries say of an empty upload, and of one byte: taking it for nothing is right for both.
  return last === undefined ? undefined : Number(last) <= 0 ? 0 : Number(last) + 1;
}

export function confirmedBytes(answer: SmallAnswer): number | undefined {
  const header: unknown = answer.headers['range'];
  return parseConfirmedBytes(typeof header === 'string' ? header : undefined);
}

/** The registry's query stays byte for byte as it is: parts of it may be signed. */
export function withDigest(place: URL, digest: string): URL {
  const url = new URL(place);
  url.search = `${place.search === '' ? '?' : `${place.search}&`}digest=${encodeURIComponent(digest)}`;
  return url;
}
