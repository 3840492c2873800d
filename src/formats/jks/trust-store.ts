// Java key stores of the JKS kind, as `etc/ssl/certs/java/cacerts` is one: entries, then a keyed SHA-1 over everything before
// (layer-and-oci.md 7). Private keys are kept as they are, still encrypted. Hostile input: every length is checked, and
// nothing is read before the digest is right. Must never be taken for security: the password is public.

import { createHash } from 'node:crypto';
import { Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';

/** The password of every Java trust store that programs read without being told one. */
const TRUST_STORE_PASSWORD = 'changeit';

interface StoredCertificate {
  /** `X.509`. */
  readonly type: string;
  readonly der: Uint8Array;
}

interface EntryFields {
  /** Lower case; a byte string (one char a byte), since Java's encoding of other letters is its own. */
  readonly alias: string;
  /** Milliseconds since 1970. */
  readonly createdMs: bigint;
}

export type TrustStoreEntry = EntryFields &
  (
    | { readonly kind: 'certificate'; readonly certificate: StoredCertificate }
    | { readonly kind: 'private-key'; readonly encryptedKey: Uint8Array; readonly chain: readonly StoredCertificate[] }
  );

const MAGIC = 0xfeedfeed;
const MAGIC_JCEKS = 0xcececece;
/** Magic, version and count. */
const EMPTY_BODY_BYTES = 12;
const DIGEST_BYTES = 20;
const TAG = { privateKey: 1, certificate: 2 } as const;

/**
 * The entries in file order; of two with one alias the later one counts.
 * @throws Failure CERTIFICATE_INVALID naming what is wrong; the caller says which file
 */
export function parseTrustStore(bytes: Uint8Array, password = TRUST_STORE_PASSWORD): TrustStoreEntry[] {
  const bodyBytes = Math.max(0, bytes.length - DIGEST_BYTES);
  const reader = new Reader(bytes.subarray(0, bodyBytes));
  const version = readVersion(reader);
  checkDigest(bytes, bodyBytes, password);
  const entries = new Map<string, TrustStoreEntry>();
  const count = reader.u32();
  for (let i = 0; i < count; i++) {
    const tag = reader.u32();
    const alias = lowerAscii(reader.text());
    const createdMs = reader.u64();
    if (tag === TAG.certificate) {
      entries.set(alias, { kind: 'certificate', alias, createdMs, certificate: reader.certificate(version) });
    } else if (tag === TAG.privateKey) {
      const encryptedKey = reader.block();
      const chain: StoredCertificate[] = [];
      for (let left = reader.u32(); left > 0; left--) chain.push(reader.certificate(version));
      entries.set(alias, { kind: 'private-key', alias, createdMs, encryptedKey, chain });
    } else throw invalid(`the trust store has an entry of the unknown kind ${tag}`);
  }
  if (reader.left !== 0) throw invalid('the trust store has bytes behind its entries');
  return [...entries.values()];
}

/** A version 2 store with its entries in byte order of their aliases, which must differ. */
export function printTrustStore(entries: readonly TrustStoreEntry[], password = TRUST_STORE_PASSWORD): Uint8Array {
  const parts: Uint8Array[] = [u32(MAGIC), u32(2), u32(entries.length)];
  const pushCertificate = ({ type, der }: StoredCertificate) => parts.push(...text(type), ...block(der));
  for (const entry of entries.toSorted((a, b) => compareBytes(a.alias, b.alias))) {
    parts.push(u32(TAG[entry.kind === 'certificate' ? 'certificate' : 'privateKey']), ...text(entry.alias));
    parts.push(u64(entry.createdMs));
    if (entry.kind === 'certificate') {
      pushCertificate(entry.certificate);
    } else {
      parts.push(...block(entry.encryptedKey), u32(entry.chain.length));
      entry.chain.forEach(pushCertificate);
    }
  }
  const body = Buffer.concat(parts);
  return Buffer.concat([body, keyedDigest(body, password)]);
}

/** The entry that trusts a certificate. The alias is put in lower case: Java's aliases know no case. */
export function trustedCertificate(alias: string, der: Uint8Array, createdMs: bigint): TrustStoreEntry {
  return { kind: 'certificate', alias: lowerAscii(alias), createdMs, certificate: { type: 'X.509', der } };
}

function readVersion(reader: Reader): 1 | 2 {
  if (reader.left < EMPTY_BODY_BYTES) throw invalid('the trust store is no Java key store');
  const magic = reader.u32();
  if (magic === MAGIC_JCEKS) throw invalid('the trust store is of the kind JCEKS, only JKS can be edited');
  // PKCS#12 is DER: a sequence with a long length.
  if (magic >>> 16 === 0x3082) throw invalid('the trust store seems to be PKCS#12, only JKS can be edited');
  if (magic !== MAGIC) throw invalid('the trust store is no Java key store');
  const version = reader.u32();
  if (version !== 1 && version !== 2) throw invalid(`the trust store has the unknown version ${version}`);
  return version;
}

function checkDigest(bytes: Uint8Array, bodyBytes: number, password: string): void {
  if (!keyedDigest(bytes.subarray(0, bodyBytes), password).equals(bytes.subarray(bodyBytes))) {
    throw invalid(`the trust store is damaged, or its password is not "${password}"`);
  }
}

function keyedDigest(body: Uint8Array, password: string): Buffer {
  const passwordBytes = Buffer.from(password, 'utf16le').swap16();
  return createHash('sha1').update(passwordBytes).update('Mighty Aphrodite').update(body).digest();
}

/** Reads big-endian fields. */
class Reader {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  u32(): number {
    return this.take(4).readUInt32BE();
  }

  u64(): bigint {
    return this.take(8).readBigUInt64BE();
  }

  text(): string {
    return this.take(this.take(2).readUInt16BE()).toString('latin1');
  }

  block(): Uint8Array {
    return this.take(this.u32());
  }

  certificate(version: 1 | 2): StoredCertificate {
    const type = version === 2 ? this.text() : 'X.509';
    return { type, der: this.block() };
  }

  private take(length: number): Buffer {
    if (length > this.left) throw invalid('the trust store ends in the middle of an entry');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  return bytes;
}

function text(byteString: string): Buffer[] {
  const bytes = Buffer.from(byteString, 'latin1');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return [length, bytes];
}

function block(bytes: Uint8Array): Uint8Array[] {
  return [u32(bytes.length), bytes];
}

function lowerAscii(byteString: string): string {
  return byteString.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function invalid(sentence: string): Failure {
  return new Failure('CERTIFICATE_INVALID', sentence);
}
