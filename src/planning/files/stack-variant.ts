// A variant on top of its production image: both are assembled whole, and what differs becomes layers above. So the production
// layers are shared byte for byte, and what a container of the variant sees is what a build without sharing would make.

import type { LayerPart } from '../rootfs/upper-layers.ts';
import { planUpperLayers } from '../rootfs/upper-layers.ts';
import type { RootfsWithFiles } from './add-files.ts';

/** `counts`: packages of each. Those of `below` come first in `upper`, as do the groups of files. */
export function stackVariant(
  below: RootfsWithFiles,
  upper: RootfsWithFiles,
  counts: { readonly below: number; readonly upper: number },
): RootfsWithFiles {
  const morePackages: LayerPart = (_path, { owner }, isChanged) =>
    isChanged && owner !== undefined && owner >= counts.below && owner < counts.upper;
  const moreFiles = upper.filesPackages.slice(below.filesPackages.length).map(
    ({ ownedPaths }): LayerPart =>
      (path) =>
        ownedPaths.has(path),
  );
  const layers = planUpperLayers(below.tree, upper.tree, [morePackages, ...moreFiles]);
  return {
    ...upper,
    layers: [...below.layers, ...layers],
    layerNames: [...below.layerNames, ...layers.map(() => upper.names)],
  };
}
