// Signatures checked against the digest of what was signed, where nobody has the bytes (sigstore/sigstore-conformance,
// docs/cli_protocol.md). Node verifies over bytes alone: so ECDSA is by @noble/curves, and of RSA with PKCS#1 v1.5 (RFC 8017,
// 8.2.2) the recovered DigestInfo is compared. Must never say yes for Ed25519, which signs the bytes themselves.

import { constants, publicDecrypt } from 'node:crypto';
import type { KeyAlgorithm, PublicKey } from './public-key.ts';

/** Whether the key signed bytes with this SHA-256. */
export type DigestVerifier = (key: PublicKey, sha256: Uint8Array, signature: Uint8Array) => boolean;

/** DigestInfo up to the digest: SHA-256 with NULL parameters, and an octet string of 32 bytes (RFC 8017, 9.2). */
const SHA256_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/** Async to load the curves only for this. */
export async function openDigestVerifier(): Promise<DigestVerifier> {
  const { p256, p384, p521 } = await import('@noble/curves/nist.js');
  const curves = { 'ecdsa-p256': p256, 'ecdsa-p384': p384, 'ecdsa-p521': p521 } as const;
  return (key, sha256, signature) => {
    try {
      if (key.algorithm === 'ed25519') return false;
      if (key.algorithm === 'rsa') return recoveredInfo(key, signature).equals(Buffer.concat([SHA256_INFO, sha256]));
      // As Node does, take what is not the lower of the two possible values too.
      const rules = { prehash: false, lowS: false, format: 'der' } as const;
      return curves[key.algorithm].verify(signature, sha256, pointOf(key), rules);
    } catch {
      return false; // A signature that is none throws.
    }
  };
}

export function signsDigests(algorithm: KeyAlgorithm): boolean {
  return algorithm !== 'ed25519';
}

function recoveredInfo({ object }: PublicKey, signature: Uint8Array): Buffer {
  return publicDecrypt({ key: object, padding: constants.RSA_PKCS1_PADDING }, signature);
}

/** SEC 1, uncompressed. */
function pointOf({ object }: PublicKey): Uint8Array {
  const { x = '', y = '' } = object.export({ format: 'jwk' });
  return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}
