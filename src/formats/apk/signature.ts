// Signatures of indexes and packages: a gzip member with `.SIGN.<algorithm>.<key>.rsa.pub` entries over all bytes that
// follow it (apk-format.md 1 and 3). Must never accept what it could not check, and never print key material.

import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { Failure, failingWithin } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { sortedUnique } from '../../base/order.ts';
import { type GzipMember, printGzipMember, readGzipMember } from '../gzip/members.ts';
import { TAR_TYPE, type TarEntry } from '../tar/entry.ts';
import { readTar } from '../tar/read.ts';
import { printTarHeader, tarPadding } from '../tar/write.ts';

/** Signature algorithms that we check; entries with others (DSA, RSA512) are passed over. */
const HASHES: ReadonlyMap<string, string> = new Map([
  ['RSA', 'sha1'],
  ['RSA256', 'sha256'],
]);
const SIGNATURE_NAME = /^\.SIGN\.(DSA|RSA|RSA256|RSA512)\.(.*\.rsa\.pub)$/;

export interface IndexToVerify {
  /** The whole APKINDEX.tar.gz. */
  readonly bytes: Uint8Array;
  /** File name of a public key (`wolfi-signing.rsa.pub`) -> its PEM text. */
  readonly keys: ReadonlyMap<string, string>;
  /** How to call the index in a sentence: its URL or path. */
  readonly name: string;
}

export interface SigningKey {
  /** File name of the public key, under which verifiers look for it: `NAME.rsa.pub`. */
  readonly keyName: string;
  readonly privateKeyPem: string;
  readonly algorithm: 'RSA' | 'RSA256';
}

interface FoundSignature {
  readonly algorithm: string;
  readonly keyName: string;
  readonly signature: Uint8Array;
}

interface FirstMember extends GzipMember {
  readonly entries: readonly TarEntry[];
}

/** Returns when one known key signed the index. SIGNATURE_MISSING, SIGNATURE_INVALID or KEY_INVALID otherwise. */
export function verifyIndexSignature({ bytes, keys, name }: IndexToVerify): void {
  const known = sortedUnique(keys.keys());
  const odd = known.find((key) => key === '' || key.includes('/'));
  if (odd !== undefined)
    throw new Failure('KEY_INVALID', `"${odd}" is no name for a key`, { hint: 'use a plain file name' });
  if (known.length === 0) {
    throw new Failure('SIGNATURE_MISSING', `there is no key to check the signature of ${name} with`, {
      hint: 'add the public key of the repository to contents.keyring',
    });
  }
  const first = readFirstMember(bytes, name);
  const found = findSignatures(first, name);
  const usable = found.flatMap((signature) => {
    const pem = lookUpKey(keys, signature.keyName);
    return pem !== undefined && HASHES.has(signature.algorithm) ? [{ ...signature, pem }] : [];
  });
  if (usable.length === 0) throw unknownSigner(name, known, found);
  const signed = bytes.subarray(first.end);
  // Every key that is needed is read first: a broken key is told, not hidden by a second signature that fails.
  const checks = usable.map((signature) => ({ ...signature, key: readPublicKey(signature.keyName, signature.pem) }));
  const good = checks.some(({ algorithm, key, signature }) => verify(HASHES.get(algorithm), signed, key, signature));
  if (good) return;
  throw new Failure(
    'SIGNATURE_INVALID',
    `the signature of ${name} by ${list(usable.map((s) => s.keyName))} does not fit its content`,
    {
      hint: 'the index was changed after signing, was cut short, or a key of the keyring has the name of another one',
    },
  );
}

/**
 * The signature member to put in front of `bytes` (an index's or a control member). Deterministic: PKCS #1 v1.5 has no
 * randomness, and the archive no time.
 */
export function signMember(bytes: Uint8Array, { keyName, privateKeyPem, algorithm }: SigningKey): Buffer {
  if (!/^[^/]+\.rsa\.pub$/.test(keyName)) {
    throw new Failure('KEY_INVALID', `"${keyName}" is no name for a signing key`, {
      hint: 'use a file name like "me.rsa.pub"',
    });
  }
  const signature = sign(HASHES.get(algorithm), bytes, readPrivateKey(keyName, privateKeyPem));
  const header = printTarHeader({
    name: `.SIGN.${algorithm}.${keyName}`,
    type: TAR_TYPE.file,
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: 'root',
    gname: 'root',
    mtime: 0,
    size: signature.length,
    linkname: '',
    devmajor: 0,
    devminor: 0,
    pax: {},
  });
  // No end-of-archive mark: members are read as one archive.
  return printGzipMember(Buffer.concat([header, signature, Buffer.alloc(tarPadding(signature.length))]));
}

function readFirstMember(bytes: Uint8Array, name: string): FirstMember {
  const member = failingWithin(name, () => readGzipMember(bytes, 0, LIMITS.indexBytes));
  if (member === undefined) throw new Failure('INDEX_INVALID', `${name} breaks off within its first gzip member`);
  return { ...member, entries: failingWithin(name, () => readTar(member.content)) };
}

function findSignatures(
  member: GzipMember & { readonly entries: readonly TarEntry[] },
  name: string,
): FoundSignature[] {
  return member.entries.map((entry) => {
    const match = SIGNATURE_NAME.exec(entry.name);
    if (match === null) {
      throw new Failure('SIGNATURE_MISSING', `${name} is not signed: it begins with "${entry.name}"`, {
        hint: 'sign the repository, or pass --ignore-signatures if you trust where it comes from',
      });
    }
    return {
      algorithm: match[1] as string,
      keyName: match[2] as string,
      signature: member.content.subarray(entry.offset, entry.offset + entry.size),
    };
  });
}

function unknownSigner(name: string, known: readonly string[], found: readonly FoundSignature[]): Failure {
  const signers = found.map((signature) => `${signature.keyName} (${signature.algorithm})`);
  return new Failure(
    'SIGNATURE_MISSING',
    `${name} is signed by ${list(signers)}, but the known keys are ${list(known)}`,
    {
      hint: 'add the public key of the repository to contents.keyring, under the file name that it was signed with',
    },
  );
}

/** Keys are stored under their file name; without the suffix they are accepted too. */
function lookUpKey(keys: ReadonlyMap<string, string>, keyName: string): string | undefined {
  return keys.get(keyName) ?? keys.get(keyName.replace(/\.rsa\.pub$/, ''));
}

function readPublicKey(name: string, pem: string): KeyObject {
  if (pem.includes('PRIVATE KEY')) {
    throw new Failure('KEY_INVALID', `the key ${name} is a private key`, {
      hint: 'put the public key into the keyring',
    });
  }
  return rsaOnly(
    name,
    parseKey(name, () => createPublicKey(pem)),
  );
}

function readPrivateKey(name: string, pem: string): KeyObject {
  return rsaOnly(
    name,
    parseKey(name, () => createPrivateKey(pem)),
  );
}

function parseKey(name: string, parse: () => KeyObject): KeyObject {
  try {
    return parse();
  } catch {
    // The cause could quote the text.
    throw new Failure('KEY_INVALID', `the key ${name} cannot be read`, {
      hint: 'it must be an RSA key in PEM form, without a passphrase',
    });
  }
}

function rsaOnly(name: string, key: KeyObject): KeyObject {
  if (key.asymmetricKeyType === 'rsa') return key;
  throw new Failure('KEY_INVALID', `the key ${name} is not an RSA key`, {
    hint: 'apk repositories are signed with RSA keys',
  });
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'nobody' : names.map((name) => `"${name}"`).join(', ');
}
