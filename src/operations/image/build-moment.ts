// The dates of a build (layer-and-oci.md 10): E0 from --build-date or SOURCE_DATE_EPOCH, T of an architecture from its packages.

import type { PackageInfo } from '../../formats/apk/package.ts';
import {
  latestMoment,
  type Moment,
  momentAt,
  parseBuildDate,
  parseSourceDateEpoch,
} from '../../formats/oci/timestamps.ts';
import type { Host } from '../host.ts';

export interface BuildMoments {
  /** E0. */
  readonly base: Moment;
  /** T for an image of these packages. */
  created(packages: readonly Pick<PackageInfo, 'buildDate'>[]): Moment;
}

export function buildMoments(buildDate: string | undefined, env: Host['env']): BuildMoments {
  const epoch = env['SOURCE_DATE_EPOCH'];
  const given = buildDate === undefined || buildDate === '' ? momentAt(0) : parseBuildDate(buildDate);
  const base = (epoch === undefined ? undefined : parseSourceDateEpoch(epoch)) ?? given;
  return {
    base,
    // The variable's mere presence, even empty, says that packages must not decide.
    created: (packages) =>
      epoch === undefined ? latestMoment(base, ...packages.map((pkg) => momentAt(pkg.buildDate))) : base,
  };
}
