// What every command that talks to a registry may say about how, and the options of the client made from it.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { VERSION } from '../../base/version.ts';
import type { RegistryOptions } from '../../effects/registry/client/registry-connection.ts';
import type { Host } from '../host.ts';
import { parseRegistryName } from './registry-name.ts';

/** Three separate switches: a private CA does not mean plain http, and neither means that nobody looks. */
export interface RegistryAccess {
  /** undefined: plain http only for a registry on this machine. */
  readonly plainHttp?: boolean;
  /** A PEM file with certificates to trust in addition. */
  readonly caFile?: string;
  readonly insecureSkipVerify?: boolean;
  /** The two of them for these registries alone, by host and port: an image may go from one kind of registry to another. */
  readonly plainHttpHosts?: readonly string[];
  readonly skipVerifyHosts?: readonly string[];
  readonly offline?: boolean;
}

/**
 * How to talk to a registry. Failures FILE_UNREADABLE for a CA file that somebody named and that cannot be read, USAGE_ARGUMENTS
 * for a host that is none.
 */
export function registryOptions(access: RegistryAccess, host: Host): (registry: string) => RegistryOptions {
  const plain = new Set((access.plainHttpHosts ?? []).map(parseRegistryName));
  const unchecked = new Set((access.skipVerifyHosts ?? []).map(parseRegistryName));
  const common = commonOptions(access, host);
  return (registry) => ({
    ...common,
    ...(plain.has(registry) && { plainHttp: true }),
    ...(unchecked.has(registry) && { insecureSkipVerify: true }),
  });
}

function commonOptions(access: RegistryAccess, host: Host): RegistryOptions {
  return {
    environment: host.env,
    homeDir: host.homeDir,
    version: VERSION,
    events: host.events,
    offline: access.offline,
    plainHttp: access.plainHttp,
    caCertificates: certificates(access, host),
    insecureSkipVerify: access.insecureSkipVerify,
  };
}

function certificates({ caFile }: RegistryAccess, host: Host): string | undefined {
  const named = caFile === undefined ? undefined : readCertificates(resolve(host.cwd, caFile));
  const fromEnvironment = host.env['SSL_CERT_FILE'];
  const common = fromEnvironment ? readOptional(fromEnvironment) : undefined;
  return named === undefined ? common : [named, common].filter(Boolean).join('\n');
}

function readCertificates(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Failure(
      'FILE_UNREADABLE',
      `cannot read the certificates in ${path}: ${(cause as NodeJS.ErrnoException).code}`,
      {
        hint: 'name a file with PEM certificates',
        cause,
      },
    );
  }
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // Set for other programs: who has none there has not asked for it.
  }
}
