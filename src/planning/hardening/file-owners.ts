// Which packages have the files of a directory. Most directories belong to one package, and hold exactly what it lists there:
// there nobody has to ask for each file.

import type { DirectoryNode } from '../rootfs/tree-node.ts';
import type { ImageDirectory } from './image-files.ts';
import type { PackageDatabase } from './package-database.ts';

/** Positions of packages in the database: one, or several in the order of the database. */
export type Owners = number | readonly number[];

/** What one package lists in a directory. */
interface Listing {
  readonly packageIndex: number;
  readonly names: readonly string[];
}

/** A directory of the image with all that is listed there. */
export interface ListedDirectory extends ImageDirectory {
  readonly listings: readonly Listing[];
}

/** In the order of `directories`. `resolve`: where a directory is that the database spells in another way than the image. */
export function listDirectories(
  directories: readonly ImageDirectory[],
  { eachListing }: PackageDatabase,
  resolve: (directory: string) => string | undefined,
): ListedDirectory[] {
  const all: { path: string; node: DirectoryNode; listings: Listing[] }[] = [];
  const bySpelling = new Map<string, Listing[] | undefined>();
  for (const { path, node } of directories) {
    const listings: Listing[] = [];
    all.push({ path, node, listings });
    bySpelling.set(path, listings);
  }
  eachListing((packageIndex, directory, names) => {
    let listings = bySpelling.get(directory);
    if (listings === undefined && !bySpelling.has(directory)) {
      const real = resolve(directory);
      listings = real === undefined ? undefined : bySpelling.get(real);
      bySpelling.set(directory, listings);
    }
    listings?.push({ packageIndex, names });
  });
  return all;
}

/** Whether one package has all the files of the directory, and no other any. May say no where it is so. */
export function hasOneOwner({ node, listings }: ListedDirectory): boolean {
  const { order, children } = node;
  if (listings.length !== 1 || order === undefined) return false;
  const { names } = listings[0] as Listing;
  // Both are in byte order, so they are compared and not looked up.
  let at = 0;
  for (const name of order) {
    if (name === names[at]) at++;
    else if (children.get(name)?.kind !== 'directory') return false;
  }
  return at > 0;
}

/** By name; names that nobody has are missing. */
export function ownersOf({ listings }: ListedDirectory): ReadonlyMap<string, Owners> {
  const owners = new Map<string, number | number[]>();
  for (const { packageIndex, names } of listings) {
    for (const name of names) {
      const known = owners.get(name);
      if (known === undefined) owners.set(name, packageIndex);
      else if (typeof known === 'object') known.push(packageIndex);
      else if (known !== packageIndex) owners.set(name, [known, packageIndex]);
    }
  }
  return owners;
}
