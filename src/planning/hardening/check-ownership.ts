// accountable/: every file belongs to one package, to the builder, or to the image's own configuration.

import type { FileTree } from '../rootfs/file-tree.ts';
import type { TreeNode } from '../rootfs/tree-node.ts';
import { listed } from './enumeration.ts';
import type { Observation } from './finding.ts';
import type { ImageFiles } from './image-files.ts';
import type { ImageSubject } from './image-subject.ts';
import type { PackageDatabase } from './package-database.ts';
import type { SbomInventory } from './sbom-inventory.ts';
import { readTextFile } from './text-file.ts';
import { baseName, directoryOf, resolvePath } from './tree-paths.ts';

/** What builders of apk images write by themselves, documented in docs/hardening.md. */
const BUILDERS_FILES: readonly RegExp[] = [
  /^etc\/apk\//,
  /^(?:usr\/)?lib\/apk(?:$|\/db\/|\/exec\/)/,
  /^etc\/apko\.json$/,
  /^etc\/ld\.so\.cache$/,
  /^etc\/(?:passwd|group|shadow)-?$/,
  /^dev\/(?:zero|urandom|null|random|console)$/,
  /^usr\/local\/share\/ca-certificates\/[^/]+-[0-9a-f]{64}\.crt$/,
  /(?:^|\/)\.(?:ca-certificates\.crt|tls-ca-bundle\.pem|cacerts)\.sha256$/,
  /^sv\/[^/]+\/run$/,
];

/** What dpkg and its scripts write. */
const DPKG_FILES: readonly RegExp[] = [
  /^var\/lib\/dpkg\//,
  /^etc\/(?:passwd|group|shadow|gshadow|ld\.so\.cache)-?$/,
  /^etc\/alternatives\//,
  /^etc\/ssl\/certs\//,
];

export function checkOwnership(subject: ImageSubject, files: ImageFiles, database: PackageDatabase): Observation[] {
  const { tree, sbom } = subject;
  const hasFileList = sbom !== undefined && sbom.files.size > 0;
  if (database.kind === 'none' && !hasFileList) {
    return [{ check: 'accountable/no-database', message: 'the image has no package database' }];
  }
  // rpm's database is no text: whose file it is cannot be said.
  if (database.kind === 'rpm') return [];
  const owners = new FileOwners(tree, database, sbom);
  const declared = declaredPaths(tree);
  const known = { apk: BUILDERS_FILES, dpkg: DPKG_FILES, none: [] }[database.kind];
  const isOurs = (path: string, node: TreeNode) =>
    declared.has(path) || known.some((pattern) => pattern.test(path)) || isManagedLink(tree, path, node);
  const shared: Observation[] = [];
  const unowned: string[] = [];
  const housing = new Housing();
  for (const { path, node } of files.entries) {
    if (node.kind === 'directory') continue;
    const slash = path.lastIndexOf('/');
    const directory = slash < 0 ? '' : path.slice(0, slash);
    const owner = owners.find(directory, path.slice(slash + 1), path);
    if (typeof owner === 'object') shared.push(...sharedFile(tree, path, node, owners.names(owner)));
    if (owner !== undefined || isOurs(path, node)) housing.add(directory);
    else unowned.push(path);
  }
  return [...shared, ...unownedFiles(unowned, housing)];
}

/** Which packages have a file; by directory, whose real path is looked up once. */
class FileOwners {
  readonly #names: readonly string[];
  readonly #byDirectory = new Map<string, Map<string, number | number[]>>();
  readonly #listed: ReadonlySet<string>;
  /** What was asked for last: files come directory by directory. */
  #recent:
    | { readonly directory: string; readonly files: ReadonlyMap<string, number | number[]> | undefined }
    | undefined;

  /** Files of the SBOM are owned too, by components of it. */
  constructor(tree: FileTree, { packages, eachFile }: PackageDatabase, sbom: SbomInventory | undefined) {
    this.#names = packages.map(({ name }) => name);
    this.#listed = sbom?.files ?? new Set();
    const spelled = new Map<string, Map<string, number | number[]>>();
    eachFile((index, directory, name) => {
      let files = spelled.get(directory);
      if (files === undefined) {
        const real = resolvePath(tree, directory)?.path ?? directory;
        files = this.#byDirectory.get(real) ?? new Map();
        this.#byDirectory.set(real, files);
        spelled.set(directory, files);
      }
      const known = files.get(name);
      if (known === undefined) files.set(name, index);
      else if (typeof known === 'object') known.push(index);
      else if (known !== index) files.set(name, [known, index]);
    });
  }

  /** The package, or the packages; 'sbom' for what only the SBOM lists; undefined for what nobody has. */
  find(directory: string, name: string, path: string): number | readonly number[] | 'sbom' | undefined {
    let recent = this.#recent;
    if (recent?.directory !== directory) {
      recent = { directory, files: this.#byDirectory.get(directory) };
      this.#recent = recent;
    }
    return recent.files?.get(name) ?? (this.#listed.has(path) ? 'sbom' : undefined);
  }

  names(packages: readonly number[]): string[] {
    return [...new Set(packages.map((index) => this.#names[index] ?? ''))];
  }
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
  #last = '';

  add(directory: string): void {
    if (directory === this.#last) return;
    this.#last = directory;
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
