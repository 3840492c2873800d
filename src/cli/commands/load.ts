// `stave load <image> [--name NAME]`. stdout has the name that `docker run` takes.

import { registryFlags, textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { given } from '../source-request.ts';
import { printable } from '../ui/printable.ts';

export const runLoad: CommandRun = async (session, [source = ''], flags) => {
  const { loadImage } = await session.operations();
  const request = {
    source,
    ...registryFlags(flags),
    ...given('name', textFlag(flags, 'name')),
    ...given('arch', textFlag(flags, 'arch')),
  };
  const report = await loadImage(request, session.host);
  session.note(`loaded the image for ${report.platform} into ${report.engine}\n`);
  session.result(report, report.names.map((name) => `${printable(name)}\n`).join(''));
  return 0;
};
