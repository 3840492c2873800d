// What GitHub says about the workflow run that a certificate was given to, as Fulcio writes it into the certificate (signing.md 7;
// sigstore/fulcio, docs/oid-info.md): first as bare texts, since 2023 as DER strings too. Of a certificate that nobody verified,
// nothing here is true.

import type { SignedEntity } from '@sigstore/verify';

/** In cosign's words, `--certificate-github-workflow-...`. */
const WORKFLOW_CLAIMS = ['name', 'ref', 'repository', 'sha', 'trigger'] as const;
export type WorkflowClaim = (typeof WORKFLOW_CLAIMS)[number];
/** Those that must have a value. */
export type WorkflowClaims = Readonly<Partial<Record<WorkflowClaim, string>>>;

type Certificate = Extract<SignedEntity['key'], { $case: 'certificate' }>['certificate'];

const FULCIO = '1.3.6.1.4.1.57264.1';
/** The workflow's name is in no newer extension. */
const EXTENSIONS: Readonly<Record<WorkflowClaim, { readonly text: number; readonly der?: number }>> = {
  trigger: { text: 2, der: 20 },
  sha: { text: 3, der: 13 },
  name: { text: 4 },
  repository: { text: 5, der: 12 },
  ref: { text: 6, der: 14 },
};

/** One sentence about the first claim that the certificate does not make, or makes otherwise in one place than in another. */
export function foreignClaim(certificate: Certificate, wanted: WorkflowClaims): string | undefined {
  for (const claim of WORKFLOW_CLAIMS) {
    const value = wanted[claim];
    if (value === undefined) continue;
    const said = saidBy(certificate, claim);
    if (said.length === 0) return `its certificate says no workflow ${claim}, and "${value}" is expected`;
    const other = said.find((one) => one !== value);
    if (other !== undefined) return `its certificate says the workflow ${claim} "${other}", and "${value}" is expected`;
  }
  return undefined;
}

/** `, workflow ref "refs/tags/v1"`; '' where there is none. */
export function claimsText(claims: WorkflowClaims): string {
  return WORKFLOW_CLAIMS.flatMap((claim) =>
    claims[claim] === undefined ? [] : [`, workflow ${claim} "${claims[claim]}"`],
  ).join('');
}

function saidBy(certificate: Certificate, claim: WorkflowClaim): string[] {
  const { text, der } = EXTENSIONS[claim];
  const bare = certificate.extension(`${FULCIO}.${text}`)?.value.toString('utf8');
  const wrapped = der === undefined ? undefined : certificate.extension(`${FULCIO}.${der}`)?.valueObj;
  const said = bare === undefined || bare === '' ? [] : [bare];
  if (wrapped === undefined) return said;
  const value = wrapped.subs[0]?.value.toString('utf8') ?? '';
  return [...said, claim === 'repository' ? repositoryOf(value) : value];
}

/** `https://github.com/org/app` is the repository `org/app` of the bare text. */
function repositoryOf(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).pathname.slice(1) : uri;
}
