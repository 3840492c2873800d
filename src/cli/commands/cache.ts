// `stave cache show` and `stave cache prune --max-size SIZE`.

import { Failure } from '../../base/failure.ts';
import { textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { given } from '../source-request.ts';
import { printSize } from '../ui/quantity.ts';

export const runCacheShow: CommandRun = async (session, _args, flags) => {
  const { showCache } = await session.operations();
  const status = await showCache({ ...given('cacheDir', textFlag(flags, 'cacheDir')) }, session.host);
  const width = Math.max(0, ...status.kinds.map(({ kind }) => kind.length));
  const lines = status.kinds.map(
    ({ kind, entries, sizeBytes }) => `  ${kind.padEnd(width)}  ${printSize(sizeBytes)}, ${printEntries(entries)}`,
  );
  session.result(status, `${[`${status.root}: ${printSize(status.sizeBytes)}`, ...lines].join('\n')}\n`);
  return 0;
};

export const runCachePrune: CommandRun = async (session, _args, flags) => {
  const { pruneCache } = await session.operations();
  const maxBytes = parseSize(textFlag(flags, 'maxSize'));
  const report = await pruneCache({ maxBytes, ...given('cacheDir', textFlag(flags, 'cacheDir')) }, session.host);
  const { beforeBytes, afterBytes, removedEntries, root } = report;
  const removed = `removed ${printEntries(removedEntries)} (${printSize(beforeBytes - afterBytes)})`;
  const inUse = afterBytes > maxBytes ? '; the rest is in use' : '';
  session.result(report, `${removed} from ${root}, ${printSize(afterBytes)} are left${inUse}\n`);
  return 0;
};

function printEntries(count: number): string {
  return count === 1 ? '1 entry' : `${count} entries`;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

/** `5GB`, `500 MiB`, `0`. Failure USAGE_FLAG. */
export function parseSize(text: string | undefined): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text ?? '') ?? [];
  const factor = UNITS[unit.toUpperCase()];
  if (number !== undefined && factor !== undefined) return Math.floor(Number(number) * factor);
  const got = text === undefined ? 'nothing' : `"${text}"`;
  throw new Failure('USAGE_FLAG', `--max-size takes a size like 5GB or 500MiB, not ${got}`);
}
