// Small packages, indexes and keys made on the spot, for tests of what reads them.

import { generateKeyPairSync } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { hashHex } from '../../src/base/digest.ts';
import { checksumRecord, printChecksum } from '../../src/formats/apk/data-entries.ts';
import { printIndexArchive } from '../../src/formats/apk/index-archive.ts';
import { signMember } from '../../src/formats/apk/signature.ts';
import type { TarHeader } from '../../src/formats/tar/entry.ts';
import { printTarHeader, TAR_END, tarPadding } from '../../src/formats/tar/write.ts';

export interface TinyFile extends Partial<TarHeader> {
  readonly name: string;
  readonly content?: string | Uint8Array;
}

export interface TinyPackage {
  readonly label: string;
  readonly name: string;
  readonly version: string;
  /** The whole .apk. */
  readonly bytes: Buffer;
  readonly dataStart: number;
  /** `Q1...` */
  readonly checksum: string;
  readonly dataTar: Buffer;
}

export function tinyTar(files: readonly TinyFile[], end = true): Buffer {
  const pieces = files.flatMap(({ content = '', ...header }) => {
    const bytes = Buffer.from(content as string);
    const standard = {
      type: '0',
      mode: 0o644,
      uid: 0,
      gid: 0,
      uname: 'root',
      gname: 'root',
      mtime: 0,
      linkname: '',
      devmajor: 0,
      devminor: 0,
      pax: {},
    };
    return [
      printTarHeader({ ...standard, size: bytes.length, ...header }),
      bytes,
      Buffer.alloc(tarPadding(bytes.length)),
    ];
  });
  return Buffer.concat([...pieces, end ? TAR_END : Buffer.alloc(0)]);
}

/** A regular file with the checksum record that packages carry. */
export function packagedFile(name: string, content: string | Uint8Array): TinyFile {
  return { name, content, pax: checksumRecord(hashHex('sha1', content)) };
}

export interface TinyPackageOptions {
  readonly version?: string;
  readonly files?: readonly TinyFile[];
  /** The compressed data member, where it is not simply the files. */
  readonly data?: Buffer;
  /** Further control entries. */
  readonly control?: readonly TinyFile[];
  /** Another datahash than the right one. */
  readonly dataHash?: string;
  readonly signed?: boolean;
}

export function tinyPackage(name: string, options: TinyPackageOptions = {}): TinyPackage {
  const { version = '1.0-r0', files = [packagedFile(`usr/share/${name}`, `I am ${name}.\n`)] } = options;
  const dataTar = tinyTar(files);
  const data = options.data ?? gzipSync(dataTar);
  const dataHash = options.dataHash ?? hashHex('sha256', data);
  const pkginfo = `pkgname = ${name}\npkgver = ${version}\narch = x86_64\nsize = ${dataTar.length}\ndatahash = ${dataHash}\n`;
  const control = gzipSync(tinyTar([{ name: '.PKGINFO', content: pkginfo }, ...(options.control ?? [])], false));
  const signature =
    options.signed === false
      ? Buffer.alloc(0)
      : gzipSync(tinyTar([{ name: '.SIGN.RSA256.tiny.rsa.pub', content: 'x' }], false));
  return {
    label: `${name}-${version}`,
    name,
    version,
    bytes: Buffer.concat([signature, control, data]),
    dataStart: signature.length + control.length,
    checksum: printChecksum(hashHex('sha1', control)),
    dataTar,
  };
}

export interface TinyKey {
  readonly keyName: string;
  readonly publicKeyPem: string;
  readonly privateKeyPem: string;
}

export function tinyKey(keyName: string): TinyKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    keyName,
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** APKINDEX.tar.gz, signed where a key is given. */
export function tinyIndex(packages: readonly TinyPackage[], key?: TinyKey): Buffer {
  const records = packages.map(
    (p) => `C:${p.checksum}\nP:${p.name}\nV:${p.version}\nA:x86_64\nS:${p.bytes.length}\n\n`,
  );
  const archive = printIndexArchive(records.join(''), 'tiny');
  return key === undefined ? archive : Buffer.concat([signMember(archive, { ...key, algorithm: 'RSA256' }), archive]);
}
