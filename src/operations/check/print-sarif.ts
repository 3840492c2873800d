// A check as SARIF 2.1.0, which code scanning services read: one rule a check, one result a finding, exceptions as suppressions.
// Paths are inside the image; the base id ROOT says so. Nothing here depends on the machine or the time.

import { sha256 } from '../../base/digest.ts';
import type { SourcePlace } from '../../base/failure.ts';
import { VERSION } from '../../base/version.ts';
import { CHECK_IDS, CHECKS, type CheckId } from '../../planning/hardening/check-table.ts';
import type { Observation } from '../../planning/hardening/finding.ts';
import { levelOf } from '../../planning/hardening/policy.ts';
import type { CheckReport } from './check.ts';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

export function printSarif(report: CheckReport): string {
  const { subject, profile, images, findings } = report;
  const results = [
    ...findings.map((finding) => result(finding, finding.level, subject)),
    ...images.flatMap(({ arch, findings: found, excused }) => [
      ...found.map((finding) => result(finding, finding.level, subject, arch)),
      ...excused.map((observation) => ({
        ...result(observation, levelOf(observation.check, profile), subject, arch),
        suppressions: [{ kind: 'external', status: 'accepted', justification: observation.exception.reason }],
      })),
    ]),
  ];
  const run = {
    tool: { driver: { name: 'stave', semanticVersion: VERSION, rules: CHECK_IDS.map((id) => rule(id, report)) } },
    originalUriBaseIds: { ROOT: { description: { text: 'The root directory of the image.' } } },
    columnKind: 'utf16CodeUnits',
    results,
  };
  return `${JSON.stringify({ $schema: SCHEMA, version: '2.1.0', runs: [run] }, null, 2)}\n`;
}

function rule(id: CheckId, { profile }: CheckReport) {
  const { title, reason, fix } = CHECKS[id];
  const level = levelOf(id, profile);
  return {
    id,
    name: id.split(/[/-]/).map(capitalized).join(''),
    shortDescription: { text: `${capitalized(title)}.` },
    fullDescription: { text: reason },
    help: { text: fix },
    defaultConfiguration: { enabled: level !== 'off', level: level === 'off' ? 'none' : level },
  };
}

function result(
  { check, path, package: packageName, message, where }: Observation & { readonly where?: SourcePlace },
  level: string,
  subject: string,
  arch?: string,
) {
  const logicalLocations = [
    { fullyQualifiedName: subject, kind: 'module' },
    ...(packageName === undefined ? [] : [{ name: packageName, kind: 'package' }]),
  ];
  return {
    ruleId: check,
    ruleIndex: CHECK_IDS.indexOf(check),
    level: level === 'off' ? 'none' : level,
    message: { text: `${capitalized(message)}${arch === undefined ? '' : ` (${arch})`}.` },
    locations: [{ physicalLocation: physicalLocation(path, where), logicalLocations }],
    // The same finding keeps its identity between runs, whatever else changes.
    partialFingerprints: { 'finding/v1': sha256([check, arch, path, packageName, message].join('\0')).slice(7, 39) },
  };
}

/** Services want a place for every result: a line of the configuration, where one is the cause, else a path in the image. */
function physicalLocation(path: string | undefined, where: SourcePlace | undefined) {
  if (where === undefined) {
    // What is about the whole image is placed at its root.
    return { artifactLocation: { uri: path === undefined ? '.' : encodedPath(path), uriBaseId: 'ROOT' } };
  }
  const { file, line, column } = where;
  return { artifactLocation: { uri: encodedPath(file) }, region: { startLine: line, startColumn: column } };
}

function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

function capitalized(text: string): string {
  return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`;
}
