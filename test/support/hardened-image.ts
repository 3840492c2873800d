// A small image about which the hardening contract has nothing to say, made of files of a few bytes. Tests spoil it.

import { printScriptsTar } from '../../src/formats/apk/scripts-tar.ts';
import { EMPTY_RUN_CONFIG, type RunConfig } from '../../src/formats/oci/image-config.ts';
import type { ImageSubject } from '../../src/planning/hardening/image-subject.ts';
import { parseSpdxInventory } from '../../src/planning/hardening/sbom-inventory.ts';
import { FileTree } from '../../src/planning/rootfs/file-tree.ts';
import type { FileNode } from '../../src/planning/rootfs/tree-node.ts';
import { buildElf, type TinyElf } from './tiny-elf.ts';
import { testPackage } from './trees.ts';

export const LOADER = '/lib64/ld-linux-x86-64.so.2';

export interface SpoiledImage {
  readonly tree: FileTree;
  run: RunConfig;
  history: string[];
  /** The text of an SBOM of the image. */
  sbom?: string;
}

const PROGRAM: TinyElf = {
  interpreter: LOADER,
  needed: ['libssl.so.3', 'libc.so.6'],
  needs: { 'libssl.so.3': ['SSL_3'], 'libc.so.6': ['GLIBC_2.34'] },
};

export function library(soname: string, more: TinyElf = {}): Buffer {
  return buildElf({ soname, needed: ['libc.so.6'], ...more });
}

export function program(more: TinyElf = {}): Buffer {
  return buildElf({ ...PROGRAM, ...more });
}

/** The directories of a loader stand in it one after the other. */
function loaderBytes(): Buffer {
  return Buffer.concat([
    buildElf({ soname: 'ld-linux-x86-64.so.2', definitions: ['ld-linux-x86-64.so.2', 'GLIBC_2.2.5'] }),
    Buffer.from('\0/lib/x86_64-linux-gnu/\0/usr/lib/x86_64-linux-gnu/\0/lib/\0/usr/lib/\0\0'),
  ]);
}

export const LIBC = buildElf({
  soname: 'libc.so.6',
  needed: ['ld-linux-x86-64.so.2'],
  definitions: ['libc.so.6', 'GLIBC_2.2.5', 'GLIBC_2.34'],
});

