// `stave show-packages`: what would be installed, in order, without fetching any package (cli.md 2).

import type { Host } from './host.ts';
import { chooseShown } from './image/choose-shown.ts';
import { listGroups, printGroupPlace } from './image/listed-groups.ts';
import { openKeys, withImage } from './image/open-image.ts';
import type { SourceRequest } from './image/request.ts';
import { chosenPackage, openIndexes } from './image/resolve-image.ts';

export interface PackageList {
  /** OCI form. */
  readonly arch: string;
  /** In the order of pass 1, the user's own files last. */
  readonly packages: readonly ListedPackage[];
}

interface ListedPackage {
  readonly name: string;
  readonly version: string;
  /** URL of the package, as in the lock file; of own files the place in the configuration. */
  readonly source: string;
}

export async function listPackages(request: SourceRequest, host: Host): Promise<PackageList[]> {
  return await withImage(request, host, { purpose: 'lock' }, async (image) => {
    const groups = listGroups(image);
    const architectures = await openIndexes(image, await openKeys(image));
    return chooseShown(image, architectures, true).map(({ arch, packages }) => ({
      arch,
      packages: [
        ...packages.map((resolved) => {
          const { name, version, url } = chosenPackage(resolved, arch);
          return { name, version, source: url };
        }),
        ...groups
          .filter((group) => group.archs.includes(arch))
          .map((group) => ({ name: group.name, version: group.version, source: printGroupPlace(group) })),
      ],
    }));
  });
}
