// What a configuration says under `hardening`: how strict, and which findings are meant to be (docs/hardening.md).

import { CHECKS, type CheckId, type Level } from './check-table.ts';

/** The profiles that a configuration can name. `off` switches the contract off. */
export const HARDENING_PROFILES = ['default', 'distroless', 'strict', 'off'] as const;
export type HardeningProfile = (typeof HARDENING_PROFILES)[number];

export interface HardeningException {
  readonly check: CheckId;
  /** Path in the image without leading slash; `*` stands for a part of one name, `**` for any number of names. Absent: anywhere. */
  readonly path?: string;
  readonly reason: string;
}

export interface HardeningPolicy {
  readonly profile: HardeningProfile;
  readonly exceptions: readonly HardeningException[];
}

export const DEFAULT_POLICY: HardeningPolicy = { profile: 'default', exceptions: [] };

/** What a configuration says, if anything; `profile`, from a flag, beats it. */
export function policyFor(configured: HardeningPolicy | undefined, profile?: HardeningProfile): HardeningPolicy {
  return { ...(configured ?? DEFAULT_POLICY), ...(profile !== undefined && { profile }) };
}

export function levelOf(check: CheckId, profile: HardeningProfile): Level {
  if (profile === 'off') return 'off';
  return CHECKS[check].levels[profile];
}

/** Whether the exception speaks of a finding of that check at that path; a finding without a path has no path to name. */
export function covers(exception: HardeningException, check: CheckId, path: string | undefined): boolean {
  if (exception.check !== check) return false;
  return exception.path === undefined || (path !== undefined && matchesPath(exception.path, path));
}

function matchesPath(pattern: string, path: string): boolean {
  return matchesNames(namesOf(pattern), namesOf(path));
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

/** Both pattern languages here need one step back at most: to their last star. */
function matchesNames(pattern: readonly string[], names: readonly string[]): boolean {
  return matchesWithStar(pattern, names, '**', matchesName);
}

function matchesName(pattern: string, name: string): boolean {
  return matchesWithStar([...pattern], [...name], '*', (wanted, character) => wanted === character);
}

function matchesWithStar(
  pattern: readonly string[],
  items: readonly string[],
  star: string,
  matches: (wanted: string, item: string) => boolean,
): boolean {
  let [wanted, at] = [0, 0];
  let lastStar: { readonly wanted: number; at: number } | undefined;
  while (at < items.length) {
    if (pattern[wanted] === star) {
      lastStar = { wanted: wanted++, at };
    } else if (wanted < pattern.length && matches(pattern[wanted] as string, items[at] as string)) {
      wanted++;
      at++;
    } else if (lastStar !== undefined) {
      wanted = lastStar.wanted + 1;
      at = ++lastStar.at;
    } else return false;
  }
  return pattern.slice(wanted).every((rest) => rest === star);
}
