// Where an image is or should go, as people write it: a reference, `oci:FOLDER[:NAME]`, `docker-archive:FILE[:REFERENCE]`, or
// the plain path of a layout or archive that exists.

import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { parseReference, printReference, type Reference } from '../../formats/oci/reference.ts';

export type ImagePlace =
  | { readonly kind: 'registry'; readonly reference: Reference }
  /** `name`: which image of the layout, by its `org.opencontainers.image.ref.name`. */
  | { readonly kind: 'layout'; readonly path: string; readonly name: string | undefined }
  | { readonly kind: 'archive'; readonly path: string; readonly name: string | undefined };

const LAYOUT_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** A place to read from. `cwd` is absolute. Failures USAGE_ARGUMENTS, IMAGE_INVALID. */
export function parseSourcePlace(text: string, cwd: string): ImagePlace {
  const place = parseNamedKind(text, cwd) ?? existingPlace(text, cwd);
  if (place !== undefined) return place;
  if (isPathLike(text)) {
    throw new Failure('USAGE_ARGUMENTS', `"${text}" is neither an OCI layout nor an archive`, {
      hint: 'name a folder with an oci-layout file, an archive of "docker save", or an image in a registry',
    });
  }
  return { kind: 'registry', reference: parseReference(text) };
}

/** A place to write to: a reference with a tag, or one of the kinds by name. Failures USAGE_ARGUMENTS, IMAGE_INVALID. */
export function parseTargetPlace(text: string, cwd: string): ImagePlace {
  const place = parseNamedKind(text, cwd);
  if (place !== undefined) return place;
  if (isPathLike(text)) {
    throw new Failure('USAGE_ARGUMENTS', `"${text}" looks like a path, but could be an image in a registry too`, {
      hint: `write oci:${text} for an OCI layout, docker-archive:${text} for an archive`,
    });
  }
  const reference = parseReference(text);
  if (reference.digest === undefined) return { kind: 'registry', reference };
  throw new Failure('USAGE_ARGUMENTS', `"${text}" names a digest, which follows from the image`, {
    hint: 'name a tag to copy to, or the repository alone for the tag "latest"',
  });
}

/** For people. */
export function printPlace(place: ImagePlace): string {
  if (place.kind === 'registry') return printReference(place.reference);
  const name = place.name === undefined ? '' : `:${place.name}`;
  return `${place.kind === 'layout' ? 'oci' : 'docker-archive'}:${place.path}${name}`;
}

function parseNamedKind(text: string, cwd: string): ImagePlace | undefined {
  const [, kind, rest = ''] = /^([a-z-]+):(.*)$/s.exec(text) ?? [];
  if (kind === 'docker' && rest.startsWith('//')) {
    return { kind: 'registry', reference: parseReference(rest.slice(2)) };
  }
  if (kind !== 'oci' && kind !== 'docker-archive') return undefined;
  const { path, name } = kind === 'oci' ? splitLayout(rest) : splitArchive(rest);
  if (path === '') throw new Failure('USAGE_ARGUMENTS', `"${text}" names no ${kind === 'oci' ? 'folder' : 'file'}`);
  if (kind === 'oci') return { kind: 'layout', path: resolve(cwd, path), name };
  return { kind: 'archive', path: resolve(cwd, path), name: name && printReference(parseReference(name)) };
}

/** A drive's letter (`C:\images`) is not the end of a path. */
function splitLayout(text: string): { path: string; name: string | undefined } {
  const colon = text.lastIndexOf(':');
  const name = text.slice(colon + 1);
  if (colon <= 1 || !LAYOUT_NAME.test(name)) return { path: text, name: undefined };
  return { path: text.slice(0, colon), name };
}

function splitArchive(text: string): { path: string; name: string | undefined } {
  const colon = text.indexOf(':', 2);
  if (colon === -1) return { path: text, name: undefined };
  return { path: text.slice(0, colon), name: text.slice(colon + 1) };
}

/** Only what cannot be meant otherwise, or is plainly there: a layout's folder or an archive under exactly this path. */
function existingPlace(text: string, cwd: string): ImagePlace | undefined {
  const path = resolve(cwd, text);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) {
    const isLayout = statSync(join(path, 'oci-layout'), { throwIfNoEntry: false }) !== undefined;
    return isLayout ? { kind: 'layout', path, name: undefined } : undefined;
  }
  const isArchive = found?.isFile() && (isPathLike(text) || text.includes('/'));
  return isArchive ? { kind: 'archive', path, name: undefined } : undefined;
}

function isPathLike(text: string): boolean {
  return /^(\.{0,2}[/\\]|\.{1,2}$|[A-Za-z]:[\\/])/.test(text) || /[/\\]$|\.(tar|tgz|tar\.gz)$/i.test(text);
}
