// Where the bytes of a file are. The tree never holds packaged file contents: a 2 GB image plans in a few MB.

import { Failure } from '../../base/failure.ts';

/** Bytes made by the builder, or a range of the uncompressed data tar of the package with that index in install order. */
export type Content =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'packaged'; readonly packageIndex: number; readonly offset: number; readonly size: number };

/** Reads `length` bytes of a package's data tar at `offset`. Given by the caller; planning itself does no I/O. */
export type PackagedRead = (packageIndex: number, offset: number, length: number) => Uint8Array;

export const EMPTY: Content = { kind: 'inline', bytes: new Uint8Array(0) };

export function contentSize(content: Content): number {
  return content.kind === 'inline' ? content.bytes.length : content.size;
}

/** Up to `length` bytes of the content from `start`; fewer at its end. */
export function readContent(
  content: Content,
  read: PackagedRead,
  start = 0,
  length = contentSize(content) - start,
): Uint8Array {
  const end = Math.min(contentSize(content), start + length);
  if (end <= start) return new Uint8Array(0);
  if (content.kind === 'inline') return content.bytes.subarray(start, end);
  return read(content.packageIndex, content.offset + start, end - start);
}

/** What a packaged file turned out to be when its bytes were not those that its package promised. */
export interface DamagedContent {
  readonly packageIndex: number;
  readonly path: string;
}

/** The store's copy of a package is damaged: nothing of it may be used. `data` is a DamagedContent. */
export function damagedContent(path: string, packageIndex: number): Failure {
  const data: DamagedContent = { packageIndex, path };
  return new Failure('CHECKSUM_MISMATCH', `the cached copy of "${path}" is not what its package promised`, {
    hint: 'the cache is damaged; `stave clean` empties it',
    data,
  });
}
