// `stave lock <config>` and its old name `resolve` (cli.md 2, sbom-and-lock.md 5).

import { textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { sourceRequest } from '../source-request.ts';
import { printCount } from '../ui/quantity.ts';

export const runLock = lockWriter('lock');
export const runResolve = lockWriter('resolved');

function lockWriter(suffix: 'lock' | 'resolved'): CommandRun {
  return async (session, [config = ''], flags) => {
    const { lockImage } = await session.operations();
    const output = textFlag(flags, 'output') ?? defaultLockPath(config, suffix);
    const report = await lockImage({ ...sourceRequest(config, flags), output }, session.host);
    const counts = report.images.map(({ arch, packageCount }) => `${arch} ${printCount(packageCount, 'package')}`);
    session.result(report, `${session.shortPath(report.path)}: ${counts.join(', ')}\n`);
    return 0;
  };
}

/** `dir/image.yaml` -> `dir/image.lock.json`. */
export function defaultLockPath(config: string, suffix: string): string {
  return `${config.replace(/\.[^./\\]*$/, '')}.${suffix}.json`;
}
