// The commands about whom to trust.

import { COMMAND_GROUP, type CommandPlan } from './command-plan.ts';
import { addSwitch } from './flags.ts';

const group = COMMAND_GROUP.trust;

export const TRUST_PLANS: readonly CommandPlan[] = [
  {
    name: 'trust init',
    args: [['image', 'a reference']],
    summary: 'write the signer of an image into stave.trust.yaml: whom you name, or who did sign it',
    group,
    flags: ['registry'],
    examples: [
      'stave trust init ghcr.io/org/app:1.0.0',
      'stave trust init ghcr.io/org/app --key cosign.pub --insecure-ignore-tlog',
    ],
    extra: (command) => {
      command
        .option('--key <KEY>', 'the public key: a file, env://NAME, or - for standard input')
        .option('--certificate-identity <IDENTITY>', 'who signs: a mail address, or the URL of a workflow')
        .option('--certificate-oidc-issuer <URL>', 'who vouches for the identity')
        .option('--trusted-root <FILE>', 'trusted root of a private Sigstore, named in a new trust file')
        .option('--trust-file <FILE>', 'where to write (default: stave.trust.yaml)');
      addSwitch(command, 'insecure-ignore-tlog', false, 'accept signatures that are in no transparency log');
    },
    load: async () => (await import('./commands/trust.ts')).runTrustInit,
  },
];
