// The tree that every image starts from, before any package (layer-and-oci.md 2), and the `/lib/apk` link (5).

import { Failure } from '../../base/failure.ts';
import type { FileTree } from './file-tree.ts';
import type { TreeNode } from './tree-node.ts';

const DIRECTORIES: readonly (readonly [path: string, mode: number])[] = [
  ['tmp', 0o1777],
  ['dev', 0o755],
  ['etc', 0o755],
  ['opt', 0o755],
  ['proc', 0o555],
  ['var', 0o755],
  ['usr', 0o755],
  ['etc/apk/keys', 0o755],
  ['usr/lib/apk/db', 0o755],
  ['usr/lib/apk/exec', 0o755],
  ['var/cache/apk', 0o755],
  ['var/cache/misc', 0o755],
];

/** The only five device nodes that a stave image has by itself. */
const DEVICES: readonly (readonly [path: string, mode: number, major: number, minor: number])[] = [
  ['dev/zero', 0o666, 1, 5],
  ['dev/urandom', 0o666, 1, 9],
  ['dev/null', 0o666, 1, 3],
  ['dev/random', 0o666, 1, 8],
  ['dev/console', 0o620, 5, 1],
];

/** Lays the base tree. `arch` in apk form. The databases are filled later by `assembleRootfs`. */
export function layBaseTree(tree: FileTree, arch: string): void {
  for (const [path, mode] of DIRECTORIES) tree.mkdirAll(path, mode);
  for (const [path, mode, major, minor] of DEVICES) tree.charDevice(path, mode, major, minor);
  for (const path of ['etc/apk/world', 'etc/apk/repositories', 'usr/lib/apk/db/triggers', 'usr/lib/apk/db/installed']) {
    tree.writeFile(path, '', 0o644);
  }
  tree.writeFile('usr/lib/apk/db/lock', '', 0o600);
  tree.writeFile('usr/lib/apk/db/scripts.tar', new Uint8Array(1024), 0o644);
  tree.writeFile('etc/apk/arch', `${arch}\n`, 0o644);
}

/** Makes `/lib/apk` lead to `/usr/lib/apk`, where the databases are, whatever shape the packages gave to `/lib`. */
export function linkLibApk(tree: FileTree): void {
  const lib = tree.lookup('lib', { follow: false });
  if (lib?.kind === 'symlink' && isPath(lib.target, 'lib', 'usr/lib')) return;
  if (lib === undefined) tree.mkdirAll('lib', 0o755);
  const apk = tree.lookup('lib/apk', { follow: false });
  if (apk?.kind === 'symlink' && isPath(apk.target, 'lib/apk', 'usr/lib/apk')) return;
  if (apk !== undefined) {
    assertReplaceable(apk);
    tree.remove('lib/apk');
  }
  tree.symlink('../usr/lib/apk', 'lib/apk');
}

function assertReplaceable(apk: TreeNode): void {
  const refuse = (what: string) =>
    new Failure('FILE_CONFLICT', `"lib/apk" must become a link to "usr/lib/apk", but ${what}`, {
      hint: 'a package should put its files below usr/lib/apk instead',
    });
  if (apk.kind !== 'directory') throw refuse('a package has something else there');
  for (const [name, node] of apk.children) {
    if (node.kind !== 'directory') throw refuse(`it contains the file "${name}"`);
    if (node.children.size > 0) throw refuse(`"lib/apk/${name}" is not empty`);
  }
}

/** Whether a link target, seen from the link's own place, is that path (both without leading slash). */
function isPath(target: string, link: string, path: string): boolean {
  const from = target.startsWith('/') ? [] : link.split('/').slice(0, -1);
  const segments: string[] = [];
  for (const segment of [...from, ...target.split('/')]) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments.join('/') === path;
}
