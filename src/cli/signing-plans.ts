// The commands that sign, attest, verify, and show what was said about an image.

import { COMMAND_GROUP, type CommandPlan } from './command-plan.ts';
import { addPasswordSwitch, addSigningFlags } from './signing-flags.ts';
import { addAnnotations, addConsumerFlag, addLayoutFlag, addVerifyFlags } from './verify-flags.ts';

const group = COMMAND_GROUP.trust;
const REFERENCE = ['image', 'a reference'] as const;

const SIGN: CommandPlan = {
  name: 'sign',
  args: [REFERENCE],
  summary: 'sign an image in a registry: the index and every platform',
  group,
  flags: ['registry'],
  examples: ['stave sign ghcr.io/org/app:1.0.0', 'stave sign ghcr.io/org/app@sha256:... --key cosign.key -a team=core'],
  extra: (command) => {
    addAnnotations(command, 'an annotation that is signed along');
    addSigningFlags(command, 'format');
  },
  load: async () => (await import('./commands/sign.ts')).runSign,
};

const ATTEST: CommandPlan = {
  name: 'attest',
  args: [REFERENCE],
  summary: 'sign a statement about an image, of the index and every platform',
  group,
  flags: ['registry'],
  examples: ['stave attest ghcr.io/org/app:1.0.0 --type openvex --predicate app.vex.json'],
  extra: (command) => {
    command.requiredOption(
      '--type <TYPE>',
      'what it says: spdxjson, cyclonedx, slsaprovenance1, openvex, vuln ... or a URI',
    );
    command.requiredOption('--predicate <FILE>', 'the JSON file that says it');
    addSigningFlags(command, 'format');
  },
  load: async () => (await import('./commands/sign.ts')).runAttest,
};

const VERIFY: readonly CommandPlan[] = [
  {
    name: 'verify',
    args: [REFERENCE],
    summary: 'say whether an image is signed by whom it should be; exit codes 10 to 13 if not',
    group,
    flags: ['registry'],
    examples: [
      'stave verify ghcr.io/org/app:1.0.0',
      'stave verify ghcr.io/org/app:1.0.0 --key cosign.pub --insecure-ignore-tlog',
      'stave verify ghcr.io/org/app@sha256:... --layout app/ --offline',
      'stave verify ghcr.io/org/app:1.0.0 --as kyverno',
    ],
    extra: (command) => {
      addVerifyFlags(command);
      addConsumerFlag(command);
    },
    load: async () => (await import('./commands/verify.ts')).runVerify,
  },
  {
    name: 'verify-attestation',
    args: [REFERENCE],
    summary: 'verify the attestations of a type, and print them; exit codes 10 to 12, or 7 for a policy, if not',
    group,
    flags: ['registry'],
    examples: [
      'stave verify-attestation ghcr.io/org/app:1.0.0 --type slsaprovenance1',
      'stave verify-attestation ghcr.io/org/app:1.0.0 --type vuln --policy no-critical.yaml',
    ],
    extra: (command) => {
      command.requiredOption('--type <TYPE>', 'what they say: spdxjson, slsaprovenance1, openvex, vuln ... or a URI');
      command.option('--policy <FILE>', 'rules about what they must say (docs/signing.md)');
      addVerifyFlags(command);
    },
    load: async () => (await import('./commands/verify.ts')).runVerifyAttestation,
  },
];

const KEY = ['key', 'a file, env://NAME, or - for standard input'] as const;

const GENERATE: CommandPlan = {
  name: 'keys generate',
  args: [],
  summary: 'make a key pair: PREFIX.key, sealed with a password, and PREFIX.pub',
  group,
  flags: [],
  examples: ['stave keys generate', 'stave keys generate --output-key-prefix release'],
  extra: (command) => {
    command.option('--output-key-prefix <PREFIX>', 'how the files are called (default: cosign)');
    addPasswordSwitch(command);
  },
  load: async () => (await import('./commands/keys.ts')).runKeysGenerate,
};

const KEYS: readonly CommandPlan[] = [
  GENERATE,
  // What cosign calls it; its flags are the same.
  { ...GENERATE, name: 'generate-key-pair', hidden: true },
  {
    name: 'keys import',
    args: [KEY],
    summary: 'seal a private key (PKCS#8, SEC1, PKCS#1) with a password',
    group,
    flags: [],
    examples: ['stave keys import key.pem --output-key-prefix release'],
    extra: (command) => {
      command.option('--output-key-prefix <PREFIX>', 'how the files are called (default: import-cosign)');
      addPasswordSwitch(command);
    },
    load: async () => (await import('./commands/keys.ts')).runKeysImport,
  },
  {
    name: 'keys public',
    args: [KEY],
    summary: 'print the public key of a private one',
    group,
    flags: [],
    examples: ['stave keys public cosign.key > cosign.pub'],
    extra: (command) => addPasswordSwitch(command),
    load: async () => (await import('./commands/keys.ts')).runKeysPublic,
  },
];

const DOWNLOADS: readonly CommandPlan[] = [
  ['signature', 'print the signatures of an image as Sigstore bundles, one a line, unverified', ''],
  ['attestation', 'print the attestations of an image as envelopes, one a line, unverified', ' --type slsaprovenance1'],
  ['sbom', 'print the SBOM of an image, unverified', ' --arch arm64 > sbom.json'],
].map(
  ([what = '', summary = '', example = '']): CommandPlan => ({
    name: `download ${what}`,
    args: [REFERENCE],
    summary,
    group,
    flags: ['registry'],
    examples: [`stave download ${what} ghcr.io/org/app:1.0.0${example}`],
    extra: (command) => {
      command.option('--arch <ARCH>', 'of an index: what is said about its image for this architecture');
      if (what === 'attestation') command.option('--type <TYPE>', 'only those of this type');
      if (what === 'sbom') command.option('--format <FORMAT>', 'spdx or cyclonedx (default: the first that is there)');
      addLayoutFlag(command);
    },
    load: async () => (await import('./commands/download.ts')).DOWNLOADS[what as 'sbom'],
  }),
);

export const SIGNING_PLANS: readonly CommandPlan[] = [SIGN, ATTEST, ...VERIFY, ...KEYS, ...DOWNLOADS];
