// Why nothing fulfils a wish or dependency although it was looked for everywhere: unknown name, wrong version, another
// tag, another architecture. Facts for an explanation, in plain words.

import { nearestNames } from '../../base/nearest.ts';
import { stripCredentials } from '../../base/redact.ts';
import type { Dependency } from '../../formats/apk/dependency.ts';
import { compareVersions, parseVersion } from '../../formats/apk/version.ts';
import { fulfils } from './matching.ts';
import type { SearchSpace } from './package-clauses.ts';
import type { Candidate } from './universe.ts';

export interface Missing {
  /** Goes on after `needs X` or `wish X`: "nothing provides it". */
  readonly reason: string;
  /** Whole sentences or questions. */
  readonly hints: readonly string[];
}

const MOST_VERSIONS = 3;

/** Tells why `dependency` has no candidate in `space`; `spaces` are all architectures, for "exists on ...". */
export function describeMissing(dependency: Dependency, space: SearchSpace, spaces: readonly SearchSpace[]): Missing {
  const { name } = dependency;
  const all = [...new Set(space.universe.providers(name))];
  const elsewhere = spaces.filter((other) => other !== space && other.universe.providers(name).length > 0);
  const archs = elsewhere.map((other) => other.universe.arch).join(', ');
  if (all.length === 0) {
    const hints = archs === '' ? didYouMean(dependency, space) : [`"${name}" exists for ${archs}`];
    return { reason: 'nothing provides it', hints };
  }
  const fitting = all.filter((candidate) => fulfils(candidate.record, dependency));
  if (fitting.length === 0) {
    return { reason: `there is only ${listVersions(all, name)}`, hints: [] };
  }
  const tagged = fitting.filter(({ repository }) => repository.tag !== '' && repository.tag !== dependency.tag);
  const tags = [...new Set(tagged.map(({ repository }) => repository.tag))];
  if (tagged.length === fitting.length) {
    const [first = ''] = tags;
    const where = tags.map((tag) => `@${tag}`).join(', ');
    const untagged = dependency.tag === '' ? dependency.text : dependency.text.slice(0, -dependency.tag.length - 1);
    return {
      reason: `it is only in the repository tagged ${where} (${stripCredentials(tagged[0]!.repository.url)})`,
      hints: [`write "${untagged}@${first}" to take it from there`],
    };
  }
  const lacking = fitting.filter((candidate) => space.unavailable(candidate));
  if (lacking.length > 0) {
    const without = spaces.filter(
      (other) => other !== space && lacking.some(({ record }) => !other.universe.has(record.name, record.version)),
    );
    const names = without.map((other) => other.universe.arch).join(', ');
    return {
      reason: `${listVersions(lacking, name)} does not exist for ${names}`,
      hints: [`build only ${space.universe.arch}, or leave it out`],
    };
  }
  return { reason: `the base image excludes ${listVersions(fitting, name)}`, hints: [] };
}

/** `bash 5.2-r0, bash 5.1-r3 and 4 more (in ./repo)`, newest first; what packages of another name provide is said. */
function listVersions(candidates: readonly Candidate[], name: string): string {
  const newestFirst = [...candidates].sort((a, b) => {
    if (a.version === undefined || b.version === undefined) return Number(!a.version) - Number(!b.version);
    return compareVersions(b.version, a.version);
  });
  const listed = newestFirst.slice(0, MOST_VERSIONS);
  const texts = listed.map((candidate) => {
    const as = candidate.name === name ? '' : ` (provides ${provided(candidate, name)})`;
    return `${candidate.name} ${candidate.record.version}${as}`;
  });
  const places = new Set(
    listed.map(({ repository: { tag, url } }) => (tag === '' ? '' : `@${tag} `) + stripCredentials(url)),
  );
  const more = newestFirst.length - listed.length;
  return `${texts.join(', ')}${more > 0 ? ` and ${more} more` : ''} (in ${[...places].join(', ')})`;
}

function provided(candidate: Candidate, name: string): string {
  return candidate.provides.find((provide) => provide.name === name)?.text ?? name;
}

function didYouMean({ name }: Dependency, { universe }: SearchSpace): string[] {
  const names = new Set<string>();
  for (const { index } of universe.architecture.repositories) {
    for (const known of index.names()) names.add(known);
    // A program or library is looked for among programs and libraries.
    if (name.includes(':')) for (const known of index.providedNames()) names.add(known);
  }
  const near = nearestNames(name, names);
  return near.length === 0 ? [] : [`did you mean ${near.map((n) => `"${n}"`).join(' or ')}?`];
}

/** Versions in which a package of that name exists, the ones nearest to `version` first. */
export function nearestVersions({ name, version }: Dependency, { universe }: SearchSpace): string[] {
  const own = universe
    .providers(name)
    .filter((candidate) => candidate.name === name && candidate.version !== undefined);
  const sorted = [...new Map(own.map((c) => [c.record.version, c.version!])).values()].sort(compareVersions);
  const wanted = parseVersion(version);
  if (wanted === undefined) return sorted.reverse().map(({ text }) => text);
  const place = sorted.filter((v) => compareVersions(v, wanted) < 0).length;
  // On both sides of the wanted version, by distance in releases; the newer one first on a tie.
  const distance = (at: number) => (at >= place ? (at - place) * 2 : (place - at) * 2 - 1);
  return sorted
    .map(({ text }, at) => ({ text, distance: distance(at) }))
    .sort((a, b) => a.distance - b.distance)
    .map(({ text }) => text);
}
