// What the solver is given and what it gives back (apk-format.md 6): the indexes of one architecture, in the reference's
// order, and the packages chosen from them.

import type { ApkIndex } from '../../formats/apk/index-lookup.ts';
import type { IndexRecord } from '../../formats/apk/index-record.ts';

export interface IndexedRepository {
  /** The repository as written, without the tag. */
  readonly url: string;
  /** `''` = none. Packages of tagged repositories are seen only by wishes with that tag, and by their dependencies. */
  readonly tag: string;
  readonly index: ApkIndex;
  /** Hex, of the archive that the index was read from; undefined for a base image's list. */
  readonly sha256?: string;
}

export interface ArchitectureIndexes {
  /** OCI form: `amd64`, `arm/v7`. */
  readonly arch: string;
  /** In the reference's order: sorted unique lines, the base image's index last. Empty: nothing is known for it. */
  readonly repositories: readonly IndexedRepository[];
  /** Names of the packages that the base image has; a dependency `!name` on one of them refuses the solution. */
  readonly installed?: readonly string[];
}

export interface ResolvedPackage {
  readonly record: IndexRecord;
  readonly repository: IndexedRepository;
  /** The tag of the wish that named the package, else `''`. */
  readonly tag: string;
}
