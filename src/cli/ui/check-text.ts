// What `stave check` says to people: findings under their family of checks, errors first, each fix once.

import type { CheckReport } from '../../operations/check/check.ts';
import { CHECKS, type CheckId } from '../../planning/hardening/check-table.ts';
import type { Finding } from '../../planning/hardening/finding.ts';
import type { HardeningReport } from '../../planning/hardening/report.ts';
import { scoreLines } from '../../planning/hardening/score-lines.ts';
import type { Paint } from './paint.ts';
import { printable } from './printable.ts';
import { printCount } from './quantity.ts';

export function printCheck(report: CheckReport, paint: Paint): string {
  const { subject, profile, images, findings, errors, warnings, attached } = report;
  const lines = [`${paint('strong', printable(subject))} ${paint('quiet', `(profile ${profile})`)}`];
  if (findings.length > 0) lines.push('', ...findingLines(findings, paint));
  for (const { image, archs } of mergedImages(images)) {
    const { files, programs, packages } = image.looked;
    const looked = `${printCount(files, 'file')}, ${printCount(programs, 'ELF file')}, ${printCount(packages, 'package')}`;
    lines.push('', `${paint('strong', archs.join(', '))}  ${paint('quiet', looked)}`);
    lines.push(...findingLines(image.findings, paint));
    for (const { check, message, exception } of image.excused) {
      lines.push(`  ${paint('quiet', printable(`excused  ${check}: ${message} (${exception.reason})`))}`);
    }
    lines.push(...scriptLines(image, paint));
    for (const line of scoreLines(image.score)) lines.push(`  ${paint('quiet', printable(line))}`);
  }
  if (attached.length > 0) lines.push('', `attached to ${printCount(attached.length, 'image')}`);
  const verdict = errors > 0 ? paint('error', 'the contract does not hold') : paint('good', 'the contract holds');
  lines.push('', `${verdict}: ${printCount(errors, 'error')}, ${printCount(warnings, 'warning')}`);
  return `${lines.join('\n')}\n`;
}

/** Architectures about which there is the same to say share one part; what they have in numbers may differ. */
function mergedImages(images: readonly HardeningReport[]): { image: HardeningReport; archs: string[] }[] {
  const merged = new Map<string, { image: HardeningReport; archs: string[] }>();
  for (const image of images) {
    const key = JSON.stringify([image.findings, image.excused, image.scripts, image.score]);
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { image, archs: [image.arch] });
    else known.archs.push(image.arch);
  }
  return [...merged.values()];
}

function findingLines(findings: readonly Finding[], paint: Paint): string[] {
  const byCheck = new Map<CheckId, Finding[]>();
  for (const finding of findings) byCheck.set(finding.check, [...(byCheck.get(finding.check) ?? []), finding]);
  return [...byCheck].flatMap(([check, same]) => {
    const level = same[0]?.level ?? 'warning';
    return [
      `  ${paint(level, level)}  ${check}  ${paint('quiet', CHECKS[check].title)}`,
      ...same.map(({ message }) => `    ${printable(message)}`),
      `    ${paint('hint', 'fix:')} ${CHECKS[check].fix}`,
    ];
  });
}

function scriptLines({ scripts }: HardeningReport, paint: Paint): string[] {
  return scripts
    .filter(({ reproduced }) => reproduced.length > 0)
    .map(({ package: name, script, reproduced }) => {
      const text = `the ${script} script of ${name} was not run; its effect is there: ${reproduced.join('; ')}`;
      return `  ${paint('quiet', printable(text))}`;
    });
}
