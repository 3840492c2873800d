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
  {
    name: 'trust policy',
    args: [],
    summary: 'print the trust file as policies for a cluster: Kyverno or policy-controller',
    group,
    flags: [],
    examples: [
      'stave trust policy --for kyverno | kubectl apply -f -',
      'stave trust policy --for policy-controller --trust-file deploy/stave.trust.yaml',
    ],
    extra: (command) => {
      command
        .requiredOption('--for <CONSUMER>', 'who reads them: kyverno or policy-controller')
        .option('--kind <KIND>', 'ImageValidatingPolicy (default for kyverno), ClusterPolicy or ClusterImagePolicy')
        .option('--trust-file <FILE>', 'where it is written whom to trust (default: stave.trust.yaml)');
    },
    load: async () => (await import('./commands/trust.ts')).runTrustPolicy,
  },
  {
    name: 'trust update',
    args: [],
    summary: 'bring the trusted root beside the trust file up to date, by TUF',
    group,
    flags: [],
    examples: [
      'stave trust update',
      'stave trust update --mirror https://tuf.example.com --root root.json --trusted-root deploy/trusted_root.json',
    ],
    extra: (command) => {
      command
        .option('--mirror <URL>', 'TUF repository (default: that of the public Sigstore)')
        .option('--root <FILE>', 'the first root.json to trust of that repository')
        .option('--trusted-root <FILE>', 'where to write (default: what the trust file names, or trusted_root.json)')
        .option('--trust-file <FILE>', 'the trust file that it lies beside (default: stave.trust.yaml)');
    },
    load: async () => (await import('./commands/trust.ts')).runTrustUpdate,
  },
];
