// Whose signature counts: what the flags say, else what the trust file says about the image (signing.md 7). Nobody is trusted
// where neither says anything.

import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { publicTrustedRoot } from '../../effects/signing/public-instance.ts';
import { parsePublicKey } from '../../effects/signing/public-key.ts';
import { readSecret } from '../../effects/signing/secret-sources.ts';
import { patternRule, type SignerExpectation, type TextRule } from '../../effects/signing/signer-expectation.ts';
import { parseTrustedRoot, type TrustedRoot } from '../../effects/signing/trusted-root.ts';
import type { WorkflowClaims } from '../../effects/signing/workflow-claims.ts';
import type { Reference } from '../../formats/oci/reference.ts';
import type { Host } from '../host.ts';
import { publicKeyText } from './public-key-text.ts';
import { expectationsOf, findTrustEntry, parseTrustFile, TRUST_FILE } from './trust-file.ts';

/** Flags, in cosign's names. A missing one is undefined. */
interface SignerFlags {
  /** A path, `env://NAME`, or an https URL. */
  readonly key?: string | undefined;
  readonly certificateIdentity?: string | undefined;
  readonly certificateIdentityRegexp?: string | undefined;
  readonly certificateOidcIssuer?: string | undefined;
  readonly certificateOidcIssuerRegexp?: string | undefined;
  /** `--certificate-github-workflow-...` */
  readonly workflow?: WorkflowClaims;
}

export interface ExpectedSignerRequest {
  readonly signer: SignerFlags;
  /** Default `stave.trust.yaml`. */
  readonly trustFile?: string | undefined;
  /** A path. Default: what the trust file says, then the built-in one. */
  readonly trustedRoot?: string | undefined;
  /** Also if the trust file requires an entry. */
  readonly ignoreTlog: boolean;
  readonly offline?: boolean;
}

export interface Trust {
  readonly expected: readonly SignerExpectation[];
  readonly trustedRoot: TrustedRoot;
  readonly ignoreTlog: boolean;
  /** `the flags`, or the path of the trust file. */
  readonly by: string;
}

/** Failures USAGE_FLAG, TRUST_ROOT_INVALID, KEY_INVALID, CONFIG_* for the trust file. */
export async function trustFor(request: ExpectedSignerRequest, reference: Reference, host: Host): Promise<Trust> {
  const { ignoreTlog } = request;
  const byFlags = await flagTrust(request, host);
  if (byFlags !== undefined) return byFlags;
  const path = resolve(host.cwd, request.trustFile ?? TRUST_FILE);
  const name = request.trustFile ?? TRUST_FILE;
  if (!existsSync(path)) {
    throw new Failure(
      'USAGE_FLAG',
      `nothing says who should have signed ${reference.registry}/${reference.repository}: there is no ${name}`,
      {
        hint: 'Give --key, or --certificate-identity with --certificate-oidc-issuer, or write it into a trust file.',
      },
    );
  }
  const folder = dirname(path);
  const file = parseTrustFile(name, Buffer.from(await readText(path, folder, host)));
  const entry = findTrustEntry(file, reference);
  if (entry === undefined) {
    const image = `${reference.registry}/${reference.repository}`;
    throw new Failure('TRUST_ROOT_INVALID', `${name} has no entry for ${image}, so nobody is trusted to sign it`, {
      hint: 'Add an entry with its signer, or give the signer by flags.',
    });
  }
  const root = request.trustedRoot ?? (file.trustedRoot === '' ? undefined : resolve(folder, file.trustedRoot));
  return {
    expected: await expectationsOf(entry, (key) => readText(key, folder, host)),
    trustedRoot: await trustedRootAt(root, host.cwd, host),
    ignoreTlog: ignoreTlog || entry.log === 'ignored',
    by: name,
  };
}

/** The same where only flags count. Failures USAGE_FLAG, TRUST_ROOT_INVALID, KEY_INVALID. */
export async function trustByFlags(request: ExpectedSignerRequest, host: Host): Promise<Trust> {
  const trust = await flagTrust(request, host);
  if (trust !== undefined) return trust;
  throw new Failure('USAGE_FLAG', 'nothing says who should have signed', {
    hint: 'Give --key, or --certificate-identity with --certificate-oidc-issuer.',
  });
}

async function flagTrust(request: ExpectedSignerRequest, host: Host): Promise<Trust | undefined> {
  const expected = await flagExpectation(request.signer, request.offline ?? false, host);
  if (expected === undefined) return undefined;
  const trustedRoot = await trustedRootAt(request.trustedRoot, host.cwd, host);
  return { expected: [expected], trustedRoot, ignoreTlog: request.ignoreTlog, by: 'the flags' };
}

/** Undefined where no flag says who. Failure USAGE_FLAG for flags that do not make one signer. */
async function flagExpectation(
  flags: SignerFlags,
  offline: boolean,
  host: Host,
): Promise<SignerExpectation | undefined> {
  const identity = oneRule('certificate-identity', flags.certificateIdentity, flags.certificateIdentityRegexp);
  const issuer = oneRule('certificate-oidc-issuer', flags.certificateOidcIssuer, flags.certificateOidcIssuerRegexp);
  const { workflow = {} } = flags;
  const [claim] = Object.keys(workflow);
  if (flags.key !== undefined) {
    if (identity !== undefined || issuer !== undefined || claim !== undefined) {
      throw new Failure('USAGE_FLAG', '--key and the --certificate flags exclude each other');
    }
    return { kind: 'key', key: parsePublicKey(await publicKeyText(flags.key, offline, host), flags.key) };
  }
  if (identity === undefined && issuer === undefined) {
    if (claim === undefined) return undefined;
    throw new Failure('USAGE_FLAG', `--certificate-github-workflow-${claim} says nothing about who signed`, {
      hint: 'Give it along with --certificate-identity and --certificate-oidc-issuer.',
    });
  }
  if (identity !== undefined && issuer !== undefined) {
    return { kind: 'certificate', identity, issuer, ...(claim !== undefined && { workflow }) };
  }
  const missing = identity === undefined ? 'certificate-identity' : 'certificate-oidc-issuer';
  throw new Failure('USAGE_FLAG', `--${missing} (or its --${missing}-regexp) is missing`, {
    hint: 'An identity means nothing without the issuer that vouches for it, and an issuer vouches for everybody.',
  });
}

function oneRule(name: string, exact: string | undefined, source: string | undefined): TextRule | undefined {
  if (exact !== undefined && source !== undefined) {
    throw new Failure('USAGE_FLAG', `--${name} and --${name}-regexp exclude each other`);
  }
  if (exact !== undefined) return { exact };
  return source === undefined ? undefined : patternRule(source);
}

export async function trustedRootAt(path: string | undefined, cwd: string, host: Host): Promise<TrustedRoot> {
  return path === undefined ? await publicTrustedRoot() : await parseTrustedRoot(await readText(path, cwd, host), path);
}

/** Of a file, an environment variable or standard input. */
async function readText(reference: string, cwd: string, host: Host): Promise<string> {
  return (await readSecret(reference, { ...host, cwd })).text;
}
