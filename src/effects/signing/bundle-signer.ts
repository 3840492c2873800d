// Makes sigstore bundles with a key or a certificate, by @sigstore/sign (signing.md 4, 5): signature first, then whatever the
// log and the timestamp authority say about it. Must never let an error of the library out: it may quote a token.

import type { Bundle, Signer as LibrarySigner, Witness } from '@sigstore/sign';
import { Failure } from '../../base/failure.ts';
import type { BundleJson } from '../../formats/attestation/bundle-json.ts';
import type { SignerExpectation } from './signer-expectation.ts';
import type { SigningKey } from './signing-key.ts';

export interface BundleSigner {
  /** Who will have signed, where that is known before: signing the same again can then be spared. */
  readonly expectation: SignerExpectation | undefined;
  /** A bundle with a DSSE envelope. */
  signEnvelope(payload: Uint8Array, payloadType: string): Promise<BundleJson>;
  /** A bundle with a signature over the bytes, for the legacy form. */
  signMessage(bytes: Uint8Array): Promise<BundleJson>;
}

export interface KeySignerOptions {
  /** Logs and timestamp authorities; default none. */
  readonly witnesses?: readonly Witness[];
  /** cosign 2.6 and 3 verify it; its own signatures are of another kind (Ed25519ph), and policy engines differ. */
  readonly allowEd25519?: boolean;
}

/** Failure KEY_INVALID for Ed25519, unless it is allowed. */
export function keySigner(
  key: SigningKey,
  { witnesses = [], allowEd25519 = false }: KeySignerOptions = {},
): BundleSigner {
  const { publicKey } = key;
  if (publicKey.algorithm === 'ed25519' && !allowEd25519) {
    throw new Failure('KEY_INVALID', 'many verifiers do not take images signed with Ed25519', {
      hint: 'Use an ECDSA P-256 key ("stave keys generate"), or say --allow-ed25519 if stave or cosign 2.6 and later verify.',
    });
  }
  const signer: LibrarySigner = {
    // Without a hint: the library would put it into the envelope, where verifiers take it for a key id of their own.
    sign: async (bytes) => ({
      signature: Buffer.from(key.sign(bytes)),
      key: { $case: 'publicKey', publicKey: publicKey.pem },
    }),
  };
  const hinted = (bundle: BundleJson): BundleJson => ({
    ...bundle,
    verificationMaterial: { ...bundle.verificationMaterial, publicKey: { hint: publicKey.hint } },
  });
  const { signEnvelope, signMessage } = signerWith(signer, witnesses);
  return {
    expectation: { kind: 'key', key: publicKey },
    signEnvelope: async (payload, payloadType) => hinted(await signEnvelope(payload, payloadType)),
    signMessage: async (bytes) => hinted(await signMessage(bytes)),
  };
}

/** With whatever signs and vouches. */
export function signerWith(signer: LibrarySigner, witnesses: readonly Witness[]): Omit<BundleSigner, 'expectation'> {
  const options = { signer, witnesses: [...witnesses] };
  return {
    signEnvelope: async (payload, type) => {
      const { DSSEBundleBuilder } = await import('./signing-library.ts');
      return await made(new DSSEBundleBuilder(options).create({ data: Buffer.from(payload), type }));
    },
    signMessage: async (bytes) => {
      const { MessageSignatureBundleBuilder } = await import('./signing-library.ts');
      return await made(new MessageSignatureBundleBuilder(options).create({ data: Buffer.from(bytes) }));
    },
  };
}

async function made(creating: Promise<Bundle>): Promise<BundleJson> {
  const { bundleToJSON } = await import('./verifying-library.ts');
  try {
    return bundleToJSON(await creating) as unknown as BundleJson;
  } catch (error) {
    // What our own part says, a token that cannot be had above all, the library only wraps.
    const own = [error, (error as { cause?: unknown }).cause].find((one) => one instanceof Failure);
    throw own ?? signingFailure(error);
  }
}

const STEPS: Readonly<Record<string, string>> = {
  CA_CREATE_SIGNING_CERTIFICATE_ERROR: 'the certificate authority gave no certificate',
  IDENTITY_TOKEN_PARSE_ERROR: 'the identity token cannot be used',
  IDENTITY_TOKEN_READ_ERROR: 'there is no identity token',
  TLOG_CREATE_ENTRY_ERROR: 'the transparency log did not take the entry',
  TLOG_FETCH_ENTRY_ERROR: 'the transparency log did not give the entry back',
  TSA_CREATE_TIMESTAMP_ERROR: 'the timestamp authority gave no timestamp',
};

/** By code and status alone: messages of the library quote what they failed on. */
function signingFailure(error: unknown): Failure {
  const { code, cause } = error as { code?: unknown; cause?: { statusCode?: unknown } };
  const step = STEPS[String(code)] ?? 'the signature could not be made';
  const status = Number.isInteger(cause?.statusCode) ? `: it answered with status ${cause?.statusCode}` : '';
  return new Failure('SIGNING_FAILED', `${step}${status}`, {
    hint: 'Services of keyless signing come from the signing configuration; tokens live for some minutes only.',
  });
}
