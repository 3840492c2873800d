// The findings of a build in a file, for code scanning and job summaries: also of a build that they stop.

import { extname } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { writeFileAtomically } from '../../effects/output/atomic-file.ts';
import type { CheckReport } from './check.ts';
import { printMarkdown } from './print-markdown.ts';
import { printSarif } from './print-sarif.ts';

type Print = (report: CheckReport) => string;

const FORMATS: Readonly<Record<string, Print>> = {
  '.json': (report) => `${JSON.stringify(report, null, 2)}\n`,
  '.md': printMarkdown,
  '.sarif': printSarif,
};

/** How the file is written, by the end of its name. Failure USAGE_FLAG. */
export function reportFormat(path: string): Print {
  const print = FORMATS[extname(path).toLowerCase()];
  if (print !== undefined) return print;
  throw new Failure('USAGE_FLAG', `--check-report takes a file that ends in .json, .md or .sarif, not "${path}"`);
}

/** Failure FILE_UNWRITABLE. */
export async function writeCheckReport(path: string, report: CheckReport): Promise<void> {
  const text = reportFormat(path)(report);
  await writeFileAtomically(path, (write) => write(Buffer.from(text)));
}
