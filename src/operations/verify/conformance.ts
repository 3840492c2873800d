// What the sigstore conformance suite asks of a client (sigstore/sigstore-conformance, docs/cli_protocol.md): a bundle over a
// file or a statement, made keylessly, and verified by identity or key. For that suite, hence on hidden commands.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { printJson } from '../../base/canonical-json.ts';
import { type Digest, digestHex, isDigest, sha256 } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { writeFileAtomically } from '../../effects/output/atomic-file.ts';
import type { SignatureVerdict } from '../../effects/signing/signature-verdict.ts';
import { verifyBundle } from '../../effects/signing/verify-bundle.ts';
import type { BundleJson } from '../../formats/attestation/bundle-json.ts';
import { IN_TOTO_TYPE, parseEnvelope } from '../../formats/attestation/dsse.ts';
import { parseStatement } from '../../formats/attestation/statement.ts';
import type { Host } from '../host.ts';
import { withSigner } from '../sign/open-signer.ts';
import { trustByFlags } from './expected-signer.ts';

export interface SignBundleRequest {
  readonly path: string;
  /** Where the bundle goes. */
  readonly bundle: string;
  readonly identityToken: string;
  /** The file is a statement. */
  readonly inToto: boolean;
  readonly signingConfig?: string;
}

/** Failures SIGNING_FAILED, FILE_UNREADABLE, FILE_UNWRITABLE, IMAGE_INVALID for what is no statement. */
export async function signBundle(request: SignBundleRequest, host: Host): Promise<void> {
  const { identityToken, signingConfig, inToto } = request;
  const bytes = await readBounded(request.path, host);
  if (inToto) parseStatement(bytes, request.path);
  const options = { identityToken, ...(signingConfig !== undefined && { signingConfig }) };
  const bundle = await withSigner(options, host, async (signer) =>
    inToto ? await signer.signEnvelope(bytes, IN_TOTO_TYPE) : await signer.signMessage(bytes),
  );
  await writeFileAtomically(resolve(host.cwd, request.bundle), (write) => write(Buffer.from(printJson(bundle))));
}

export interface VerifyBundleRequest {
  readonly bundle: string;
  readonly key?: string | undefined;
  readonly certificateIdentity?: string | undefined;
  readonly certificateOidcIssuer?: string | undefined;
  readonly trustedRoot?: string | undefined;
  /** A path, or `sha256:` and 64 hex digits where there is no such path. */
  readonly fileOrDigest: string;
}

/**
 * Of an envelope, the file is a subject of its statement. Failures USAGE_FLAG, KEY_INVALID, TRUST_ROOT_INVALID, IMAGE_INVALID,
 * FILE_UNREADABLE.
 */
export async function verifyBundleFile(request: VerifyBundleRequest, host: Host): Promise<SignatureVerdict> {
  const { key, certificateIdentity, certificateOidcIssuer, trustedRoot: root } = request;
  const signer = { key, certificateIdentity, certificateOidcIssuer };
  const {
    expected: [expected],
    trustedRoot,
  } = await trustByFlags({ signer, trustedRoot: root, ignoreTlog: false }, host);
  assert(expected !== undefined, 'flags name one signer');
  const bundle = parseBundle(await readBounded(request.bundle, host), request.bundle);
  const subject = await subjectOf(request.fileOrDigest, host);
  const { bytes, digest } = subject;
  const artifact =
    bytes === undefined ? { artifactSha256: Buffer.from(digestHex(digest), 'hex') } : { artifact: bytes };
  const verdict = await verifyBundle(bundle, expected, { trustedRoot, ...artifact });
  if (verdict.refusal !== undefined || bundle.dsseEnvelope === undefined) return verdict;
  const { payload, payloadType } = parseEnvelope(Buffer.from(JSON.stringify(bundle.dsseEnvelope)), request.bundle);
  if (payloadType !== IN_TOTO_TYPE)
    return { ...verdict, refusal: { reason: 'malformed', detail: `it holds a "${payloadType}"` } };
  const { subjects } = parseStatement(payload, request.bundle);
  if (subjects.some(({ digest }) => digest === subject.digest)) return verdict;
  return { ...verdict, refusal: { reason: 'digest', detail: `it says nothing about ${subject.digest}` } };
}

async function subjectOf(text: string, host: Host): Promise<{ bytes: Uint8Array | undefined; digest: Digest }> {
  if (isDigest(text) && !existsSync(resolve(host.cwd, text))) return { bytes: undefined, digest: text };
  const bytes = await readBounded(text, host);
  return { bytes, digest: sha256(bytes) };
}

function parseBundle(bytes: Uint8Array, path: string): Partial<BundleJson> {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) ?? {};
  } catch {
    throw new Failure('IMAGE_INVALID', `${path} holds no bundle: it is not JSON`);
  }
}

async function readBounded(path: string, host: Host): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(resolve(host.cwd, path));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Failure('FILE_UNREADABLE', `cannot read ${path}: ${code}`, { cause });
  }
  if (bytes.length <= LIMITS.attestationBytes) return bytes;
  throw new Failure('IMAGE_INVALID', `${path} has ${bytes.length} bytes; we read at most ${LIMITS.attestationBytes}`);
}
