// The name of a registry as people give it to `login`, `logout` and in flags.

import { Failure } from '../../base/failure.ts';
import { parseReference } from '../../formats/oci/reference.ts';

/** Host with port; `docker.io` is `index.docker.io`, a URL's scheme and slash are forgiven. Failure USAGE_ARGUMENTS. */
export function parseRegistryName(text: string | undefined): string {
  if (text === undefined) return 'index.docker.io';
  const bare = text.replace(/^https?:\/\//i, '').replace(/\/(?:v[12]\/?)?$/, '');
  // A name without dot or port is a registry here, but would be a part of a repository in a reference.
  const named = /^[\w-]+$/.test(bare) && bare !== 'localhost' ? undefined : bare;
  try {
    if (named !== undefined && !named.includes('/') && !named.includes('@')) {
      return parseReference(`${named}/some/name`).registry;
    }
  } catch {
    // The failure below says it in terms of registries.
  }
  throw new Failure('USAGE_ARGUMENTS', 'that is not the name of a registry', {
    hint: 'give its host, with port if it needs one: "ghcr.io", "registry.example:5000"',
  });
}
