// What a check says about one image, for others to read: attached to it, or as the predicate of an attestation. Described in
// docs/hardening.md, "A result that others can read". No time and no machine: the same image and stave give the same bytes.

import { printJson } from '../../base/canonical-json.ts';
import type { ContractReport } from './contract-report.ts';
import type { Observation } from './finding.ts';
import type { HardeningReport } from './report.ts';

/** Media type of the text, and artifact type of what is attached. */
export const CHECK_RESULT_TYPE = 'application/vnd.stave.check.v1+json';
/** The same in statements of in-toto. */
export const CHECK_PREDICATE_TYPE = 'urn:stave:check:v1';

/** The report on one of the images, under the policy of the whole. */
export function printCheckPredicate(image: HardeningReport, contract: ContractReport, toolVersion: string): string {
  const { arch, findings, excused, scripts, score, looked } = image;
  const all = [...contract.findings, ...findings];
  return `${printJson({
    tool: { name: 'stave', version: toolVersion },
    profile: contract.profile,
    architecture: arch,
    verdict: all.some(({ level }) => level === 'error') ? 'broken' : 'kept',
    findings: all.map((finding) => ({ ...observed(finding), level: finding.level })),
    excused: excused.map((one) => ({ ...observed(one), reason: one.exception.reason })),
    scripts: scripts.map((script) => ({ ...script })),
    score: {
      cis: score.cis.map((criterion) => ({ ...criterion })),
      chps: score.chps.map(({ name, level, highest, criteria }) => ({
        name,
        level,
        highest,
        criteria: criteria.map((criterion) => ({ ...criterion })),
      })),
    },
    looked: { ...looked },
  })}\n`;
}

function observed({ check, path, package: packageName, variable, message }: Observation) {
  return {
    check,
    ...(path !== undefined && { path }),
    ...(packageName !== undefined && { package: packageName }),
    ...(variable !== undefined && { variable }),
    message,
  };
}
