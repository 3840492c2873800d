// Which entries of a data member count, and what their records say.

import { describe, expect, it } from 'vitest';
import type { TarEntry } from '../tar/entry.ts';
import { dataEntries, entryChecksum, entryXattrs, parseChecksum, printChecksum } from './data-entries.ts';

const entry = (name: string, pax: Record<string, string> = {}): TarEntry => ({
  name,
  type: '0',
  mode: 0o644,
  uid: 0,
  gid: 0,
  uname: '',
  gname: '',
  mtime: 0,
  size: 0,
  linkname: '',
  devmajor: 0,
  devminor: 0,
  pax,
  offset: 0,
  magic: 'ustar',
});

describe('dataEntries', () => {
  it.each<[string, string[], string[]]>([
    ['the format files in front', ['.SIGN.x', '.PKGINFO', 'usr', 'etc'], ['usr', 'etc']],
    ['no dot file after the first other name', ['usr', '.hidden'], ['usr', '.hidden']],
    ['no dot name with a slash', ['.PKGINFO', '.config/x', '.y'], ['.config/x', '.y']],
    ['everything when there is nothing else', ['.a', '.b'], []],
    ['nothing of nothing', [], []],
  ])('skips %s', (_, names, kept) => {
    expect(dataEntries(names.map((name) => entry(name))).map((e) => e.name)).toEqual(kept);
  });
});

describe('entryChecksum', () => {
  const hex = '0123456789abcdef0123456789abcdef01234567';
  const record = (value: string) => entry('f', { 'APK-TOOLS.checksum.SHA1': value });

  it.each([
    ['hex', hex],
    ['upper-case hex', hex.toUpperCase()],
    ['Q1 and base64', `Q1${Buffer.from(hex, 'hex').toString('base64')}`],
  ])('reads %s', (_, value) => {
    expect(entryChecksum(record(value))).toBe(hex);
  });

  it('is undefined without a record', () => {
    expect(entryChecksum(entry('f'))).toBeUndefined();
  });

  it.each(['', 'abc', `${hex}00`, 'Q1', `Q1${hex}`, `Q2${Buffer.from(hex, 'hex').toString('base64')}`])(
    'refuses %j',
    (value) => {
      const failure = { code: 'PACKAGE_INVALID', message: expect.stringContaining('"f"') };
      expect(() => entryChecksum(record(value))).toThrow(expect.objectContaining(failure));
    },
  );

  it('has a printed form', () => {
    expect(printChecksum(hex)).toBe('Q1ASNFZ4mrze8BI0VniavN7wEjRWc=');
    expect(parseChecksum(printChecksum(hex))).toBe(hex);
    expect(parseChecksum(hex)).toBeUndefined();
  });
});

it('entryXattrs gives names without prefix, values as they are', () => {
  const pax = {
    'SCHILY.xattr.user.a': '\xff',
    'SCHILY.xattr.security.capability': '\0',
    'SCHILY.acl.access': 'no',
    comment: '',
  };
  expect([...entryXattrs(entry('f', pax))]).toEqual([
    ['user.a', '\xff'],
    ['security.capability', '\0'],
  ]);
  expect(entryXattrs(entry('f')).size).toBe(0);
});
