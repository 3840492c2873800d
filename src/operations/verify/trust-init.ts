// `stave trust init`, and what the first signing writes down: the signer of an image in the trust file. A file that is there
// is never changed, since people write reasons into it: then the lines to add are the answer.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { writeFileAtomically } from '../../effects/output/atomic-file.ts';
import type { Signer } from '../../effects/signing/signer-expectation.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import type { Host } from '../host.ts';
import { findTrustEntry, parseTrustFile, printTrustFile, type TrustFile } from './trust-file.ts';

export interface TrustInitRequest {
  readonly reference: string;
  /** The PEM text of a public key, or an identity. */
  readonly signer: { readonly key: string } | Extract<Signer, { kind: 'certificate' }>;
  readonly log: 'required' | 'ignored';
  /** As in the trust file. */
  readonly trustedRoot: string;
  /** Default `stave.trust.yaml`. */
  readonly trustFile?: string | undefined;
}

export interface TrustInitReport {
  readonly path: string;
  /** `known`: an entry fits already, whatever it says. `to-add`: there is a file, and `text` is what it lacks. */
  readonly outcome: 'written' | 'known' | 'to-add';
  readonly text: string;
}

const HEADER = '# Whose signature which image must have. The first entry that fits an image decides.\n';

/** Failures IMAGE_INVALID for the reference, CONFIG_* for the file that is there, FILE_UNWRITABLE. */
export async function initTrust(request: TrustInitRequest, host: Host): Promise<TrustInitReport> {
  const { registry, repository } = parseReference(request.reference);
  const name = request.trustFile ?? 'stave.trust.yaml';
  const path = resolve(host.cwd, name);
  const text = `${HEADER}${printTrustFile(trustFileFor(request, `${registry}/${repository}`))}`;
  if (existsSync(path)) {
    const known = findTrustEntry(parseTrustFile(name, await readFile(path)), { registry, repository });
    return { path, outcome: known === undefined ? 'to-add' : 'known', text };
  }
  await writeFileAtomically(path, (write) => write(Buffer.from(text)));
  return { path, outcome: 'written', text };
}

function trustFileFor({ signer, log, trustedRoot }: TrustInitRequest, match: string): TrustFile {
  const nobody = { key: '', identity: '', 'identity-regexp': '', issuer: '', 'issuer-regexp': '' };
  const said = 'key' in signer ? { key: signer.key } : { identity: signer.identity, issuer: signer.issuer };
  return { images: [{ match, signers: [{ ...nobody, ...said }], log }], trustedRoot };
}
