// Public keys that verify signatures (signing.md 5): ECDSA on the NIST curves, RSA with PKCS#1 v1.5, and Ed25519.
// The hash belongs to the key: P-384 signs SHA-384. Older tools sign SHA-256 with every key, so that verifies too.

import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { Failure } from '../../base/failure.ts';
import { parsePem, printPem } from '../../formats/pem/pem.ts';

export type KeyAlgorithm = 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'rsa' | 'ed25519';

export interface PublicKey {
  readonly algorithm: KeyAlgorithm;
  /** SubjectPublicKeyInfo, PEM. */
  readonly pem: string;
  /** What a bundle names the key by: base64 of the SHA-256 of its SubjectPublicKeyInfo. */
  readonly hint: string;
  readonly object: KeyObject;
  verify(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** The first hash is the one to sign with; null where the algorithm has its own. */
const HASHES: Readonly<Record<KeyAlgorithm, readonly (string | null)[]>> = {
  'ecdsa-p256': ['sha256'],
  'ecdsa-p384': ['sha384', 'sha256'],
  'ecdsa-p521': ['sha512', 'sha256'],
  rsa: ['sha256'],
  ed25519: [null],
};
const CURVES: Readonly<Record<string, KeyAlgorithm>> = {
  prime256v1: 'ecdsa-p256',
  secp384r1: 'ecdsa-p384',
  secp521r1: 'ecdsa-p521',
};
/** Below it RSA is broken, above it one signature takes seconds. */
const RSA_BITS = { least: 2048, most: 8192 } as const;

/** The key in a PEM text: PUBLIC KEY, or RSA PUBLIC KEY. `name` names it in messages. Failure KEY_INVALID. */
export function parsePublicKey(text: string, name: string): PublicKey {
  const blocks = parsePem(text);
  const isKey = ({ type }: { type: string }) => type === 'PUBLIC KEY' || type === 'RSA PUBLIC KEY';
  const [block, second] = blocks.filter(isKey);
  if (block === undefined) {
    const found = blocks[0]?.type;
    throw new Failure('KEY_INVALID', `${name} holds no public key${found === undefined ? '' : `, but "${found}"`}`, {
      hint: 'It should begin with "-----BEGIN PUBLIC KEY-----"; "stave keys public" prints that of a private key.',
    });
  }
  if (second !== undefined) throw new Failure('KEY_INVALID', `${name} holds more than one public key`);
  let object: KeyObject;
  try {
    object = createPublicKey(printPem(block));
  } catch (cause) {
    throw new Failure('KEY_INVALID', `${name} holds a public key that cannot be read`, { cause });
  }
  return publicKeyOf(object, name);
}

/** Failure KEY_INVALID where its algorithm is none of ours. */
export function publicKeyOf(object: KeyObject, name: string): PublicKey {
  const algorithm = algorithmOf(object, name);
  const spki = object.export({ type: 'spki', format: 'der' });
  return {
    algorithm,
    pem: printPem({ type: 'PUBLIC KEY', der: spki }),
    hint: createHash('sha256').update(spki).digest('base64'),
    object,
    verify: (bytes, signature) => HASHES[algorithm].some((hash) => verifies(hash, bytes, object, signature)),
  };
}

/** The hash that a signature of this algorithm is made with; null where the algorithm has its own. */
export function signingHash(algorithm: KeyAlgorithm): string | null {
  return HASHES[algorithm][0] ?? null;
}

function verifies(hash: string | null, bytes: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify(hash, bytes, key, signature);
  } catch {
    return false; // Some malformed signatures throw.
  }
}

function algorithmOf(key: KeyObject, name: string): KeyAlgorithm {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519') return 'ed25519';
  if (type === 'rsa') {
    const bits = details?.modulusLength ?? 0;
    if (bits >= RSA_BITS.least && bits <= RSA_BITS.most) return 'rsa';
    throw new Failure('KEY_INVALID', `${name} is an RSA key of ${bits} bits`, {
      hint: `We use RSA keys of ${RSA_BITS.least} to ${RSA_BITS.most} bits.`,
    });
  }
  const curve = type === 'ec' ? CURVES[details?.namedCurve ?? ''] : undefined;
  if (curve !== undefined) return curve;
  throw new Failure('KEY_INVALID', `${name} is a key of the kind "${details?.namedCurve ?? type}"`, {
    hint: 'We use ECDSA on P-256, P-384 or P-521, RSA, and Ed25519.',
  });
}
