// `stave trust policy --for CONSUMER`: the trust file as policies of a cluster, so that one file says for people, pipelines and
// admission controllers whose signature which image must have.

import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Failure } from '../../../base/failure.ts';
import { readSecret } from '../../../effects/signing/secret-sources.ts';
import { parseTrustedRoot } from '../../../effects/signing/trusted-root.ts';
import type { Host } from '../../host.ts';
import { expectationsOf, parseTrustFile, TRUST_FILE } from '../trust-file.ts';
import { clusterPolicy, imageValidatingPolicy } from './kyverno-policy.ts';
import { clusterImagePolicy, trustRoot } from './policy-controller-policy.ts';
import { type PolicyDocument, type PolicySubject, printPolicies } from './policy-document.ts';

export type PolicyKind = 'ImageValidatingPolicy' | 'ClusterPolicy' | 'ClusterImagePolicy';

export interface TrustPolicyRequest {
  readonly kind: PolicyKind;
  /** Default `stave.trust.yaml`. */
  readonly trustFile?: string | undefined;
}

export interface TrustPolicyReport {
  readonly trustFile: string;
  readonly kind: PolicyKind;
  readonly images: readonly string[];
  /** YAML, a document for each entry of the trust file. */
  readonly text: string;
}

/** Failures CONFIG_*, KEY_INVALID, FILE_UNREADABLE, TRUST_ROOT_INVALID. */
export async function printTrustPolicy(request: TrustPolicyRequest, host: Host): Promise<TrustPolicyReport> {
  const name = request.trustFile ?? TRUST_FILE;
  const path = resolve(host.cwd, name);
  if (!existsSync(path)) {
    throw new Failure('CONFIG_NOT_FOUND', `there is no ${name} to make policies of`, {
      hint: 'Write it with "stave trust init IMAGE", or name another with --trust-file.',
    });
  }
  const folder = dirname(path);
  const read = async (reference: string): Promise<string> =>
    (await readSecret(reference, { ...host, cwd: folder })).text;
  const { images, trustedRoot } = parseTrustFile(name, Buffer.from(await read(path)));
  if (images.length === 0) {
    throw new Failure('CONFIG_INVALID', `${name} names no images`, { hint: 'Add one with "stave trust init IMAGE".' });
  }
  const root = trustedRoot === '' ? undefined : await read(trustedRoot);
  if (root !== undefined) await parseTrustedRoot(root, trustedRoot);
  const documents: PolicyDocument[] = [];
  for (const [i, entry] of images.entries()) {
    const signers = await expectationsOf(entry, read);
    documents.push(DOCUMENTS[request.kind]({ entry, earlier: images.slice(0, i), signers, trustedRoot: root }));
  }
  if (root !== undefined && request.kind === 'ClusterImagePolicy') documents.unshift(trustRoot(root));
  const matches = images.map(({ match }) => match);
  return { trustFile: name, kind: request.kind, images: matches, text: printPolicies(documents) };
}

const DOCUMENTS: Readonly<Record<PolicyKind, (subject: PolicySubject) => PolicyDocument>> = {
  ImageValidatingPolicy: imageValidatingPolicy,
  ClusterPolicy: clusterPolicy,
  ClusterImagePolicy: clusterImagePolicy,
};
