// Private keys that sign: sealed as cosign does, PKCS#8 (encrypted too), SEC1 and PKCS#1 (signing.md 5).
// The key itself stays inside this file's closures: it is in no field, so nothing that prints a value can print it.

import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { Failure } from '../../base/failure.ts';
import { type PemBlock, parsePem, printPem } from '../../formats/pem/pem.ts';
import { type PublicKey, publicKeyOf, signingHash } from './public-key.ts';
import { unsealKey, wrongPassword } from './sealed-key.ts';
import { readPassword, readSecret, type SecretSources } from './secret-sources.ts';

export interface SigningKey {
  readonly publicKey: PublicKey;
  /** ECDSA: ASN.1 DER, randomised. */
  sign(bytes: Uint8Array): Uint8Array;
}

const SEALED = ['ENCRYPTED SIGSTORE PRIVATE KEY', 'ENCRYPTED COSIGN PRIVATE KEY'];
const PLAIN = ['PRIVATE KEY', 'EC PRIVATE KEY', 'RSA PRIVATE KEY'];
const ENCRYPTED = 'ENCRYPTED PRIVATE KEY';

/** `reference` is a path, `env://NAME` or `-`. Failures FILE_UNREADABLE, KEY_INVALID, KEY_PASSWORD. */
export async function readSigningKey(reference: string, sources: SecretSources): Promise<SigningKey> {
  const { name, key } = await readPrivateKey(reference, sources);
  return signingKeyOf(key, name);
}

/** The same as an object of node:crypto, for those who write it into another form. */
export async function readPrivateKey(
  reference: string,
  sources: SecretSources,
): Promise<{ readonly name: string; readonly key: KeyObject }> {
  const { text, name, exposed } = await readSecret(reference, sources);
  const block = privateBlock(text, name);
  if (SEALED.includes(block.type)) {
    const pkcs8 = await unsealKey(block.der, await readPassword(name, sources), name);
    return { name, key: decode({ type: 'PRIVATE KEY', der: pkcs8 }, name) };
  }
  // The traditional form keeps its encryption in headers, which only the original text has.
  const isEncrypted = block.type === ENCRYPTED || /^Proc-Type: 4,ENCRYPTED/m.test(text);
  if (isEncrypted) return { name, key: decrypt(text, await readPassword(name, sources), name) };
  if (exposed) {
    sources.events({
      type: 'warning',
      code: 'KEY_EXPOSED',
      message: `${name} is a private key without a password, and others on this machine can read it`,
      hint: 'chmod 600 it, or seal it with "stave keys import"',
    });
  }
  return { name, key: decode(block, name) };
}

/** `name` names the key in messages. Failure KEY_INVALID where its algorithm is none of ours. */
export function signingKeyOf(key: KeyObject, name: string): SigningKey {
  const publicKey = publicKeyOf(createPublicKey(key), name);
  const hash = signingHash(publicKey.algorithm);
  return { publicKey, sign: (bytes) => sign(hash, bytes, key) };
}

function privateBlock(text: string, name: string): PemBlock {
  const blocks = parsePem(text);
  const [block, second] = blocks.filter(({ type }) => [...SEALED, ...PLAIN, ENCRYPTED].includes(type));
  if (block === undefined) {
    throw new Failure('KEY_INVALID', `${name} holds no private key${isPublic(blocks) ? ', but a public one' : ''}`, {
      hint: 'We read cosign keys, PKCS#8, SEC1 and PKCS#1, all in PEM.',
    });
  }
  if (second !== undefined) throw new Failure('KEY_INVALID', `${name} holds more than one private key`);
  return block;
}

function isPublic(blocks: readonly PemBlock[]): boolean {
  return blocks.some(({ type }) => type.endsWith('PUBLIC KEY'));
}

// Causes are left out below: what the parser says about a private key belongs into no report.

function decode(block: PemBlock, name: string): KeyObject {
  try {
    return createPrivateKey(printPem(block));
  } catch {
    throw new Failure('KEY_INVALID', `${name} holds a private key that cannot be read`);
  }
}

function decrypt(pem: string, passphrase: string, name: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, passphrase });
  } catch {
    throw wrongPassword(name);
  }
}
