// From resolved packages to a lock (sbom-and-lock.md 5). URLs lose their credentials here: a lock is committed and shared.

import { compareBytes } from '../../base/order.ts';
import { stripCredentials } from '../../base/redact.ts';
import type { Package, PackageMember } from '../../formats/apk/package.ts';
import type { Lock, LockKey, LockMember, LockPackage, LockRepository } from './lock.ts';
import type { OwnLock } from './own-lock.ts';

export interface LockPlan {
  /** The path of the configuration as it was given. */
  readonly configName: string;
  /** `sha256-<base64>`. */
  readonly configChecksum: string;
  /** Keys of the configuration (not those of flags) and discovered ones; `url` may be a path. */
  readonly keyring: readonly { readonly url: string; readonly content?: string }[];
  /** In the order of the architectures. */
  readonly perArch: readonly ArchLockPlan[];
  /** What only we lock. */
  readonly own?: OwnLock | undefined;
}

export interface ArchLockPlan {
  /** apk form. */
  readonly arch: string;
  /** As in the configuration, `@tag ` and all; what flags add is not recorded. */
  readonly repositories: readonly string[];
  readonly buildRepositories: readonly string[];
  readonly runtimeRepositories: readonly string[];
  /** In install order. */
  readonly packages: readonly {
    readonly name: string;
    readonly version: string;
    readonly url: string;
    readonly members: Package['members'];
    /** `C:` of the index record. */
    readonly checksum: string;
  }[];
}

/**
 * Every package is recorded under the architecture that it was resolved for, also one whose own record says `noarch`: both
 * we and the reference install only entries of exactly the architecture being built, so `noarch` entries would be lost.
 */
export function planLock(plan: LockPlan): Lock {
  const entries = (repositoriesOf: (arch: ArchLockPlan) => readonly string[]) =>
    plan.perArch.flatMap((arch) => repositoriesOf(arch).map((repository) => lockRepository(repository, arch.arch)));
  return {
    version: 'v1',
    config: { name: plan.configName, checksum: plan.configChecksum },
    contents: {
      keyring: lockKeys(plan.keyring),
      buildRepositories: entries((arch) => arch.buildRepositories),
      runtimeRepositories: entries((arch) => arch.runtimeRepositories),
      repositories: entries((arch) => arch.repositories),
      packages: plan.perArch.flatMap(({ arch, packages }) => packages.map((locked) => lockPackage(locked, arch))),
    },
    ...(plan.own !== undefined && { own: plan.own }),
  };
}

function lockKeys(keyring: LockPlan['keyring']): LockKey[] {
  const keys = new Map<string, LockKey>();
  for (const { url, content = '' } of keyring) {
    const publicUrl = stripCredentials(url);
    const name = withoutScheme(publicUrl);
    if (!keys.has(name)) keys.set(name, { name, url: publicUrl, content });
  }
  return [...keys.values()].sort((a, b) => compareBytes(a.name, b.name));
}

function lockRepository(repository: string, arch: string): LockRepository {
  const base = `${stripCredentials(repository.replace(/^@\S+\s+/, ''))}/${arch}`;
  return { name: withoutScheme(base), url: `${base}/APKINDEX.tar.gz`, architecture: arch };
}

function lockPackage(locked: ArchLockPlan['packages'][number], arch: string): LockPackage {
  const { signature, control, data } = locked.members;
  return {
    name: locked.name,
    url: stripCredentials(locked.url),
    version: locked.version,
    architecture: arch,
    signature: signature === undefined ? { range: '', checksum: '' } : lockMember(signature, 'sha1'),
    control: lockMember(control, 'sha1'),
    data: lockMember(data, 'sha256'),
    checksum: locked.checksum,
  };
}

function lockMember(member: PackageMember, algorithm: 'sha1' | 'sha256'): LockMember {
  return { range: `bytes=${member.start}-${member.end - 1}`, checksum: `${algorithm}-${member.checksum}` };
}

function withoutScheme(url: string): string {
  return url.replace(/^https?:\/\//, '');
}
