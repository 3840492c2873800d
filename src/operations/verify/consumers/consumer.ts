// What a consumer of signatures is, as data: where in a registry it looks, what it filters, and what it wants of a signature.
// Each consumer has a table in a file of its own, in which every rule names the source that it was read in. A rule that
// nobody could read stands under `notKnown` and in the report: a guess is never an answer.

export type ConsumerName = 'cosign2' | 'cosign3' | 'kyverno' | 'policy-controller' | 'gh';

export interface Consumer {
  readonly name: ConsumerName;
  /** For people. */
  readonly title: string;
  /** Which state of its source the rules are of. */
  readonly seen: string;
  /** In which it verifies, each on its own: commands, releases, kinds of policy. */
  readonly ways: readonly Way[];
  /** How many of the deciding ways have to accept: releases that are all in use, or authorities of which one is enough. */
  readonly needs: 'one' | 'every';
  /** What the model leaves out, in sentences. */
  readonly notKnown: readonly string[];
}

export interface Way {
  readonly name: string;
  /** It decides the answer: what the consumer does by itself, or by the policy that `stave trust policy` prints. */
  readonly decides: boolean;
  /** One after the other; the first that accepts ends it. */
  readonly looks: readonly Look[];
  readonly signers: 'all' | 'certificates';
  /** `sha256`: whatever the key; `own`: the policy names the hash that belongs to the key. */
  readonly keyHash: 'sha256' | 'own';
  /** Identities are told by the repository of a GitHub workflow. */
  readonly githubOnly?: boolean;
  /** What proves that a certificate was valid where the log is ignored: a timestamp, or nothing, so that it must be valid now. */
  readonly unloggedTime: 'timestamp' | 'now';
  /** A legacy signature without a log entry is looked up in the log over the network. */
  readonly asksLog: boolean;
  /** Where annotations that are asked for have to be signed; elsewhere it does not ask. */
  readonly annotations: readonly Look['at'][];
  /** What to change in the consumer so that signatures in no log count. */
  readonly ignoreLogBy: string;
}

export interface Look {
  readonly at: 'referrers' | 'signature-tag';
  /** Of the entries of a list of referrers; `bundles`: those that the list itself calls bundles. */
  readonly listed: 'all' | 'bundles';
  /** Older ones are no bundles to it. */
  readonly oldestBundle: number;
  /** Of a bundle's manifest: exactly one, or the first of several. */
  readonly layers: 'one' | 'first';
  /** What must be signed; undefined: anything about the image. */
  readonly predicateType: string | undefined;
  /** Where something is found here, good or bad, no further look follows. */
  readonly hidesOthers: boolean;
  /** What cannot be read: passed over, or the end. */
  readonly unreadable: 'skipped' | 'fatal';
  /** More than these end it. */
  readonly mostReferrers?: number;
}

/** The tag of legacy signatures. */
export const SIGNATURE_TAG_LOOK: Look = {
  at: 'signature-tag',
  listed: 'all',
  oldestBundle: 0,
  layers: 'first',
  predicateType: undefined,
  hidesOthers: true,
  unreadable: 'skipped',
};
