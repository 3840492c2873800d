// What commands show that build nothing: the packages that a build would choose, with the records of their indexes.

import type { ArchitectureIndexes } from '../../planning/solver/architecture-indexes.ts';
import type { OpenImage } from './open-image.ts';
import { chooseWanted, pinnedVariant, resolveForBuild } from './resolve-image.ts';

/** Pass 1; a variant has the versions of its production image, as in a build. */
export function chooseShown(image: OpenImage, architectures: readonly ArchitectureIndexes[], together: boolean) {
  const { production, ...rest } = image;
  if (production === undefined) return chooseWanted(image, architectures, together);
  const below = resolveForBuild({ ...rest, config: production }, architectures, []);
  return architectures.flatMap((architecture, i) => {
    const pinned = pinnedVariant(image, production, below[i]!.config.contents.packages);
    return chooseWanted(pinned, [architecture], true);
  });
}
