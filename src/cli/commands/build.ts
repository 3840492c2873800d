// `stave build <config> <tag> <output>` (cli.md 2).

import { Failure } from '../../base/failure.ts';
import type { BuildRequest } from '../../operations/build-image/build.ts';
import { choiceFlag, type Flags, limitFlags, listFlag, textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { given, sourceRequest } from '../source-request.ts';
import { printSummary, summaryRecord } from '../ui/summary.ts';

const LAYER_FORMATS = ['tar', 'erofs'] as const;
const SBOM_FORMATS = ['spdx', 'cyclonedx'] as const;

export const runBuild: CommandRun = async (session, [config = '', tag = '', output = ''], flags) => {
  const { buildImage } = await session.operations();
  const report = await buildImage(buildRequest(config, tag, output, flags), session.host);
  const phases = session.phases();
  session.result(summaryRecord(report, phases), printSummary(report, phases, session));
  return 0;
};

function buildRequest(configPath: string, tag: string, output: string, flags: Flags): BuildRequest {
  return {
    ...sourceRequest(configPath, flags),
    tag,
    output,
    packageAppend: listFlag(flags, 'packageAppend'),
    annotations: listFlag(flags, 'annotations'),
    vcs: flags['vcs'] !== false,
    sbom: flags['sbom'] !== false,
    sbomFormats: sbomFormats(flags),
    limits: limitFlags(flags),
    ...given('buildDate', textFlag(flags, 'buildDate')),
    ...given('lockfile', textFlag(flags, 'lockfile')),
    ...given('sbomPath', textFlag(flags, 'sbomPath')),
    ...given('compressionLevel', compressionLevel(flags)),
    ...given('format', choiceFlag(flags, 'format', LAYER_FORMATS)),
  };
}

function compressionLevel(flags: Flags): number | undefined {
  const level = choiceFlag(flags, 'compressionLevel', ['1', '2', '3', '4', '5', '6', '7', '8', '9']);
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
