// `stave doctor <image>`: what is in the way between us and a registry. The exit code is 5 when something is.

import { EXIT } from '../../base/failure-codes.ts';
import type { DoctorReport } from '../../operations/registry/doctor.ts';
import { registryFlags } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import type { Paint } from '../ui/paint.ts';
import { printable } from '../ui/printable.ts';

type State = DoctorReport['findings'][number]['state'];

const MARKS: Readonly<Record<State, readonly [meaning: Parameters<Paint>[0], mark: string]>> = {
  ok: ['good', 'ok'],
  no: ['quiet', 'no'],
  problem: ['error', 'problem'],
};

export const runDoctor: CommandRun = async (session, [reference = ''], flags) => {
  const { doctor } = await session.operations();
  const write = flags['write'] === true;
  const report = await doctor({ reference, write, ...registryFlags(flags) }, session.host);
  const lines = report.findings.map(({ state, text }) => {
    const [meaning, mark] = MARKS[state];
    return `  ${session.paint(meaning, mark.padEnd('problem'.length))}  ${printable(text)}`;
  });
  session.result(report, `${[session.paint('strong', printable(report.reference)), ...lines].join('\n')}\n`);
  return report.healthy ? EXIT.ok : EXIT.network;
};
