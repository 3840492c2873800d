// `stave tag <image> <tag...>`.

import { registryFlags } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { printable } from '../ui/printable.ts';

export const runTag: CommandRun = async (session, [reference = '', ...tags], flags) => {
  const { tagImage } = await session.operations();
  const report = await tagImage({ reference, tags, ...registryFlags(flags) }, session.host);
  const lines = report.tags.map((tag) => `${printable(tag.reference)}${tag.moved ? '' : ' (was there already)'}\n`);
  session.note(lines.join(''));
  session.result(report, `${report.digest}\n`);
  return 0;
};
