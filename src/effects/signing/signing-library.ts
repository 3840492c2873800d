// The same for signing (see verifying-library.ts), with the HTTP client that comes with it.

export {
  DSSEBundleBuilder,
  FulcioSigner,
  MessageSignatureBundleBuilder,
  RekorWitness,
  TSAWitness,
} from '@sigstore/sign';
