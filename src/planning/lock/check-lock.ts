// May this lock be used, and for what (sbom-and-lock.md 5, "Using it")? Nothing in a lock is trusted beyond this: packages
// are verified against `checksum` when they are fetched.

import { Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';
import type { Lock, LockPackage } from './lock.ts';

/** Something that the reference passes over in silence. */
export interface LockFinding {
  readonly code: 'LOCK_WITHOUT_CONFIG' | 'LOCK_WITHOUT_ARCH' | 'LOCK_NOARCH_IGNORED';
  readonly message: string;
  readonly hint: string;
}

export interface LockUse {
  readonly lockPath: string;
  readonly configPath: string;
  /** Of the configuration now: `sha256-<base64>`. */
  readonly checksum: string;
  /** apk forms that are going to be built. */
  readonly archs: readonly string[];
}

const REGENERATE = 'make it again with `stave lock`';

/** Findings to warn about. Failure LOCK_MISMATCH where the lock belongs to another state of the configuration. */
export function checkLock(lock: Lock, use: LockUse): LockFinding[] {
  const findings: LockFinding[] = [];
  if (lock.config === undefined) {
    const message = `the lock file ${use.lockPath} does not say which configuration it belongs to`;
    findings.push({ code: 'LOCK_WITHOUT_CONFIG', message, hint: REGENERATE });
  } else if (lock.config.checksum !== use.checksum) {
    throw new Failure(
      'LOCK_MISMATCH',
      `the lock file ${use.lockPath} was made from another state of the configuration ${use.configPath}`,
      { hint: REGENERATE, notes: [`locked: ${lock.config.checksum}`, `now:    ${use.checksum}`] },
    );
  }
  for (const arch of use.archs) {
    if (lock.contents.packages.some((locked) => locked.architecture === arch)) continue;
    const message = `the lock file ${use.lockPath} has no package for ${arch}: no image is built for it`;
    findings.push({ code: 'LOCK_WITHOUT_ARCH', message, hint: `${REGENERATE}, or leave ${arch} out with --arch` });
  }
  const lost = lock.contents.packages.filter(({ architecture }) => architecture === 'noarch').map(({ name }) => name);
  if (lost.length > 0) {
    const names = [...new Set(lost)].sort(compareBytes).join(', ');
    const message = `packages locked for "noarch" are not installed: ${names}`;
    findings.push({ code: 'LOCK_NOARCH_IGNORED', message, hint: `${REGENERATE}: it records the real architecture` });
  }
  return findings;
}

/** The packages of one architecture (apk form) in install order. Failure LOCK_INVALID for one without a checksum. */
export function lockedPackages(lock: Lock, arch: string): LockPackage[] {
  const packages = lock.contents.packages.filter(({ architecture }) => architecture === arch);
  for (const { name, checksum } of packages) {
    if (checksum === '') {
      throw new Failure('LOCK_INVALID', `the locked package ${name} for ${arch} has no checksum`, { hint: REGENERATE });
    }
  }
  return packages;
}
