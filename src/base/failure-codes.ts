// The closed table of failure codes. It feeds the type of `Failure.code`, the process's exit code and docs/failures.md.
// A code is never renamed or reused once released: scripts match on it.

/** Exit codes of the process (ARCHITECTURE.md, "Three kinds of wrong"). 1 is kept for our own mistakes. */
export const EXIT = {
  ok: 0,
  bug: 1,
  usage: 2,
  config: 3,
  unsolvable: 4,
  network: 5,
  trust: 6,
  policy: 7,
  environment: 8,
  // What `verify` and `verify-attestation` answer, in cosign's numbers: they are no failures.
  unsigned: 10,
  absent: 11,
  refused: 12,
  uncertified: 13,
} as const;

type Answer = 'unsigned' | 'absent' | 'refused' | 'uncertified';
type ExitClass = Exclude<keyof typeof EXIT, 'ok' | 'bug' | Answer>;

/** code -> [exit class, what it means in one sentence, for the docs]. Sorted within each class. */
export const FAILURE_CODES = {
  USAGE_ARGUMENTS: ['usage', 'The command line has too few, too many or unusable arguments.'],
  USAGE_FLAG: ['usage', 'A flag is unknown or its value does not fit.'],

  CONFIG_INVALID: ['config', 'A value in the configuration is not allowed there.'],
  CONFIG_NOT_FOUND: ['config', 'The configuration, or a file it names, does not exist.'],
  CONFIG_SYNTAX: ['config', 'The file is not YAML that we can read.'],
  CONFIG_UNKNOWN_KEY: ['config', 'The configuration has a key that means nothing there.'],
  LOCK_INVALID: ['config', 'The lock file is not one that we can read.'],
  LOCK_MISMATCH: ['config', 'The lock file was made from another configuration.'],

  SOLVE_CONFLICT: ['unsolvable', 'No set of packages fulfils all wishes at once.'],
  SOLVE_LIMIT: ['unsolvable', 'The search for a solution reached its bound.'],

  HTTP_STATUS: ['network', 'A server answered with an error status.'],
  IMAGE_NOT_FOUND: ['network', 'A registry has no such image, tag or repository.'],
  NETWORK_OFFLINE: ['network', 'Something is needed from the network, but --offline was given.'],
  NETWORK_UNREACHABLE: ['network', 'A server could not be reached or broke off.'],
  REGISTRY_AUTH: ['network', 'A registry wants credentials, or refuses those that we have.'],
  REGISTRY_CONFLICT: ['network', 'Somebody else keeps changing the same tag of a registry.'],
  REGISTRY_PROTOCOL: ['network', 'A registry answers in a way that the distribution protocol does not allow.'],
  RESPONSE_TOO_LARGE: ['network', 'A response is larger than its bound.'],

  CHECKSUM_MISMATCH: ['trust', 'Bytes do not have the digest that was promised for them.'],
  KEY_INVALID: ['trust', 'A key cannot be read or used.'],
  KEY_PASSWORD: ['trust', 'The password of a private key is wrong or missing.'],
  SIGNATURE_INVALID: ['trust', 'A signature does not belong to the signed bytes.'],
  SIGNATURE_MISSING: ['trust', 'There is no signature, or none by a key of the keyring.'],
  SIGNATURE_UNEXPECTED: ['trust', 'A signature was made by somebody whom the trust file does not expect.'],
  SIGNING_FAILED: ['trust', 'A service of signing did not give what is needed.'],
  TRUST_ROOT_INVALID: ['trust', 'A trusted root, trust file or signing configuration cannot be used.'],

  ACCOUNT_INVALID: ['policy', 'An account file or entry cannot be used, or run-as names nobody.'],
  ARCHIVE_INVALID: ['policy', 'An archive is damaged or has entries that we refuse.'],
  ARCHIVE_LIMIT: ['policy', 'An archive exceeds a bound on its size or count.'],
  CERTIFICATE_INVALID: ['policy', 'A certificate or trust store cannot be read.'],
  FILE_CONFLICT: ['policy', 'Two packages, or a package and the builder, claim one path.'],
  HARDENING_BROKEN: ['policy', 'An image breaks the hardening contract, by the profile that was asked for.'],
  IMAGE_INVALID: ['policy', 'An image, layout or reference is not one that we can read.'],
  INDEX_INVALID: ['policy', 'A repository index is damaged or has unexpected parts.'],
  PACKAGE_INVALID: ['policy', 'A package is damaged or not one that we can install.'],
  PATH_INVALID: ['policy', 'A path mutation cannot be applied to this image.'],

  ADDRESS_UNUSABLE: ['environment', 'The address to listen on is taken, or is none of this machine.'],
  CACHE_UNUSABLE: ['environment', 'The cache directory cannot be used.'],
  CREDENTIALS_UNUSABLE: ['environment', 'A credential file or helper cannot be used.'],
  ENGINE_FAILED: ['environment', 'A container engine (docker or podman) does not take an image.'],
  FEATURE_UNSUPPORTED: ['environment', 'This version of stave or of Node cannot do that.'],
  FILE_UNREADABLE: ['environment', 'A local file or folder cannot be read.'],
  FILE_UNWRITABLE: ['environment', 'A local file or folder cannot be written.'],
} as const satisfies Record<string, readonly [ExitClass, string]>;

export type FailureCode = keyof typeof FAILURE_CODES;
