// What a build does with the contract: the policy it holds its images against, what it tells of the findings, and its refusal.

import type { EventSink } from '../../base/events.ts';
import { Failure, type SourcePlace } from '../../base/failure.ts';
import { type ContractReport, type SharedFinding, sharedFindings } from '../../planning/hardening/contract-report.ts';

/** More would only hide the first ones. */
const ERRORS_NAMED = 20;

/** Throws HARDENING_BROKEN, whose data is the report, where there are errors. */
export function assertContract(report: ContractReport): void {
  const errors = sharedFindings(report).filter(({ finding }) => finding.level === 'error');
  const [first] = errors;
  if (first === undefined) return;
  const where = errors.find(({ finding }) => finding.where !== undefined)?.finding.where;
  const rest = errors.length - ERRORS_NAMED;
  const sentence =
    errors.length === 1
      ? `the image breaks the hardening contract: ${said(first)}`
      : `the image breaks the hardening contract in ${errors.length} ways`;
  const notes = errors.length === 1 ? [`check: ${first.finding.check}`] : errors.slice(0, ERRORS_NAMED).map(noteOf);
  throw new Failure('HARDENING_BROKEN', sentence, {
    ...(where && { where }),
    notes: [...notes, ...(rest > 0 ? [`and ${rest} more: \`stave check\` lists them all`] : [])],
    hint: `${errors.length === 1 ? `${first.finding.fix} ` : ''}What is meant to be so is declared with a reason under hardening.exceptions; --hardening=off builds without checking.`,
    data: report,
  });
}

/** Warnings that a line of the configuration causes are shown with it; the others with --log-level=debug only. */
export function tellFindings(report: ContractReport, events: EventSink): void {
  for (const shared of sharedFindings(report)) {
    const { check, level, fix, where } = shared.finding;
    if (level === 'error') continue;
    if (where === undefined) events({ type: 'debug', message: `${check}: ${said(shared)}` });
    else events({ type: 'warning', code: check, message: said(shared), where, hint: fix });
  }
}

function noteOf(shared: SharedFinding): string {
  const { check, where } = shared.finding;
  return `${check}: ${said(shared)}${where === undefined ? '' : `, see ${placeText(where)}`}`;
}

function said({ finding, archs }: SharedFinding): string {
  return archs.length === 0 ? finding.message : `${finding.message} (${archs.join(', ')})`;
}

function placeText({ file, line, column }: SourcePlace): string {
  return `${file}:${line}:${column}`;
}
