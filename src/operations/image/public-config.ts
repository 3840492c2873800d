// The configuration as the image may show it: what secrets stand in repository and key lines stays out (image-config.md 9).

import { publicLine } from '../../effects/repository/repository-line.ts';
import type { ImageConfig } from '../../planning/config/image-config.ts';

export function publicConfig(config: ImageConfig): ImageConfig {
  const { contents } = config;
  return {
    ...config,
    contents: {
      ...contents,
      repositories: contents.repositories.map(publicLine),
      buildRepositories: contents.buildRepositories.map(publicLine),
      runtimeRepositories: contents.runtimeRepositories.map(publicLine),
      keyring: contents.keyring.map(publicLine),
    },
  };
}
