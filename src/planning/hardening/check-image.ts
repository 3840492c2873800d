// The hardening contract on one image: every check once, then the policy on what they observed. Pure: contents come through
// the tree. The bytes of an image never depend on it.

import { compareBytes } from '../../base/order.ts';
import { checkCertificates } from './check-certificates.ts';
import { checkEntrypoint } from './check-entrypoint.ts';
import { checkInstallScripts, readUnrunScripts } from './check-install-scripts.ts';
import { checkLinks } from './check-links.ts';
import { checkMinimal } from './check-minimal.ts';
import { checkOtherArchitectures } from './check-other-architectures.ts';
import { checkOwnership } from './check-ownership.ts';
import { checkPermissions } from './check-permissions.ts';
import { checkRunAs } from './check-run-as.ts';
import { checkSbom } from './check-sbom.ts';
import { checkSecrets } from './check-secrets.ts';
import { CHECK_IDS, CHECKS, type CheckId } from './check-table.ts';
import type { Excused, Finding, Observation } from './finding.ts';
import { collectFiles } from './image-files.ts';
import type { ImageSubject } from './image-subject.ts';
import { type InstalledName, readPackageDatabase } from './package-database.ts';
import { covers, type HardeningException, type HardeningPolicy, levelOf } from './policy.ts';
import type { HardeningReport } from './report.ts';
import type { SbomInventory } from './sbom-inventory.ts';
import { scoreImage } from './score.ts';
import { checkScriptInterpreters } from './script-interpreter.ts';

export interface ImageCheck {
  readonly report: HardeningReport;
  /** What the image's package database names. */
  readonly packages: readonly InstalledName[];
}

export function checkImage(subject: ImageSubject, policy: HardeningPolicy): ImageCheck {
  const files = collectFiles(subject.tree, subject.known);
  const database = readPackageDatabase(subject.tree);
  const scripts = readUnrunScripts(subject.tree);
  const entrypoint = checkEntrypoint(subject, files);
  const said = new Set(entrypoint.flatMap(({ path }) => path ?? []));
  const observations = [
    ...entrypoint,
    ...checkLinks(subject, files),
    ...checkOtherArchitectures(subject, files, said),
    ...checkScriptInterpreters(subject, files, said),
    ...checkRunAs(subject),
    ...checkMinimal(subject, files),
    ...checkPermissions(files),
    ...checkSecrets(subject, files),
    ...checkOwnership(subject, files, database),
    ...checkSbom(database, subject.sbom),
    ...checkInstallScripts(scripts),
    ...checkCertificates(subject, files),
  ];
  const report = {
    arch: subject.arch,
    ...judge(observations, policy),
    scripts,
    score: scoreImage(subject, observations),
    looked: {
      files: files.entries.length - files.directories.length,
      programs: files.known.filter(({ facts }) => facts.elf !== undefined).length,
      packages: database.packages.length,
    },
  };
  // A copy: parts of a text keep all of it, which is the largest that an image has.
  return { report, packages: structuredClone(database.packages) };
}

/** The same report with what an SBOM lacks that was made after the checks. */
export function withSbomFindings(
  { report, packages }: ImageCheck,
  sbom: SbomInventory,
  policy: HardeningPolicy,
): HardeningReport {
  const { findings, excused } = judge(checkSbom({ packages }, sbom), policy);
  return {
    ...report,
    findings: [...report.findings, ...findings].sort(compareFindings),
    excused: [...report.excused, ...excused].sort(compareObservations),
  };
}

/** Exceptions that excuse nothing in any of the images of one configuration. */
export function unusedExceptions(policy: HardeningPolicy, reports: readonly HardeningReport[]): Finding[] {
  const level = levelOf('policy/unused-exception', policy.profile);
  if (level === 'off') return [];
  const excused = reports.flatMap((report) => report.excused);
  return policy.exceptions.flatMap((exception, exceptionAt): Finding[] => {
    if (excused.some(({ check, path }) => covers(exception, check, path))) return [];
    const message = `the exception for ${exceptionText(exception)} excuses nothing`;
    const check = 'policy/unused-exception';
    return [{ check, level, message, ...explanation(check), exceptionAt }];
  });
}

function exceptionText({ check, path }: HardeningException): string {
  return path === undefined ? check : `${check} at ${path}`;
}

function judge(observations: readonly Observation[], { profile, exceptions }: HardeningPolicy) {
  const findings: Finding[] = [];
  const excused: Excused[] = [];
  for (const observation of observations) {
    const { check, path } = observation;
    const level = levelOf(check, profile);
    if (level === 'off') continue;
    const exception = exceptions.find((one) => covers(one, check, path));
    if (exception === undefined) findings.push({ ...observation, level, ...explanation(check) });
    else excused.push({ ...observation, exception });
  }
  return { findings: findings.sort(compareFindings), excused: excused.sort(compareObservations) };
}

function explanation(check: CheckId): Pick<Finding, 'reason' | 'fix'> {
  const { reason, fix } = CHECKS[check];
  return { reason, fix };
}

function compareFindings(a: Finding, b: Finding): number {
  return Number(a.level !== 'error') - Number(b.level !== 'error') || compareObservations(a, b);
}

function compareObservations(a: Observation, b: Observation): number {
  return (
    CHECK_IDS.indexOf(a.check) - CHECK_IDS.indexOf(b.check) ||
    compareBytes(a.path ?? '', b.path ?? '') ||
    compareBytes(a.message, b.message)
  );
}
