// Which packages go into the image, in which order (apk-format.md 6), from the repositories or from a lock.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { sortedUnique } from '../../base/order.ts';
import { openRepositories } from '../../effects/repository/open-repositories.ts';
import { ApkIndex } from '../../formats/apk/index-lookup.ts';
import { parseInstalled } from '../../formats/apk/installed.ts';
import { apkArchitecture } from '../../planning/config/architecture.ts';
import type { ImageConfig } from '../../planning/config/image-config.ts';
import { lockedConfig } from '../../planning/config/locked-config.ts';
import { completeConfig } from '../../planning/config/validate.ts';
import { checkLock, lockedPackages } from '../../planning/lock/check-lock.ts';
import { type Lock, parseLock } from '../../planning/lock/lock.ts';
import type { ArchitectureIndexes, ResolvedPackage } from '../../planning/solver/architecture-indexes.ts';
import { type Explanation, explanationFailure } from '../../planning/solver/explanation.ts';
import { resolveWanted, resolveWorld } from '../../planning/solver/resolve.ts';
import { keptChoice } from './kept-choice.ts';
import { type ImageKeys, imageRepositories, type OpenImage } from './open-image.ts';
import { publicConfig } from './public-config.ts';

/** A package chosen for an image: where it is and what the index or the lock promises about it. */
export interface ChosenPackage {
  readonly name: string;
  readonly version: string;
  /** As written in the configuration (relative paths stay relative), without user info. */
  readonly url: string;
  /** `Q1...` of the control member. */
  readonly checksum: string;
}

export interface ResolvedImage {
  /** OCI form. */
  readonly arch: string;
  /** What /etc/apko.json of this architecture starts from. */
  readonly config: ImageConfig;
  /** Lines of /etc/apk/world. */
  readonly world: readonly string[];
  /** In install order. */
  readonly packages: readonly ChosenPackage[];
  /** Of a variant: the image that it lies on, which has the first `packageCount` of the packages. */
  readonly production?: {
    readonly config: ImageConfig;
    readonly world: readonly string[];
    readonly packageCount: number;
  };
}

/** The repositories' indexes for each architecture, the base image's last. */
export async function openIndexes(image: OpenImage, keys: ImageKeys): Promise<ArchitectureIndexes[]> {
  const { config, host, http, store, request } = image;
  host.events({ type: 'phase-started', phase: 'index' });
  const architectures = await Promise.all(
    image.archs.map(async (arch): Promise<ArchitectureIndexes> => {
      const options = {
        repositories: imageRepositories(config),
        apkArch: apkArchitecture(arch),
        keys: request.ignoreSignatures ? undefined : keys.forArch(arch),
        workdir: host.cwd,
        ...(request.limits && { limits: request.limits }),
      };
      const repositories = await openRepositories(options, http, store, host.events);
      const base = readBasePackages(image, arch);
      if (base === undefined) return { arch, repositories };
      const index = new ApkIndex(Buffer.from(base), `the base image's packages for ${arch}`);
      return {
        arch,
        repositories: [...repositories, { url: config.contents.baseImage?.apkIndex ?? '', tag: '', index }],
        installed: parseInstalled(base).map((record) => record.name),
      };
    }),
  );
  host.events({ type: 'phase-finished', phase: 'index' });
  return architectures;
}

/** Pass 1: the wishes of the configuration. `together`: one version for all architectures, as images need. */
export function chooseWanted(image: OpenImage, architectures: readonly ArchitectureIndexes[], together: boolean) {
  const { events } = image.host;
  events({ type: 'phase-started', phase: 'resolve' });
  const perArch = architectures.map((architecture) => ({
    architecture,
    wanted: [...image.config.contents.packages, ...baseWorld(image, architecture.arch)],
  }));
  // Together only where all architectures wish for the same, which they do unless base images differ.
  const groups = together ? [perArch] : perArch.map((one) => [one]);
  const chosen = groups.flatMap((group) => {
    const resolution = resolveWanted({
      wanted: sortedUnique(group.flatMap((one) => one.wanted)),
      architectures: group.map((one) => one.architecture),
      together,
    });
    if (!resolution.ok) throw conflictFailure(image, resolution.explanation);
    return resolution.perArch;
  });
  events({ type: 'phase-finished', phase: 'resolve' });
  return chosen;
}

