// Signing without a key of one's own (signing.md 6): a key that lives for one run, a certificate for it that says who we are,
// an entry in the log and a timestamp, so that the signature stays good when the certificate is not any more.

import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import type { Signer as LibrarySigner, Witness } from '@sigstore/sign';
import { Failure } from '../../base/failure.ts';
import type { RetryClock } from '../http/retry.ts';
import { type BundleSigner, signerWith } from './bundle-signer.ts';
import type { SigningServices } from './signing-config.ts';

export interface KeylessOptions {
  readonly services: SigningServices;
  /** Asked when a certificate is needed, not before. */
  readonly identityToken: () => Promise<string>;
  readonly clock: Pick<RetryClock, 'now'>;
}

/** One service may be slow; a build should not hang for minutes. */
const TIMEOUT_MS = 20_000;
const RETRIES = 2;
/** A certificate lives for ten minutes; with less than this left it is not used for the next signature. */
const LEAST_LEFT_MS = 60_000;

/** Failure TRUST_ROOT_INVALID where the services give no certificates. */
export async function keylessSigner({ services, identityToken, clock }: KeylessOptions): Promise<BundleSigner> {
  const { certificateAuthority } = services;
  if (certificateAuthority === undefined) {
    throw new Failure('TRUST_ROOT_INVALID', 'the signing configuration names no certificate authority', {
      hint: 'Sign with --key, or take another --signing-config.',
    });
  }
  const { FulcioSigner } = await import('./signing-library.ts');
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const keyHolder: LibrarySigner = {
    sign: async (bytes) => ({
      signature: sign('sha256', bytes, privateKey),
      key: { $case: 'publicKey', publicKey: pem },
    }),
  };
  const fulcio = new FulcioSigner({
    fulcioBaseURL: trimmed(certificateAuthority),
    identityProvider: { getToken: identityToken },
    keyHolder,
    retry: RETRIES,
    timeout: TIMEOUT_MS,
  });
  let certified: Promise<string> | undefined;
  /** One certificate for all signatures of a run: an image has many, and authorities limit requests. */
  const certificate = async (): Promise<string> => {
    const known = certified && (await certified);
    if (known !== undefined && leftMs(known, clock) > LEAST_LEFT_MS) return known;
    certified = fulcio
      .sign(Buffer.alloc(0))
      .then(({ key }) => (key.$case === 'x509Certificate' ? key.certificate : ''));
    return await certified;
  };
  let turn: Promise<unknown> = Promise.resolve();
  const signer: LibrarySigner = {
    sign: async (bytes) => {
      const mine = turn.then(certificate);
      turn = mine.catch(() => {});
      return {
        signature: sign('sha256', bytes, privateKey),
        key: { $case: 'x509Certificate', certificate: await mine },
      };
    },
  };
  return { expectation: undefined, ...signerWith(signer, await witnessesOf(services)) };
}

/** The logs and timestamp authorities, for keys too. */
export async function witnessesOf({ logs, timestampAuthorities }: SigningServices): Promise<Witness[]> {
  if (logs.length + timestampAuthorities.length === 0) return []; // Spares loading what is not used.
  const { RekorWitness, TSAWitness } = await import('./signing-library.ts');
  const patience = { retry: RETRIES, timeout: TIMEOUT_MS };
  return [
    ...logs.map(
      ({ url, majorApiVersion }) =>
        new RekorWitness({
          rekorBaseURL: trimmed(url),
          majorApiVersion,
          entryType: 'dsse',
          fetchOnConflict: true,
          ...patience,
        }),
    ),
    ...timestampAuthorities.map((url) => new TSAWitness({ tsaBaseURL: trimmed(url), ...patience })),
  ];
}

function leftMs(pem: string, clock: Pick<RetryClock, 'now'>): number {
  return Date.parse(new X509Certificate(pem).validTo) - clock.now();
}

/** The library puts its paths behind the URL. */
function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}
