// The first members of package files: complete, growing, hostile.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { printGzipMember } from '../gzip/members.ts';
import { printTarHeader, tarPadding } from '../tar/write.ts';
import { parsePackageHead } from './package-head.ts';

function member(...files: [name: string, text: string][]): Buffer {
  const pieces = files.flatMap(([name, text]) => {
    const content = Buffer.from(text);
    const owner = { uid: 0, gid: 0, uname: '', gname: '', mtime: 0, linkname: '', devmajor: 0, devminor: 0, pax: {} };
    const header = printTarHeader({ ...owner, name, type: '0', mode: 0o644, size: content.length });
    return [header, content, Buffer.alloc(tarPadding(content.length))];
  });
  return printGzipMember(Buffer.concat(pieces));
}

const PKGINFO: [string, string] = ['.PKGINFO', 'pkgname = a\npkgver = 1-r0\n'];
const control = member(PKGINFO, ['.post-install', 'script']);
const signature = member(['.SIGN.RSA.me.rsa.pub', 'not checked here']);
const data = Buffer.from('data of any kind');
const sha1 = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest();

describe('parsePackageHead', () => {
  it('splits a signed package', () => {
    const head = parsePackageHead(Buffer.concat([signature, control, data]));
    const border = signature.length;
    expect(head).toMatchObject({
      signature: { start: 0, end: border, checksum: sha1(signature).toString('base64') },
      control: { start: border, end: border + control.length, checksum: sha1(control).toString('base64') },
      controlSha1: sha1(control).toString('hex'),
      info: { name: 'a', version: '1-r0' },
      dataStart: border + control.length,
    });
    expect(head?.controlEntries.map((e) => [e.name, Buffer.from(e.content).toString()])).toEqual([
      PKGINFO,
      ['.post-install', 'script'],
    ]);
  });

  it('splits an unsigned package', () => {
    const head = parsePackageHead(Buffer.concat([control, data]));
    expect(head?.signature).toBeUndefined();
    expect(head?.control).toMatchObject({ start: 0, end: control.length });
    expect(head?.dataStart).toBe(control.length);
  });

  it('asks for more as long as the control member is not complete', () => {
    const file = Buffer.concat([signature, control]);
    for (let length = 0; length < file.length; length += 7)
      expect(parsePackageHead(file.subarray(0, length))).toBeUndefined();
    expect(parsePackageHead(file)).toBeDefined();
  });

  it.each<[string, Buffer, string]>([
    ['no package', Buffer.from('<!doctype html>'), 'ARCHIVE_INVALID'],
    ['no .PKGINFO', member(['other', '']), 'PACKAGE_INVALID'],
    ['an empty control archive', printGzipMember(Buffer.alloc(1024)), 'PACKAGE_INVALID'],
    ['a package without a name', member(['.PKGINFO', 'pkgver = 1\n']), 'PACKAGE_INVALID'],
    ['a package without a version', member(['.PKGINFO', 'pkgname = a\n']), 'PACKAGE_INVALID'],
    ['two signatures', Buffer.concat([signature, signature, control]), 'PACKAGE_INVALID'],
    ['an archive that is damaged', printGzipMember(Buffer.alloc(600, 'x')), 'ARCHIVE_INVALID'],
    ['a control member beyond the bound', member(PKGINFO, ['big', 'x'.repeat(20_000)]), 'ARCHIVE_LIMIT'],
    [
      'a signature beyond the bound',
      Buffer.concat([member(['.SIGN.x', 'x'.repeat(20_000)]), control]),
      'ARCHIVE_LIMIT',
    ],
  ])('refuses %s', (_, bytes, code) => {
    expect(() => parsePackageHead(bytes, { controlBytes: 10_000 })).toThrow(expect.objectContaining({ code }));
  });
});
