// `stave trust init`: writes down who signs an image: whom the flags name, or who did sign what lies in the registry now. The
// latter is trust on first use, so the signature has to hold for the signer that it claims, and people are told to look.

import { Failure } from '../../base/failure.ts';
import { parsePublicKey } from '../../effects/signing/public-key.ts';
import { readSecret } from '../../effects/signing/secret-sources.ts';
import { type Signer, signerName } from '../../effects/signing/signer-expectation.ts';
import { bundleSigner } from '../../effects/signing/verify-bundle.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import type { Host } from '../host.ts';
import { withRegistries } from '../registry/registries.ts';
import type { RegistryAccess } from '../registry/registry-request.ts';
import { trustedRootAt } from './expected-signer.ts';
import { findSignatures } from './find-signatures.ts';
import type { ImageStore } from './image-store.ts';
import { initTrust, type TrustInitReport } from './trust-init.ts';
import { verifyImage } from './verify-image.ts';

export interface TrustSignerRequest extends RegistryAccess {
  readonly reference: string;
  /** A public key: a path or `env://NAME`. */
  readonly key?: string;
  readonly certificateIdentity?: string;
  readonly certificateOidcIssuer?: string;
  /** Signatures need not be in a transparency log. */
  readonly ignoreTlog: boolean;
  readonly trustedRoot?: string;
  readonly trustFile?: string;
}

export interface TrustSignerReport extends TrustInitReport {
  readonly signer: string;
  /** Nobody named the signer: it was found on a signature. */
  readonly found: boolean;
}

type Certified = Extract<Signer, { kind: 'certificate' }>;

/** Failures USAGE_FLAG, KEY_INVALID, SIGNATURE_MISSING, SIGNATURE_UNEXPECTED, those of the registry and of `initTrust`. */
export async function trustSigner(request: TrustSignerRequest, host: Host): Promise<TrustSignerReport> {
  const { reference, key, trustedRoot = '', trustFile, ignoreTlog } = request;
  const write = async (signer: { readonly key: string } | Certified, name: string, log: boolean, found: boolean) => {
    const entry = {
      references: [reference],
      signer,
      log: log ? 'required' : 'ignored',
      trustedRoot,
      trustFile,
    } as const;
    return { ...(await initTrust(entry, host)), signer: name, found };
  };
  const named = namedSigner(request);
  if (key !== undefined) {
    const publicKey = parsePublicKey((await readSecret(key, host)).text, key);
    return await write({ key: publicKey.pem }, `the key ${publicKey.hint}`, !ignoreTlog, false);
  }
  if (named !== undefined) return await write(named, signerName(named), !ignoreTlog, false);
  const { signer, isLogged } = await signerInRegistry(request, host);
  return await write(signer, signerName(signer), isLogged, true);
}

function namedSigner({ key, certificateIdentity, certificateOidcIssuer }: TrustSignerRequest): Certified | undefined {
  if (certificateIdentity === undefined && certificateOidcIssuer === undefined) return undefined;
  if (key !== undefined) throw new Failure('USAGE_FLAG', '--key and the --certificate flags exclude each other');
  if (certificateIdentity === undefined || certificateOidcIssuer === undefined) {
    throw new Failure('USAGE_FLAG', '--certificate-identity and --certificate-oidc-issuer belong together');
  }
  return { kind: 'certificate', identity: certificateIdentity, issuer: certificateOidcIssuer };
}

/** The one identity whose signature holds. A key is not named by what it signed, so it cannot be found like this. */
async function signerInRegistry(
  request: TrustSignerRequest,
  host: Host,
): Promise<{ readonly signer: Certified; readonly isLogged: boolean }> {
  const reference = parseReference(request.reference);
  const trustedRoot = await trustedRootAt(request.trustedRoot, host.cwd, host);
  return await withRegistries(request, host, async (registries) => {
    const store = registries.client(reference);
    const { digest } = (await store.getManifest(reference.digest ?? reference.tag ?? '')).descriptor;
    const claimed = await claimedSigners(store, digest);
    const expected = claimed.map(({ identity, issuer }) => ({
      kind: 'certificate' as const,
      identity: { exact: identity },
      issuer: { exact: issuer },
    }));
    const { ignoreTlog } = request;
    const { signatures } = await verifyImage({ store, reference: digest, expected, trustedRoot, ignoreTlog });
    const good = signatures.filter(({ refusal }) => refusal === undefined);
    const signers = new Map(good.flatMap(({ signer }) => (isCertified(signer) ? [[signerName(signer), signer]] : [])));
    const [signer, ...others] = signers.values();
    if (signer !== undefined && others.length === 0) {
      return { signer, isLogged: good.every(({ verified }) => verified.includes('log')) };
    }
    if (signer !== undefined) {
      throw new Failure('SIGNATURE_UNEXPECTED', `several have signed ${request.reference}`, {
        notes: [...signers.keys()],
        hint: 'Say whom to trust with --certificate-identity and --certificate-oidc-issuer.',
      });
    }
    const problems = signatures.map(({ place, refusal }) => `${place}: ${refusal?.detail}`);
    throw new Failure('SIGNATURE_MISSING', `no signature of ${request.reference} holds that names its signer`, {
      notes: problems,
      hint: 'Signatures do not name keys: give the public one with --key. A private Sigstore needs --trusted-root.',
    });
  });
}

async function claimedSigners(store: ImageStore, digest: Parameters<typeof findSignatures>[1]): Promise<Certified[]> {
  const claimed: Certified[] = [];
  for (const { content } of await findSignatures(store, digest)) {
    if (content === undefined) continue;
    const signer = await bundleSigner(content.bundle).catch(() => undefined);
    if (isCertified(signer)) claimed.push(signer);
  }
  return claimed;
}

function isCertified(signer: Signer | undefined): signer is Certified {
  return signer?.kind === 'certificate';
}
