// Ways in which registries misbehave, as switches for our own one: cut connections, refusals, lies, and what is odd about
// the large public registries (spec/signing.md 12 says what was seen of them).

import { setTimeout as pause } from 'node:timers/promises';
import type { Answer, Fault, RegistryRequest } from '../../src/effects/registry/server/exchange.ts';
import type { RouteKind } from '../../src/effects/registry/server/route.ts';

/** Which requests a fault is about. Everything that is left out matches. */
export interface Match {
  readonly method?: string;
  readonly kind?: RouteKind;
  /** Substring of the path. */
  readonly path?: string;
}

/** The fault for matching requests only. */
export function on(match: Match, fault: Fault): Fault {
  return (request, next) => (matches(match, request) ? fault(request, next) : next(request));
}

/** The fault for the first `count` requests that reach it; then all is well. */
export function times(count: number, fault: Fault): Fault {
  let left = count;
  return (request, next) => (left-- > 0 ? fault(request, next) : next(request));
}

/** All is well for the first `count` requests that reach it. */
export function after(count: number, fault: Fault): Fault {
  let left = count;
  return (request, next) => (left-- > 0 ? next(request) : fault(request, next));
}

/** Answers by itself, without looking at the request. */
export function answering(
  status: number,
  headers: Readonly<Record<string, string>> = {},
  code = 'UNKNOWN',
  message = 'a fault of the test',
): Fault {
  const body = Buffer.from(JSON.stringify({ errors: [{ code, message }] }));
  return async () => ({ status, headers: { 'content-type': 'application/json', ...headers }, body });
}

export function tooManyRequests(retryAfterSeconds: number): Fault {
  return answering(429, { 'retry-after': String(retryAfterSeconds) }, 'TOOMANYREQUESTS');
}

/** Breaks the connection when that many bytes of the request's body have come; what came is kept as by a real registry. */
export function cuttingRequest(afterBytes: number): Fault {
  return (request, next) => next({ ...request, body: cutBody(request.body, afterBytes, request.abandon) });
}

/** Breaks the connection after that many bytes of the answer's body. */
export function cuttingAnswer(afterBytes: number): Fault {
  return async (request, next) => {
    const answer = await next(request);
    const length = answer.body instanceof Uint8Array ? String(answer.body.length) : undefined;
    const headers = { ...(length !== undefined && { 'content-length': length }), ...answer.headers };
    return { ...answer, headers, body: cutBody(chunksOf(answer), afterBytes, request.abandon) };
  };
}

/** Does what it is asked to do, but the client does not get to know. */
export function losingAnswer(): Fault {
  return async (request, next) => {
    const answer = await next(request);
    request.abandon();
    return answer;
  };
}

export function slow(delayMs: number): Fault {
  return async (request, next) => {
    await pause(delayMs);
    return await next(request);
  };
}

/** One bit of the body is wrong; its length is right. */
export function wrongBytes(): Fault {
  return async (request, next) => {
    const answer = await next(request);
    return { ...answer, body: flipFirstBit(chunksOf(answer)), headers: withLength(answer) };
  };
}

/** Claims another digest in the header than the content has. */
export function wrongDigestHeader(): Fault {
  return async (request, next) => {
    const answer = await next(request);
    return { ...answer, headers: { ...answer.headers, 'docker-content-digest': `sha256:${'0'.repeat(64)}` } };
  };
}

/** Sends blobs from elsewhere, as registries do that keep them in a cloud's storage. The path stays. */
export function blobsElsewhere(origin: string): Fault {
  return on({ method: 'GET', kind: 'blob' }, async ({ path }) => ({
    status: 307,
    headers: { location: `${origin}${path}`, 'content-length': '0' },
  }));
}

/** Wants chunks of at least that size, and says so. */
export function chunkMinimum(bytes: number): Fault {
  return async (request, next) => {
    if (
      request.route.kind === 'upload' &&
      request.method === 'PATCH' &&
      Number(request.headers['content-length']) < bytes
    ) {
      return await answering(416, {}, 'BLOB_UPLOAD_INVALID', 'the chunk is too small')(request, next);
    }
    const answer = await next(request);
    if (request.route.kind !== 'uploads') return answer;
    return { ...answer, headers: { ...answer.headers, 'oci-chunk-min-length': String(bytes) } };
  };
}

/** Upload locations are absolute and carry state that has to come back, as those of the distribution project. */
export function statefulUploads(): Fault {
  const states = new Map<string, string>();
  let count = 0;
  return async (request, next) => {
    if (request.route.kind === 'upload' && request.query.get('_state') !== states.get(request.route.id)) {
      return await answering(
        400,
        {},
        'BLOB_UPLOAD_INVALID',
        'the state of the upload is not the last one',
      )(request, next);
    }
    const answer = await next(request);
    const location = answer.headers['location'];
    const [, id] = /\/blobs\/uploads\/([^/?]+)$/.exec(location ?? '') ?? [];
    if (id === undefined) return answer;
    states.set(id, `state=${count++}&more`);
    const query = new URLSearchParams({ _state: states.get(id) ?? '' });
    return { ...answer, headers: { ...answer.headers, location: `${request.origin}${location}?${query}` } };
  };
}

/**
 * Links of blobs are written in place, as docker-registry 2.8 does on disk: a manifest that needs one while it is being written
 * again is refused. A mount that finds the blob there already takes longer than the first one.
 */
