// The commands (cli.md 1 and 2): names, arguments, flags, help. It is data: what a command does lies in commands/*.ts and
// is loaded when the command runs, never before.

import { CHECK_PLAN } from './check-plan.ts';
import {
  addLayerFlags,
  COMMAND_GROUP,
  CONFIG,
  type CommandPlan,
  DIALECT,
  IMAGE_BUILDING,
  SOURCES,
} from './command-plan.ts';
import { CONFORMANCE_PLANS } from './conformance-plans.ts';
import { addSwitch, type SharedFlag } from './flags.ts';
import { IMAGE_PLANS, PUBLISH_PLAN } from './image-plans.ts';
import { SIGNING_PLANS } from './signing-plans.ts';
import { TRUST_PLANS } from './trust-plans.ts';

/** Summaries of the words that only stand before others. */
export const COMMAND_FAMILIES: Readonly<Record<string, string>> = {
  cache: 'the cache: what is in it, and how large it may be',
  registry: 'an OCI registry of your own',
  keys: 'key pairs that sign, in files that cosign reads too',
  trust: 'whose signature images must have',
  download: 'what is said about an image, as it lies there',
};

export const COMMAND_PLANS: readonly CommandPlan[] = [
  {
    name: 'build',
    args: [
      CONFIG,
      ['tag', 'name and tag of the image'],
      ['output', 'a directory (OCI layout; made when the path ends in a slash) or an archive'],
    ],
    summary: 'build an image: an OCI layout, or an archive for "docker load"',
    group: COMMAND_GROUP.build,
    flags: IMAGE_BUILDING,
    examples: [
      'stave build image.yaml example/app:1 app.tar',
      'stave build image.yaml example/app:1 layout-dir --arch amd64',
    ],
    extra: addLayerFlags,
    load: async () => (await import('./commands/build.ts')).runBuild,
  },
  PUBLISH_PLAN,
  ...lockPlans(),
  {
    name: 'quickstart',
    args: [],
    summary: 'build the example image that comes with stave, twice, offline, publish it signed, and run it',
    group: COMMAND_GROUP.build,
    flags: [],
    examples: ['stave quickstart --keep my-first-image'],
    extra: (command) => command.option('--keep <DIR>', 'where to write the image (default: quickstart-out)'),
    load: async () => (await import('./commands/quickstart.ts')).runQuickstart,
  },
  {
    name: 'show-config',
    args: [CONFIG],
    summary: 'print the effective configuration, with includes and defaults',
    group: COMMAND_GROUP.look,
    flags: [...SOURCES, 'include-paths', ...DIALECT, 'cache-dir', 'offline'],
    examples: ['stave show-config image.yaml'],
    load: async () => (await import('./commands/show-config.ts')).runShowConfig,
  },
  {
    name: 'show-packages',
    args: [CONFIG],
    summary: 'list the packages that would be installed, in order',
    group: COMMAND_GROUP.look,
    flags: ['arch', ...SOURCES, 'include-paths', ...DIALECT, 'cache-dir', 'offline', 'mirror', 'ignore-signatures'],
    examples: [
      'stave show-packages image.yaml --format packagelock',
      "stave show-packages image.yaml --format '{{.Name}}'",
    ],
    extra: (command) =>
      command.option('--format <FORMAT>', 'name-version, name=version, packagelock ... or a template'),
    load: async () => (await import('./commands/show-packages.ts')).runShowPackages,
  },
  ...whyPlans(),
  {
    name: 'dot',
    args: [CONFIG],
    summary: 'draw the dependencies as a Graphviz graph',
    group: COMMAND_GROUP.look,
    flags: ['arch', ...SOURCES, 'include-paths', ...DIALECT, 'cache-dir', 'offline', 'mirror', 'ignore-signatures'],
    examples: ['stave dot image.yaml | dot -Tsvg > image.svg'],
    extra: (command) =>
      command.option('-S, --spanning-tree', 'leave out edges to packages that are already drawn', false),
    load: async () => (await import('./commands/dot.ts')).runDot,
  },
  CHECK_PLAN,
  ...IMAGE_PLANS,
  ...SIGNING_PLANS,
  ...TRUST_PLANS,
  ...CONFORMANCE_PLANS,
  ...rootfsPlans(),
  ...toolPlans(),
];

function lockPlans(): CommandPlan[] {
  const lock: CommandPlan = {
    name: 'lock',
    args: [CONFIG],
    summary: 'write a lock file: the exact packages, for later builds without an index',
    group: COMMAND_GROUP.build,
    flags: [
      'output',
      'arch',
      ...SOURCES,
      'include-paths',
      ...DIALECT,
      'cache-dir',
      'offline',
      'mirror',
      'ignore-signatures',
      'registry',
    ],
    examples: ['stave lock image.yaml', 'stave build image.yaml example/app:1 app.tar --lockfile image.lock.json'],
    load: async () => (await import('./commands/lock.ts')).runLock,
  };
  const load = async () => (await import('./commands/lock.ts')).runResolve;
  return [lock, { ...lock, name: 'resolve', hidden: true, load }];
}

