// The user's own files as they were found: what a group of `files:` consists of, with digests, before any image is known.

/** A group after its files were collected. */
export interface CollectedGroup {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** `<image>@sha256:...` that its files were copied out of, without credentials; '' = the configuration names them one by one. */
  readonly image: string;
  /** In any order; several may have the same path, as long as they agree. */
  readonly entries: readonly CollectedEntry[];
}

interface EntryFields {
  /** In the image, without leading or trailing slash. */
  readonly path: string;
  /** `user`, `user:group` or '', by number or by name in the image. */
  readonly owner: string;
  /** OCI forms; [] = all. */
  readonly archs: readonly string[];
}

export interface CollectedFile extends EntryFields {
  readonly kind: 'file';
  readonly mode: number;
  readonly sizeBytes: number;
  /** Hex. */
  readonly sha1: string;
  /** Hex. */
  readonly sha256: string;
  /** Where it was downloaded from, without credentials. */
  readonly url?: string;
  readonly content: CollectedContent;
}

export type CollectedContent =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  /** Stays where it is until a layer is written; `name` is what the user calls it. */
  | { readonly kind: 'disk'; readonly file: string; readonly name: string };

export type CollectedEntry =
  | CollectedFile
  | (EntryFields & { readonly kind: 'directory'; readonly mode: number })
  | (EntryFields & { readonly kind: 'symlink'; readonly target: string });

/** What the image calls the package of a group. No distribution has such names, so no scanner mistakes it for theirs. */
export function filesPackageName(group: Pick<CollectedGroup, 'name'>): string {
  return `${PREFIX}${group.name}`;
}

/** What the user calls such a package. */
export function ownNameOf(packageName: string): string {
  return packageName.slice(PREFIX.length);
}

const PREFIX = 'files-';
