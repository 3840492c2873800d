import { describe, expect, it } from 'vitest';
import { Failure } from '../../base/failure.ts';
import { parseOsRelease } from './os-release.ts';

describe('parseOsRelease', () => {
  it.each([
    [undefined, { id: 'unknown', name: '', version: 'unknown' }],
    ['', { id: '', name: '', version: '' }],
    ['ID=wolfi\nNAME="Wolfi Linux"\nVERSION_ID=20230201\n', { id: 'wolfi', name: 'Wolfi Linux', version: '20230201' }],
    ['# a comment\n\nID=a\r\nNAME=B C\r\n', { id: 'a', name: 'B C', version: '' }],
    ['ID=first\nID=last\nNAME=""quoted""\nVERSION_ID="=1"', { id: 'last', name: 'quoted', version: '=1' }],
    ["ID='kept'\n", { id: "'kept'", name: '', version: '' }],
  ])('%j', (text, release) => {
    expect(parseOsRelease(text)).toEqual(release);
  });

  it('refuses a line without =, naming it', () => {
    const attempt = () => parseOsRelease('ID=a\nnonsense\n');
    expect(attempt).toThrow(Failure);
    expect(attempt).toThrow('line 2 of the image\'s /etc/os-release is not KEY=VALUE: "nonsense"');
  });
});
