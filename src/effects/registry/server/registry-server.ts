// An OCI registry on a folder, in this process (OCI distribution spec 1.1: pull, push, content discovery, management).
// Bodies stream between socket and disk; nothing larger than a manifest is kept in memory.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { EventSink } from '../../../base/events.ts';
import { Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import { Authorization, type RegistryAuth } from './authorization.ts';
import type { Answer, Fault, Handler, RegistryRequest } from './exchange.ts';
import { brokenAnswer, RegistryError } from './registry-error.ts';
import { openRegistryFolder } from './registry-folder.ts';
import { createRequestHandler } from './request-handler.ts';
import { parseRoute } from './route.ts';
import { sweepRegistryFolder } from './sweep.ts';

export interface RegistryServerOptions {
  /** Made when it is absent, except by a read-only registry. */
  readonly directory: string;
  readonly readOnly?: boolean;
  /** Ways to misbehave, the outermost first. For tests of clients. */
  readonly faults?: readonly Fault[];
  /** Without: everybody may do everything. */
  readonly auth?: RegistryAuth;
  /** Whether the referrers API is there; default true. Referrers are recorded either way. */
  readonly referrersApi?: boolean;
  readonly events: EventSink;
}

export interface RegistryServer {
  /**
   * Opens the folder and listens; port 0 takes a free one. Failures ADDRESS_UNUSABLE, USAGE_ARGUMENTS,
   * FEATURE_UNSUPPORTED, FILE_UNREADABLE, FILE_UNWRITABLE.
   */
  listen(port: number, host: string): Promise<{ readonly url: string; readonly port: number }>;
  /** Lets requests under way end, for a few seconds. */
  close(): Promise<void>;
}

/** A socket on which nothing moves any more is given up; an upload itself may take as long as it takes. */
const SILENCE_MS = 120_000;
/** Longer than clients keep an idle connection, or they write into one that is just being closed. */
const KEEP_ALIVE_MS = 75_000;
const CLOSING_MS = 3_000;

export function createRegistryServer(options: RegistryServerOptions): RegistryServer {
  let handler: Handler | undefined;
  const server = createServer((request, response) => void serve(request, response));
  // Without this listener, Node says "100 Continue" before we know whether we want the body.
  server.on('checkContinue', (request, response) => void serve(request, response));
  server.maxConnections = LIMITS.registryConnections;
  server.requestTimeout = 0;
  server.timeout = SILENCE_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = requestOf(message, response);
    const answer = await answerTo(request);
    try {
      await send(message, response, answer);
      options.events({ type: 'debug', message: `${request.method} ${request.path}: ${answer.status}` });
    } catch (error) {
      response.destroy();
      options.events({ type: 'debug', message: `${request.method} ${request.path}: broke off: ${error}` });
    }
  }

  async function answerTo(request: RegistryRequest): Promise<Answer> {
    try {
      return await (handler as Handler)(request);
    } catch (error) {
      if (error instanceof RegistryError) return error.answer();
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') {
        const message = `the registry could not answer ${request.method} ${request.path}: ${error}`;
        options.events({ type: 'warning', code: 'REGISTRY_BROKEN', message });
      }
      return brokenAnswer();
    }
  }

  return {
    async listen(port, host) {
      const readOnly = options.readOnly ?? false;
      const folder = await openRegistryFolder(options.directory, readOnly);
      if (!readOnly) await sweepRegistryFolder(folder, Date.now());
      const rules = {
        readOnly,
        referrersApi: options.referrersApi ?? true,
        authorization: options.auth && new Authorization(options.auth),
      };
      handler = withFaults(createRequestHandler(folder, rules), options.faults ?? []);
      await startListening(server, port, host);
      const address = server.address() as AddressInfo;
      const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
      return { url: `http://${name}:${address.port}`, port: address.port };
    },
    close: () => stopListening(server),
  };
}

/** Faults stand before everything else, also before the question who asks; they see refusals as answers. */
function withFaults(handler: Handler, faults: readonly Fault[]): Handler {
  const refusing: Handler = async (request) => {
    try {
      return await handler(request);
    } catch (error) {
      if (error instanceof RegistryError) return error.answer();
      throw error;
    }
  };
  return faults.reduceRight<Handler>((next, fault) => (request) => fault(request, next), refusing);
}

function requestOf(message: IncomingMessage, response: ServerResponse): RegistryRequest {
  const [path = '', query = ''] = (message.url ?? '').split(/\?(.*)/s);
  return {
    method: message.method ?? '',
    path,
    query: new URLSearchParams(query),
    headers: message.headers,
    route: parseRoute(path),
    origin: `http://${message.headers.host ?? 'localhost'}`,
    body: readRequest(message, response),
    abandon: () => message.socket.destroy(),
  };
}

async function* readRequest(message: IncomingMessage, response: ServerResponse): AsyncGenerator<Uint8Array> {
  if (message.headers.expect !== undefined) response.writeContinue();
  // Who stops reading wants to answer: the socket must stay.
  yield* message.iterator({ destroyOnReturn: false });
}

async function send(message: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  const { body } = answer;
  const whole = body === undefined || body instanceof Uint8Array;
  if (!message.complete && message.headers.expect === undefined) await drain(message);
  response.writeHead(answer.status, {
    'x-content-type-options': 'nosniff',
    ...(body instanceof Uint8Array && { 'content-length': String(body.length) }),
    ...answer.headers,
    ...(!message.complete && { connection: 'close' }),
  });
  if (message.method === 'HEAD' || body === undefined) response.end();
  else if (whole) response.end(body);
  else await pipeline(Readable.from(body, { objectMode: false }), response);
}

/** Reads what the client is still sending: most clients read no answer before they have sent everything. */
async function drain(message: IncomingMessage): Promise<void> {
  let sizeBytes = 0;
  for await (const chunk of message.iterator({ destroyOnReturn: false })) {
    sizeBytes += (chunk as Uint8Array).length;
    if (sizeBytes > LIMITS.registryDrainBytes) return;
  }
}

async function startListening(server: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'something else listens there already' : String(cause.code);
      const hint = 'Choose another address, or port 0 for a free one.';
      reject(new Failure('ADDRESS_UNUSABLE', `cannot listen on ${host}:${port}: ${why}`, { cause, hint }));
    });
    server.listen(port, host, resolve);
  });
}

async function stopListening(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection whose answer was just sent is not idle yet.
  const idle = setInterval(() => server.closeIdleConnections(), 20);
  const all = setTimeout(() => server.closeAllConnections(), CLOSING_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(all);
}
