// Trusted roots: which certificate authorities, logs and timestamp authorities are believed, and when they were
// (signing.md 6.6). The text is sigstore's trusted_root.json; nothing here asks the network.

import type { TrustedRoot as RootValue } from '@sigstore/protobuf-specs';
import type { TrustMaterial } from '@sigstore/verify';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';

export interface TrustedRoot {
  /** How messages name it. */
  readonly name: string;
  readonly material: Omit<TrustMaterial, 'publicKey'>;
}

/** `name` names it in messages. Failure TRUST_ROOT_INVALID. */
export async function parseTrustedRoot(text: string, name: string): Promise<TrustedRoot> {
  const invalid = (why: string, cause?: unknown) =>
    new Failure('TRUST_ROOT_INVALID', `${name} is not a trusted root that we can use: ${why}`, { cause });
  if (text.length > LIMITS.trustedRootBytes) throw invalid(`it has more than ${LIMITS.trustedRootBytes} bytes`);
  const { TrustedRoot, toTrustMaterial } = await import('./verifying-library.ts');
  let root: RootValue;
  let material: TrustMaterial;
  try {
    root = TrustedRoot.fromJSON(JSON.parse(text));
    material = toTrustMaterial(root, {});
  } catch (cause) {
    throw invalid('it is not JSON in that form', cause);
  }
  if (!root.mediaType.startsWith('application/vnd.dev.sigstore.trustedroot'))
    throw invalid('its media type is another');
  // The library would read a log without a start as one that was always trusted.
  if ([...root.tlogs, ...root.ctlogs].some(({ publicKey }) => publicKey?.validFor?.start === undefined)) {
    throw invalid('a log in it does not say from when on it is trusted');
  }
  return { name, material };
}
