// Which of several candidates is the best one for a wish or dependency (apk-format.md 6.4). The rules are not transitive
// (an unversioned provide ties with every version), so the best is found in one pass in nameMap order, as the reference does.

import { compareBytes } from '../../base/order.ts';
import { compareVersions, parseVersion, type Version } from '../../formats/apk/version.ts';
import type { Candidate } from './universe.ts';

export interface Preferences {
  /** The name that is asked for. */
  readonly name: string;
  /** Repository tag that is asked for; `''` prefers untagged repositories. */
  readonly tag: string;
  /** Packages already in the solution, by name. */
  readonly existing: Lookup<Candidate>;
  /** Version by origin of the packages already in the solution. */
  readonly existingOrigins: Lookup<string>;
}

interface Lookup<T> {
  get(name: string): T | undefined;
}

const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();

/** Preferences of a top-level pick: nothing is in the solution yet. */
export function freshPreferences(name: string, tag: string): Preferences {
  return { name, tag, existing: NOTHING, existingOrigins: NOTHING };
}

export function bestCandidate(candidates: readonly Candidate[], preferences: Preferences): Candidate | undefined {
  let best = candidates[0];
  for (const candidate of candidates) {
    if (best !== undefined && candidate !== best && compareCandidates(candidate, best, preferences) < 0)
      best = candidate;
  }
  return best;
}

/** Negative when `a` is to be preferred. The first rule that tells them apart decides. */
function compareCandidates(a: Candidate, b: Candidate, preferences: Preferences): number {
  return (
    preferTrue(isExisting(a, preferences), isExisting(b, preferences)) ||
    preferTrue(hasExistingOrigin(a, preferences), hasExistingOrigin(b, preferences)) ||
    preferTrue(a.repository.tag === preferences.tag, b.repository.tag === preferences.tag) ||
    compareForName(a, b, preferences.name) ||
    (a.name === b.name ? preferHigher(a.version, b.version) : 0) ||
    b.record.providerPriority - a.record.providerPriority ||
    preferHigher(a.version, b.version) ||
    compareBytes(a.name, b.name)
  );
}

function preferTrue(a: boolean, b: boolean): number {
  return Number(b) - Number(a);
}

function isExisting(candidate: Candidate, { existing }: Preferences): boolean {
  const there = existing.get(candidate.name);
  return there !== undefined && there.record.version === candidate.record.version;
}

function hasExistingOrigin({ record }: Candidate, { existingOrigins }: Preferences): boolean {
  return record.origin !== '' && existingOrigins.get(record.origin) === record.version;
}

/** By the version in which each has or provides the name; an unversioned provide ties with anything. */
function compareForName(a: Candidate, b: Candidate, name: string): number {
  const mine = versionAs(a, name);
  const other = versionAs(b, name);
  return mine === '' || other === '' ? 0 : preferHigher(parseVersion(mine), parseVersion(other));
}

/** The version in which the candidate goes by that name: its own, or that of its first provide of the name. */
function versionAs(candidate: Candidate, name: string): string {
  if (candidate.name === name) return candidate.record.version;
  return candidate.provides.find((provide) => provide.name === name)?.version ?? '';
}

/** A version that cannot be parsed loses. */
function preferHigher(a: Version | undefined, b: Version | undefined): number {
  if (a === undefined || b === undefined) return preferTrue(a !== undefined, b !== undefined);
  return compareVersions(b, a);
}
