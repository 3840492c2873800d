// `stave mirror <input...> --to DIR`. stdout has the path of the mirror.

import { limitFlags, listFlag, textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { sourceRequest } from '../source-request.ts';
import { printable } from '../ui/printable.ts';
import { printCount, printSize } from '../ui/quantity.ts';

export const runMirror: CommandRun = async (session, inputs, flags) => {
  const { mirrorInputs } = await session.operations();
  const {
    configPath: _configPath,
    offline: _offline,
    cacheDir: _cacheDir,
    mirror: _mirror,
    ...source
  } = sourceRequest('', flags);
  const request = {
    ...source,
    inputs,
    to: textFlag(flags, 'to') ?? '',
    packageAppend: listFlag(flags, 'packageAppend'),
    limits: limitFlags(flags),
  };
  const report = await mirrorInputs(request, session.host);
  const bases = report.baseImages.length === 0 ? '' : `, ${printCount(report.baseImages.length, 'base image')}`;
  session.note(
    `${printCount(report.packages, 'package')}${bases}: ${printCount(report.newFiles, 'new file')} ` +
      `(${printSize(report.newBytes)}), ${report.keptFiles} there already\n`,
  );
  session.result(report, `${printable(session.shortPath(report.path))}\n`);
  return 0;
};
