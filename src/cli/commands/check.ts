// `stave check <image>`: the hardening contract. Findings are the answer, not a failure; errors among them make the exit code 7.

import { EXIT } from '../../base/failure-codes.ts';
import type { CheckReport } from '../../operations/check/check.ts';
import { printMarkdown } from '../../operations/check/print-markdown.ts';
import { printSarif } from '../../operations/check/print-sarif.ts';
import { HARDENING_PROFILES } from '../../planning/hardening/policy.ts';
import { choiceFlag, limitFlags, listFlag, registryFlags, textFlag } from '../flags.ts';
import type { CommandRun, Session } from '../session.ts';
import { given, sourceRequest } from '../source-request.ts';
import { printCheck } from '../ui/check-text.ts';

const FORMATS = ['text', 'json', 'sarif', 'markdown'] as const;

export const runCheck: CommandRun = async (session, [subject = ''], flags) => {
  const format = choiceFlag(flags, 'format', FORMATS) ?? 'text';
  const { checkSubject } = await session.operations();
  const request = {
    ...sourceRequest(subject, flags),
    ...registryFlags(flags),
    packageAppend: listFlag(flags, 'packageAppend'),
    annotations: [],
    vcs: false,
    limits: limitFlags(flags),
    attach: flags['attach'] === true,
    ...given('lockfile', textFlag(flags, 'lockfile')),
    ...given('hardening', choiceFlag(flags, 'hardening', HARDENING_PROFILES)),
  };
  const report = await checkSubject(request, session.host);
  session.result(report, textOf(report, format, session));
  return report.errors > 0 ? EXIT.policy : EXIT.ok;
};

function textOf(report: CheckReport, format: (typeof FORMATS)[number], session: Session): string {
  switch (format) {
    case 'text':
      return printCheck(report, session.paint);
    case 'json':
      return `${JSON.stringify(report, null, 2)}\n`;
    case 'sarif':
      return printSarif(report);
    case 'markdown':
      return printMarkdown(report);
  }
}
