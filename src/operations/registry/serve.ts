// `stave registry serve`: an OCI registry on a folder, for laptops, CI and air gaps. It has no users: whoever reaches it may
// do everything, so it listens on this machine alone unless it is told otherwise.

import { resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { isLoopback } from '../../effects/http/proxy.ts';
import { createRegistryServer } from '../../effects/registry/server/registry-server.ts';
import type { Host } from '../host.ts';

export interface ServeRequest {
  readonly directory: string;
  /** `HOST:PORT`, an IPv6 address in brackets; port 0 takes a free one. */
  readonly listen: string;
  readonly readOnly: boolean;
}

export interface RegistryServing {
  /** `http://127.0.0.1:5000` */
  readonly url: string;
  /** Absolute. */
  readonly directory: string;
  readonly readOnly: boolean;
  /** Resolves when requests under way have ended. */
  readonly close: () => Promise<void>;
}

/** Failures USAGE_FLAG, ADDRESS_UNUSABLE, USAGE_ARGUMENTS (another kind of folder), FILE_UNREADABLE, FILE_UNWRITABLE. */
export async function serveRegistry(request: ServeRequest, host: Host): Promise<RegistryServing> {
  const address = parseListenAddress(request.listen);
  const directory = resolve(host.cwd, request.directory);
  const { readOnly } = request;
  const server = createRegistryServer({ directory, readOnly, events: host.events });
  const { url } = await server.listen(address.port, address.host);
  if (!isLoopback(address.host)) {
    host.events({
      type: 'warning',
      code: 'REGISTRY_OPEN',
      message: `everybody who reaches ${url} may ${readOnly ? 'pull' : 'pull, push and delete'}: this registry asks for no password`,
    });
  }
  return { url, directory, readOnly, close: () => server.close() };
}

/** Failure USAGE_FLAG. */
function parseListenAddress(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits = ''] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(digits) > 65_535) {
    throw new Failure('USAGE_FLAG', `--listen takes a host and a port, not "${text}"`, {
      hint: 'Write it like 127.0.0.1:5000 or [::1]:5000.',
    });
  }
  return { host, port: Number(digits) };
}
