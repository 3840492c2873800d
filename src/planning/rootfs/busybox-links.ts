// Links for the applets of busybox, which its install script would make (layer-and-oci.md 6). Nothing is run: the paths
// come from the package's manifest or from the table in busybox-applets.ts.

import { Failure } from '../../base/failure.ts';
import type { Package } from '../../formats/apk/package.ts';
import { busyboxAppletPaths, type Release } from './busybox-applets.ts';
import type { FileTree } from './file-tree.ts';
import { regularFile } from './tolerant-lookup.ts';

const BUSYBOX = '/bin/busybox';

/**
 * Makes the links if the image has a /bin/busybox. Existing links and files stay as they are.
 * @throws Failure PACKAGE_INVALID when no package is busybox, or its version tells no release and it has no manifest
 */
export function applyBusyboxLinks(tree: FileTree, packages: readonly Pick<Package, 'info'>[]): void {
  const program = regularFile(tree, BUSYBOX);
  if (program === undefined) return;
  for (const path of linkPaths(tree, packages)) {
    if (path === BUSYBOX) continue;
    const directory = path.slice(0, path.lastIndexOf('/'));
    tree.mkdirAll(directory, 0o755);
    // The link takes the time of its directory, and the reference sets that even where nothing is to be linked.
    tree.setMtime(directory, program.mtime);
    if (tree.lookup(path, { follow: false }) === undefined) tree.symlink(BUSYBOX, path);
  }
}

/** Absolute paths, in the order of manifest or table. */
function linkPaths(tree: FileTree, packages: readonly Pick<Package, 'info'>[]): readonly string[] {
  const { name, version } = busyboxPackage(packages);
  const manifest = tree.readText(`etc/busybox-paths.d/${name}`);
  if (manifest === undefined) return busyboxAppletPaths(parseRelease(name, version));
  return manifest
    .split('\n')
    .filter((line) => line.includes('/'))
    .map((line) => (line.startsWith('/') ? line : `/${line}`));
}

function busyboxPackage(packages: readonly Pick<Package, 'info'>[]): Package['info'] {
  const infos = packages.map((pkg) => pkg.info);
  const found =
    infos.find((info) => info.name === 'busybox') ??
    infos.findLast((info) => info.provides.some((provided) => provided.includes('busybox')));
  if (found === undefined) {
    throw new Failure('PACKAGE_INVALID', `the image has ${BUSYBOX}, but no installed package is or provides busybox`, {
      hint: 'Its applet links depend on the version: give the package that ships it "busybox" in provides.',
    });
  }
  return found;
}

function parseRelease(name: string, version: string): Release {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(-\w+)?$/.exec(version.replace(/-r\d+$/, ''));
  if (match === null) {
    throw new Failure(
      'PACKAGE_INVALID',
      `the version of ${name}, "${version}", tells no busybox release such as 1.36.1`,
      {
        hint: `Without one its applets are unknown; ship /etc/busybox-paths.d/${name} in the package.`,
      },
    );
  }
  return [Number(match[1]), Number(match[2]), Number(match[3])];
}
