// `stave build-minirootfs` and `stave build-cpio` (cli.md 2): the file tree of one architecture in one file.

import type { RootfsRequest } from '../../operations/minirootfs.ts';
import { type Flags, limitFlags, listFlag, textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { given, sourceRequest } from '../source-request.ts';
import { printSize } from '../ui/quantity.ts';

export const runBuildMinirootfs = rootfsBuilder('buildMinirootfs');
export const runBuildCpio = rootfsBuilder('buildCpio');

function rootfsBuilder(operation: 'buildMinirootfs' | 'buildCpio'): CommandRun {
  return async (session, [config = '', output = ''], flags) => {
    const operations = await session.operations();
    const report = await operations[operation](rootfsRequest(config, output, flags), session.host);
    session.result(
      report,
      `${session.shortPath(report.path)}: ${report.arch}, ${printSize(report.sizeBytes)}, ${report.digest}\n`,
    );
    return 0;
  };
}

function rootfsRequest(config: string, output: string, flags: Flags): RootfsRequest {
  return {
    ...sourceRequest(config, flags),
    output,
    archs: [textFlag(flags, 'buildArch') ?? 'host'],
    packageAppend: listFlag(flags, 'packageAppend'),
    annotations: [],
    // A file tree records no origin.
    vcs: false,
    limits: limitFlags(flags),
    ...given('buildDate', textFlag(flags, 'buildDate')),
  };
}
