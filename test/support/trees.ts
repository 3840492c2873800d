// Packages and trees as text for tests: a package is a few lines, a tree is compared as the lines of its dump.

import { createHash } from 'node:crypto';
import type { Package, PackageInfo } from '../../src/formats/apk/package.ts';
import type { TarEntry } from '../../src/formats/tar/entry.ts';
import type { PackagedRead } from '../../src/planning/rootfs/content.ts';
import { FileTree } from '../../src/planning/rootfs/file-tree.ts';
import type { LayerEntry, LayerPlan } from '../../src/planning/rootfs/layer-entries.ts';

export interface TestPackage {
  readonly pkg: Package;
  readonly data: Uint8Array;
}

/**
 * A package from lines: `dir PATH [MODE]`, `file PATH [MODE] [CONTENT]`, `link PATH TARGET`, `hard PATH TARGET`,
 * `char PATH MAJOR MINOR`, `bare PATH CONTENT` (no checksum record). Offsets count into the returned data.
 */
export function testPackage(
  info: Partial<PackageInfo> & { readonly name: string },
  lines: readonly string[],
): TestPackage {
  const contents: Buffer[] = [];
  let offset = 0;
  const entries = lines.map((line): TarEntry => {
    const [kind = '', name = '', a = '', ...rest] = line.split(' ');
    const base = {
      name,
      mode: 0o755,
      uid: 0,
      gid: 0,
      uname: 'root',
      gname: 'root',
      mtime: 100,
      size: 0,
      linkname: '',
      devmajor: 0,
      devminor: 0,
      pax: {} as Record<string, string>,
      offset,
      magic: 'ustar' as const,
    };
    const sha1 = (text: string) => ({ 'APK-TOOLS.checksum.SHA1': createHash('sha1').update(text).digest('hex') });
    switch (kind) {
      case 'dir':
        return { ...base, type: '5', mode: Number.parseInt(a || '755', 8) };
      case 'link':
        return { ...base, type: '2', mode: 0o777, linkname: a, pax: sha1(a) };
      case 'hard':
        return { ...base, type: '1', mode: 0o644, linkname: a };
      case 'char':
        return { ...base, type: '3', mode: 0o666, devmajor: Number(a), devminor: Number(rest[0]) };
      case 'file':
      case 'bare': {
        const text = kind === 'file' ? rest.join(' ') : [a, ...rest].join(' ');
        const content = Buffer.from(text);
        contents.push(content);
        offset += content.length;
        const mode = kind === 'file' ? Number.parseInt(a || '644', 8) : 0o644;
        return {
          ...base,
          type: '0',
          mode,
          size: content.length,
          offset: offset - content.length,
          pax: kind === 'file' ? sha1(text) : {},
        };
      }
      default:
        throw new Error(`unknown line: ${line}`);
    }
  });
  const full: PackageInfo = {
    version: '1-r0',
    arch: 'x86_64',
    description: '',
    license: '',
    origin: info.name,
    maintainer: '',
    url: '',
    commit: '',
    dataHash: '',
    installedSize: offset,
    buildDate: 0,
    providerPriority: 0,
    depends: [],
    provides: [],
    replaces: [],
    installIf: [],
    triggers: [],
    ...info,
  };
  const member = { start: 0, end: 1, checksum: '' };
  return {
    pkg: {
      info: full,
      controlSha1: '00'.repeat(20),
      sizeBytes: 1,
      members: { control: member, data: member },
      control: [],
      entries,
    },
    data: Buffer.concat(contents),
  };
}

export function readOf(packages: readonly TestPackage[]): PackagedRead {
  return (index, offset, length) => packages[index]!.data.subarray(offset, offset + length);
}

export function emptyTree(packages: readonly TestPackage[] = []): FileTree {
  return new FileTree(readOf(packages));
}

/** One line a node: `MODE UID:GID MTIME PATH[ -> TARGET][ = CONTENT][ (PACKAGE INDEX)]`; directories end in `/`. */
export function dumpTree(tree: FileTree): string[] {
  return tree.walk().map(({ path, node }) => dumpNode(tree, path, node));
}

export function dumpLayers(plan: LayerPlan): string[][] {
  return plan.map((layer) =>
    [...layer].map((e: LayerEntry) => `${e.mtime ?? e.node.mtime} ${e.path}${e.node.kind === 'directory' ? '/' : ''}`),
  );
}

function dumpNode(tree: FileTree, path: string, node: ReturnType<FileTree['lookup']> & object): string {
  const start = `${node.mode.toString(8).padStart(4, '0')} ${node.uid}:${node.gid} ${node.mtime} ${path}`;
  const owner = node.owner === undefined ? '' : ` (${node.owner})`;
  switch (node.kind) {
    case 'directory':
      return `${start}/`;
    case 'symlink':
      return `${start} -> ${node.target}${owner}`;
    case 'device':
      return `${start} ${node.type} ${node.major},${node.minor}${owner}`;
    case 'file':
      return `${start} = ${Buffer.from(tree.readRange(node, 0, 1000)).toString('utf8')}${owner}`;
  }
}
