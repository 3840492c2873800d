// Blobs out of a repository, whole or in ranges, with constant memory (distribution spec, "Pulling blobs"). A transfer
// that breaks off goes on where it was: a digest names one content, so nobody has to vouch that it is still the same.
// The bytes are unchecked: who needs more than a glance reads them through `openVerified`.

import { Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import type { ByteRange } from '../../../formats/oci/blob-source.ts';
import { type Descriptor, sizeMismatch } from '../../../formats/oci/descriptor.ts';
import { contentLength, discard, type Exchange } from '../../http/exchange.ts';
import { readBody } from '../../http/response-body.ts';
import { readSmall } from '../small-answer.ts';
import { protocolFailure } from './registry-failure.ts';
import { nameOf, type Repository, scopesOf } from './repository.ts';

/** Failures IMAGE_INVALID where there is no such blob, CHECKSUM_MISMATCH at its first byte too many, and the connection's. */
export async function* openBlob(
  repository: Repository,
  descriptor: Descriptor,
  range?: ByteRange,
): AsyncGenerator<Uint8Array> {
  const start = range?.start ?? 0;
  const end = Math.min(range?.end ?? descriptor.sizeBytes, descriptor.sizeBytes);
  if (range !== undefined && start >= end) return;
  const { connection } = repository;
  const url = new URL(`/v2/${repository.name}/blobs/${descriptor.digest}`, connection.base);
  const first = await openFrom(repository, descriptor, range && `bytes=${start}-${end - 1}`);
  const partial = first.status === 206;
  if (partial && !new RegExp(`^bytes ${start}-`).test(first.headers['content-range'] ?? '')) {
    first.body.on('error', () => {}).destroy();
    throw protocolFailure(connection.base, 'sends another range of a blob than it was asked for');
  }
  const chunks = readBody(url, first, {
    maxBytes: Number.POSITIVE_INFINITY,
    start: partial ? start : 0,
    end: partial ? end - 1 : undefined,
    immutable: true,
    reopen: (headers) => openFrom(repository, descriptor, headers['range']),
    pause: (attempt, error) => connection.pause(url, attempt, error),
  });
  yield* range === undefined ? bounded(chunks, descriptor) : cutOut(chunks, partial ? 0 : start, end - start, url);
}

/** Whether the repository has the blob. `pushing` asks with the rights that sending it will need. */
export async function hasBlob(repository: Repository, descriptor: Descriptor, pushing = false): Promise<boolean> {
  const { connection } = repository;
  const request = {
    method: 'HEAD',
    place: `${repository.name}/blobs/${descriptor.digest}`,
    doing: `look for a blob in ${nameOf(repository)}`,
    scopes: pushing ? scopesOf(repository, 'pull', 'push') : scopesOf(repository, 'pull'),
    redirects: 'all',
  } as const;
  const answer = await connection.read(request, LIMITS.registryAnswerBytes);
  if (answer.status === 200) return (contentLength(answer.headers) ?? descriptor.sizeBytes) === descriptor.sizeBytes;
  const elsewhere = answer.url.host !== connection.base.host;
  // Storage behind a redirect that does not like HEAD tells us nothing.
  if (answer.status === 404 || elsewhere) return false;
  return await connection.refuse(answer, request);
}

/** Whether the registry, or the storage behind it, sends a range alone when it is asked for one. */
export async function givesRanges(repository: Repository, { digest }: Descriptor): Promise<boolean> {
  const exchange = await repository.connection.open({
    method: 'GET',
    place: `${repository.name}/blobs/${digest}`,
    doing: `read a blob of ${nameOf(repository)}`,
    scopes: scopesOf(repository, 'pull'),
    headers: { range: 'bytes=0-0' },
    redirects: 'all',
  });
  discard(exchange);
  return exchange.status === 206;
}

/** False where there was none. */
export async function deleteBlob(repository: Repository, digest: string): Promise<boolean> {
  const request = {
    method: 'DELETE',
    place: `${repository.name}/blobs/${digest}`,
    doing: `delete a blob of ${nameOf(repository)}`,
    scopes: scopesOf(repository, 'delete'),
  } as const;
  return (await repository.connection.ask(request, [202, 200, 204, 404])).status !== 404;
}

async function openFrom(repository: Repository, descriptor: Descriptor, range: string | undefined): Promise<Exchange> {
  const { connection } = repository;
  const request = {
    method: 'GET',
    place: `${repository.name}/blobs/${descriptor.digest}`,
    doing: `read a blob of ${nameOf(repository)}`,
    scopes: scopesOf(repository, 'pull'),
    redirects: 'all',
    headers: range === undefined ? {} : { range },
  } as const;
  const exchange = await connection.open(request);
  if (exchange.status === 200 || (exchange.status === 206 && range !== undefined)) return exchange;
  const answer = await readSmall(exchange, LIMITS.registryAnswerBytes, 'the error');
  if (answer.status === 404) {
    throw new Failure('IMAGE_INVALID', `${nameOf(repository)} has no blob ${descriptor.digest}`, {
      hint: 'the image in the registry is incomplete: push it again',
    });
  }
  return await connection.refuse(answer, request);
}

async function* bounded(chunks: AsyncIterable<Uint8Array>, descriptor: Descriptor): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > descriptor.sizeBytes) throw sizeMismatch('the blob', descriptor, sizeBytes);
    yield chunk;
  }
}

/** `sizeBytes` bytes after the first `skip` ones. Failure REGISTRY_PROTOCOL where there are fewer. */
async function* cutOut(
  chunks: AsyncIterable<Uint8Array>,
  skip: number,
  sizeBytes: number,
  url: URL,
): AsyncGenerator<Uint8Array> {
  let position = -skip;
  for await (const chunk of chunks) {
    const piece = chunk.subarray(Math.max(0, -position), Math.max(0, sizeBytes - position));
    position += chunk.length;
    if (piece.length > 0) yield piece;
    if (position >= sizeBytes) return;
  }
  throw protocolFailure(url, `sent ${Math.max(0, position)} bytes of a blob where it should have sent ${sizeBytes}`);
}
