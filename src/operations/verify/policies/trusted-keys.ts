// The keys and certificates of a trusted root as PEM, for policies that have no place for the whole. Pure.

import { Failure } from '../../../base/failure.ts';
import { printPem } from '../../../formats/pem/pem.ts';

interface TrustedLog {
  readonly url: string;
  readonly pem: string;
}

interface TrustedAuthority {
  readonly url: string;
  readonly organization: string;
  readonly commonName: string;
  /** From the certificate that issues to the root. */
  readonly pem: string;
}

export interface TrustedKeys {
  readonly authorities: readonly TrustedAuthority[];
  readonly logs: readonly TrustedLog[];
  readonly certificateLogs: readonly TrustedLog[];
  readonly timestampAuthorities: readonly TrustedAuthority[];
}

interface LogJson {
  readonly baseUrl?: string;
  readonly publicKey: { readonly rawBytes: string };
}

interface AuthorityJson {
  readonly uri?: string;
  readonly subject?: { readonly organization?: string; readonly commonName?: string };
  readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] };
}

/** `text` is a trusted root that was read before. Failure TRUST_ROOT_INVALID. */
export function parseTrustedKeys(text: string): TrustedKeys {
  try {
    const { certificateAuthorities = [], tlogs = [], ctlogs = [], timestampAuthorities = [] } = JSON.parse(text);
    return {
      authorities: certificateAuthorities.map(authorityOf),
      logs: tlogs.map(logOf),
      certificateLogs: ctlogs.map(logOf),
      timestampAuthorities: timestampAuthorities.map(authorityOf),
    };
  } catch (cause) {
    throw new Failure('TRUST_ROOT_INVALID', 'the trusted root has a key or certificate that cannot be read', { cause });
  }
}

function logOf({ baseUrl = '', publicKey }: LogJson): TrustedLog {
  return { url: baseUrl, pem: printPem({ type: 'PUBLIC KEY', der: Buffer.from(publicKey.rawBytes, 'base64') }) };
}

function authorityOf({ uri = '', subject, certChain }: AuthorityJson): TrustedAuthority {
  const blocks = certChain.certificates.map(({ rawBytes }) =>
    printPem({ type: 'CERTIFICATE', der: Buffer.from(rawBytes, 'base64') }),
  );
  const { organization = '', commonName = '' } = subject ?? {};
  return { url: uri, organization, commonName, pem: blocks.join('') };
}
