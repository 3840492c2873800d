// accountable/: every file belongs to one package, to the builder, or to the image's own configuration.

import type { FileTree } from '../rootfs/file-tree.ts';
import type { TreeNode } from '../rootfs/tree-node.ts';
import { isBuildersFile, isDpkgsFile } from './builders-files.ts';
import { listed } from './enumeration.ts';
import { hasOneOwner, listDirectories, ownersOf } from './file-owners.ts';
import type { Observation } from './finding.ts';
import type { ImageFiles } from './image-files.ts';
import type { ImageSubject } from './image-subject.ts';
import type { PackageDatabase } from './package-database.ts';
import { readTextFile } from './text-file.ts';
import { baseName, directoryOf, resolvePath } from './tree-paths.ts';

export function checkOwnership(subject: ImageSubject, files: ImageFiles, database: PackageDatabase): Observation[] {
  const { tree, sbom } = subject;
  const hasFileList = sbom !== undefined && sbom.files.size > 0;
  if (database.kind === 'none' && !hasFileList) {
    return [{ check: 'accountable/no-database', message: 'the image has no package database' }];
  }
  // rpm's database is no text: whose file it is cannot be said.
  if (database.kind === 'rpm') return [];
  const isWritten = { apk: isBuildersFile, dpkg: isDpkgsFile, none: () => false }[database.kind];
  const declared = declaredPaths(tree);
  const isSomebodys = (path: string, node: TreeNode) =>
    sbom?.files.has(path) || declared.has(path) || isWritten(path) || isManagedLink(tree, path, node);
  const shared: Observation[] = [];
  const unowned = new Set<string>();
  const housing = new Housing();
  const directories = [{ path: '', node: tree.root }, ...files.directories];
  for (const directory of listDirectories(directories, database, (path) => resolvePath(tree, path)?.path)) {
    if (hasOneOwner(directory)) {
      housing.add(directory.path);
      continue;
    }
    const owners = ownersOf(directory);
    for (const [name, node] of directory.node.children) {
      if (node.kind === 'directory') continue;
      const path = directory.path === '' ? name : `${directory.path}/${name}`;
      const owner = owners.get(name);
      if (typeof owner === 'object') shared.push(...sharedFile(tree, path, node, namesOf(owner, database)));
      if (owner !== undefined || isSomebodys(path, node)) housing.add(directory.path);
      else unowned.add(path);
    }
  }
  const inOrder = unowned.size === 0 ? [] : files.entries.map(({ path }) => path).filter((path) => unowned.has(path));
  return [...shared, ...unownedFiles(inOrder, housing)];
}

function namesOf(owners: readonly number[], { packages }: PackageDatabase): string[] {
  return [...new Set(owners.map((index) => packages[index]?.name ?? ''))];
}

function sharedFile(tree: FileTree, path: string, node: TreeNode, packages: readonly string[]): Observation[] {
  if (packages.length < 2) return [];
  // To the packages it is a directory, which many may have.
  if (node.kind === 'symlink' && resolvePath(tree, path)?.node.kind === 'directory') return [];
  return [{ check: 'accountable/two-owners', path, message: `${path} belongs to ${listed(packages)}` }];
}

/** The paths that the image's configuration declares: apko and stave keep it in the image. */
function declaredPaths(tree: FileTree): ReadonlySet<string> {
  const text = readTextFile(tree, 'etc/apko.json', 4 * 1024 * 1024);
  if (text === undefined) return new Set();
  const declared = new Set<string>();
  try {
    const { paths = [] } = JSON.parse(text) as { paths?: { path?: unknown }[] };
    for (const { path } of paths) {
      if (typeof path !== 'string') continue;
      const found = resolvePath(tree, directoryOf(path))?.path;
      if (found !== undefined) declared.add(found === '' ? baseName(path) : `${found}/${baseName(path)}`);
    }
  } catch {
    // Whatever lies there says nothing about paths.
  }
  return declared;
}

/** Made by the builder or busybox' own install script, or managed as one of several alternatives. */
function isManagedLink(tree: FileTree, path: string, node: TreeNode): boolean {
  if (node.kind !== 'symlink') return false;
  if (node.target.startsWith('/etc/alternatives/')) return true;
  const target = resolvePath(tree, path)?.path ?? '';
  return /(?:^|\/)busybox(?:\.\w+)?$/.test(target);
}

/** The directories in which, or below which, there are files of somebody. */
class Housing {
  readonly #paths = new Set<string>();

  add(directory: string): void {
    for (let above = directory; above !== '' && !this.#paths.has(above); above = directoryOf(above))
      this.#paths.add(above);
  }

  has(directory: string): boolean {
    return this.#paths.has(directory);
  }
}

/** A directory that holds nothing but unowned files is named in their place. */
function unownedFiles(unowned: readonly string[], housing: Housing): Observation[] {
  const places = new Map<string, number>();
  for (const path of unowned) {
    const place = foreignPart(path, housing);
    places.set(place, (places.get(place) ?? 0) + 1);
  }
  const single = new Set(unowned);
  const byDirectory = new Map<string, string[]>();
  for (const place of places.keys()) {
    const directory = directoryOf(place);
    byDirectory.set(directory, [...(byDirectory.get(directory) ?? []), place]);
  }
  return [...byDirectory].flatMap(([directory, inside]): Observation[] => {
    if (inside.length > MOST_NAMED) {
      const names = listed(inside.map(baseName));
      return [unownedAt(directory, `${inside.length} names in /${directory}: ${names}`)];
    }
    return inside.map((path) => {
      const count = places.get(path) ?? 0;
      return unownedAt(path, single.has(path) ? path : `${path}: ${count} file${count === 1 ? '' : 's'}`);
    });
  });
}

/** Further files of one directory are only counted. */
const MOST_NAMED = 5;

function unownedAt(path: string, what: string): Observation {
  return { check: 'accountable/unowned-file', path, message: `no package owns ${what}` };
}

/** The uppermost directory of the path in which no package has a file, else the path itself. */
function foreignPart(path: string, housing: Housing): string {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    const directory = path.slice(0, slash);
    if (!housing.has(directory)) return directory;
  }
  return path;
}
