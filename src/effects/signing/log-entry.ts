// What an entry of a transparency log is about (signing.md 6.4): signature, digest and signer in it must be those of the
// bundle. Our own, since @sigstore/verify does not ask for the signer, so that an entry made for somebody else could stand
// for this one; expects the digest of the payload where Rekor v2 has that of the pre-authentication encoding; and refuses
// entries that kept the form of the request, as its own test server writes them. Whether the log has the entry is its part.

import { createHash, createPublicKey } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { parseBase64 } from '../../formats/attestation/base64.ts';
import { parseEnvelope } from '../../formats/attestation/dsse.ts';
import { parsePem } from '../../formats/pem/pem.ts';

/** The bytes that a signature is over, or their SHA-256 where nobody has more. */
export type Signed = { readonly bytes: Uint8Array } | { readonly sha256: Uint8Array };

/** What an entry has to be about. */
export interface LoggedSignature {
  readonly signature: Uint8Array;
  readonly signed: Signed;
  /** Of an envelope. */
  readonly payload: Uint8Array | undefined;
  /** DER: the certificate where there is one, and the key. */
  readonly certificate: Uint8Array | undefined;
  readonly spki: Uint8Array;
}

/** What an entry says. `form` tells which bytes `digest` is of. */
interface EntryContent {
  readonly form: 'signed' | 'payload';
  readonly digest: Uint8Array | undefined;
  readonly signature: Uint8Array | undefined;
  readonly signer: { readonly type: string; readonly der: Uint8Array } | undefined;
}

const HASHES = ['sha256', 'sha384', 'sha512'];

/** Why the entry is not about that signature; undefined where it is. Throws for entries that have none of the known forms. */
export function foreignEntry(entry: TransparencyLogEntry, about: LoggedSignature): string | undefined {
  const body = JSON.parse(entry.canonicalizedBody.toString('utf8'));
  const { kind, version } = entry.kindVersion;
  if (body.kind !== kind || body.apiVersion !== version) return 'its log entry is of another kind than it says';
  const content = contentOf(body, about);
  if (content === undefined) return `its log entry has the unknown form ${kind} ${version}`;
  if (!sameBytes(content.signature, about.signature)) return 'its log entry has another signature';
  const subject = content.form === 'signed' ? about.signed : about.payload && { bytes: about.payload };
  if (subject === undefined || content.digest === undefined || !isDigestOf(content.digest, subject)) {
    return 'its log entry has another digest';
  }
  const wanted = content.signer?.type === 'CERTIFICATE' ? about.certificate : about.spki;
  return sameBytes(content.signer?.der, wanted) ? undefined : 'its log entry is about a signature by somebody else';
}

/** Whether it is one of the digests that are in use; of bytes that nobody has, that can be the known one alone. */
export function isDigestOf(digest: Uint8Array, signed: Signed): boolean {
  if ('sha256' in signed) return sameBytes(digest, signed.sha256);
  return HASHES.some((hash) => sameBytes(digest, createHash(hash).update(signed.bytes).digest()));
}

/**
 * Why a proof is not that of its checkpoint; undefined where it is, or where there is none. The library goes by the signed
 * checkpoint alone, so that size and root hash of the proof could say anything.
 */
export function unlikeCheckpoint({ inclusionProof }: TransparencyLogEntry): string | undefined {
  if (inclusionProof?.checkpoint === undefined) return undefined;
  const [, size, rootHash = ''] = inclusionProof.checkpoint.envelope.split('\n');
  if (inclusionProof.treeSize !== size) return 'the proof of its log entry is of another size than its checkpoint';
  const isSame = sameBytes(inclusionProof.rootHash, Buffer.from(rootHash, 'base64'));
  return isSame ? undefined : 'the proof of its log entry has another root than its checkpoint';
}

// biome-ignore lint/suspicious/noExplicitAny: foreign JSON of six forms; what does not fit throws or equals nothing
function contentOf({ kind, apiVersion, spec }: any, about: LoggedSignature): EntryContent | undefined {
  switch (`${kind} ${apiVersion}`) {
    case 'hashedrekord 0.0.1':
      return {
        form: 'signed',
        digest: Buffer.from(spec.data.hash.value, 'hex'),
        signature: parseBase64(spec.signature.content),
        signer: signerOfPem(spec.signature.publicKey.content),
      };
    case 'dsse 0.0.1':
      if (spec.proposedContent !== undefined) return proposedContent(spec.proposedContent, about);
      return {
        form: 'payload',
        digest: Buffer.from(spec.payloadHash.value, 'hex'),
        signature: parseBase64(only<{ signature: string }>(spec.signatures).signature),
        signer: signerOfPem(only<{ verifier: string }>(spec.signatures).verifier),
      };
    case 'intoto 0.0.2': {
      const one = only<{ sig: string; publicKey: string }>(spec.content.envelope.signatures);
      return {
        form: 'payload',
        digest: Buffer.from(spec.content.payloadHash.value, 'hex'),
        signature: parseBase64(Buffer.from(one.sig, 'base64').toString('latin1')),
        signer: signerOfPem(one.publicKey),
      };
    }
    case 'hashedrekord 0.0.2': {
      const { data, signature } = spec.hashedRekordV002;
      const digest = parseBase64(data.digest);
      return {
        form: 'signed',
        digest,
        signature: parseBase64(signature.content),
        signer: signerOf(signature.verifier),
      };
    }
    case 'dsse 0.0.2': {
      const { payloadHash, signatures } = spec.dsseV002;
      const { content, verifier } = only<{ content: string; verifier: MessageVerifier }>(signatures);
      const digest = parseBase64(payloadHash.digest);
      return { form: 'payload', digest, signature: parseBase64(content), signer: signerOf(verifier) };
    }
    default:
      return undefined;
  }
}

/** The request as it was: the whole envelope, and who verifies it. */
function proposedContent(
  { envelope, verifiers }: { envelope: string; verifiers: readonly string[] },
  { payload }: LoggedSignature,
): EntryContent {
  const parsed = parseEnvelope(Buffer.from(envelope), 'the envelope of a log entry');
  const same = sameBytes(parsed.payload, payload);
  return {
    form: 'payload',
    digest: same ? createHash('sha256').update(parsed.payload).digest() : undefined,
    signature: only(parsed.signatures),
    signer: signerOfPem(only(verifiers)),
  };
}

function only<T>(list: readonly T[]): T {
  const [first, second] = list;
  if (first === undefined || second !== undefined) throw new Error('its log entry has not one signature');
  return first;
}

function signerOfPem(base64: string): EntryContent['signer'] {
  const [block] = parsePem(Buffer.from(base64, 'base64').toString('utf8'));
  if (block?.type !== 'RSA PUBLIC KEY') return block;
  const key = createPublicKey({ key: Buffer.from(block.der), format: 'der', type: 'pkcs1' });
  return { type: 'PUBLIC KEY', der: key.export({ type: 'spki', format: 'der' }) };
}

interface MessageVerifier {
  readonly x509Certificate?: { readonly rawBytes: string };
  readonly publicKey?: { readonly rawBytes: string };
}

function signerOf({ x509Certificate, publicKey }: MessageVerifier): EntryContent['signer'] {
  if (x509Certificate !== undefined) return derOf('CERTIFICATE', x509Certificate.rawBytes);
  return publicKey && derOf('PUBLIC KEY', publicKey.rawBytes);
}

function derOf(type: string, base64: string): EntryContent['signer'] {
  return { type, der: Buffer.from(base64, 'base64') };
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}
