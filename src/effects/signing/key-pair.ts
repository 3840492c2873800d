// New key pairs, and foreign private keys brought into cosign's sealed form (signing.md 5), so that both tools use them.

import { generateKeyPair as generate, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { printPem } from '../../formats/pem/pem.ts';
import { sealKey } from './sealed-key.ts';
import type { SecretSources } from './secret-sources.ts';
import { readPrivateKey, signingKeyOf } from './signing-key.ts';

export interface KeyPair {
  /** Sealed with a password; still nothing to show around. */
  readonly privatePem: string;
  readonly publicPem: string;
}

/** A new ECDSA P-256 pair: the one algorithm that every verifier in the field accepts. */
export async function generateKeyPair(password: string): Promise<KeyPair> {
  const { privateKey } = await promisify(generate)('ec', { namedCurve: 'prime256v1' });
  return await seal(privateKey, password, 'the new key');
}

/** The same key sealed with `password`. Failures of `readSigningKey`. */
export async function importKeyPair(reference: string, password: string, sources: SecretSources): Promise<KeyPair> {
  const { key, name } = await readPrivateKey(reference, sources);
  return await seal(key, password, name);
}

async function seal(key: KeyObject, password: string, name: string): Promise<KeyPair> {
  const { publicKey } = signingKeyOf(key, name);
  const sealed = await sealKey(key.export({ type: 'pkcs8', format: 'der' }), password);
  return { privatePem: printPem({ type: 'ENCRYPTED SIGSTORE PRIVATE KEY', der: sealed }), publicPem: publicKey.pem };
}
