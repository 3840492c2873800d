// Build dates as the image shows them: whole seconds and their RFC 3339 text (layer-and-oci.md 10).
// Must never ask for the current time or the time zone of the machine.

import { Failure } from '../../base/failure.ts';

export interface Moment {
  readonly epochSeconds: number;
  /** RFC 3339: `1970-01-01T00:00:00Z`, or with the offset it was given in. */
  readonly text: string;
}

/** Years 0000 to 9999: what RFC 3339 can say. */
const FIRST_SECOND = -62_167_219_200;
const LAST_SECOND = 253_402_300_799;

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,]\d+)?(?:Z|([+-])(\d{2}):(\d{2}))$/;

/** The moment in UTC. Failure IMAGE_INVALID outside the years 0000 to 9999: such a build date came with a package. */
export function momentAt(epochSeconds: number): Moment {
  if (!isSayable(epochSeconds)) {
    throw new Failure('IMAGE_INVALID', `an image cannot be dated ${epochSeconds} seconds since 1970`, {
      hint: 'A package has an impossible build date. SOURCE_DATE_EPOCH overrides it.',
    });
  }
  return { epochSeconds, text: `${new Date(epochSeconds * 1000).toISOString().slice(0, 19)}Z` };
}

/** The latest; among equal ones the first, so that the offset of a given build date stays. */
export function latestMoment(first: Moment, ...others: readonly Moment[]): Moment {
  return others.reduce((latest, other) => (other.epochSeconds > latest.epochSeconds ? other : latest), first);
}

/** The value of --build-date. Fractions of a second are cut off, an offset is kept. Failure USAGE_FLAG. */
export function parseBuildDate(text: string): Moment {
  const match = RFC3339.exec(text);
  if (match === null) throw badBuildDate(text);
  const field = (i: number): number => Number(match[i] ?? '0');
  const [year, month, day, hour, minute, second] = [field(1), field(2), field(3), field(4), field(5), field(6)];
  const [offsetHours, offsetMinutes] = [field(8), field(9)];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const exists = month >= 1 && month <= 12 && date.getUTCMonth() === month - 1 && day >= 1 && date.getUTCDate() === day;
  if (!exists || hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59)
    throw badBuildDate(text);
  const offsetSeconds = (match[7] === '-' ? -1 : 1) * (offsetHours * 3600 + offsetMinutes * 60);
  const epochSeconds = date.getTime() / 1000 + hour * 3600 + minute * 60 + second - offsetSeconds;
  const zone = offsetSeconds === 0 ? 'Z' : text.slice(-6);
  return { epochSeconds, text: `${text.slice(0, 19)}${zone}` };
}

/** The value of SOURCE_DATE_EPOCH, or undefined where it is blank. Failure USAGE_FLAG. */
export function parseSourceDateEpoch(text: string): Moment | undefined {
  if (text.trim() === '') return undefined;
  const seconds = /^[+-]?\d{1,15}$/.test(text) ? Number(text) + 0 : Number.NaN;
  if (!isSayable(seconds)) {
    throw new Failure('USAGE_FLAG', `SOURCE_DATE_EPOCH is "${text}", which is not a number of seconds since 1970`, {
      hint: 'Set it to what "date +%s" prints, or unset it.',
    });
  }
  return momentAt(seconds);
}

function isSayable(epochSeconds: number): boolean {
  return epochSeconds >= FIRST_SECOND && epochSeconds <= LAST_SECOND;
}

function badBuildDate(text: string): Failure {
  return new Failure('USAGE_FLAG', `the build date "${text}" is not a date in RFC 3339`, {
    hint: 'Write it like 2024-02-03T04:05:06Z.',
  });
}
