// Which date wins: SOURCE_DATE_EPOCH, --build-date, the packages (layer-and-oci.md 10).

import { describe, expect, it } from 'vitest';
import { buildMoments } from './build-moment.ts';

const PACKAGES = [{ buildDate: 100 }, { buildDate: 300 }, { buildDate: 200 }];

interface Row {
  readonly what: string;
  readonly buildDate?: string;
  readonly epoch?: string;
  readonly base: string;
  readonly created: string;
}

const ROWS: readonly Row[] = [
  { what: 'nothing given', base: '1970-01-01T00:00:00Z', created: '1970-01-01T00:05:00Z' },
  { what: 'an empty build date', buildDate: '', base: '1970-01-01T00:00:00Z', created: '1970-01-01T00:05:00Z' },
  {
    what: 'a build date before the packages',
    buildDate: '1970-01-01T00:01:00Z',
    base: '1970-01-01T00:01:00Z',
    created: '1970-01-01T00:05:00Z',
  },
  {
    what: 'a build date after the packages',
    buildDate: '2030-01-01T00:00:00+02:00',
    base: '2030-01-01T00:00:00+02:00',
    created: '2030-01-01T00:00:00+02:00',
  },
  {
    what: 'a build date at the time of the newest package, whose offset stays',
    buildDate: '1970-01-01T01:05:00+01:00',
    base: '1970-01-01T01:05:00+01:00',
    created: '1970-01-01T01:05:00+01:00',
  },
  { what: 'an epoch', epoch: '60', base: '1970-01-01T00:01:00Z', created: '1970-01-01T00:01:00Z' },
  { what: 'an epoch of zero', epoch: '0', base: '1970-01-01T00:00:00Z', created: '1970-01-01T00:00:00Z' },
  {
    what: 'an epoch and a later build date',
    buildDate: '2030-01-01T00:00:00Z',
    epoch: '60',
    base: '1970-01-01T00:01:00Z',
    created: '1970-01-01T00:01:00Z',
  },
  { what: 'an empty epoch', epoch: '', base: '1970-01-01T00:00:00Z', created: '1970-01-01T00:00:00Z' },
  {
    what: 'an empty epoch and a build date',
    buildDate: '1970-01-01T00:01:00Z',
    epoch: ' ',
    base: '1970-01-01T00:01:00Z',
    created: '1970-01-01T00:01:00Z',
  },
];

describe('buildMoments', () => {
  it.each(ROWS)('$what', ({ buildDate, epoch, base, created }) => {
    const moments = buildMoments(buildDate, epoch === undefined ? {} : { SOURCE_DATE_EPOCH: epoch });
    expect(moments.base.text).toBe(base);
    expect(moments.created(PACKAGES).text).toBe(created);
  });

  it('an image without packages has the base date', () => {
    expect(buildMoments('2001-02-03T04:05:06Z', {}).created([]).text).toBe('2001-02-03T04:05:06Z');
  });

  const refusals: readonly (readonly [buildDate: string | undefined, epoch: string | undefined, code: string])[] = [
    ['yesterday', undefined, 'USAGE_FLAG'],
    [undefined, 'soon', 'USAGE_FLAG'],
    [undefined, '1.5', 'USAGE_FLAG'],
  ];
  it.each(refusals)('refuses %s and %s', (buildDate, epoch, code) => {
    expect(() => buildMoments(buildDate, { SOURCE_DATE_EPOCH: epoch })).toThrow(expect.objectContaining({ code }));
  });

  it('refuses the impossible date of a package', () => {
    const moments = buildMoments(undefined, {});
    expect(() => moments.created([{ buildDate: 1e15 }])).toThrow(expect.objectContaining({ code: 'IMAGE_INVALID' }));
  });
});
