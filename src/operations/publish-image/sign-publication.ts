// What `publish --sign` adds in every repository before a tag moves: signatures of the index and of every platform, and what is
// known of them as attestations (signing.md 9, attestations-and-vex.md 6). And who that was, for the trust file: an image that
// `stave verify` would then refuse gets no tag.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { systemClock } from '../../effects/http/retry.ts';
import type { RegistryClient } from '../../effects/registry/client/registry-client.ts';
import { expectationName, isBy, type Signer, signerName } from '../../effects/signing/signer-expectation.ts';
import { PROVENANCE_PREDICATE } from '../../formats/attestation/provenance.ts';
import type { JsonValue } from '../../formats/oci/json-object.ts';
import { printReference, type Reference } from '../../formats/oci/reference.ts';
import { CHECK_PREDICATE_TYPE } from '../../planning/hardening/check-predicate.ts';
import type { BuildResult } from '../build-image/make-image.ts';
import type { ProvenanceOf } from '../build-image/provenance.ts';
import type { Host } from '../host.ts';
import type { SbomFile } from '../image/describe-image.ts';
import type { TextAttachment } from '../registry/text-attachments.ts';
import { type OpenedSigner, readLocalText, type SignerOptions } from '../sign/open-signer.ts';
import {
  type Attestation,
  attestImage,
  type SignedSubject,
  type SigningFormat,
  signableIn,
  signSubjects,
} from '../sign/sign-image.ts';
import { expectationsOf, findTrustEntry, parseTrustFile, TRUST_FILE } from '../verify/trust-file.ts';
import { initTrust, type TrustInitReport } from '../verify/trust-init.ts';

export interface PublishSigning extends SignerOptions {
  readonly format: SigningFormat;
  /** What is known of the images becomes attestations, too. */
  readonly attest: boolean;
  /** Default `stave.trust.yaml`. */
  readonly trustFile?: string;
  /** What the trust file says about whom to believe; a path. */
  readonly trustedRoot?: string;
}

export type SignRepository = (client: RegistryClient) => Promise<readonly SignedSubject[]>;

/** The work for one repository. Failures as `signImage`, SIGNATURE_UNEXPECTED, and those of a trust file that is there. */
export function publicationSigner(
  { signer, signing, result, provenanceOf, checks }: PublicationSigning,
  host: Host,
): SignRepository {
  return async (client) => {
    const place = { client, signer, clock: systemClock, format: signing.format };
    const signed = await signSubjects(place, signableIn(result.index), {});
    const signers = [...new Map(signed.map(({ signer: by }) => [signerName(by), by])).values()];
    for (const one of signers) await assertExpected(one, signer.isLogged, client, signing, host);
    if (!signing.attest) return signed;
    const attestations = attestationsOf(result, await provenanceOf(workflowOf(signers[0])));
    return [...signed, ...(await attestImage(place, [...attestations, ...checks.map(checkAttestation)]))];
  };
}

interface PublicationSigning {
  readonly signer: OpenedSigner;
  readonly signing: PublishSigning;
  readonly result: BuildResult;
  readonly provenanceOf: (signedBy?: string) => Promise<ProvenanceOf>;
  /** Results of checks that become attestations. */
  readonly checks: readonly TextAttachment[];
}

/** Whom a certificate calls a workflow is the builder; a person who signs is not. */
function workflowOf(signer: Signer | undefined): string | undefined {
  const identity = signer?.kind === 'certificate' ? signer.identity : '';
  return identity.startsWith('https://') ? identity : undefined;
}

/** Predicate types of SBOMs by their media types. */
const SBOM_PREDICATES: Readonly<Record<string, string>> = {
  'application/spdx+json': 'https://spdx.dev/Document',
  'application/vnd.cyclonedx+json': 'https://cyclonedx.org/bom',
};

function attestationsOf({ index, indexSboms, images }: BuildResult, provenanceOf: ProvenanceOf): Attestation[] {
  const subjects = [{ of: index, sboms: indexSboms }, ...images.map(({ image, sboms }) => ({ of: image, sboms }))];
  return subjects.flatMap(({ of: { descriptor: subject }, sboms }) => [
    ...sboms.flatMap((sbom) => sbomAttestation(subject, sbom)),
    { subject, predicateType: PROVENANCE_PREDICATE, predicate: provenanceOf(subject.digest) },
  ]);
}

function sbomAttestation(subject: Attestation['subject'], { mediaType, text }: SbomFile): Attestation[] {
  const predicateType = SBOM_PREDICATES[mediaType];
  if (predicateType === undefined) return [];
  return [{ subject, predicateType, predicate: JSON.parse(text) as JsonValue }];
}

function checkAttestation({ subject, text }: TextAttachment): Attestation {
  return { subject, predicateType: CHECK_PREDICATE_TYPE, predicate: JSON.parse(text) as JsonValue };
}

/** Whoever publishes with another key than the trust file names should learn it before anybody pulls the image. */
async function assertExpected(
  signer: Signer,
  isLogged: boolean,
  { registry, repository }: RegistryClient,
  { trustFile = TRUST_FILE }: PublishSigning,
  host: Host,
): Promise<void> {
  const path = resolve(host.cwd, trustFile);
  if (!existsSync(path)) return;
  const entry = findTrustEntry(parseTrustFile(trustFile, await readFile(path)), { registry, repository });
  if (entry === undefined) return;
  const expected = await expectationsOf(entry, (key) => readLocalText(key, dirname(path)));
  if (expected.some((one) => isBy(signer, one))) {
    if (isLogged || entry.log === 'ignored') return;
    throw new Failure(
      'SIGNATURE_UNEXPECTED',
      `${trustFile} wants signatures of ${registry}/${repository} in a transparency log, and this one is in none`,
      { hint: `name a log with --rekor-url or --signing-config, or write "log: ignored" into ${trustFile}` },
    );
  }
  const wanted = expected.map(expectationName).join(' or ');
  throw new Failure(
    'SIGNATURE_UNEXPECTED',
    `${trustFile} wants ${registry}/${repository} signed by ${wanted}, and this was ${signerName(signer)}`,
    { hint: `sign as expected, or change ${trustFile} first` },
  );
}

/**
 * Writes down who signed, where no trust file is there yet. Never fails: the image is out by then. Undefined where nothing
 * can be said.
 */
export async function rememberSigner(
  signer: OpenedSigner,
  signed: readonly SignedSubject[],
  references: readonly Reference[],
  { trustFile, trustedRoot = '' }: PublishSigning,
  host: Host,
): Promise<TrustInitReport | undefined> {
  const [first] = signed;
  if (first === undefined) return undefined;
  const { expectation } = signer;
  const by = expectation?.kind === 'key' ? { key: expectation.key.pem } : first.signer;
  if ('kind' in by && by.kind === 'key') return undefined;
  try {
    return await initTrust(
      {
        references: references.map(printReference),
        signer: by,
        log: signer.isLogged ? 'required' : 'ignored',
        trustedRoot,
        trustFile,
      },
      host,
    );
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const message = `the signer could not be written down for "stave verify": ${error.message}`;
    host.events({ type: 'warning', code: 'TRUST_FILE_UNWRITTEN', message });
    return undefined;
  }
}
