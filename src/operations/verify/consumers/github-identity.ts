// What `gh attestation verify` wants of a certificate besides its signature (cli/cli, verify/policy.go and
// verification/extensions.go): a workflow of a repository, and the same owner in the certificate's extensions.

import type { X509Certificate } from 'node:crypto';
import { certificateExtension } from '../../../effects/signing/certificate-extension.ts';
import type { Signer } from '../../../effects/signing/signer-expectation.ts';

const WORKFLOW = /^https:\/\/github\.com\/([^/]+)\/[^/]+\//i;
const SOURCE_REPOSITORY_OWNER = '1.3.6.1.4.1.57264.1.16';

/** Why gh refuses the certificate, though it is of whom we expect; undefined where it does not. */
export async function githubProblem(bundle: unknown, signer: Signer): Promise<string | undefined> {
  if (signer.kind === 'key') return 'it has no certificate';
  const owner = WORKFLOW.exec(signer.identity)?.[1];
  if (owner === undefined) return `${signer.identity} is no workflow of a repository at github.com`;
  const said = await certificateExtension(bundle, SOURCE_REPOSITORY_OWNER);
  const wanted = `https://github.com/${owner}`;
  if (said?.toLowerCase() === wanted.toLowerCase()) return undefined;
  return `its certificate says ${said ?? 'nothing'} about the owner of the source repository, not ${wanted}`;
}

/** Whether GitHub's own instance of Sigstore made the certificate: its signatures are in no public log. */
export function isByGithub(leaf: X509Certificate | undefined): boolean {
  return leaf?.issuer.split('\n').includes('O=GitHub, Inc.') ?? false;
}
