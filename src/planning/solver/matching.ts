// What it means that a package fulfils a dependency, in the strict sense of apk: by its own name and version, or by what
// it provides under that name. Used by the complete search, by explanations, and by why and why-not; the reference's
// laxer filter (apk-format.md 6.1) stays in reference-resolver.ts.

import { satisfiesApkTools } from '../../formats/apk/apk-tools-version.ts';
import { type Dependency, parseDependency } from '../../formats/apk/dependency.ts';
import type { IndexRecord } from '../../formats/apk/index-record.ts';
import { parseVersion, satisfies, type VersionOperator } from '../../formats/apk/version.ts';

/** Whether the package fulfils `name operator version` of the dependency; `!` and tag do not count here. */
export function fulfils(record: IndexRecord, dependency: Dependency): boolean {
  const { name, operator, version } = dependency;
  if (record.name === name && (operator === '' || versionMeets(record.version, operator, version))) return true;
  return record.provides.some((text) => {
    const provide = parseDependency(text);
    if (provide.name !== name) return false;
    // An unversioned provide fulfils no wish for a version.
    return operator === '' || (provide.operator !== '' && versionMeets(provide.version, operator, version));
  });
}

/** In the reference's dialect where both strings have a meaning there, else in apk-tools'. */
function versionMeets(actual: string, operator: VersionOperator, required: string): boolean {
  const a = parseVersion(actual);
  const b = parseVersion(required);
  return a !== undefined && b !== undefined ? satisfies(a, operator, b) : satisfiesApkTools(actual, operator, required);
}

/** The names that only one installed package may carry: its own, and those it provides in a version. */
export function exclusiveNames(record: IndexRecord): Set<string> {
  const names = new Set([record.name]);
  for (const text of record.provides) {
    const provide = parseDependency(text);
    if (provide.operator !== '') names.add(provide.name);
  }
  return names;
}
