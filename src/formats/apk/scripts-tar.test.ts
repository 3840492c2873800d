// The script database: which members, under which names, with whose headers.

import { describe, expect, it } from 'vitest';
import { readTar } from '../tar/read.ts';
import type { ControlEntry, PackageInfo } from './package.ts';
import { printScriptsTar, printTriggers } from './scripts-tar.ts';

const SHA1 = '642da1e2a1c2ac3c8d4a4c2d9b4f1a1b5e6f7a8b';
const Q1 = 'Q1ZC2h4qHCrDyNSkwtm08aG15veos=';

function script(name: string, changes: Partial<ControlEntry> = {}): ControlEntry {
  const content = Buffer.from(`content of ${name}`);
  return {
    name,
    type: '0',
    mode: 0o755,
    uid: 1,
    gid: 2,
    uname: 'one',
    gname: 'two',
    mtime: 99,
    size: content.length,
    linkname: '',
    devmajor: 0,
    devminor: 0,
    pax: {},
    offset: 512,
    magic: 'ustar',
    content,
    ...changes,
  };
}

const pkg = (control: readonly ControlEntry[], triggers: string[] = [], name = 'foo') => ({
  info: { name, version: '1.2-r3', triggers } as unknown as PackageInfo,
  controlSha1: SHA1,
  control,
});

describe('printScriptsTar', () => {
  it('is an end mark without scripts', () => {
    expect(printScriptsTar([pkg([script('.PKGINFO')])], 0).equals(Buffer.alloc(1024))).toBe(true);
  });

  it('holds what everybody may execute, renamed, at the time of the build', () => {
    const tar = printScriptsTar(
      [
        pkg([script('.PKGINFO'), script('.melange.yaml', { mode: 0o644 }), script('.pre-install')]),
        pkg([script('.trigger')], [], 'bar'),
      ],
      42,
    );
    const entries = readTar(tar);
    expect(entries.map((e) => e.name)).toEqual([`foo-1.2-r3.${Q1}.pre-install`, `bar-1.2-r3.${Q1}.trigger`]);
    expect(entries[0]).toMatchObject({
      mode: 0o755,
      uid: 1,
      gid: 2,
      uname: 'one',
      gname: 'two',
      mtime: 42,
      magic: 'ustar',
    });
    const [first] = entries;
    expect(tar.toString('utf8', first!.offset, first!.offset + first!.size)).toBe('content of .pre-install');
    expect(tar.length).toBe(2 * 1024 + 1024);
    expect(tar.subarray(-1024).equals(Buffer.alloc(1024))).toBe(true);
    expect(tar.toString('latin1', 329, 345)).toBe('0000000\x000000000\0');
  });

  it('keeps records but no access times', () => {
    const pax = { atime: '1', ctime: '2', 'APK-TOOLS.checksum.SHA1': SHA1 };
    const tar = printScriptsTar([pkg([script('.trigger', { pax })])], 0);
    expect(tar.toString('latin1', 0, 100).replace(/\0+$/, '')).toBe(`PaxHeaders.0/foo-1.2-r3.${Q1}.trigger`);
    expect(readTar(tar)[0]?.pax).toEqual({ 'APK-TOOLS.checksum.SHA1': SHA1 });
    expect(printScriptsTar([pkg([script('.trigger', { pax: { atime: '1' } })])], 0).length).toBe(1024 + 1024);
  });

  it('keeps GNU headers, with long names in entries of their own', () => {
    const tar = printScriptsTar([pkg([script('.trigger', { magic: 'gnu' })], [], 'n'.repeat(80))], 0);
    const [entry] = readTar(tar);
    expect(entry).toMatchObject({ magic: 'gnu', name: `${'n'.repeat(80)}-1.2-r3.${Q1}.trigger` });
    expect(tar[156]).toBe('L'.charCodeAt(0));
  });
});

describe('printTriggers', () => {
  it('has a line for each value of each package', () => {
    expect(printTriggers([pkg([], ['/a /b', '/c']), pkg([]), pkg([], ['/d'])])).toBe(
      `${Q1} /a /b\n${Q1} /c\n${Q1} /d\n`,
    );
  });

  it('refuses a value of several lines', () => {
    const failure = { code: 'PACKAGE_INVALID', message: 'a trigger of package "foo" spans lines' };
    expect(() => printTriggers([pkg([], ['/a\n/b'])])).toThrow(expect.objectContaining(failure));
  });
});
