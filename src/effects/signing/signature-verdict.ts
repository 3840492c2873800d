// What was found out about one signature, as a plain value: what holds, what was not looked at, and why it is refused.

import type { Signer } from './signer-expectation.ts';

/** Why a signature does not count. Stable: scripts match on it. */
export type RefusalReason =
  | 'annotation'
  | 'certificate'
  | 'digest'
  | 'identity'
  | 'log-entry'
  | 'log-missing'
  | 'malformed'
  | 'other-key'
  | 'signature'
  | 'timestamp'
  | 'trusted-root-missing';

/** What can be checked. `log`: the entry is in the transparency log; `timestamp`: signed while the certificate was valid. */
type Check = 'annotations' | 'certificate' | 'digest' | 'log' | 'signature' | 'timestamp';

interface Refusal {
  readonly reason: RefusalReason;
  /** One sentence without a full stop. */
  readonly detail: string;
}

export interface SignatureVerdict {
  /** Undefined where it counts. */
  readonly refusal: Refusal | undefined;
  /** Proven where `verified` has `signature`, otherwise what the signature claims; undefined where it claims nothing. */
  readonly signer: Signer | undefined;
  readonly verified: readonly Check[];
  /** Never verified: why a check did not run. */
  readonly skipped: readonly { readonly check: Check; readonly why: string }[];
}

export function refused(reason: RefusalReason, detail: string, signer?: Signer): SignatureVerdict {
  return { refusal: { reason, detail }, signer, verified: [], skipped: [] };
}

/** The verdict with one more reason against it; the checks that held stay. */
export function alsoRefused(verdict: SignatureVerdict, reason: RefusalReason, detail: string): SignatureVerdict {
  return { ...verdict, refusal: verdict.refusal ?? { reason, detail } };
}
