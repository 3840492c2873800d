// A check as Markdown, for job summaries and comments on changes. What came out of an image is text, never markup.

import { markdownText } from '../../base/markdown.ts';
import type { ContractReport } from '../../planning/hardening/contract-report.ts';
import type { Finding } from '../../planning/hardening/finding.ts';
import type { HardeningReport } from '../../planning/hardening/report.ts';
import { scoreLines } from '../../planning/hardening/score-lines.ts';

export function printMarkdown(report: ContractReport & { readonly subject: string }): string {
  const { subject, profile, images, findings, errors, warnings } = report;
  const verdict = errors > 0 ? 'does not hold' : 'holds';
  return [
    `## Hardening of ${markdownText(subject)}: ${verdict}`,
    '',
    `${counted(errors, 'error')}, ${counted(warnings, 'warning')}; profile \`${profile}\`.`,
    '',
    ...(findings.length > 0 ? [...table(findings), ''] : []),
    ...images.flatMap(imageLines),
  ].join('\n');
}

function imageLines({ arch, findings, excused, scripts, score }: HardeningReport): string[] {
  const unrun = scripts.filter(({ reproduced, missing }) => reproduced.length + missing.length > 0);
  return [
    `### ${markdownText(arch)}`,
    '',
    ...(findings.length > 0 ? [...table(findings), ''] : ['No findings.', '']),
    ...(excused.length > 0
      ? [
          '| excused | reason |',
          '| --- | --- |',
          ...excused.map(
            (one) => `| \`${one.check}\`: ${markdownText(one.message)} | ${markdownText(one.exception.reason)} |`,
          ),
          '',
        ]
      : []),
    ...(unrun.length > 0
      ? [
          '| install script | had its effect | missing |',
          '| --- | --- | --- |',
          ...unrun.map(
            (one) =>
              `| ${markdownText(one.package)} ${one.script} | ${commands(one.reproduced)} | ${commands(one.missing)} |`,
          ),
          '',
        ]
      : []),
    ...scoreLines(score).map((line) => `- ${line}`),
    '',
  ];
}

function table(findings: readonly Finding[]): string[] {
  return [
    '| level | check | what | fix |',
    '| --- | --- | --- | --- |',
    ...findings.map(
      ({ level, check, message, fix }) => `| ${level} | \`${check}\` | ${markdownText(message)} | ${fix} |`,
    ),
  ];
}

function commands(texts: readonly string[]): string {
  return texts.map(markdownText).join('<br>') || '-';
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
