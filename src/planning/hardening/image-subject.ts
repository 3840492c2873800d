// What the hardening contract looks at: a plain view of one image, wherever it comes from. Packages, accounts and caches are
// read out of the tree itself, so that an image that we are about to write and one from a stranger are treated alike.

import type { RunConfig } from '../../formats/oci/image-config.ts';
import type { TextMap } from '../../formats/oci/json-object.ts';
import type { FileTree } from '../rootfs/file-tree.ts';
import type { KnownFacts } from './package-facts.ts';
import type { SbomInventory } from './sbom-inventory.ts';

export interface ImageSubject {
  /** OCI form: `amd64`, `arm/v7`. */
  readonly arch: string;
  /** All layers in one. */
  readonly tree: FileTree;
  readonly run: RunConfig;
  /** The commands that made the image, as far as its history tells. */
  readonly history: readonly string[];
  readonly annotations: TextMap;
  /** What an SBOM of the image lists, where there is one. */
  readonly sbom?: SbomInventory;
  /** Facts of packages that were taken earlier. */
  readonly known?: KnownFacts;
}
