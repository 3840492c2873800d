// `stave clean [--cache-dir DIR] [--dry-run]` (cli.md 2).

import { textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { given } from '../source-request.ts';
import { printSize } from '../ui/quantity.ts';

export const runClean: CommandRun = async (session, _args, flags) => {
  const { cleanCache } = await session.operations();
  const dryRun = flags['dryRun'] === true;
  const report = await cleanCache({ dryRun, ...given('cacheDir', textFlag(flags, 'cacheDir')) }, session.host);
  const size = printSize(report.sizeBytes);
  const sentences = report.removed
    ? `removed ${report.path} (${size})`
    : dryRun
      ? `would remove ${report.path} (${size})`
      : `nothing to remove: ${report.path} does not exist`;
  session.result(report, `${sentences}\n`);
  return 0;
};
