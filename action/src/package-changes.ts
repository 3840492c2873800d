// What an image has that the one before it had not. Pure.

import { compareBytes } from '../../src/base/order.ts';

export interface PackageChange {
  readonly name: string;
  /** Architectures on which it is so, in OCI form. */
  readonly archs: readonly string[];
  /** undefined: it was not there. */
  readonly before: string | undefined;
  /** undefined: it is not there any more. */
  readonly after: string | undefined;
}

interface PackagesOf {
  readonly arch: string;
  readonly packages: readonly { readonly name: string; readonly version: string }[];
}

/** By name. Architectures that only one side has do not count: there is nothing to compare. */
export function packageChanges(before: readonly PackagesOf[], after: readonly PackagesOf[]): PackageChange[] {
  const found = new Map<string, PackageChange>();
  for (const { arch, packages } of after) {
    const old = before.find((one) => one.arch === arch);
    if (old === undefined) continue;
    for (const change of changesOf(old.packages, packages)) {
      const key = JSON.stringify([change.name, change.before ?? null, change.after ?? null]);
      found.set(key, { ...change, archs: [...(found.get(key)?.archs ?? []), arch] });
    }
  }
  return [...found.values()].sort((a, b) => compareBytes(a.name, b.name));
}

function changesOf(before: PackagesOf['packages'], after: PackagesOf['packages']): Omit<PackageChange, 'archs'>[] {
  const versions = (packages: PackagesOf['packages']) => new Map(packages.map(({ name, version }) => [name, version]));
  const [old, now] = [versions(before), versions(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .map((name) => ({ name, before: old.get(name), after: now.get(name) }))
    .filter((change) => change.before !== change.after);
}
