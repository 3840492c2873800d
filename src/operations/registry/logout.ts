// `stave logout`: removes what `login` stored, and says where the registry's credentials are still found.

import { eraseCredential } from '../../effects/registry/auth/docker-config-file.ts';
import { findCredential } from '../../effects/registry/auth/find-credential.ts';
import type { Host } from '../host.ts';
import { parseRegistryName } from './registry-name.ts';

export interface LogoutReport {
  readonly registry: string;
  /** docker's config.json, and the helper that it names; undefined where nothing was stored. */
  readonly removedFrom: { readonly path: string; readonly helper: string | undefined } | undefined;
  /** Another place that still has a credential for the registry: a file of other tools, a variable. */
  readonly stillFrom: string | undefined;
}

/** `name` undefined: Docker Hub. Failures CREDENTIALS_UNUSABLE, FILE_UNWRITABLE, USAGE_ARGUMENTS. */
export async function logout(name: string | undefined, host: Host): Promise<LogoutReport> {
  const registry = parseRegistryName(name);
  const places = { environment: host.env, homeDir: host.homeDir };
  const removedFrom = await eraseCredential(registry, places);
  const { credential } = await findCredential(registry, undefined, places);
  return { registry, removedFrom, stillFrom: credential?.source };
}
