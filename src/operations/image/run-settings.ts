// What a configuration says about running the image, as the image's config wants it (layer-and-oci.md 12).

import type { ImagePlanInput } from '../../formats/oci/plan-image.ts';
import type { ImageConfig } from '../../planning/config/image-config.ts';
import { splitWords } from '../../planning/config/words.ts';

type RunSettings = Pick<
  ImagePlanInput,
  | 'entrypoint'
  | 'cmd'
  | 'env'
  | 'annotations'
  | 'labels'
  | 'user'
  | 'volumes'
  | 'exposedPorts'
  | 'workingDir'
  | 'stopSignal'
>;

/** Failure CONFIG_INVALID where a command line cannot be split. */
export function runSettings(config: ImageConfig): RunSettings {
  const { entrypoint } = config;
  return {
    entrypoint:
      entrypoint.shellFragment === ''
        ? splitWords(entrypoint.command, 'entrypoint.command')
        : ['/bin/sh', '-c', entrypoint.shellFragment],
    cmd: splitWords(config.cmd, 'cmd'),
    env: config.environment,
    annotations: config.annotations,
    user: config.accounts.runAs,
    volumes: config.volumes,
    exposedPorts: config.ports,
    labels: config.labels,
    workingDir: config.workDir,
    stopSignal: config.stopSignal,
  };
}
