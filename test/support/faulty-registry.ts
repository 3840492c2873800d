// Our own registry on a free port of 127.0.0.1, in a folder of its own, with the faults a test wants and a log of requests.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StaveEvent } from '../../src/base/events.ts';
import type { RegistryAuth } from '../../src/effects/registry/server/authorization.ts';
import type { Fault } from '../../src/effects/registry/server/exchange.ts';
import { createRegistryServer } from '../../src/effects/registry/server/registry-server.ts';

export interface FaultyRegistryOptions {
  readonly faults?: readonly Fault[];
  readonly auth?: RegistryAuth;
  readonly referrersApi?: boolean;
  readonly readOnly?: boolean;
  /** A folder that the caller keeps; without: one that `close` removes. */
  readonly directory?: string;
}

export interface SeenRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly authorization: string | undefined;
  readonly userAgent: string | undefined;
  /** undefined when the connection broke. */
  status: number | undefined;
}

export interface FaultyRegistry {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** `127.0.0.1:PORT`, as references begin. */
  readonly host: string;
  readonly directory: string;
  /** Requests so far, oldest first. */
  readonly requests: SeenRequest[];
  /** Warnings the server gave: what it could not answer. */
  readonly warnings: string[];
  close(): Promise<void>;
}

export async function openFaultyRegistry(options: FaultyRegistryOptions = {}): Promise<FaultyRegistry> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'stave-registry-')));
  const requests: SeenRequest[] = [];
  const warnings: string[] = [];
  const { directory: kept, faults = [], ...rest } = options;
  const server = createRegistryServer({
    ...rest,
    directory,
    faults: [recording(requests), ...faults],
    events: (event: StaveEvent) => {
      if (event.type === 'warning') warnings.push(event.message);
    },
  });
  const { url } = await server.listen(0, '127.0.0.1');
  return {
    url,
    host: url.slice('http://'.length),
    directory,
    requests,
    warnings,
    close: async () => {
      await server.close();
      // A request whose client has left may still be writing.
      if (kept === undefined) await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function recording(requests: SeenRequest[]): Fault {
  return async (request, next) => {
    const query = request.query.toString();
    const seen: SeenRequest = {
      method: request.method,
      path: `${request.path}${query && `?${query}`}`,
      authorization: request.headers.authorization,
      userAgent: request.headers['user-agent'],
      status: undefined,
    };
    requests.push(seen);
    const answer = await next(request);
    seen.status = answer.status;
    return answer;
  };
}