/** Points at the first of the clashing wishes that stands in the configuration. */
function conflictFailure({ loaded }: OpenImage, explanation: Explanation): Failure {
  const written = loaded.config.contents.packages;
  const at = explanation.wishes.map((wish) => written.indexOf(wish)).find((position) => position >= 0);
  const failure = explanationFailure(explanation);
  return at === undefined ? failure : failure.at(loaded.place(['contents', 'packages', at]));
}

/** Both passes: what `build` installs. `appended` are the raw values of --package-append, which stay in the world. */
export function resolveForBuild(
  image: OpenImage,
  architectures: readonly ArchitectureIndexes[],
  appended: readonly string[],
): ResolvedImage[] {
  if (image.production !== undefined) return resolveVariant(image, image.production, architectures, appended);
  const configs = (locked: readonly (readonly string[])[]) =>
    architectures.map(({ arch }, i) => lockedConfig(publicConfig(image.config), arch, locked[i]!));
  const worldOf = (config: ImageConfig) => [...config.contents.packages, ...appended];
  const { locked, packages } = keptChoice(image, architectures, ['build', appended], () => {
    const pass1 = chooseWanted(image, architectures, true).map((one) => one.locked);
    const pass2 = configs(pass1).map((config, i) => {
      const resolution = resolveWorld(worldOf(config), architectures[i]!);
      if (!resolution.ok) throw conflictFailure(image, resolution.explanation);
      return resolution.packages.map((p) => chosenPackage(p, architectures[i]!.arch));
    });
    return { locked: pass1, packages: pass2 };
  });
  return configs(locked).map((config, i) => ({
    arch: architectures[i]!.arch,
    config,
    world: worldOf(config),
    packages: packages[i]!,
  }));
}

/**
 * A variant: what it adds is resolved with the production image's own packages held where they are, so that its layers can lie
 * on those. The production packages come first.
 */
function resolveVariant(
  image: OpenImage,
  production: ImageConfig,
  architectures: readonly ArchitectureIndexes[],
  appended: readonly string[],
): ResolvedImage[] {
  const { production: _, ...alone } = { ...image, config: production };
  const below = resolveForBuild(alone, architectures, appended);
  return architectures.map((architecture, i) => {
    const base = below[i]!;
    const pinned = pinnedVariant(image, production, base.config.contents.packages);
    const [whole] = resolveForBuild(pinned, [architecture], appended);
    const { packageCount, packages } = productionFirst(base.packages, whole!.packages);
    return { ...whole!, packages, production: { config: base.config, world: base.world, packageCount } };
  });
}

/** The variant as an image of its own that wishes for exactly the packages of its production image, and for what it adds. */
export function pinnedVariant(image: OpenImage, production: ImageConfig, pins: readonly string[]): OpenImage {
  const known = new Set(production.contents.packages);
  const wishes = image.config.contents.packages.filter((wish) => !known.has(wish));
  const contents = { ...image.config.contents, packages: [...pins, ...wishes] };
  const { production: _, ...alone } = image;
  return { ...alone, config: { ...image.config, contents } };
}

function productionFirst(production: readonly ChosenPackage[], all: readonly ChosenPackage[]) {
  const names = new Set(production.map(({ name }) => name));
  const packages = [...production, ...all.filter(({ name }) => !names.has(name))];
  return { packages, packageCount: production.length };
}

