// An HTTP server on 127.0.0.1 for tests: one handler, a log of requests, sockets that can be cut.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface LoopbackServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** Requests so far, oldest first. */
  readonly requests: readonly IncomingMessage[];
  close(): Promise<void>;
}

export async function openLoopbackServer(handler: Handler): Promise<LoopbackServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Serves a map of paths to bodies with ETags, `If-None-Match`, and `Range`, as a plain file server does. */
export function serveFiles(
  files: ReadonlyMap<string, Uint8Array>,
  etagOf: (path: string) => string = () => '"v1"',
): Handler {
  return (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const body = files.get(path);
    if (body === undefined) return void response.writeHead(404).end('not here');
    const etag = etagOf(path);
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304, { etag }).end();
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const current = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
    if (range === null || !current) {
      return void response.writeHead(200, { etag, 'content-length': body.length }).end(body);
    }
    const start = Number(range[1]);
    const end = range[2] === '' ? body.length - 1 : Number(range[2]);
    response.writeHead(206, {
      etag,
      'content-length': end - start + 1,
      'content-range': `bytes ${start}-${end}/${body.length}`,
    });
    response.end(body.subarray(start, end + 1));
  };
}
