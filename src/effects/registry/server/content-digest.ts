// Digests as the registry takes them: SHA-256, and SHA-512 too, since clients may choose (distribution spec, "Digest").
// Everything else of ours is SHA-256 only; a registry keeps what others make.

import { createHash, type Hash } from 'node:crypto';

const HEX_DIGITS = { sha256: 64, sha512: 128 } as const;

export type DigestAlgorithm = keyof typeof HEX_DIGITS;
export const DIGEST_ALGORITHMS = Object.keys(HEX_DIGITS) as DigestAlgorithm[];

/** The algorithm, a colon, and its number of lower-case hex digits. */
export type ContentDigest = `${DigestAlgorithm}:${string}`;

export function isContentDigest(text: string): text is ContentDigest {
  const [, algorithm = '', hex = ''] = /^([a-z0-9]+):([0-9a-f]+)$/.exec(text) ?? [];
  return algorithm in HEX_DIGITS && hex.length === HEX_DIGITS[algorithm as DigestAlgorithm];
}

export function digestAlgorithm(digest: ContentDigest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm;
}

/** `sha256/<hex>`: where a digest's file lies in the folders that are ordered by digests. */
export function digestPath(digest: ContentDigest): string {
  return digest.replace(':', '/');
}

export function hashFor(algorithm: DigestAlgorithm): Hash {
  return createHash(algorithm);
}

export function digestOf(algorithm: DigestAlgorithm, bytes: Uint8Array): ContentDigest {
  return `${algorithm}:${hashFor(algorithm).update(bytes).digest('hex')}`;
}
