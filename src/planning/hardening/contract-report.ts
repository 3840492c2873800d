// What the contract says about all images of one subject under one policy: what `stave check` answers, and what a build carries.

import { unusedExceptions } from './check-image.ts';
import type { Finding } from './finding.ts';
import type { HardeningPolicy, HardeningProfile } from './policy.ts';
import type { HardeningReport } from './report.ts';

export interface ContractReport {
  readonly profile: HardeningProfile;
  /** One for each architecture; none where the profile is `off`. */
  readonly images: readonly HardeningReport[];
  /** About the policy itself, not about one architecture. */
  readonly findings: readonly Finding[];
  readonly errors: number;
  readonly warnings: number;
}

export function contractReport(policy: HardeningPolicy, images: readonly HardeningReport[]): ContractReport {
  const findings = unusedExceptions(policy, images);
  const all = [...findings, ...images.flatMap((image) => image.findings)];
  const errors = all.filter(({ level }) => level === 'error').length;
  return { profile: policy.profile, images, findings, errors, warnings: all.length - errors };
}

/** A finding and the architectures that have it; [] where it is about none of them. */
export interface SharedFinding {
  readonly finding: Finding;
  readonly archs: readonly string[];
}

/** Every finding once, errors first: architectures mostly have the same ones. */
export function sharedFindings({ findings, images }: ContractReport): SharedFinding[] {
  const shared = new Map<string, { finding: Finding; archs: string[] }>();
  for (const { arch, finding } of [
    ...findings.map((finding) => ({ arch: undefined, finding })),
    ...images.flatMap((image) => image.findings.map((finding) => ({ arch: image.arch, finding }))),
  ]) {
    const key = JSON.stringify([finding.check, finding.path, finding.message]);
    const known = shared.get(key) ?? { finding, archs: [] };
    shared.set(key, known);
    if (arch !== undefined) known.archs.push(arch);
  }
  const all = [...shared.values()];
  const isError = ({ finding }: SharedFinding) => finding.level === 'error';
  return [...all.filter(isError), ...all.filter((one) => !isError(one))];
}
