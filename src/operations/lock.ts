// `stave lock`: resolves every architecture on its own, verifies all packages, and writes what it found (sbom-and-lock.md 5).

import { resolve } from 'node:path';
import { refuseUnplaceable, writeFileAtomically } from '../effects/output/atomic-file.ts';
import { publicLine } from '../effects/repository/repository-line.ts';
import { apkArchitecture } from '../planning/config/architecture.ts';
import { printLock } from '../planning/lock/lock.ts';
import { planLock } from '../planning/lock/plan-lock.ts';
import type { ArchitectureIndexes } from '../planning/solver/architecture-indexes.ts';
import type { Host } from './host.ts';
import { fetchPackages } from './image/fetch-packages.ts';
import { collectImageFiles, ownLock } from './image/image-files.ts';
import { keptChoice } from './image/kept-choice.ts';
import { type OpenImage, openKeys, withImage } from './image/open-image.ts';
import { publicConfig } from './image/public-config.ts';
import type { SourceRequest } from './image/request.ts';
import {
  type ChosenPackage,
  chooseWanted,
  chosenPackage,
  openIndexes,
  resolveForBuild,
} from './image/resolve-image.ts';

export interface LockRequest extends SourceRequest {
  readonly output: string;
}

export interface LockReport {
  readonly path: string;
  readonly images: readonly LockedImage[];
}

interface LockedImage {
  /** OCI form. */
  readonly arch: string;
  readonly packageCount: number;
}

/** Writes the lock file. */
export async function lockImage(request: LockRequest, host: Host): Promise<LockReport> {
  const path = resolve(host.cwd, request.output);
  await refuseUnplaceable(path);
  const { text, images } = await resolveLock(request, host);
  await writeFileAtomically(path, (write) => write(Buffer.from(text)));
  return { path, images };
}

/** The text of the lock file. */
export async function resolveLock(
  request: SourceRequest,
  host: Host,
): Promise<{ readonly text: string; readonly images: readonly LockedImage[] }> {
  return await withImage(request, host, { purpose: 'lock' }, async (image) => {
    const keys = await openKeys(image);
    const architectures = await openIndexes(image, keys);
    const groups = await collectImageFiles(image);
    const chosen = lockedChoice(image, architectures);
    const perArch = [];
    for (const [i, { arch }] of architectures.entries()) {
      perArch.push(await lockArchitecture(image, arch, chosen[i]!.packages));
    }
    const production = chosen.flatMap(({ arch, productionCount }) =>
      productionCount === undefined ? [] : [[apkArchitecture(arch), productionCount] as const],
    );
    const flagKeys = new Set(request.keyringAppend.map(publicLine));
    const lock = planLock({
      configName: request.configPath,
      configChecksum: image.loaded.checksum,
      keyring: keys.keyring.filter(({ url }) => !flagKeys.has(url)).map(({ url, pem }) => ({ url, content: pem })),
      perArch,
      own: ownLock(image, groups, Object.fromEntries(production)),
    });
    return {
      text: printLock(lock),
      images: perArch.map(({ packages }, i) => ({ arch: architectures[i]!.arch, packageCount: packages.length })),
    };
  });
}

interface LockedChoice {
  readonly arch: string;
  readonly packages: readonly ChosenPackage[];
  /** Of a variant. */
  readonly productionCount?: number;
}

/** Pass 1 of every architecture; a variant is resolved as it is built, on top of its production image. */
function lockedChoice(image: OpenImage, architectures: readonly ArchitectureIndexes[]): LockedChoice[] {
  if (image.production !== undefined) {
    return resolveForBuild(image, architectures, []).map(({ arch, packages, production }, i) => {
      const isNew = ({ name }: ChosenPackage) => !architectures[i]!.installed?.includes(name);
      return {
        arch,
        packages: packages.filter(isNew),
        productionCount: packages.slice(0, production?.packageCount).filter(isNew).length,
      };
    });
  }
  const chosen = keptChoice(image, architectures, ['lock'], () =>
    chooseWanted(image, architectures, false).map(({ arch, packages }) => packages.map((p) => chosenPackage(p, arch))),
  );
  return architectures.map(({ arch, installed = [] }, i) => ({
    arch,
    packages: chosen[i]!.filter(({ name }) => !installed.includes(name)),
  }));
}

async function lockArchitecture(image: OpenImage, arch: string, packages: readonly ChosenPackage[]) {
  const handles = await fetchPackages(image, packages, arch);
  for (const handle of handles) handle.close();
  const { contents } = publicConfig(image.loaded.config);
  return {
    arch: apkArchitecture(arch),
    repositories: contents.repositories,
    buildRepositories: contents.buildRepositories,
    runtimeRepositories: contents.runtimeRepositories,
    packages: packages.map(({ name, version, url, checksum }, i) => ({
      name,
      version,
      url,
      checksum,
      members: handles[i]!.package.members,
    })),
  };
}
