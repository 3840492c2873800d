// The values of one apk v2 package (apk-format.md 1 and 2): what its control member says and what its data member holds.

import type { TarEntry } from '../tar/entry.ts';

/** .PKGINFO (apk-format.md 2). Missing scalars are '' or 0, missing lists []. */
export interface PackageInfo {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  readonly description: string;
  readonly license: string;
  readonly origin: string;
  readonly maintainer: string;
  readonly url: string;
  readonly commit: string;
  /** Lower-case hex SHA-256 of the compressed data member. */
  readonly dataHash: string;
  readonly installedSize: number;
  /** Unix seconds. */
  readonly buildDate: number;
  readonly providerPriority: number;
  readonly depends: readonly string[];
  readonly provides: readonly string[];
  readonly replaces: readonly string[];
  readonly installIf: readonly string[];
  readonly triggers: readonly string[];
}

/** One gzip member of the package file: inclusive byte range and digest of the compressed bytes (sbom-and-lock.md 5). */
export interface PackageMember {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Base64 digest: SHA-1 for signature and control, SHA-256 for data. */
  readonly checksum: string;
}

/** An entry of the control member together with its content (scripts are small: LIMITS.controlBytes bounds them all). */
export interface ControlEntry extends TarEntry {
  readonly content: Uint8Array;
}

/** A verified package without its file contents: those stay in its data tar, entries say at which offset. */
export interface Package {
  readonly info: PackageInfo;
  /** Hex SHA-1 of the compressed control member; `C:Q1<base64>` in indexes and databases. */
  readonly controlSha1: string;
  /** Compressed size of all members in bytes. */
  readonly sizeBytes: number;
  readonly members: {
    readonly signature?: PackageMember;
    readonly control: PackageMember;
    readonly data: PackageMember;
  };
  readonly control: readonly ControlEntry[];
  /** Entries of the data tar in archive order; `offset` counts in the uncompressed data tar. */
  readonly entries: readonly TarEntry[];
  /** Its record in the installed database where no other package owns a file of it: the same in every image. */
  readonly record?: string | undefined;
}
