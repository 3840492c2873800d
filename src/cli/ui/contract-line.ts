// What the hardening contract says of a build, in one line. The findings themselves: --log-level=debug, --json, `stave check`.

import { type ContractReport, sharedFindings } from '../../planning/hardening/contract-report.ts';
import type { Paint } from './paint.ts';
import { printCount } from './quantity.ts';

export function printContract(contract: ContractReport, paint: Paint): string {
  if (contract.profile === 'off') return paint('quiet', 'off');
  // There are no errors in what was built.
  const families = new Map<string, number>();
  for (const { finding } of sharedFindings(contract)) {
    const [family = ''] = finding.check.split('/');
    families.set(family, (families.get(family) ?? 0) + 1);
  }
  const counts = [...families].map(([family, count]) => `${count} ${family}`);
  const total = [...families.values()].reduce((sum, count) => sum + count, 0);
  if (total === 0) return paint('good', 'no findings');
  return `${printCount(total, 'warning')} (${counts.join(', ')}); \`stave check\` lists them`;
}
