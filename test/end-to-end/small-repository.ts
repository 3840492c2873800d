// A small signed apk repository, described in a few lines and made with our own writers: what end-to-end tests build from.

import { printIndexArchive } from '../../src/formats/apk/index-archive.ts';
import type { PackageInfo } from '../../src/formats/apk/package.ts';
import { parsePackageHead } from '../../src/formats/apk/package-head.ts';
import { signMember } from '../../src/formats/apk/signature.ts';
import { buildPackage, type PackageFile } from '../../src/formats/apk/write-package.ts';
import { type TinyKey, tinyKey } from '../support/tiny-apk.ts';

/** A package in words: what is left out is empty, or follows from the name. */
export interface Recipe extends Partial<PackageInfo> {
  readonly name: string;
  /** Path -> text; directories come by themselves. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/** 2024-01-01T00:00:00Z */
export const BUILD_DATE = 1_704_067_200;

/** A base layout, a program that needs a library by its virtual name, two versions of the library, and a spare package. */
export const RECIPES: readonly Recipe[] = [
  {
    name: 'layout',
    files: {
      'etc/passwd': 'root:x:0:0:root:/root:/sbin/nologin\n',
      'etc/group': 'root:x:0:root\n',
      'etc/os-release': 'ID=small\nNAME="small"\nVERSION_ID="1"\n',
    },
  },
  {
    name: 'app',
    version: '2.0-r1',
    depends: ['so:libsmall.so.1'],
    buildDate: BUILD_DATE + 100,
    files: { 'usr/bin/app': '#!/bin/sh\necho app\n' },
  },
  {
    name: 'libsmall',
    version: '1.4-r0',
    provides: ['so:libsmall.so.1=1'],
    files: { 'usr/lib/libsmall': 'library 1.4\n' },
  },
  {
    name: 'libsmall',
    version: '1.5-r0',
    provides: ['so:libsmall.so.1=1'],
    files: { 'usr/lib/libsmall': 'library 1.5\n' },
  },
  { name: 'docs', arch: 'noarch', files: { 'usr/share/doc/app': 'how to use the app\n' } },
];

export interface SmallRepository {
  readonly key: TinyKey;
  /** `x86_64/APKINDEX.tar.gz`, `x86_64/app-2.0-r1.apk` ... -> bytes. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Making a key takes a while, so a test file makes one. */
export const KEY = tinyKey('small.rsa.pub');

export function smallRepository(
  recipes: readonly Recipe[] = RECIPES,
  { key = KEY, archs = ['x86_64', 'aarch64'] }: { readonly key?: TinyKey; readonly archs?: readonly string[] } = {},
): SmallRepository {
  const files = new Map<string, Buffer>();
  for (const arch of archs) {
    const packages = recipes.map((recipe) => apk({ arch, ...recipe }, key));
    packages.forEach((bytes, i) => {
      const { name, version = '1.0-r0' } = recipes[i]!;
      files.set(`${arch}/${name}-${version}.apk`, bytes);
    });
    files.set(`${arch}/APKINDEX.tar.gz`, signedIndex(packages.map(indexRecord).join(''), key));
  }
  return { key, files };
}

export function signedIndex(records: string, key: TinyKey = KEY): Buffer {
  const index = printIndexArchive(records, 'small');
  return Buffer.concat([signMember(index, { ...key, algorithm: 'RSA256' }), index]);
}

function apk({ files = {}, ...given }: Recipe, key: TinyKey): Buffer {
  const contents = Object.entries(files).map(
    ([path, content]): PackageFile => ({ kind: 'file', path, content: Buffer.from(content as string) }),
  );
  const info = {
    version: '1.0-r0',
    arch: 'x86_64',
    description: `the ${given.name} package`,
    license: 'MIT',
    origin: given.name,
    maintainer: '',
    url: '',
    commit: '',
    buildDate: BUILD_DATE,
    providerPriority: 0,
    depends: [],
    provides: [],
    replaces: [],
    installIf: [],
    triggers: [],
    ...given,
  };
  return buildPackage({ info, files: contents, sign: { ...key, algorithm: 'RSA256' } });
}

/** What an index says about a package file. */
function indexRecord(bytes: Buffer): string {
  const { info, controlSha1 } = parsePackageHead(bytes)!;
  return [
    `C:Q1${Buffer.from(controlSha1, 'hex').toString('base64')}`,
    `P:${info.name}`,
    `V:${info.version}`,
    `A:${info.arch}`,
    `S:${bytes.length}`,
    `I:${info.installedSize}`,
    `T:${info.description}`,
    `L:${info.license}`,
    `o:${info.origin}`,
    `t:${info.buildDate}`,
    `D:${info.depends.join(' ')}`,
    `p:${info.provides.join(' ')}`,
    '\n',
  ].join('\n');
}