export function linksInPlace(firstMs: number, againMs: number): Fault {
  const writers = new Map<string, number>();
  return async (request, next) => {
    const { route, query } = request;
    if (!('name' in route)) return await next(request);
    const keyOf = (digest: string) => `${route.name} ${digest}`;
    if (route.kind === 'manifest' && request.method === 'PUT') {
      const bytes = await wholeBody(request);
      const named = bytes.toString().match(/sha256:[0-9a-f]{64}/g) ?? [];
      if (!named.some((digest) => (writers.get(keyOf(digest)) ?? 0) > 0)) {
        return await next({ ...request, body: oneChunk(bytes) });
      }
      return await answering(400, {}, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry')(request, next);
    }
    const digest = route.kind === 'uploads' ? query.get('mount') : route.kind === 'upload' ? query.get('digest') : null;
    const answer = await next(request);
    if (digest === null || answer.status !== 201) return answer;
    const key = keyOf(digest);
    const delayMs = writers.has(key) ? againMs : firstMs;
    writers.set(key, (writers.get(key) ?? 0) + 1);
    await pause(delayMs);
    writers.set(key, (writers.get(key) ?? 0) - 1);
    return answer;
  };
}

/** Says that a blob was mounted, and has forgotten it at once. */
export function forgettingMounts(): Fault {
  return on({ kind: 'uploads', method: 'POST' }, async (request, next) =>
    request.query.has('mount') ? { status: 201, headers: { 'content-length': '0' } } : await next(request),
  );
}

/** The referrers path redirects to a page for people, elsewhere. */
export function referrersRedirect(location: string): Fault {
  return on({ kind: 'referrers' }, async () => ({ status: 303, headers: { location, 'content-length': '0' } }));
}

/** A registry of the time before OCI: no OCI types, no mounting, no referrers. */
export function dockerV2Only(): Fault[] {
  return [
    on({ kind: 'referrers' }, answering(404, { 'content-type': 'text/plain' })),
    on({ kind: 'uploads', method: 'POST' }, (request, next) =>
      next({ ...request, query: without(request.query, 'mount') }),
    ),
    on({ kind: 'manifest', method: 'PUT' }, (request, next) =>
      (request.headers['content-type'] ?? '').includes('vnd.oci.')
        ? answering(400, {}, 'MANIFEST_INVALID', 'manifest invalid')(request, next)
        : next(request),
    ),
  ];
}

/** Only repositories that exist take anything, tags do not move, manifests with a subject are refused with 405. */
export function ecrLike(repositories: readonly string[]): Fault[] {
  const tags = new Set<string>();
  return [
    async (request, next) => {
      const { route } = request;
      if (!('name' in route) || repositories.includes(route.name)) return await next(request);
      return await answering(404, {}, 'NAME_UNKNOWN', 'the repository does not exist')(request, next);
    },
    on({ kind: 'manifest', method: 'PUT' }, async (request, next) => {
      const bytes = await wholeBody(request);
      if (bytes.includes('"subject"')) return await answering(405, {}, 'UNSUPPORTED')(request, next);
      if (tags.has(request.path)) return await answering(400, {}, 'TAG_INVALID', 'the tag is immutable')(request, next);
      const answer = await next({ ...request, body: oneChunk(bytes) });
      if (answer.status === 201 && !request.path.includes('sha256:')) tags.add(request.path);
      return answer;
    }),
  ];
}

/** No deleting, and a referrers path that leads astray. To be used with `auth: { scheme: 'bearer', anonymousPull: true }`. */
export function ghcrLike(strangerUrl: string): Fault[] {
  return [
    referrersRedirect(`${strangerUrl}/packages`),
    on({ method: 'DELETE' }, answering(405, {}, 'UNSUPPORTED', 'the operation is unsupported')),
    on({ kind: 'manifest', method: 'PUT' }, async (request, next) => {
      const answer = await next(request);
      const { 'oci-subject': _unsaid, ...headers } = answer.headers;
      return { ...answer, headers };
    }),
  ];
}

function matches({ method, kind, path }: Match, request: RegistryRequest): boolean {
  return (
    (method === undefined || method === request.method) &&
    (kind === undefined || kind === request.route.kind) &&
    (path === undefined || request.path.includes(path))
  );
}

function without(query: URLSearchParams, name: string): URLSearchParams {
  const rest = new URLSearchParams(query);
  rest.delete(name);
  return rest;
}

function withLength({ headers, body }: Answer): Record<string, string> {
  return { ...headers, ...(body instanceof Uint8Array && { 'content-length': String(body.length) }) };
}

async function* chunksOf({ body }: Answer): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) yield body;
  else if (body !== undefined) yield* body;
}

async function wholeBody({ body }: RegistryRequest): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* flipFirstBit(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let first = true;
  for await (const chunk of body) {
    const copy = Uint8Array.from(chunk);
    if (first && copy.length > 0) copy[0] = (copy[0] as number) ^ 1;
    first = first && copy.length === 0;
    yield copy;
  }
}

async function* cutBody(
  body: AsyncIterable<Uint8Array>,
  afterBytes: number,
  cut: () => void,
): AsyncGenerator<Uint8Array> {
  let left = afterBytes;
  for await (const chunk of body) {
    if (chunk.length > left) {
      if (left > 0) yield chunk.subarray(0, left);
      // What was given out has to reach the other side first.
      await pause(20);
      cut();
      throw Object.assign(new Error('the test cut the connection'), { code: 'ECONNRESET' });
    }
    left -= chunk.length;
    yield chunk;
  }
}
