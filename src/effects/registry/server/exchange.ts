// A request and its answer as values, so that handlers are functions from one to the other and never touch a socket.

import type { IncomingHttpHeaders } from 'node:http';
import type { Route } from './route.ts';

export interface RegistryRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly route: Route;
  /** `http://HOST:PORT` as the client named us. */
  readonly origin: string;
  /** Read at most once. Throws when the client breaks off. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Cuts the connection: whoever reads the body gets an error, the client no answer. */
  readonly abandon: () => void;
}

export interface Answer {
  readonly status: number;
  /** Names in lower case. `content-length` must be there for a body that is not in memory. */
  readonly headers: Readonly<Record<string, string>>;
  /** Not begun for HEAD, so that a handler need not know the difference. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
}

export type Handler = (request: RegistryRequest) => Promise<Answer>;

/** A switch that makes the registry misbehave: may change the request, the answer, or give one of its own. */
export type Fault = (request: RegistryRequest, next: Handler) => Promise<Answer>;

/** The body as bytes, or undefined when it is longer. */
export async function readBody(request: RegistryRequest, mostBytes: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of request.body) {
    sizeBytes += chunk.length;
    if (sizeBytes > mostBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The `Content-Length` header; undefined where there is none. */
export function declaredBytes(request: RegistryRequest): number | undefined {
  const text = request.headers['content-length'];
  return text === undefined ? undefined : Number(text);
}
