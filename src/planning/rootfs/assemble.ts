// One architecture's root filesystem from its configuration and packages: the order of operations of layer-and-oci.md 1.
// Pure: packages are verified values, their bytes come through `read`; nothing depends on directory, clock or user.

import { failingAt, type SourcePlace } from '../../base/failure.ts';
import { sortedUnique } from '../../base/order.ts';
import { printBaseRecords, printInstalledRecord } from '../../formats/apk/installed.ts';
import type { Package } from '../../formats/apk/package.ts';
import { printScriptsTar, printTriggers } from '../../formats/apk/scripts-tar.ts';
import { apkArchitecture } from '../config/architecture.ts';
import type { ImageConfig } from '../config/image-config.ts';
import { printApkoJson } from '../config/print-apko-json.ts';
import { applyAccounts, ownerNames } from './accounts.ts';
import { layBaseTree, linkLibApk } from './base-tree.ts';
import { applyBusyboxLinks } from './busybox-links.ts';
import { applyBundleChecksums, applyCertificates, applyRuntimeKeyring } from './certificates.ts';
import type { PackagedRead } from './content.ts';
import { FileTree } from './file-tree.ts';
import { installPackage, Meetings, ownedEntries } from './install-package.ts';
import { type LayerPlan, planLayers } from './layer-entries.ts';
import type { OwnerNames } from './layer-tar.ts';
import { applyLdSoCache, type KnownLibraries } from './ld-so-cache.ts';
import { applyPathMutation } from './path-mutations.ts';
import { applyServices } from './services.ts';

export interface RootfsInput {
  /** Effective for this architecture: `contents.packages` as it goes into /etc/apko.json, `archs` = [arch]. */
  readonly config: ImageConfig;
  /** OCI form. */
  readonly arch: string;
  /** In install order. */
  readonly packages: readonly Package[];
  /** Lines of /etc/apk/world, unsorted. */
  readonly world: readonly string[];
  /** Key file name -> PEM text, as found in the configuration or discovered. */
  readonly keys: ReadonlyMap<string, string>;
  /** All repository lines used for the build (a package that ships etc/apk/repositories is compared with them). */
  readonly buildRepositories: readonly string[];
  /** Repository lines that the image keeps. */
  readonly runtimeRepositories: readonly string[];
  readonly read: PackagedRead;
  /** Spares the reading of libraries. */
  readonly known?: KnownLibraries;
  /** E0 of layer-and-oci.md 10: mtime of install scripts. */
  readonly baseEpochSeconds: number;
  /** T of layer-and-oci.md 10: mtime of certificates. */
  readonly createdSeconds: number;
  /** Where in the user's files a value stands, so that failures can point at it. */
  readonly place: (path: readonly (string | number)[]) => SourcePlace | undefined;
  /** The base image's installed database, when there is one. */
  readonly baseInstalled?: string;
}

export interface Rootfs {
  readonly tree: FileTree;
  readonly layers: LayerPlan;
  readonly names: OwnerNames;
  /** What the headers of each layer call owners: those of a lower layer do not learn of accounts added above it. */
  readonly layerNames: readonly OwnerNames[];
  /** The configuration with run-as resolved, as /etc/apko.json has it. */
  readonly config: ImageConfig;
  /** Sentences for the user about what the image lacks. */
  readonly warnings: readonly string[];
}

export function assembleRootfs(input: RootfsInput): Rootfs {
  const tree = new FileTree(input.read);
  layBaseTree(tree, apkArchitecture(input.arch));
  for (const [name, pem] of input.keys) tree.writeFile(`etc/apk/keys/${name}`, pem, 0o644);
  tree.writeFile('etc/apk/repositories', lines(sortedUnique(input.buildRepositories)), 0o644);
  tree.writeFile('etc/apk/world', lines(sortedUnique(input.world)), 0o644);

  const records = installAll(tree, input);
  linkLibApk(tree);
  const config = applyConfiguration(tree, input);
  const names = ownerNames(tree);
  const layers = planLayers(tree, input.packages, records, config.layering);
  return {
    tree,
    layers,
    names,
    layerNames: layers.map(() => names),
    config,
    // On top of a base image the tree is not all there is.
    warnings: input.baseInstalled === undefined ? missingFiles(tree) : [],
  };
}

/** Installs the packages and fills the databases; returns each package's database record. */
function installAll(tree: FileTree, input: RootfsInput): string[] {
  const { packages } = input;
  const meetings = new Meetings();
  packages.forEach((_, i) => {
    installPackage(tree, packages, i, meetings);
  });
  tree.writeFile('usr/lib/apk/db/scripts.tar', printScriptsTar(packages, input.baseEpochSeconds), 0o644);
  tree.writeFile('usr/lib/apk/db/triggers', printTriggers(packages), 0o644);
  const records = packages.map((pkg, i) => {
    const whole = meetings.has(i) ? undefined : pkg.record;
    return whole ?? printInstalledRecord({ ...pkg, entries: ownedEntries(tree, pkg, i) });
  });
  const base = input.baseInstalled === undefined ? '' : printBaseRecords(input.baseInstalled);
  tree.writeFile('usr/lib/apk/db/installed', base + records.join(''), 0o644);
  return records;
}

/** What the configuration asks for beyond packages, in the reference's order. */
function applyConfiguration(tree: FileTree, input: RootfsInput): ImageConfig {
  const { packages, createdSeconds, place } = input;
  let config = input.config;
  if (input.baseInstalled === undefined) {
    const runAs = failingAt(place(['accounts', 'run-as']), () => applyAccounts(tree, config.accounts));
    config = { ...config, accounts: { ...config.accounts, runAs } };
  }
  tree.writeFile('etc/apko.json', printApkoJson(config), 0o444);
  config.paths.forEach((mutation, i) => {
    failingAt(place(['paths', i]), () => applyPathMutation(tree, mutation));
  });
  failingAt(place(['certificates']), () => {
    if (config.certificates !== undefined) applyCertificates(tree, config.certificates, packages, createdSeconds);
    applyBundleChecksums(tree, createdSeconds);
  });
  failingAt(place(['contents', 'runtime_keyring']), () => {
    applyRuntimeKeyring(tree, config.contents.runtimeKeyring, createdSeconds);
  });
  applyServices(tree, config.entrypoint.services);
  applyBusyboxLinks(tree, packages);
  applyLdSoCache(tree, apkArchitecture(input.arch), input.known);
  tree.writeFile('etc/apk/repositories', lines(sortedUnique(input.runtimeRepositories)), 0o644);
  return config;
}

function missingFiles(tree: FileTree): string[] {
  return ['etc/passwd', 'etc/group', 'etc/os-release']
    .filter((path) => tree.lookup(path) === undefined)
    .map((path) => `the image has no /${path}`);
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}
