// The configuration of one architecture once its packages are known: what `/etc/apko.json` records (image-config.md 9).

import { ociArchitecture } from './architecture.ts';
import type { ImageConfig } from './image-config.ts';
import { completeConfig } from './validate.ts';

/**
 * `packages` replace the wishes: `name=version[@tag]`, sorted when just resolved, in file order when from a lock.
 * As in the reference, `vcs-url` and `include` get lost and validation's additions are made once more.
 */
export function lockedConfig(config: ImageConfig, arch: string, packages: readonly string[]): ImageConfig {
  return completeConfig({
    ...config,
    contents: { ...config.contents, packages },
    archs: [ociArchitecture(arch)],
    vcsUrl: '',
    include: '',
  });
}
