// The package databases that an image may carry: which packages, and which files are whose. apk's and dpkg's are texts; others
// (rpm) are not read, so that ownership is then no question that we can answer.

import { installedPackages, scanInstalled } from '../../formats/apk/installed.ts';
import type { FileTree } from '../rootfs/file-tree.ts';
import { listTexts, readTextFile } from './text-file.ts';
import { baseName, directoryOf } from './tree-paths.ts';

export interface InstalledName {
  readonly name: string;
  readonly version: string;
}

export interface PackageDatabase {
  readonly kind: 'apk' | 'dpkg' | 'rpm' | 'none';
  readonly packages: readonly InstalledName[];
  /** Every file that a package has, directories left out, package by package and as the database spells them. */
  eachListing(visit: ListingVisitor): void;
}

/** Files of a package in one directory, '' being the root; it may come several times. `packageIndex` is a position. */
type ListingVisitor = (packageIndex: number, directory: string, names: readonly string[]) => void;

/** A database of 5,000 packages has about 100 MiB. */
const MAX_BYTES = 256 * 1024 * 1024;

const RPM_DATABASES = ['usr/lib/sysimage/rpm/rpmdb.sqlite', 'var/lib/rpm/rpmdb.sqlite', 'var/lib/rpm/Packages'];

export function readPackageDatabase(tree: FileTree): PackageDatabase {
  const installed =
    readTextFile(tree, 'usr/lib/apk/db/installed', MAX_BYTES) ?? readTextFile(tree, 'lib/apk/db/installed', MAX_BYTES);
  if (installed !== undefined && installed.trim() !== '') return apkDatabase(installed);
  const packages = dpkgPackages(tree);
  if (packages.length > 0) return dpkgDatabase(packages);
  const hasRpm = RPM_DATABASES.some((path) => readTextFile(tree, path, 1) !== undefined);
  return { kind: hasRpm ? 'rpm' : 'none', packages: [], eachListing: () => {} };
}

/** Nobody may ask for the files, which are many; whoever does learns of the packages, too. */
function apkDatabase(text: string): PackageDatabase {
  let packages: readonly InstalledName[] | undefined;
  return {
    kind: 'apk',
    get packages() {
      packages ??= installedPackages(text);
      return packages;
    },
    eachListing: (visit) => {
      const told: InstalledName[] = [];
      scanInstalled(text, {
        package: (name, version) => told.push({ name, version }),
        files: (directory, names) => visit(told.length - 1, directory, names),
      });
      packages = told;
    },
  };
}

interface DpkgPackage {
  readonly name: string;
  readonly version: string;
  /** As the lists spell them, without leading slash. */
  readonly files: readonly string[];
}

function dpkgDatabase(packages: readonly DpkgPackage[]): PackageDatabase {
  const eachListing = (visit: ListingVisitor) => {
    for (const [index, { files }] of packages.entries()) {
      let [directory, names]: [string, string[]] = ['', []];
      for (const file of files) {
        if (directoryOf(file) !== directory) {
          visit(index, directory, names);
          [directory, names] = [directoryOf(file), []];
        }
        names.push(baseName(file));
      }
      visit(index, directory, names);
    }
  };
  return { kind: 'dpkg', packages: packages.map(({ name, version }) => ({ name, version })), eachListing };
}

/** Debian's status file with its lists, or distroless' one file a package with checksums beside it. */
function dpkgPackages(tree: FileTree): DpkgPackage[] {
  const status = parseControl(readTextFile(tree, 'var/lib/dpkg/status', MAX_BYTES) ?? '');
  const info = listTexts(tree, 'var/lib/dpkg/info', /\.list$/, MAX_BYTES);
  const owned = new Map(info.map(([name, text]) => [name.replace(/\.list$/, ''), text.split('\n')]));
  const full = status.map(({ name, version, architecture }) => ({
    name,
    version,
    files: (owned.get(name) ?? owned.get(`${name}:${architecture}`) ?? [])
      .map(withoutSlash)
      .filter((path) => path !== ''),
  }));
  const parts = listTexts(tree, 'var/lib/dpkg/status.d', /./, MAX_BYTES);
  const sums = new Map(parts.filter(([name]) => name.endsWith('.md5sums')));
  const slim = parts
    .filter(([name]) => !name.endsWith('.md5sums'))
    .flatMap(([file, text]) =>
      parseControl(text).map(({ name, version }) => ({
        name,
        version,
        files: (sums.get(`${file}.md5sums`) ?? '')
          .split('\n')
          .flatMap((line) => /^[0-9a-f]{32} +(.+)$/.exec(line)?.[1] ?? []),
      })),
    );
  return [...full, ...slim];
}

function parseControl(
  text: string,
): { readonly name: string; readonly version: string; readonly architecture: string }[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const field = (key: string) => new RegExp(`^${key}: *(.+)$`, 'm').exec(paragraph)?.[1] ?? '';
    const name = field('Package');
    const isGone = /^Status: .*(?:deinstall|not-installed|config-files)/m.test(paragraph);
    return name === '' || isGone ? [] : [{ name, version: field('Version'), architecture: field('Architecture') }];
  });
}

function withoutSlash(path: string): string {
  return path.replace(/^\/\.?/, '');
}
