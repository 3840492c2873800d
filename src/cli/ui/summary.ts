// What a build says at its end: digest, sizes, packages, files, SBOM paths and the time of each phase.

import type { BuildReport, BuiltImage } from '../../operations/build-image/build.ts';
import { printContract } from './contract-line.ts';
import type { Paint } from './paint.ts';
import type { PhaseTime } from './phase-clock.ts';
import { printable } from './printable.ts';
import { printCount, printDuration, printSize } from './quantity.ts';

/** How a summary is shown: its colors, and paths as people expect them. */
export interface SummaryStyle {
  readonly paint: Paint;
  readonly shortPath: (path: string) => string;
}

/** For --json: the report, with the phases that the reporter timed. */
export function summaryRecord(report: BuildReport, phases: readonly PhaseTime[]) {
  return { ...report, phases };
}

export function printSummary(report: BuildReport, phases: readonly PhaseTime[], style: SummaryStyle): string {
  const { paint, shortPath } = style;
  const kind = report.output.kind === 'layout' ? 'OCI layout' : 'archive';
  const sboms = [...report.indexSbomPaths, ...report.images.flatMap((image) => image.sbomPaths)];
  const lines = [
    `${paint('strong', printable(shortPath(report.output.path)))} (${kind})`,
    `  digest  ${paint('good', report.indexDigest)}`,
    ...imageTable(report.images).map((row) => `  ${row}`),
    `  checks  ${printContract(report.contract, paint)}`,
    ...sboms.map((path, at) => `  ${at === 0 ? 'SBOM  ' : '      '}  ${printable(shortPath(path))}`),
  ];
  lines.push(...report.provenancePaths.map((path) => `  provenance  ${printable(shortPath(path))}`));
  if (phases.length > 0) lines.push(`  ${paint('quiet', `time    ${phases.map(phaseText).join(', ')}`)}`);
  return `${lines.join('\n')}\n`;
}

function imageTable(images: readonly BuiltImage[]): string[] {
  const rows = images.map((image) => [
    image.arch,
    printCount(image.packages.length, 'package'),
    printCount(image.fileCount, 'file'),
    printCount(image.layers.length, 'layer'),
    `${printSize(image.sizeBytes)} (${printSize(unpackedBytes(image))} unpacked)`,
  ]);
  const widths = rows[0]?.map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  // The first column is as wide as the labels around the table.
  widths[0] = Math.max(widths[0] ?? 0, 'digest'.length);
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function unpackedBytes(image: BuiltImage): number {
  return image.layers.reduce((sum, layer) => sum + layer.uncompressedBytes, 0);
}

function phaseText({ phase, ms }: PhaseTime): string {
  return `${phase} ${printDuration(ms)}`;
}