function whyPlans(): CommandPlan[] {
  const flags: SharedFlag[] = [
    'arch',
    'lockfile',
    ...SOURCES,
    'include-paths',
    ...DIALECT,
    'cache-dir',
    'offline',
    'mirror',
    'ignore-signatures',
  ];
  return [
    {
      name: 'why',
      args: [CONFIG, ['package', 'name of a package']],
      summary: 'say why a package is in the image',
      group: COMMAND_GROUP.look,
      flags,
      examples: ['stave why image.yaml libssl3'],
      load: async () => (await import('./commands/why.ts')).runWhy,
    },
    {
      name: 'why-not',
      args: [CONFIG, ['package', 'name of a package, or name=version']],
      summary: 'say why a package, or a version of it, is not in the image',
      group: COMMAND_GROUP.look,
      flags,
      examples: ['stave why-not image.yaml python3=3.13.1-r0'],
      load: async () => (await import('./commands/why.ts')).runWhyNot,
    },
  ];
}

function rootfsPlans(): CommandPlan[] {
  const flags: SharedFlag[] = [
    'build-arch',
    ...SOURCES,
    'package-append',
    'build-date',
    'cache-dir',
    'offline',
    'mirror',
    'include-paths',
    ...DIALECT,
    'registry',
  ];
  const group = COMMAND_GROUP.other;
  return [
    {
      name: 'build-minirootfs',
      args: [CONFIG, ['output', 'the tar.gz to write']],
      summary: 'write the file tree of one architecture as a tar.gz',
      group,
      flags: [...flags, 'ignore-signatures', 'limits'],
      examples: ['stave build-minirootfs image.yaml rootfs.tar.gz --build-arch aarch64'],
      load: async () => (await import('./commands/build-rootfs.ts')).runBuildMinirootfs,
    },
    {
      name: 'build-cpio',
      args: [CONFIG, ['output', 'the cpio to write']],
      summary: 'write the file tree of one architecture as a cpio, for an initramfs',
      group,
      flags: [...flags, 'limits'],
      examples: ['stave build-cpio image.yaml initramfs.cpio'],
      load: async () => (await import('./commands/build-rootfs.ts')).runBuildCpio,
    },
  ];
}

function toolPlans(): CommandPlan[] {
  const group = COMMAND_GROUP.tool;
  return [
    {
      name: 'clean',
      args: [],
      summary: 'remove the cache',
      group,
      flags: ['cache-dir'],
      examples: ['stave clean --dry-run'],
      extra: (command) => addSwitch(command, 'dry-run', false, 'only say what would be removed'),
      load: async () => (await import('./commands/clean.ts')).runClean,
    },
    {
      name: 'cache show',
      args: [],
      summary: 'say how large the cache is, and what it holds',
      group,
      flags: ['cache-dir'],
      examples: ['stave cache show'],
      load: async () => (await import('./commands/cache.ts')).runCacheShow,
    },
    {
      name: 'cache prune',
      args: [],
      summary: 'remove from the cache what was used longest ago',
      group,
      flags: ['cache-dir'],
      examples: ['stave cache prune --max-size 5GB'],
      extra: (command) => command.requiredOption('--max-size <SIZE>', 'how much may stay, as 5GB or 500MiB'),
      load: async () => (await import('./commands/cache.ts')).runCachePrune,
    },
    {
      name: 'registry serve',
      args: [['directory', 'where the registry keeps its images: new, empty, or made by this command']],
      summary: 'serve an OCI registry from a folder, until you press Ctrl-C',
      group,
      flags: [],
      examples: ['stave registry serve images/', 'stave registry serve images/ --listen 127.0.0.1:0 --read-only'],
      extra: (command) => {
        command.option('--listen <ADDRESS>', 'host and port; port 0 takes a free one (default: 127.0.0.1:5000)');
        addSwitch(command, 'read-only', false, 'take nothing, only give');
      },
      load: async () => (await import('./commands/registry-serve.ts')).runRegistryServe,
    },
    {
      name: 'completion',
      args: [['shell', 'bash, zsh or fish']],
      summary: 'print a completion script for your shell',
      group,
      flags: [],
      examples: ['stave completion bash > ~/.local/share/bash-completion/completions/stave'],
      load: async () => (await import('./commands/completion.ts')).runCompletion,
    },
    {
      name: 'version',
      args: [],
      summary: 'print the version',
      group,
      flags: [],
      examples: ['stave version --json'],
      load: async () => (await import('./commands/version.ts')).runVersion,
    },
  ];
}
