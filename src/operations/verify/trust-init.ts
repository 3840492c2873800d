// `stave trust init`, and what the first signing writes down: the signer of images in the trust file. A file that is there is
// never changed, since people write reasons into it: then the lines to add are the answer.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { writeFileAtomically } from '../../effects/output/atomic-file.ts';
import type { Signer } from '../../effects/signing/signer-expectation.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import type { Host } from '../host.ts';
import {
  findTrustEntry,
  NOBODY,
  parseTrustFile,
  printTrustFile,
  TRUST_FILE,
  type TrustEntry,
  type TrustedSigner,
} from './trust-file.ts';

export interface TrustInitRequest {
  /** Tags and digests say nothing here: an entry is about a repository. */
  readonly references: readonly string[];
  /** The PEM text of a public key, or an identity. */
  readonly signer: { readonly key: string } | Extract<Signer, { kind: 'certificate' }>;
  readonly log: 'required' | 'ignored';
  /** A path; '' for the public instance. */
  readonly trustedRoot: string;
  /** Default `stave.trust.yaml`. */
  readonly trustFile?: string | undefined;
}

export interface TrustInitReport {
  readonly path: string;
  /** `known`: entries fit already, whatever they say. `to-add`: there is a file, and `text` is what it lacks. */
  readonly outcome: 'written' | 'known' | 'to-add';
  /** A whole trust file. */
  readonly text: string;
}

const HEADER = '# Whose signature which image must have. The first entry that fits an image decides.\n';

/** Failures IMAGE_INVALID for a reference, CONFIG_* for the file that is there, FILE_UNWRITABLE. */
export async function initTrust(request: TrustInitRequest, host: Host): Promise<TrustInitReport> {
  const name = request.trustFile ?? TRUST_FILE;
  const path = resolve(host.cwd, name);
  const there = existsSync(path);
  const known = there ? parseTrustFile(name, await readFile(path)) : undefined;
  const repositories = new Map(
    request.references.map((text) => {
      const reference = parseReference(text);
      return [`${reference.registry}/${reference.repository}`, reference] as const;
    }),
  );
  const lacking = [...repositories].filter(
    ([, one]) => known === undefined || findTrustEntry(known, one) === undefined,
  );
  const { log } = request;
  const root = request.trustedRoot && relative(dirname(path), resolve(host.cwd, request.trustedRoot));
  const trustedRoot = root.replaceAll('\\', '/');
  const images = lacking.map(([match]): TrustEntry => ({ match, signers: [trustedSigner(request.signer)], log }));
  const text = images.length === 0 ? '' : `${HEADER}${printTrustFile({ images, trustedRoot })}`;
  if (there) return { path, outcome: images.length === 0 ? 'known' : 'to-add', text };
  await writeFileAtomically(path, (write) => write(Buffer.from(text)));
  return { path, outcome: 'written', text };
}

/**
 * A workflow that runs for a tag is another identity for each tag. Such an entry would be out of date with the next release, so
 * it takes every tag; branches stay as they are.
 */
function trustedSigner(signer: TrustInitRequest['signer']): TrustedSigner {
  if ('key' in signer) return { ...NOBODY, key: signer.key };
  const { identity, issuer } = signer;
  const [, workflow] = /^(https:\/\/.+@refs\/tags\/)[^@]+$/.exec(identity) ?? [];
  if (workflow === undefined) return { ...NOBODY, identity, issuer };
  return { ...NOBODY, 'identity-regexp': `${escapeRegExp(workflow)}.+`, issuer };
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
