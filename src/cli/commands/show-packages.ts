// `stave show-packages <config>` (cli.md 2): the packages in install order, one architecture after the other.

import { textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { sourceRequest } from '../source-request.ts';
import { packageLine, parsePackageTemplate } from '../ui/package-line.ts';

export const runShowPackages: CommandRun = async (session, [config = ''], flags) => {
  // Before the packages are resolved: a bad template should not cost a download.
  const template = parsePackageTemplate(textFlag(flags, 'format') ?? 'name-version');
  const { listPackages } = await session.operations();
  const lists = await listPackages(sourceRequest(config, flags), session.host);
  if (session.json) {
    session.result(lists, '');
    return 0;
  }
  for (const { arch, packages } of lists) {
    // On stderr, so that stdout holds packages alone.
    if (lists.length > 1) session.host.events({ type: 'info', message: `packages for ${arch}:` });
    session.result(packages, packages.map((each) => `${packageLine(each, template)}\n`).join(''));
  }
  return 0;
};
