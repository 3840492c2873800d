// The config file of an image (layer-and-oci.md 12): value, exact bytes, tolerant reading of foreign ones.
// Not to be confused with the configuration that users write (planning/config).

import { printJson } from '../../base/canonical-json.ts';
import type { Digest } from '../../base/digest.ts';
import { LIMITS } from '../../base/limits.ts';
import { compareBytes, sortedUnique } from '../../base/order.ts';
import type { Platform } from './descriptor.ts';
import {
  type JsonObject,
  type JsonValue,
  type PrintedField,
  parseJsonObject,
  printFields,
  printList,
  printPresent,
  printTextMap,
  type TextMap,
  withoutAbsent,
} from './json-object.ts';

/**
 * Texts that may be absent are `undefined` or left out, lists and maps empty. Outer fields that the field's tools do not
 * know are dropped on reading: they describe how a foreign image was made, not ours.
 */
export interface ImageConfigFile {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
  readonly author?: string;
  readonly container?: string;
  /** RFC 3339. */
  readonly created?: string;
  readonly dockerVersion?: string;
  readonly history: readonly HistoryEntry[];
  /** Digests of the uncompressed layers, bottom first. */
  readonly diffIds: readonly Digest[];
  readonly run: RunConfig;
}

export interface HistoryEntry {
  readonly author?: string;
  readonly created?: string;
  readonly createdBy?: string;
  readonly comment?: string;
  /** True where the step made no layer. */
  readonly emptyLayer?: true;
}

/** How containers of the image start. */
export interface RunConfig {
  readonly cmd: readonly string[];
  readonly entrypoint: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly labels: TextMap;
  readonly user: string;
  readonly volumes: readonly string[];
  readonly workingDir: string;
  readonly stopSignal: string;
  /** Whatever else a foreign image says here (Healthcheck, ExposedPorts, OnBuild ...), kept as it is. */
  readonly others: Readonly<Record<string, JsonValue>>;
}

const OWN_RUN_KEYS: readonly string[] = [
  'Cmd',
  'Entrypoint',
  'Env',
  'Labels',
  'User',
  'Volumes',
  'WorkingDir',
  'StopSignal',
];

/** `document` names it in messages. Failure IMAGE_INVALID. */
export function parseImageConfigFile(bytes: Uint8Array, document = 'the image config'): ImageConfigFile {
  const object = parseJsonObject(bytes, document, LIMITS.imageManifestBytes);
  const osFeatures = object.texts('os.features');
  const run = object.object('config');
  return {
    architecture: object.requiredText('architecture'),
    os: object.requiredText('os'),
    ...withoutAbsent({
      variant: object.text('variant'),
      osVersion: object.text('os.version'),
      author: object.text('author'),
      container: object.text('container'),
      created: object.text('created'),
      dockerVersion: object.text('docker_version'),
    }),
    ...(osFeatures.length > 0 && { osFeatures }),
    history: object.objects('history').map(parseHistoryEntry),
    diffIds: object.requiredObject('rootfs').digests('diff_ids'),
    run: run === undefined ? EMPTY_RUN_CONFIG : parseRunConfig(run),
  };
}

export const EMPTY_RUN_CONFIG: RunConfig = {
  cmd: [],
  entrypoint: [],
  env: [],
  labels: {},
  user: '',
  volumes: [],
  workingDir: '',
  stopSignal: '',
  others: {},
};

export function printImageConfigFile(config: ImageConfigFile): string {
  return printFields([
    ['architecture', printJson(config.architecture)],
    ['author', printPresent(config.author)],
    ['container', printPresent(config.container)],
    ['created', printPresent(config.created)],
    ['docker_version', printPresent(config.dockerVersion)],
    ['history', printList(config.history.map(printHistoryEntry))],
    ['os', printJson(config.os)],
    [
      'rootfs',
      printFields([
        ['type', '"layers"'],
        ['diff_ids', printJson(config.diffIds)],
      ]),
    ],
    ['config', printRunConfig(config.run)],
    ['os.version', printPresent(config.osVersion)],
    ['variant', printPresent(config.variant)],
    ['os.features', printPresent(config.osFeatures)],
  ]);
}

export function configPlatform(config: ImageConfigFile): Platform {
  const { architecture, os, variant, osVersion, osFeatures } = config;
  return { architecture, os, ...withoutAbsent({ variant, osVersion, osFeatures }) };
}

function parseHistoryEntry(object: JsonObject): HistoryEntry {
  return withoutAbsent({
    author: object.text('author'),
    created: object.text('created'),
    createdBy: object.text('created_by'),
    comment: object.text('comment'),
    emptyLayer: object.flag('empty_layer') || undefined,
  });
}

function printHistoryEntry(entry: HistoryEntry): string {
  return printFields([
    ['author', printPresent(entry.author)],
    ['created', printPresent(entry.created)],
    ['created_by', printPresent(entry.createdBy)],
    ['comment', printPresent(entry.comment)],
    ['empty_layer', printPresent(entry.emptyLayer)],
  ]);
}

function parseRunConfig(object: JsonObject): RunConfig {
  const volumes = object.object('Volumes');
  return {
    cmd: object.texts('Cmd'),
    entrypoint: object.texts('Entrypoint'),
    env: object.texts('Env'),
    labels: object.textMap('Labels'),
    user: object.text('User') ?? '',
    volumes: volumes === undefined ? [] : sortedUnique(Array.from(volumes.entries(), ([name]) => name)),
    workingDir: object.text('WorkingDir') ?? '',
    stopSignal: object.text('StopSignal') ?? '',
    others: Object.fromEntries(
      Array.from(object.entries()).filter(([key, value]) => !OWN_RUN_KEYS.includes(key) && !isEmpty(value)),
    ),
  };
}

/** What the field's tools leave out when they write. */
function isEmpty(value: JsonValue): boolean {
  return value === null || value === false || value === '' || (Array.isArray(value) && value.length === 0);
}

function printRunConfig(run: RunConfig): string {
  const others: PrintedField[] = Object.entries(run.others)
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([key, value]) => [key, printJson(value)]);
  const volumes = sortedUnique(run.volumes).map((name): PrintedField => [name, '{}']);
  return printFields([
    ['Cmd', printPresent(run.cmd)],
    ['Entrypoint', printPresent(run.entrypoint)],
    ['Env', printPresent(run.env)],
    ['Labels', printTextMap(run.labels)],
    ['User', printPresent(run.user)],
    ['Volumes', volumes.length === 0 ? undefined : printFields(volumes)],
    ['WorkingDir', printPresent(run.workingDir)],
    ['StopSignal', printPresent(run.stopSignal)],
    ...others,
  ]);
}
