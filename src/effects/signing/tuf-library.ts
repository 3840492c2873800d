// The same for TUF (see verifying-library.ts), with the HTTP client that comes with it.

export { initTUF } from '@sigstore/tuf';
