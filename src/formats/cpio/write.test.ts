// newc records byte by byte.

import { describe, expect, it } from 'vitest';
import { CPIO_ROOT, CPIO_TRAILER, cpioPadding, fitsCpio, printCpioHeader } from './write.ts';

const ENTRY = { name: 'etc/hosts', type: '0', mode: 0o644, size: 5, linkname: '', devmajor: 0, devminor: 0 };

/** Mode, file size, device numbers and name size; all other fields must be 0. */
function read(record: Buffer) {
  expect(record.toString('latin1', 0, 6)).toBe('070701');
  const fields = Array.from({ length: 13 }, (_, i) => record.toString('latin1', 6 + i * 8, 14 + i * 8));
  const [ino, mode, uid, gid, nlink, mtime, size, dev0, dev1, major, minor, nameSize, check] = fields.map((f) =>
    Number.parseInt(f, 16),
  );
  expect([ino, uid, gid, nlink, mtime, dev0, dev1, check]).toEqual(Array(8).fill(0));
  expect(record.length % 4).toBe(0);
  const nameEnd = 110 + (nameSize ?? 0);
  return {
    mode: mode?.toString(8),
    size,
    dev: `${major}:${minor}`,
    name: record.toString('utf8', 110, nameEnd - 1),
    rest: record.toString('latin1', nameEnd),
  };
}

describe('printCpioHeader', () => {
  it.each<[string, Partial<typeof ENTRY>, ReturnType<typeof read>]>([
    ['a file', {}, { mode: '100644', size: 5, dev: '0:0', name: 'etc/hosts', rest: '' }],
    ['a setuid file', { mode: 0o4755, name: 'a' }, { mode: '104755', size: 5, dev: '0:0', name: 'a', rest: '' }],
    [
      'a directory',
      { type: '5', mode: 0o1777, size: 0, name: 'tmp' },
      { mode: '41777', size: 0, dev: '0:0', name: 'tmp', rest: '\0\0' },
    ],
    [
      'a symlink',
      { type: '2', mode: 0o777, size: 0, name: 'bin', linkname: 'usr/b' },
      { mode: '120777', size: 5, dev: '0:0', name: 'bin', rest: '\0\0usr/b\0\0\0' },
    ],
    [
      'a symlink to a name of several bytes a letter',
      { type: '2', mode: 0o777, size: 0, name: 'bin', linkname: 'é' },
      { mode: '120777', size: 2, dev: '0:0', name: 'bin', rest: '\0\0\xc3\xa9\0\0' },
    ],
    [
      'a device',
      { type: '3', mode: 0o620, size: 0, name: 'dev/c', devmajor: 5, devminor: 300 },
      { mode: '20620', size: 0, dev: '5:300', name: 'dev/c', rest: '' },
    ],
  ])('writes %s', (_, changes, expected) => {
    expect(read(printCpioHeader({ ...ENTRY, ...changes }))).toEqual(expected);
  });

  it('writes upper-case digits', () => {
    expect(printCpioHeader({ ...ENTRY, size: 0xabcdef }).toString('latin1', 54, 62)).toBe('00ABCDEF');
  });

  it('has no place for hard links, block devices and 4 GiB', () => {
    expect(['0', '1', '2', '3', '4', '5', '6'].filter((type) => fitsCpio({ ...ENTRY, type }))).toEqual([
      '0',
      '2',
      '3',
      '5',
      '6',
    ]);
    expect(fitsCpio({ ...ENTRY, size: 2 ** 32 })).toBe(false);
    expect(() => printCpioHeader({ ...ENTRY, type: '1' })).toThrow(/internal error/);
  });
});

it('begins with the root directory and ends in a trailer', () => {
  expect(read(CPIO_ROOT)).toEqual({ mode: '40777', size: 0, dev: '0:0', name: '.', rest: '' });
  expect(read(CPIO_TRAILER)).toEqual({ mode: '0', size: 0, dev: '0:0', name: 'TRAILER!!!', rest: '\0\0\0' });
  expect(CPIO_TRAILER.length).toBe(124);
});

it('pads to four bytes', () => {
  expect([0, 1, 2, 3, 4, 5].map(cpioPadding)).toEqual([0, 3, 2, 1, 0, 3]);
});
