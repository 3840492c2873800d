// accountable/: CA certificates where a library wants to verify servers. Static programs bring their own ways and are not seen.

import type { Observation } from './finding.ts';
import type { ImageFiles } from './image-files.ts';
import type { ImageSubject } from './image-subject.ts';
import { environmentOf } from './run-settings.ts';
import { resolvePath } from './tree-paths.ts';

const TLS_LIBRARIES = /^lib(?:ssl|gnutls|mbedtls|wolfssl|nss3|tls|s2n)\.so(?:\.|$)/;

/** Where libraries of the distributions look. */
const BUNDLES = [
  'etc/ssl/certs/ca-certificates.crt',
  'etc/ssl/cert.pem',
  'etc/ssl/ca-bundle.pem',
  'etc/pki/tls/certs/ca-bundle.crt',
  'etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
];

export function checkCertificates({ tree, run }: ImageSubject, files: ImageFiles): Observation[] {
  const library = files.known.find(
    ({ path, facts: { elf } }) => TLS_LIBRARIES.test(elf?.soname ?? '') && !/debug/.test(path),
  );
  if (library === undefined) return [];
  const environment = environmentOf(run);
  const isFile = (path: string | undefined) => path !== undefined && resolvePath(tree, path)?.node.kind === 'file';
  if ([...BUNDLES, environment.get('SSL_CERT_FILE')].some(isFile)) return [];
  const directory = resolvePath(tree, environment.get('SSL_CERT_DIR') ?? 'etc/ssl/certs')?.node;
  // A directory of hashed names serves OpenSSL as well as a bundle does.
  const hasHashed =
    directory?.kind === 'directory' && [...directory.children.keys()].some((name) => /^[0-9a-f]{8}\.\d+$/.test(name));
  if (hasHashed) return [];
  return [
    {
      check: 'accountable/ca-certificates',
      message: `${library.path} verifies servers, but the image has no CA certificates`,
    },
  ];
}
