// What we use of the sigstore packages for verifying, behind one door that is opened when it is needed: they are CommonJS,
// whose names a bundler finds in static imports only, and they take a while to load.

export { bundleFromJSON, bundleToJSON } from '@sigstore/bundle';
export { ServiceSelector, SigningConfig, TrustedRoot } from '@sigstore/protobuf-specs';
export { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
export { verifyTLogInclusion } from '@sigstore/verify/dist/tlog/index.js';
