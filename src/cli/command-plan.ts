// What a command is before it runs: its names, arguments, flags and help, as data (cli.md 1 and 2).

import type { Command } from 'commander';
import type { SharedFlag } from './flags.ts';
import type { CommandRun } from './session.ts';

export interface CommandPlan {
  /** One word, or a family and a word: `registry serve`. */
  readonly name: string;
  /** Three dots after the name of the last one take one or more of it; one in brackets may be left out. */
  readonly args: readonly (readonly [name: string, description: string])[];
  readonly summary: string;
  readonly group: string;
  readonly flags: readonly SharedFlag[];
  readonly examples: readonly string[];
  readonly hidden?: boolean;
  readonly extra?: (command: Command) => void;
  readonly load: () => Promise<CommandRun>;
}

export const COMMAND_GROUP = {
  build: 'Build:',
  images: 'Images, wherever they are:',
  trust: 'Signatures and trust:',
  look: 'Look before you build:',
  other: 'Other outputs:',
  tool: 'The tool:',
} as const;

export const CONFIG = ['config', 'image configuration (YAML)'] as const;

/** The flags of `build` and `publish` that say what layers are like. */
export function addLayerFlags(command: Command): void {
  command
    .option('--format <FORMAT>', 'layer format: tar or erofs (default: the configuration says)')
    .option('--compression <NAME>', 'of layers: gzip, which everything reads, or zstd (default: gzip)')
    .option('--compression-level <LEVEL>', 'from 1, quick, to 9, small (default: 4, zstd 3); layers get other digests');
}

/** How a configuration is read. */
export const DIALECT = ['var', 'variant', 'strict-apko'] as const;
/** Flags that add to where packages come from. */
export const SOURCES = ['keyring-append', 'build-repository-append', 'repository-append'] as const;

/** What `build` and `publish` share: everything about the images, nothing about where they go. */
export const IMAGE_BUILDING: readonly SharedFlag[] = [
  'arch',
  'lockfile',
  'offline',
  'mirror',
  'sbom',
  'sbom-path',
  'sbom-formats',
  'provenance-path',
  'builder-id',
  'reproducible-provenance',
  ...SOURCES,
  'package-append',
  'annotations',
  'build-date',
  'hardening',
  'check-report',
  'vcs',
  'cache-dir',
  'include-paths',
  ...DIALECT,
  'ignore-signatures',
  'limits',
  'registry',
];
