// Small repositories for solver tests, written as lists of packages, and an independent judge of solutions.

import { type Dependency, parseDependency } from '../../src/formats/apk/dependency.ts';
import { ApkIndex } from '../../src/formats/apk/index-lookup.ts';
import type { IndexRecord } from '../../src/formats/apk/index-record.ts';
import { compareVersions, parseVersion, satisfies } from '../../src/formats/apk/version.ts';
import type { ArchitectureIndexes, IndexedRepository } from '../../src/planning/solver/architecture-indexes.ts';

export interface SmallPackage {
  /** `name=version` */
  readonly is: string;
  readonly needs?: readonly string[];
  readonly provides?: readonly string[];
  readonly installIf?: readonly string[];
  readonly origin?: string;
  readonly priority?: number;
}

function indexText(packages: readonly SmallPackage[]): Uint8Array {
  const records = packages.map(({ is, needs = [], provides = [], installIf = [], origin = '', priority }) => {
    const [name, version] = is.split('=');
    const lines = [`P:${name}`, `V:${version}`, 'A:x86_64', 'S:1', 'I:1'];
    if (origin !== '') lines.push(`o:${origin}`);
    if (needs.length > 0) lines.push(`D:${needs.join(' ')}`);
    if (provides.length > 0) lines.push(`p:${provides.join(' ')}`);
    if (installIf.length > 0) lines.push(`i:${installIf.join(' ')}`);
    if (priority !== undefined) lines.push(`k:${priority}`);
    return `${lines.join('\n')}\n\n`;
  });
  return new TextEncoder().encode(records.join(''));
}

export function repository(url: string, packages: readonly SmallPackage[], tag = ''): IndexedRepository {
  return { url, tag, index: new ApkIndex(indexText(packages), url) };
}

/** An architecture with one untagged repository. */
export function architecture(packages: readonly SmallPackage[], arch = 'amd64'): ArchitectureIndexes {
  return { arch, repositories: [repository('./repo', packages)] };
}

/** Everything wrong with a set of installed packages; written without the solver's own notion of matching. */
export function findFaults(records: readonly IndexRecord[], wanted: readonly string[]): string[] {
  const faults: string[] = [];
  for (const text of wanted) if (!holds(text, records)) faults.push(`wish ${text}`);
  for (const record of records) {
    for (const text of record.depends) {
      const others = text.startsWith('!') ? records.filter((other) => other !== record) : records;
      if (!holds(text, others)) faults.push(`${record.name} needs ${text}`);
    }
  }
  const owners = new Map<string, IndexRecord>();
  for (const record of records) {
    const versioned = record.provides.map(parseDependency).filter((provide) => provide.version !== '');
    for (const name of new Set([record.name, ...versioned.map((provide) => provide.name)])) {
      if (owners.has(name)) faults.push(`two packages are ${name}`);
      owners.set(name, record);
    }
  }
  return faults;
}

function holds(text: string, records: readonly IndexRecord[]): boolean {
  const dependency = parseDependency(text);
  return dependency.negated !== records.some((record) => offers(record, dependency));
}

function offers(record: IndexRecord, { name, operator, version }: Dependency): boolean {
  const offered = [`${record.name}=${record.version}`, ...record.provides].map(parseDependency);
  return offered.some((offer) => {
    if (offer.name !== name) return false;
    if (operator === '') return true;
    const [mine, theirs] = [parseVersion(offer.version), parseVersion(version)];
    if (mine === undefined || theirs === undefined) return operator === '=' && offer.version === version;
    return operator === '=' ? compareVersions(mine, theirs) === 0 : satisfies(mine, operator, theirs);
  });
}