/** Pass 1 alone, each architecture by itself, and the wishes as they are: what `build-minirootfs` installs. */
export function resolveUnlocked(image: OpenImage, architectures: readonly ArchitectureIndexes[]): ResolvedImage[] {
  return chooseWanted(image, architectures, false).map(({ arch, packages }) => ({
    arch,
    // As written, not as built: so the reference's /etc/apko.json has it here.
    config: publicConfig(completeConfig(image.loaded.config)),
    world: image.config.contents.packages,
    packages: packages.map((resolved) => chosenPackage(resolved, arch)),
  }));
}

/** From a lock file: nothing is resolved and no index is read. Architectures without locked packages are left out. */
export function resolveFromLock(image: OpenImage, lockPath: string, appended: readonly string[]): ResolvedImage[] {
  const { host, loaded, request } = image;
  const lock = openLock(image, lockPath);
  const findings = checkLock(lock, {
    lockPath,
    configPath: request.configPath,
    checksum: loaded.checksum,
    archs: image.archs.map(apkArchitecture),
  });
  for (const { code, message, hint } of findings) host.events({ type: 'warning', code, message, hint });
  const resolved = image.archs.flatMap((arch): ResolvedImage[] => {
    const packages = lockedPackages(lock, apkArchitecture(arch));
    if (packages.length === 0) return [];
    const lockedPart = (config: ImageConfig, packageCount: number) => {
      const pinned = packages.slice(0, packageCount).map((p) => `${p.name}=${p.version}`);
      const locked = lockedConfig(publicConfig(config), arch, pinned);
      return { config: locked, world: [...locked.contents.packages, ...appended, ...baseWorld(image, arch)] };
    };
    const whole = { arch, packages, ...lockedPart(image.config, packages.length) };
    if (image.production === undefined) return [whole];
    const packageCount = lock.own?.production[apkArchitecture(arch)] ?? packages.length;
    return [{ ...whole, production: { ...lockedPart(image.production, packageCount), packageCount } }];
  });
  if (resolved.length === 0) {
    throw new Failure('LOCK_INVALID', `the lock file ${lockPath} has no packages for ${image.archs.join(', ')}`, {
      hint: 'make it again with `stave lock`, or build another architecture with --arch',
    });
  }
  return resolved;
}

export function chosenPackage({ record, repository }: ResolvedPackage, arch: string): ChosenPackage {
  const { name, version, checksum } = record;
  return { name, version, checksum, url: `${repository.url}/${apkArchitecture(arch)}/${name}-${version}.apk` };
}

/** The installed database text of the base image for an architecture; undefined without a base image. */
export function readBasePackages(image: OpenImage, arch: string): string | undefined {
  const base = image.config.contents.baseImage;
  if (base === undefined) return undefined;
  const path = resolve(image.host.cwd, base.apkIndex, apkArchitecture(arch), 'APKINDEX');
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Failure(
      'CONFIG_NOT_FOUND',
      `the base image's package list ${join(base.apkIndex, apkArchitecture(arch), 'APKINDEX')} cannot be read`,
      {
        hint: 'contents.baseimage.apkindex names a folder with <arch>/APKINDEX',
        cause,
      },
    );
  }
}

/** The base image's packages as wishes; [] without a base image. */
export function baseWorld(image: OpenImage, arch: string): string[] {
  const base = readBasePackages(image, arch);
  return base === undefined ? [] : parseInstalled(base).map((record) => `${record.name}=${record.version}`);
}

export function openLock({ host }: OpenImage, lockPath: string): Lock {
  return parseLock(readLock(host.cwd, lockPath), lockPath);
}

function readLock(cwd: string, path: string): string {
  try {
    const bytes = readFileSync(resolve(cwd, path));
    if (bytes.length > LIMITS.lockBytes)
      throw new Failure('LOCK_INVALID', `the lock file ${path} is larger than ${LIMITS.lockBytes} bytes`);
    return bytes.toString('utf8');
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure('LOCK_INVALID', `the lock file ${path} cannot be read`, {
      hint: 'make it with `stave lock`',
      cause,
    });
  }
}
