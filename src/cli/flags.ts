// The flags that several commands share (cli.md 1), and how their texts become the fields of a request.

import { type Command, Option } from 'commander';
import { Failure } from '../base/failure.ts';
import { nearestNames } from '../base/nearest.ts';
import type { LimitOverrides } from '../operations/image/request.ts';
import type { RegistryAccess } from '../operations/registry/registry-request.ts';
import { parseCsvLine } from './csv-list.ts';

/** A flag's value as the request wants it, by the flag's camel-case name. */
export type Flags = Readonly<Record<string, unknown>>;

const LISTS = {
  'keyring-append': ['-k', 'KEY', 'more keys to trust: files or URLs'],
  'build-repository-append': ['-b', 'REPO', 'more repositories, for the build only'],
  'repository-append': ['-r', 'REPO', 'more repositories, also written into the image'],
  'package-append': ['-p', 'PACKAGE', 'more packages to install'],
  arch: [undefined, 'ARCH', 'architectures to build for, "host" or "all" (default: those of the configuration)'],
  'include-paths': [undefined, 'DIR', 'where to look for the configuration and its includes'],
  annotations: [undefined, 'KEY:VALUE', 'more annotations'],
  'sbom-formats': [undefined, 'FORMAT', 'SBOMs to write: spdx, cyclonedx (default: spdx)'],
} as const;

const TEXTS = {
  'build-arch': ['ARCH', 'the one architecture to build for (default: this machine)'],
  'build-date': ['TIME', 'date of the image, as 2026-01-31T12:00:00Z; SOURCE_DATE_EPOCH beats it'],
  'cache-dir': ['DIR', 'where downloads are kept'],
  variant: ['NAME', 'build this variant of the configuration, on top of its layers'],
  'check-report': ['FILE', 'write all findings of the checks: .json, .md (for job summaries) or .sarif'],
  hardening: ['PROFILE', 'how strict to check: default, distroless, strict or off (default: the configuration says)'],
  lockfile: ['FILE', 'install exactly what this lock file says'],
  mirror: [
    'PLACE',
    'where `stave mirror` put what builds need: a folder, or a URL that serves it (images come from a folder only)',
  ],
  output: ['FILE', 'where to write'],
  'provenance-path': ['DIR', 'write unsigned SLSA provenance of the index and every image into this folder'],
  'builder-id': ['URI', 'who built, in provenance (default: the workflow of the CI, or nobody)'],
  'sbom-path': ['DIR', 'where to write SBOMs (default: the working directory)'],
} as const;

const SWITCHES = {
  offline: [false, 'open no network connection'],
  'ignore-signatures': [false, 'do not verify the signatures of indexes'],
  'strict-apko': [false, 'refuse what only stave understands in a configuration'],
  vcs: [true, 'record the git origin and commit of the configuration'],
  sbom: [true, 'write SBOMs'],
  'reproducible-provenance': [false, 'leave out of provenance what differs from run to run: times and the run'],
} as const;

const LIMIT_FLAGS = {
  'max-apkindex-decompressed-size': ['indexBytes', 'an index, unpacked'],
  'max-apk-control-size': ['controlBytes', "a package's control part, unpacked"],
  'max-apk-data-size': ['packageDataBytes', "a package's files, unpacked"],
  'max-http-response-size': ['responseBytes', 'one HTTP response'],
} as const satisfies Record<string, readonly [keyof LimitOverrides, string]>;

export type SharedFlag =
  | keyof typeof LISTS
  | keyof typeof TEXTS
  | keyof typeof SWITCHES
  | 'limits'
  | 'registry'
  | 'var';

/** Adds the named flags to a command, in the order given. */
export function addSharedFlags(command: Command, names: readonly SharedFlag[]): void {
  for (const name of names) {
    if (name === 'limits') addLimitFlags(command);
    else if (name === 'registry') addRegistryFlags(command);
    else if (name === 'var') addVariable(command);
    else if (name in LISTS) addList(command, name as keyof typeof LISTS);
    else if (name in TEXTS) addText(command, name as keyof typeof TEXTS);
    else if (name in SWITCHES) addSharedSwitch(command, name as keyof typeof SWITCHES);
  }
}

function addSharedSwitch(command: Command, name: keyof typeof SWITCHES): void {
  const [initially, description] = SWITCHES[name];
  addSwitch(command, name, initially, description);
}

/** A flag with the forms `--x`, `--x=true`, `--x=false` and `--no-x`; the form that is the default is not shown. */
export function addSwitch(
  command: Command,
  name: string,
  initially: boolean,
  description: string,
  group?: string,
): void {
  const positive = new Option(`--${name}`, description);
  if (initially) positive.default(true);
  const negative = new Option(`--no-${name}`, `do not ${description}`);
  if (group !== undefined) for (const option of [positive, negative]) option.helpGroup(group);
  command.addOption(initially ? positive.hideHelp() : positive);
  command.addOption(initially ? negative : negative.hideHelp());
}

function addList(command: Command, name: keyof typeof LISTS): void {
  const [short, value, description] = LISTS[name];
  command.addOption(listOption(`${short === undefined ? '' : `${short}, `}--${name} <${value}>`, description));
}

function listOption(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.argParser((text, before: readonly string[] | undefined) => [...(before ?? []), ...parseCsvLine(text)]);
}

