// Private keys sealed with a password as cosign keeps them (signing.md 5): scrypt makes a key of the password, and NaCl's
// secretbox (XSalsa20-Poly1305, the tag first) seals the PKCS#8 bytes. node:crypto has scrypt, but no XSalsa20.
// Must never follow cost parameters that a file of somebody else sets without a bound.

import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { printJson } from '../../base/canonical-json.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';

/** What cosign uses since 2.0; older files have half of N. */
const COST = { N: 65_536, r: 8, p: 1 } as const;
const LEAST_N = 1024;
const MOST_P = 16;
const KEY_BYTES = 32;
const SALT_BYTES = 32;
const NONCE_BYTES = 24;

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

interface SealedKey {
  readonly cost: Cost;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** The JSON that goes into the PEM block. `pkcs8` is the key in DER. */
export async function sealKey(pkcs8: Uint8Array, password: string): Promise<Uint8Array> {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js');
  const ciphertext = xsalsa20poly1305(await deriveKey(password, salt, COST), nonce).encrypt(pkcs8);
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  return Buffer.from(
    printJson({
      kdf: { name: 'scrypt', params: COST, salt: base64(salt) },
      cipher: { name: 'nacl/secretbox', nonce: base64(nonce) },
      ciphertext: base64(ciphertext),
    }),
  );
}

/** The PKCS#8 bytes. `name` names the key in messages. Failures KEY_INVALID, KEY_PASSWORD. */
export async function unsealKey(sealed: Uint8Array, password: string, name: string): Promise<Uint8Array> {
  const { cost, salt, nonce, ciphertext } = parseSealedKey(sealed, name);
  const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js');
  const key = await deriveKey(password, salt, cost);
  try {
    return xsalsa20poly1305(key, nonce).decrypt(ciphertext);
  } catch {
    // A wrong tag: either the password is wrong or the file is damaged; nobody can tell which.
    throw wrongPassword(name);
  }
}

export function wrongPassword(name: string): Failure {
  return new Failure('KEY_PASSWORD', `the password does not open ${name}`, {
    hint: 'The password comes from STAVE_PASSWORD, then COSIGN_PASSWORD, then a question; an empty variable is an empty password.',
  });
}

async function deriveKey(password: string, salt: Uint8Array, { N, r, p }: Cost): Promise<Uint8Array> {
  const derive = promisify<string, Uint8Array, number, object, Buffer>(scrypt);
  return await derive(password, salt, KEY_BYTES, { N, r, p, maxmem: LIMITS.keyDerivationBytes * 2 });
}

function parseSealedKey(bytes: Uint8Array, name: string): SealedKey {
  const invalid = (why: string) =>
    new Failure('KEY_INVALID', `${name} is not a sealed key that we can read: ${why}`, {
      hint: 'Make a new one with "stave keys generate", or import it anew.',
    });
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw invalid('it holds no JSON'); // No cause: the parser quotes the text.
  }
  const kdf = field(value, 'kdf');
  const cipher = field(value, 'cipher');
  if (field(kdf, 'name') !== 'scrypt') throw invalid('its key is not derived by scrypt');
  if (field(cipher, 'name') !== 'nacl/secretbox') throw invalid('it is not sealed by nacl/secretbox');
  const params = field(kdf, 'params');
  const cost = { N: field(params, 'N'), r: field(params, 'r'), p: field(params, 'p') };
  if (!isBearable(cost)) throw invalid('its scrypt parameters are out of bounds');
  const nonce = base64Bytes(field(cipher, 'nonce'));
  if (nonce?.length !== NONCE_BYTES) throw invalid(`its nonce has not ${NONCE_BYTES} bytes`);
  const salt = base64Bytes(field(kdf, 'salt'));
  const ciphertext = base64Bytes(field(value, 'ciphertext'));
  if (salt === undefined || ciphertext === undefined) throw invalid('salt or ciphertext is missing');
  return { cost, salt, nonce, ciphertext };
}

function isBearable(cost: Record<keyof Cost, unknown>): cost is Record<keyof Cost, number> {
  const { N, r, p } = cost;
  if (!Number.isSafeInteger(N) || !Number.isSafeInteger(r) || !Number.isSafeInteger(p)) return false;
  const [n, blocks, parallel] = [N as number, r as number, p as number];
  const isPowerOfTwo = Number.isInteger(Math.log2(n));
  if (n < LEAST_N || !isPowerOfTwo || blocks < 1 || parallel < 1 || parallel > MOST_P) return false;
  return 128 * n * blocks <= LIMITS.keyDerivationBytes;
}

function field(value: unknown, key: string): unknown {
  if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

function base64Bytes(value: unknown): Uint8Array | undefined {
  return typeof value === 'string' && value !== '' ? Buffer.from(value, 'base64') : undefined;
}
