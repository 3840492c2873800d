// Packages we build, taken apart again: members, headers, hashes, signature, and bytes that never change.

import { createHash, generateKeyPairSync } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readTar } from '../tar/read.ts';
import { dataEntries, entryChecksum, entryXattrs } from './data-entries.ts';
import { parsePackageHead } from './package-head.ts';
import { verifyIndexSignature } from './signature.ts';
import { buildPackage, type PackageFile, type PackageToBuild } from './write-package.ts';

const INFO: PackageToBuild['info'] = {
  name: 'hello',
  version: '1.0-r0',
  arch: 'x86_64',
  description: 'says hello',
  license: 'Apache-2.0',
  origin: 'hello',
  maintainer: '',
  url: '',
  commit: '',
  buildDate: 1700000000,
  providerPriority: 0,
  depends: ['base'],
  provides: ['cmd:hello=1.0-r0'],
  replaces: [],
  installIf: [],
  triggers: ['/usr/share/hello'],
};

const FILES: PackageFile[] = [
  { kind: 'symlink', path: 'usr/bin/hi', target: 'hello' },
  { kind: 'file', path: 'usr/bin/hello', content: Buffer.from('#!/bin/sh\n'), mode: 0o755, xattrs: { 'user.a': 'b' } },
  { kind: 'file', path: 'usr-merged', content: Buffer.alloc(0) },
  { kind: 'hardLink', path: 'usr/bin/hey', target: 'usr/bin/hello' },
  { kind: 'directory', path: 'var/tmp', mode: 0o1777, uid: 7, uname: 'seven' },
];

function takeApart(file: Buffer) {
  const head = parsePackageHead(file);
  if (head === undefined) throw new Error('the package is cut short');
  const compressed = file.subarray(head.dataStart);
  const data = gunzipSync(compressed);
  return { head, compressed, data, entries: readTar(data) };
}

describe('buildPackage', () => {
  const file = buildPackage({ info: INFO, files: FILES, scripts: { '.post-install': '#!/bin/sh\ntrue\n' } });
  const { head, compressed, data, entries } = takeApart(file);

  it('sorts files as a tree and adds the directories that are missing', () => {
    expect(entries.map((e) => [e.type, e.mode.toString(8), e.name])).toEqual([
      ['5', '755', 'usr'],
      ['5', '755', 'usr/bin'],
      ['0', '755', 'usr/bin/hello'],
      ['1', '644', 'usr/bin/hey'],
      ['2', '777', 'usr/bin/hi'],
      ['0', '644', 'usr-merged'],
      ['5', '755', 'var'],
      ['5', '1777', 'var/tmp'],
    ]);
    expect(dataEntries(entries)).toHaveLength(8);
    expect(entries.every((e) => e.mtime === INFO.buildDate)).toBe(true);
    expect(entries.at(-1)).toMatchObject({ uid: 7, gid: 0, uname: 'seven', gname: 'root' });
    expect(data.subarray(-1024).equals(Buffer.alloc(1024))).toBe(true);
  });

  it('records checksums of files and symlinks, and attributes', () => {
    const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');
    expect(entries.map(entryChecksum)).toEqual([
      undefined,
      undefined,
      sha1('#!/bin/sh\n'),
      undefined,
      sha1('hello'),
      sha1(''),
      undefined,
      undefined,
    ]);
    expect([...entryXattrs(entries[2]!)]).toEqual([['user.a', 'b']]);
  });

  it('chains the data to the control member', () => {
    expect(head.info).toEqual({
      ...INFO,
      installedSize: 10 + 5 + 5 * 4096, // The file, the link's target, four directories and the root.
      dataHash: createHash('sha256').update(compressed).digest('hex'),
    });
  });

  it('holds the scripts, in a control archive without end mark', () => {
    expect(head.controlEntries.map((e) => [e.name, e.mode])).toEqual([
      ['.PKGINFO', 0o644],
      ['.post-install', 0o755],
    ]);
    expect(Buffer.from(head.controlEntries[1]!.content).toString()).toBe('#!/bin/sh\ntrue\n');
    const control = gunzipSync(file.subarray(head.control.start, head.control.end));
    expect(control.subarray(-512).equals(Buffer.alloc(512))).toBe(false);
  });

  it('gives the same bytes on every machine and Node', () => {
    const again = buildPackage({
      info: INFO,
      files: [...FILES].reverse(),
      scripts: { '.post-install': '#!/bin/sh\ntrue\n' },
    });
    expect(again.equals(file)).toBe(true);
    expect(createHash('sha256').update(file).digest('hex')).toBe(
      '483177ac0b65b46ad2a960960d55e8a7782f89b0d91d62e83bc997d50eb2213e',
    );
  });

  it('signs the control member', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const sign = { keyName: 'me.rsa.pub', privateKeyPem: privateKey, algorithm: 'RSA256' } as const;
    const signed = buildPackage({ info: INFO, files: FILES, sign });
    const signedHead = takeApart(signed).head;
    expect(signedHead.signature).toMatchObject({ start: 0, end: signedHead.control.start });
    const bytes = signed.subarray(0, signedHead.control.end);
    verifyIndexSignature({ bytes, keys: new Map([['me.rsa.pub', publicKey]]), name: 'hello' });
  });

  it('packs nothing at all', () => {
    expect(takeApart(buildPackage({ info: INFO, files: [] })).entries).toEqual([]);
  });

  it.each<[string, PackageFile[]]>([
    ['an absolute path', [{ kind: 'directory', path: '/usr' }]],
    ['a path that climbs', [{ kind: 'directory', path: 'usr/../etc' }]],
    ['a dot', [{ kind: 'directory', path: '.' }]],
    ['a dot within', [{ kind: 'directory', path: 'usr/./etc' }]],
    ['a trailing slash', [{ kind: 'directory', path: 'usr/' }]],
    ['no path', [{ kind: 'directory', path: '' }]],
    ['a line break', [{ kind: 'directory', path: 'a\nb' }]],
    [
      'a path listed twice',
      [
        { kind: 'directory', path: 'a' },
        { kind: 'directory', path: 'a' },
      ],
    ],
    [
      'a path below a file',
      [
        { kind: 'directory', path: 'a/b' },
        { kind: 'symlink', path: 'a', target: 'c' },
      ],
    ],
  ])('refuses %s', (_, files) => {
    expect(() => buildPackage({ info: INFO, files })).toThrow(expect.objectContaining({ code: 'PACKAGE_INVALID' }));
  });

  it('allows names that begin with dots', () => {
    const files: PackageFile[] = [{ kind: 'file', path: 'etc/..x/.hidden', content: Buffer.alloc(0) }];
    expect(takeApart(buildPackage({ info: INFO, files })).entries.map((e) => e.name)).toEqual([
      'etc',
      'etc/..x',
      'etc/..x/.hidden',
    ]);
  });
});