/** Not a list of the usual kind: a comma belongs to the value. */
function addVariable(command: Command): void {
  const option = new Option('--var <NAME=VALUE>', "a value for the configuration's ${{vars.NAME}}; may be repeated");
  option.argParser((text, before: readonly string[] | undefined) => [...(before ?? []), text]);
  command.addOption(option);
}

function addText(command: Command, name: keyof typeof TEXTS): void {
  const [value, description] = TEXTS[name];
  command.addOption(new Option(`--${name} <${value}>`, description));
}

/** Three switches on purpose: a private CA does not mean plain http, and neither means that nobody looks. */
function addRegistryFlags(command: Command): void {
  const group = 'Registries:';
  const switches = [
    ['plain-http', 'speak http to registries (default: only to those on this machine)'],
    ['insecure-skip-verify', 'accept every certificate of registries'],
  ] as const;
  for (const [name, description] of switches) {
    command.addOption(new Option(`--${name}`, description).helpGroup(group));
    command.addOption(new Option(`--no-${name}`, `do not ${description}`).hideHelp());
  }
  command.addOption(new Option('--ca-cert <FILE>', 'PEM certificates to trust in addition').helpGroup(group));
  const lists = [
    ['plain-http-host', 'the same as --plain-http for these registries alone'],
    ['skip-verify-host', 'the same as --insecure-skip-verify for these registries alone'],
  ] as const;
  for (const [name, description] of lists) {
    command.addOption(listOption(`--${name} <HOST>`, description).helpGroup(group));
  }
}

/** Only what was said. */
export function registryFlags(flags: Flags): RegistryAccess {
  const { plainHttp, insecureSkipVerify } = flags;
  const caFile = textFlag(flags, 'caCert');
  const [plainHttpHosts, skipVerifyHosts] = [listFlag(flags, 'plainHttpHost'), listFlag(flags, 'skipVerifyHost')];
  return {
    ...(typeof plainHttp === 'boolean' && { plainHttp }),
    ...(typeof insecureSkipVerify === 'boolean' && { insecureSkipVerify }),
    ...(caFile !== undefined && { caFile }),
    ...(plainHttpHosts.length > 0 && { plainHttpHosts }),
    ...(skipVerifyHosts.length > 0 && { skipVerifyHosts }),
  };
}

function addLimitFlags(command: Command): void {
  for (const [name, [, what]] of Object.entries(LIMIT_FLAGS)) {
    const option = new Option(`--${name} <BYTES>`, `most bytes of ${what}; 0: the default, -1: no limit`);
    option.argParser((text) => parseLimit(name, text)).helpGroup('Bounds:');
    command.addOption(option);
  }
}

function parseLimit(name: string, text: string): number {
  const value = Number(text);
  if (!/^(-1|\d+)$/.test(text) || !Number.isSafeInteger(value)) {
    throw new Failure('USAGE_FLAG', `--${name} takes a number of bytes, 0 or -1, not "${text}"`);
  }
  return value;
}

/** `--x=true`, `--x=false` of switches, said as `--x` and `--no-x`, which the argument parser understands. */
export function normalizeSwitches(argv: readonly string[], switches: ReadonlySet<string>): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, position) => {
    const [, name = '', value = ''] = /^--([a-z-]+)=(.*)$/s.exec(word) ?? [];
    if (!switches.has(name) || (end >= 0 && position > end)) return word;
    if (/^(1|t|true)$/i.test(value)) return `--${name}`;
    if (/^(0|f|false)$/i.test(value)) return `--no-${name}`;
    throw new Failure('USAGE_FLAG', `--${name} takes true or false, not "${value}"`);
  });
}

/** Names of all switches in the tree, without dashes. */
export function switchNames(command: Command): Set<string> {
  const own = command.options.filter((o) => o.negate && o.long !== undefined).map((o) => o.long!.slice('--no-'.length));
  return new Set([...own, ...command.commands.flatMap((child) => [...switchNames(child)])]);
}

export function listFlag(flags: Flags, name: string): readonly string[] {
  return (flags[name] as readonly string[] | undefined) ?? [];
}

export function textFlag(flags: Flags, name: string): string | undefined {
  return flags[name] as string | undefined;
}

/** The flag's value, which must be one of the choices. */
export function choiceFlag<C extends string>(flags: Flags, name: string, choices: readonly C[]): C | undefined {
  const value = textFlag(flags, name);
  if (value === undefined || choices.includes(value as C)) return value as C | undefined;
  const near = nearestNames(value, choices, 1)[0];
  throw new Failure('USAGE_FLAG', `--${name} takes ${choices.join(', ')}, not "${value}"`, {
    ...(near !== undefined && { hint: `did you mean ${near}?` }),
  });
}

/** Only the bounds that were given; 0 keeps the default. */
export function limitFlags(flags: Flags): LimitOverrides {
  const overrides: Record<string, number> = {};
  for (const [flag, [limit]] of Object.entries(LIMIT_FLAGS)) {
    const value = flags[camelCase(flag)];
    if (typeof value === 'number' && value !== 0) overrides[limit] = value === -1 ? Number.POSITIVE_INFINITY : value;
  }
  return overrides;
}

/** `signing-config` -> `signingConfig` */
export function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
