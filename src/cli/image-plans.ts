// The commands for images in registries, layouts and archives, and the one that brings them there.

import type { Command } from 'commander';
import {
  addLayerFlags,
  COMMAND_GROUP,
  CONFIG,
  type CommandPlan,
  DIALECT,
  IMAGE_BUILDING,
  SOURCES,
} from './command-plan.ts';
import { addSwitch } from './flags.ts';
import { addPublishSigningFlags } from './signing-flags.ts';

const SOURCE = [
  'image',
  'a reference, oci:FOLDER[:NAME], docker-archive:FILE, or the path of a layout or archive',
] as const;

export const PUBLISH_PLAN: CommandPlan = {
  name: 'publish',
  args: [CONFIG, ['tag...', 'references to publish as; {version:PACKAGE|PART} takes PART of the version of a package']],
  summary: 'build an image and push it to any number of tags and registries; prints its digest',
  group: COMMAND_GROUP.build,
  flags: IMAGE_BUILDING,
  examples: [
    'stave publish image.yaml ghcr.io/org/app:1.0.0 ghcr.io/org/app:latest',
    "stave publish image.yaml 'registry.example/python:{version:python-3.13|minor}' --image-refs refs.txt",
    'stave publish image.yaml ghcr.io/org/app:1.0.0 --sign',
    'stave publish image.yaml ghcr.io/org/app:1.0.0 --sign --key cosign.key',
    'stave publish image.yaml example/app:dev --local',
  ],
  extra: (command) => {
    command.option('--image-refs <FILE>', 'write repository@digest of every image, then of the index');
    addSwitch(command, 'attach-sbom', true, 'attach SBOMs to the images and the index in the registry');
    addSwitch(
      command,
      'attach-check',
      false,
      'attach the result of the checks to every image; an attestation, too, with --sign',
    );
    addSwitch(command, 'local', false, 'load the image for this machine into docker or podman instead');
    addSwitch(command, 'dry-run', false, 'build, and only say what would be pushed');
    addLayerFlags(command);
    addPublishSigningFlags(command);
  },
  load: async () => (await import('./commands/publish.ts')).runPublish,
};