const FILES: readonly (readonly [owner: string, path: string, content: string | Buffer, mode?: number])[] = [
  ['base', 'etc/os-release', 'ID=tiny\n'],
  ['base', 'etc/hosts', '127.0.0.1 localhost\n'],
  ['glibc', 'usr/lib64/ld-linux-x86-64.so.2', loaderBytes(), 0o755],
  ['glibc', 'usr/lib/libc.so.6', LIBC, 0o755],
  ['tls', 'usr/lib/libssl.so.3', library('libssl.so.3', { definitions: ['libssl.so.3', 'SSL_1', 'SSL_3'] }), 0o755],
  ['ca', 'etc/ssl/certs/ca-certificates.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
  ['app', 'usr/bin/app', program(), 0o755],
  ['app', 'usr/share/app/data.txt', 'data\n'],
  ['app', 'usr/share/doc/app/copyright', 'Apache-2.0\n'],
];

export function hardenedImage(): SpoiledImage {
  const tree = new FileTree(() => new Uint8Array(0));
  for (const directory of ['usr/lib64', 'usr/lib', 'usr/bin', 'etc/apk', 'usr/lib/apk/db', 'dev', 'var']) {
    tree.mkdirAll(directory, 0o755);
  }
  tree.symlink('usr/lib64', 'lib64');
  tree.symlink('usr/lib', 'lib');
  tree.symlink('usr/bin', 'bin');
  for (const [, path, content, mode = 0o644] of FILES) addFile(tree, path, content, mode);
  for (const path of ['tmp', 'var/tmp']) tree.mkdirAll(path, 0o1777);
  tree.charDevice('dev/null', 0o666, 1, 3);
  tree.writeFile(
    'etc/passwd',
    'root:x:0:0:root:/root:/sbin/nologin\napp:x:65532:65532::/home/app:/sbin/nologin\n',
    0o644,
  );
  tree.writeFile('etc/group', 'root:x:0:\napp:x:65532:\n', 0o644);
  tree.writeFile('etc/shadow', 'root:*::0:::::\napp:!:::::::\n', 0o640);
  const home = tree.mkdirAll('home/app', 0o700);
  tree.chmod('home', 0o755);
  home.uid = 65532;
  tree.writeFile('etc/apko.json', '{"paths":[{"path":"/etc/declared","type":"empty-file"}]}\n', 0o444);
  tree.writeFile('etc/declared', 'x', 0o644);
  tree.writeFile('usr/lib/apk/db/installed', installedDatabase(), 0o644);
  const run = { ...EMPTY_RUN_CONFIG, entrypoint: ['/usr/bin/app'], user: '65532', env: ['PATH=/usr/bin'] };
  return { tree, run, history: [] };
}

/** Creates the directories above. */
export function addFile(tree: FileTree, path: string, content: string | Uint8Array, mode = 0o644): FileNode {
  tree.mkdirAll(path.slice(0, Math.max(0, path.lastIndexOf('/'))), 0o755);
  tree.remove(path);
  return tree.writeFile(path, content, mode);
}

/** A package gets the file too: nobody asks where it comes from. */
export function addOwned(tree: FileTree, path: string, content: string | Uint8Array, mode = 0o644): FileNode {
  const database = tree.readText('usr/lib/apk/db/installed') ?? '';
  const at = path.lastIndexOf('/');
  const record = `P:extra${database.length}\nV:1-r0\nF:${path.slice(0, Math.max(0, at))}\nR:${path.slice(at + 1)}\n\n`;
  tree.writeFile('usr/lib/apk/db/installed', database + record, 0o644);
  return addFile(tree, path, content, mode);
}

/** The post-install script of a package. */
export function addScript(tree: FileTree, text: string): void {
  const { pkg } = testPackage({ name: 'scripted' }, []);
  const content = Buffer.from(text);
  const entry = {
    name: '.post-install',
    type: '0',
    mode: 0o755,
    uid: 0,
    gid: 0,
    uname: 'root',
    gname: 'root',
    mtime: 0,
    size: content.length,
    linkname: '',
    devmajor: 0,
    devminor: 0,
    pax: {},
    offset: 0,
    magic: 'ustar' as const,
    content,
  };
  tree.writeFile('usr/lib/apk/db/scripts.tar', printScriptsTar([{ ...pkg, control: [entry] }], 0), 0o644);
}

export function subjectOf({ tree, run, history, sbom }: SpoiledImage): ImageSubject {
  const annotations = { 'org.opencontainers.image.title': 'app' };
  const inventory = sbom === undefined ? undefined : parseSpdxInventory(sbom);
  return { arch: 'amd64', tree, run, history, annotations, ...(inventory && { sbom: inventory }) };
}

/** As scanners write it: each package of the image, all of one version. */
export function spdxOf(names: readonly string[], files: readonly string[] = []): string {
  return JSON.stringify({
    spdxVersion: 'SPDX-2.3',
    packages: names.map((name) => ({ name, versionInfo: '1-r0' })),
    files: files.map((fileName) => ({ fileName })),
  });
}

export const PACKAGES = ['base', 'glibc', 'tls', 'ca', 'app'];

function installedDatabase(): string {
  const links = [
    ['base', 'lib64'],
    ['base', 'lib'],
    ['base', 'bin'],
  ];
  const owned = [...FILES.map(([owner, path]) => [owner, path]), ...links] as [string, string][];
  return [...new Set(owned.map(([owner]) => owner))]
    .map((name) => {
      const lines = owned
        .filter(([owner]) => owner === name)
        .map(([, path]) => {
          const at = path.lastIndexOf('/');
          return `F:${path.slice(0, Math.max(0, at))}\nR:${path.slice(at + 1)}\n`;
        });
      return `P:${name}\nV:1-r0\n${lines.join('')}\n`;
    })
    .join('');
}
