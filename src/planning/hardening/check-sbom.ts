// accountable/: every package that the image's own database names is in its SBOM. That files belong to packages, check-ownership.ts
// says; so both together mean that the SBOM covers every file.

import { listed } from './enumeration.ts';
import type { Observation } from './finding.ts';
import type { PackageDatabase } from './package-database.ts';
import { componentKey, type SbomInventory } from './sbom-inventory.ts';

export function checkSbom(
  { packages }: Pick<PackageDatabase, 'packages'>,
  sbom: SbomInventory | undefined,
): Observation[] {
  if (sbom === undefined) return [];
  const missing = packages.filter(({ name, version }) => !sbom.components.has(componentKey(name, version)));
  if (missing.length === 0) return [];
  const names = listed(missing.map(({ name, version }) => `${name} ${version}`));
  const message = `the SBOM lacks ${missing.length} of ${packages.length} packages: ${names}`;
  return [{ check: 'accountable/not-in-sbom', message }];
}
