// Hidden commands in the words of the sigstore conformance suite (sigstore/sigstore-conformance, docs/cli_protocol.md), so that it
// runs against stave without a wrapper.

import type { Command } from 'commander';
import { COMMAND_GROUP, type CommandPlan } from './command-plan.ts';
import { addSwitch } from './flags.ts';

const common = { group: COMMAND_GROUP.trust, flags: [], hidden: true } as const;

function addBundleFlags(command: Command): void {
  command
    .requiredOption('--bundle <FILE>', 'the bundle')
    .option('--trusted-root <FILE>', 'trusted root (default: the built-in one)');
  addSwitch(command, 'staging', false, "Sigstore's staging instance; its trusted root has to be given");
}

export const CONFORMANCE_PLANS: readonly CommandPlan[] = [
  {
    ...common,
    name: 'sign-bundle',
    args: [['file', 'what to sign']],
    summary: 'sign a file, or a statement, with an identity token',
    examples: ['stave sign-bundle --identity-token TOKEN --bundle a.sigstore.json a.txt'],
    extra: (command) => {
      addBundleFlags(command);
      addSwitch(command, 'in-toto', false, 'the file is an in-toto statement');
      command
        .requiredOption('--identity-token <TOKEN>', 'the token')
        .option('--signing-config <FILE>', 'the services that sign');
    },
    load: async () => (await import('./commands/conformance.ts')).runSignBundle,
  },
  {
    ...common,
    name: 'verify-bundle',
    args: [['file', 'what was signed, or its digest']],
    summary: 'verify a bundle about a file or digest',
    examples: ['stave verify-bundle --bundle a.sigstore.json --key key.pub a.txt'],
    extra: (command) => {
      addBundleFlags(command);
      command
        .option('--key <FILE>', 'public key')
        .option('--certificate-identity <IDENTITY>', 'who signed')
        .option('--certificate-oidc-issuer <URL>', 'who vouches for the identity');
    },
    load: async () => (await import('./commands/conformance.ts')).runVerifyBundle,
  },
];
