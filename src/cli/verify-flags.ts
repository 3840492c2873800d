// Flags that say whose signature counts, in cosign's names, and where to look.

import { type Command, Option } from 'commander';
import { Failure } from '../base/failure.ts';
import type { WorkflowClaim, WorkflowClaims } from '../effects/signing/workflow-claims.ts';
import type { ConsumerName } from '../operations/verify/consumers/consumer.ts';
import type { VerifyReferenceRequest } from '../operations/verify/verify.ts';
import { parseCsvLine } from './csv-list.ts';
import { addSwitch, camelCase, choiceFlag, type Flags, listFlag, registryFlags, textFlag } from './flags.ts';

const GROUP = 'Whose signature counts:';
/** Those of `operations/verify/consumers`, which the entry of the command line does not load. */
const CONSUMER_NAMES: readonly ConsumerName[] = ['cosign2', 'cosign3', 'kyverno', 'policy-controller', 'gh'];

const CLAIM_FLAG = 'certificate-github-workflow';
/** Of the certificate's workflow run. Names as in effects/signing/workflow-claims.ts, which this file does not load. */
const CLAIMS: Readonly<Record<WorkflowClaim, string>> = {
  name: 'name that the workflow must have',
  ref: 'git ref that it must have run for, such as refs/tags/v1',
  repository: 'repository that it must have run for, such as org/app',
  sha: 'commit that it must have run for',
  trigger: 'event that must have started it, such as push',
};

export function addVerifyFlags(command: Command): void {
  const add = (flags: string, description: string) =>
    command.addOption(new Option(flags, description).helpGroup(GROUP));
  add('--key <KEY>', 'public key: a file, env://NAME, an https URL, or - for standard input');
  add('--certificate-identity <IDENTITY>', 'who a certificate must be for: a mail address, or the URL of a workflow');
  add('--certificate-identity-regexp <PATTERN>', 'the same as a regular expression, from beginning to end');
  add('--certificate-oidc-issuer <URL>', 'who must have vouched for the identity');
  add('--certificate-oidc-issuer-regexp <PATTERN>', 'the same as a regular expression, from beginning to end');
  for (const [claim, what] of Object.entries(CLAIMS)) add(`--${CLAIM_FLAG}-${claim} <TEXT>`, what);
  add('--trust-file <FILE>', 'where that is written, if no flag says it (default: stave.trust.yaml)');
  add(
    '--trusted-root <FILE>',
    'trusted root of a private Sigstore (default: what the trust file says, or the built-in)',
  );
  addSwitch(command, 'insecure-ignore-tlog', false, 'accept signatures that are in no transparency log', GROUP);
  addAnnotations(command, 'an annotation that must be signed');
  addSwitch(command, 'offline', false, 'open no network connection; needs --layout');
  addLayoutFlag(command);
}

/** What only `verify` can: look with the eyes of somebody else. */
export function addConsumerFlag(command: Command): void {
  const names = CONSUMER_NAMES.join(', ');
  command.option('--as <CONSUMER>', `say whether another verifier would accept it: ${names}`);
}

export function addAnnotations(command: Command, what: string): void {
  const option = new Option('-a, --annotations <KEY=VALUE>', `${what}; may be repeated`);
  option.argParser((text, before: readonly string[] | undefined) => [...(before ?? []), ...parseCsvLine(text)]);
  command.addOption(option);
}

export function addLayoutFlag(command: Command): void {
  command.option('--layout <DIR>', 'look into this OCI layout instead of the registry');
}

export function verifyRequest(reference: string, flags: Flags): VerifyReferenceRequest {
  return {
    reference,
    ...registryFlags(flags),
    layout: textFlag(flags, 'layout'),
    signer: {
      key: textFlag(flags, 'key'),
      certificateIdentity: textFlag(flags, 'certificateIdentity'),
      certificateIdentityRegexp: textFlag(flags, 'certificateIdentityRegexp'),
      certificateOidcIssuer: textFlag(flags, 'certificateOidcIssuer'),
      certificateOidcIssuerRegexp: textFlag(flags, 'certificateOidcIssuerRegexp'),
      workflow: workflowFlags(flags),
    },
    trustFile: textFlag(flags, 'trustFile'),
    trustedRoot: textFlag(flags, 'trustedRoot'),
    ignoreTlog: flags['insecureIgnoreTlog'] === true,
    annotations: annotationFlags(flags),
    offline: flags['offline'] === true,
  };
}

function workflowFlags(flags: Flags): WorkflowClaims {
  const values = Object.keys(CLAIMS).map((claim) => [claim, textFlag(flags, camelCase(`${CLAIM_FLAG}-${claim}`))]);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

/** Failure USAGE_FLAG for a name that is none, or for flags that this consumer does not have. */
export function consumerFlag(flags: Flags): ConsumerName | undefined {
  const consumer = choiceFlag(flags, 'as', CONSUMER_NAMES);
  const [claim] = Object.keys(workflowFlags(flags));
  if (consumer === undefined || claim === undefined || consumer.startsWith('cosign')) return consumer;
  throw new Failure('USAGE_FLAG', `${consumer} is not asked for a ${CLAIM_FLAG}-${claim}: only cosign has that flag`);
}

/** Failure USAGE_FLAG for a word without `=`. */
export function annotationFlags(flags: Flags): Record<string, string> {
  return Object.fromEntries(
    listFlag(flags, 'annotations').map((word) => {
      const at = word.indexOf('=');
      if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
      throw new Failure('USAGE_FLAG', `--annotations takes KEY=VALUE, not "${word}"`);
    }),
  );
}
