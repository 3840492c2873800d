// `stave sign <image>` and `stave attest <image>` (signing.md 2 to 6). stdout has what was signed, by digest.

import { registryFlags, textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { formatOption, signerOptions, signingHost } from '../signing-flags.ts';
import { printable } from '../ui/printable.ts';
import { printSigned } from '../ui/signed-text.ts';
import { annotationFlags } from '../verify-flags.ts';

export const runSign: CommandRun = async (session, [reference = ''], flags) => {
  const { signReference } = await session.operations();
  const request = {
    reference,
    ...registryFlags(flags),
    ...signerOptions(flags),
    format: formatOption(flags, 'format'),
    annotations: annotationFlags(flags),
  };
  const report = await signReference(request, signingHost(session, flags));
  session.result(report, `${printable(reference)}  ${report.image}\n${printSigned(report.signed)}\n`);
  return 0;
};

export const runAttest: CommandRun = async (session, [reference = ''], flags) => {
  const { attestReference } = await session.operations();
  const request = {
    reference,
    ...registryFlags(flags),
    ...signerOptions(flags),
    format: formatOption(flags, 'format'),
    type: textFlag(flags, 'type') ?? '',
    predicatePath: textFlag(flags, 'predicate') ?? '',
  };
  const report = await attestReference(request, signingHost(session, flags));
  session.result(report, `${printable(reference)}  ${report.predicateType}\n${printSigned(report.signed)}\n`);
  return 0;
};
