// The JSON of a sigstore bundle, as far as we take it apart ourselves; @sigstore/bundle checks the whole (signing.md 4).

export interface BundleJson {
  readonly mediaType: string;
  readonly verificationMaterial: {
    readonly publicKey?: { readonly hint?: string };
    readonly certificate?: { readonly rawBytes: string };
    readonly x509CertificateChain?: { readonly certificates: readonly { readonly rawBytes: string }[] };
    readonly tlogEntries?: readonly LogEntryJson[];
    readonly timestampVerificationData?: {
      readonly rfc3161Timestamps?: readonly { readonly signedTimestamp: string }[];
    };
  };
  readonly dsseEnvelope?: EnvelopeJson;
  readonly messageSignature?: { readonly messageDigest: object; readonly signature: string };
}

interface EnvelopeJson {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly sig: string }[];
}

export interface LogEntryJson {
  readonly logIndex: string;
  readonly logId: { readonly keyId: string };
  readonly kindVersion: { readonly kind: string; readonly version: string };
  readonly integratedTime: string;
  readonly inclusionPromise?: { readonly signedEntryTimestamp: string };
  readonly canonicalizedBody: string;
}
