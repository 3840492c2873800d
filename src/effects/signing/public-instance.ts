// Sigstore's public instance: where it signs, and its trusted root as it came with @sigstore/tuf, so that verifying needs
// neither flags nor network. Its keys change about once a year; a newer one is given by --trusted-root.

import { assert } from '../../base/failure.ts';
import type { SigningServices } from './signing-config.ts';
import { parseTrustedRoot, type TrustedRoot } from './trusted-root.ts';

const MIRROR = 'https://tuf-repo-cdn.sigstore.dev';
const TARGET = 'trusted_root.json';

interface Seeds {
  readonly [mirror: string]: { readonly targets: Readonly<Record<string, string>> };
}

export async function publicTrustedRoot(): Promise<TrustedRoot> {
  const { seeds } = await import('./tuf-seeds.ts');
  const base64 = (seeds as Seeds)[MIRROR]?.targets[TARGET];
  assert(base64 !== undefined, 'the seed has a trusted root');
  return await parseTrustedRoot(Buffer.from(base64, 'base64').toString('utf8'), 'the built-in trusted root');
}

/** Its log of version 1: entries have a time of their own, and a place in the legacy form. */
export const PUBLIC_SERVICES: SigningServices = {
  certificateAuthority: 'https://fulcio.sigstore.dev',
  logs: [{ url: 'https://rekor.sigstore.dev', majorApiVersion: 1 }],
  timestampAuthorities: [],
  identityProvider: 'https://oauth2.sigstore.dev/auth',
};