export const IMAGE_PLANS: readonly CommandPlan[] = [
  {
    name: 'copy',
    args: [
      ['source', SOURCE[1]],
      ['target', 'a reference, oci:FOLDER[:NAME] or docker-archive:FILE[:REFERENCE]'],
    ],
    summary: 'copy an image with all platforms, signatures, SBOMs and attestations; digests stay',
    group: COMMAND_GROUP.images,
    flags: ['registry'],
    examples: [
      'stave copy ghcr.io/org/app:1.0.0 registry.example/app:1.0.0',
      'stave copy ghcr.io/org/app:1.0.0 oci:carry-over',
    ],
    extra: addReferrersSwitch,
    load: async () => (await import('./commands/copy.ts')).runCopy,
  },
  {
    name: 'pull',
    args: [
      ['image', SOURCE[1]],
      ['path', 'a directory (OCI layout; made when the path ends in a slash) or an archive for "docker load"'],
    ],
    summary: 'download an image into an OCI layout or an archive',
    group: COMMAND_GROUP.images,
    flags: ['registry'],
    examples: ['stave pull ghcr.io/org/app:1.0.0 app/', 'stave pull ghcr.io/org/app:1.0.0 app.tar'],
    extra: addReferrersSwitch,
    load: async () => (await import('./commands/copy.ts')).runPull,
  },
  {
    name: 'tag',
    args: [
      ['image', 'a reference'],
      ['tag...', 'tags that the image gets in the same repository'],
    ],
    summary: 'give an image in a registry further tags',
    group: COMMAND_GROUP.images,
    flags: ['registry'],
    examples: ['stave tag ghcr.io/org/app:1.0.0 1.0 1 latest'],
    load: async () => (await import('./commands/tag.ts')).runTag,
  },
  {
    name: 'inspect',
    args: [SOURCE],
    summary: 'show the platforms, sizes, settings and packages of an image',
    group: COMMAND_GROUP.images,
    flags: ['registry'],
    examples: ['stave inspect ghcr.io/org/app:1.0.0', 'stave inspect app/ --arch arm64 --json'],
    extra: (command) => {
      command.option('--arch <ARCH>', 'only the image for this architecture');
      addSwitch(command, 'packages', true, 'read the package database out of the top layer');
      addSwitch(command, 'verify', false, 'read large layers whole, so that the digest proves the packages');
    },
    load: async () => (await import('./commands/inspect.ts')).runInspect,
  },
  {
    name: 'tree',
    args: [SOURCE],
    summary: 'show an image with everything that is attached to it',
    group: COMMAND_GROUP.images,
    flags: ['registry'],
    examples: ['stave tree ghcr.io/org/app:1.0.0'],
    load: async () => (await import('./commands/tree.ts')).runTree,
  },
  {
    name: 'load',
    args: [SOURCE],
    summary: 'load an image into docker or podman under the name that you ask for',
    group: COMMAND_GROUP.images,
    flags: ['registry'],
    examples: ['stave load ghcr.io/org/app:1.0.0', 'stave load app/ --name example/app:dev'],
    extra: (command) => {
      command.option('--name <REFERENCE>', 'what it is called there (default: as it is called here)');
      command.option('--arch <ARCH>', 'which architecture (default: this machine)');
    },
    load: async () => (await import('./commands/load.ts')).runLoad,
  },
  {
    name: 'login',
    args: [['[registry]', 'its host, with port if it needs one (default: Docker Hub)']],
    summary: 'log in to a registry, where docker and others find it too',
    group: COMMAND_GROUP.images,
    flags: ['registry'],
    examples: ['stave login ghcr.io -u USER --password-stdin < token'],
    extra: (command) => {
      command.option('-u, --username <USER>', 'who you are');
      command.option('-p, --password <PASSWORD>', 'your password or token; better: --password-stdin');
      addSwitch(command, 'password-stdin', false, 'read the password from standard input');
    },
    load: async () => (await import('./commands/login.ts')).runLogin,
  },
  {
    name: 'logout',
    args: [['[registry]', 'its host (default: Docker Hub)']],
    summary: 'forget the credentials of a registry',
    group: COMMAND_GROUP.images,
    flags: [],
    examples: ['stave logout ghcr.io'],
    load: async () => (await import('./commands/login.ts')).runLogout,
  },
  {
    name: 'doctor',
    args: [['image', 'a reference']],
    summary: 'say which credentials are used for a registry, whether it can be reached, and what it can do',
    group: COMMAND_GROUP.images,
    flags: ['registry'],
    examples: ['stave doctor ghcr.io/org/app:1.0.0'],
    extra: (command) => addSwitch(command, 'write', false, 'try what needs the right to push; nothing is left behind'),
    load: async () => (await import('./commands/doctor.ts')).runDoctor,
  },
  {
    name: 'mirror',
    args: [['input...', 'image configurations and lock files']],
    summary:
      'copy the packages, indexes, keys, downloads and images they need into a folder, for builds without network',
    group: COMMAND_GROUP.other,
    flags: [
      'arch',
      ...SOURCES,
      'package-append',
      'include-paths',
      ...DIALECT,
      'ignore-signatures',
      'limits',
      'registry',
    ],
    examples: [
      'stave mirror image.yaml --to mirror/',
      'stave build image.yaml example/app:1 app.tar --mirror mirror/ --offline',
    ],
    extra: (command) => command.requiredOption('--to <DIR>', 'where to put them; made when it is missing'),
    load: async () => (await import('./commands/mirror.ts')).runMirror,
  },
];

function addReferrersSwitch(command: Command): void {
  addSwitch(command, 'referrers', true, 'take signatures, SBOMs and attestations along');
}
