// `stave build <config> <tag> <output>` (cli.md 2).

import { textFlag } from '../flags.ts';
import { imagesRequest } from '../images-request.ts';
import type { CommandRun } from '../session.ts';
import { given } from '../source-request.ts';
import { printSummary, summaryRecord } from '../ui/summary.ts';

export const runBuild: CommandRun = async (session, [config = '', tag = '', output = ''], flags) => {
  const { buildImage } = await session.operations();
  const request = {
    ...imagesRequest(config, flags),
    tag,
    output,
    ...given('sbomPath', textFlag(flags, 'sbomPath')),
  };
  const report = await buildImage(request, session.host);
  const phases = session.phases();
  session.result(summaryRecord(report, phases), printSummary(report, phases, session));
  return 0;
};
