// Which parts of the distribution protocol a registry has, found out by asking (signing.md 12, the table of registries).
// Reading probes change nothing. Writing ones begin an upload and give it up again, and delete what cannot exist: they leave
// nothing behind, but need the right to push.

import type { Digest } from '../../../base/digest.ts';
import { LIMITS } from '../../../base/limits.ts';
import type { Descriptor } from '../../../formats/oci/descriptor.ts';
import type { SmallAnswer } from '../small-answer.ts';
import { givesRanges } from './blob-download.ts';
import { Referrers } from './referrers.ts';
import { placeNamedBy, type RegistryRequest } from './registry-connection.ts';
import { type Repository, scopesOf } from './repository.ts';
import { parseConfirmedBytes } from './upload-session.ts';

/** A digest that nothing has. */
export const NO_CONTENT: Digest = `sha256:${'0'.repeat(64)}`;

export interface ReadingFeatures {
  readonly referrersApi: boolean;
  /** undefined without a blob to try it with. */
  readonly blobRanges: boolean | undefined;
}

export interface WritingFeatures {
  readonly upload: boolean;
  /** Uploads go to this host, which is another one. */
  readonly uploadHost: string | undefined;
  readonly leastChunkBytes: number;
  readonly chunks: boolean;
  /** Whether it says how much of an upload it has, so that a broken one can go on. */
  readonly resume: boolean;
  /** undefined without a blob to try it with. */
  readonly mount: boolean | undefined;
  readonly deleteManifests: boolean;
}

/** `blob` is one that the repository has. Failures of the connection. */
export async function probeReading(
  repository: Repository,
  subject: Digest,
  blob: Descriptor | undefined,
): Promise<ReadingFeatures> {
  const referrersApi = (await new Referrers(repository).fromApi(subject)) !== undefined;
  return { referrersApi, blobRanges: blob === undefined ? undefined : await givesRanges(repository, blob) };
}

/** Failures of the connection, REGISTRY_AUTH where we may not push. */
export async function probeWriting(repository: Repository, blob: Descriptor | undefined): Promise<WritingFeatures> {
  const begun = await send(repository, 'POST', `${repository.name}/blobs/uploads/`);
  const place = begun.status === 202 ? locationOf(repository, begun) : undefined;
  const { host } = repository.connection.base;
  const chunked = place === undefined ? { chunks: false, resume: false } : await probeUpload(repository, place);
  return {
    upload: place !== undefined,
    uploadHost: place === undefined || place.host === host ? undefined : place.host,
    leastChunkBytes: Number(begun.headers['oci-chunk-min-length'] ?? 0) || 0,
    ...chunked,
    mount: blob === undefined ? undefined : await mounts(repository, blob),
    deleteManifests: await deletes(repository),
  };
}

/** Sends four bytes as a chunk, asks how many there are, and gives the upload up. */
async function probeUpload(repository: Repository, place: URL): Promise<{ chunks: boolean; resume: boolean }> {
  const patched = await send(repository, 'PATCH', place, {
    headers: { 'content-type': 'application/octet-stream', 'content-range': '0-3', 'content-length': '4' },
    body: () => Buffer.from('test'),
  });
  const chunks = patched.status === 202;
  const next = locationOf(repository, patched) ?? place;
  const asked = await send(repository, 'GET', next);
  const { range } = asked.headers as { range?: string };
  await send(repository, 'DELETE', locationOf(repository, asked) ?? next);
  return { chunks, resume: chunks && asked.status === 204 && parseConfirmedBytes(range) === 4 };
}

async function mounts(repository: Repository, blob: Descriptor): Promise<boolean> {
  const query = new URLSearchParams({ mount: blob.digest, from: repository.name });
  const answer = await send(repository, 'POST', `${repository.name}/blobs/uploads/?${query}`);
  const place = answer.status === 202 ? locationOf(repository, answer) : undefined;
  if (place !== undefined) await send(repository, 'DELETE', place);
  return answer.status === 201;
}

async function deletes(repository: Repository): Promise<boolean> {
  const scopes = scopesOf(repository, 'delete');
  const answer = await send(repository, 'DELETE', `${repository.name}/manifests/${NO_CONTENT}`, { scopes });
  return answer.status === 404 || answer.status === 202;
}

async function send(
  repository: Repository,
  method: RegistryRequest['method'],
  place: string | URL,
  more: Partial<RegistryRequest> = {},
): Promise<SmallAnswer> {
  const request = { method, place, doing: 'try what it can do', scopes: scopesOf(repository, 'pull', 'push'), ...more };
  return await repository.connection.read(request, LIMITS.registryAnswerBytes);
}

function locationOf({ connection }: Repository, answer: SmallAnswer): URL | undefined {
  return placeNamedBy(connection.base, answer, answer.headers.location);
}
