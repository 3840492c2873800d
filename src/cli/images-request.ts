// Flags -> what `build` and `publish` both say about the images to build.

import { Failure } from '../base/failure.ts';
import type { ImagesRequest } from '../operations/build-image/built-images.ts';
import { HARDENING_PROFILES } from '../planning/hardening/policy.ts';
import { choiceFlag, type Flags, limitFlags, listFlag, textFlag } from './flags.ts';
import { given, sourceRequest } from './source-request.ts';

const LAYER_FORMATS = ['tar', 'erofs'] as const;
const SBOM_FORMATS = ['spdx', 'cyclonedx'] as const;
const COMPRESSIONS = ['gzip', 'zstd'] as const;
const LEVELS = ['1', '2', '3', '4', '5', '6', '7', '8', '9'] as const;

export function imagesRequest(configPath: string, flags: Flags): ImagesRequest {
  return {
    ...sourceRequest(configPath, flags),
    packageAppend: listFlag(flags, 'packageAppend'),
    annotations: listFlag(flags, 'annotations'),
    vcs: flags['vcs'] !== false,
    sbom: flags['sbom'] !== false,
    sbomFormats: sbomFormats(flags),
    limits: limitFlags(flags),
    reproducibleProvenance: flags['reproducibleProvenance'] === true,
    ...given('provenancePath', textFlag(flags, 'provenancePath')),
    ...given('builderId', textFlag(flags, 'builderId')),
    ...given('buildDate', textFlag(flags, 'buildDate')),
    ...given('lockfile', textFlag(flags, 'lockfile')),
    ...given('compression', choiceFlag(flags, 'compression', COMPRESSIONS)),
    ...given('compressionLevel', compressionLevel(flags)),
    ...given('checkReport', textFlag(flags, 'checkReport')),
    ...given('hardening', choiceFlag(flags, 'hardening', HARDENING_PROFILES)),
    ...given('format', choiceFlag(flags, 'format', LAYER_FORMATS)),
  };
}

function compressionLevel(flags: Flags): number | undefined {
  const level = choiceFlag(flags, 'compressionLevel', LEVELS);
  return level === undefined ? undefined : Number(level);
}

function sbomFormats(flags: Flags): readonly string[] {
  const formats = listFlag(flags, 'sbomFormats');
  const unknown = formats.find((format) => !(SBOM_FORMATS as readonly string[]).includes(format));
  if (unknown !== undefined) {
    throw new Failure('USAGE_FLAG', `--sbom-formats knows ${SBOM_FORMATS.join(' and ')}, not "${unknown}"`);
  }
  return formats.length === 0 ? ['spdx'] : formats;
}
