// `stave copy <source> <target>` and `stave pull <image> <path>`. stdout has the digest of the image.

import type { CopyReport } from '../../operations/registry/copy.ts';
import { registryFlags } from '../flags.ts';
import type { CommandRun, Session } from '../session.ts';
import { printable } from '../ui/printable.ts';
import { printCount, printSize } from '../ui/quantity.ts';

export const runCopy: CommandRun = async (session, [source = '', target = ''], flags) => {
  const { copyImage } = await session.operations();
  const referrers = flags['referrers'] !== false;
  tell(session, await copyImage({ source, target, referrers, ...registryFlags(flags) }, session.host));
  return 0;
};

export const runPull: CommandRun = async (session, [source = '', path = ''], flags) => {
  const { pullToPath } = await session.operations();
  const referrers = flags['referrers'] !== false;
  tell(session, await pullToPath({ source, path, referrers, ...registryFlags(flags) }, session.host));
  return 0;
};

function tell(session: Session, report: CopyReport): void {
  const { source, target, digest, attachments, pushed } = report;
  const attached = attachments === 0 ? '' : `, with ${printCount(attachments, 'attachment')}`;
  const sent =
    pushed === undefined
      ? ''
      : `, sent ${printCount(pushed.blobs.sent, 'blob')}${pushed.blobs.sent === 0 ? '' : ` (${printSize(pushed.sentBytes)})`}`;
  session.note(`${printable(source)} -> ${printable(target)}${attached}${sent}\n`);
  session.result(report, `${digest}\n`);
}
