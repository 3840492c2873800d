// Which endpoint a path names (distribution spec, "Endpoints"), and the rules for names and tags. Pure.
// A repository name becomes a path on disk: nothing passes here that could leave its folder.

import { LIMITS } from '../../../base/limits.ts';

export type Route =
  /** `/v2/` */
  | { readonly kind: 'base' }
  | { readonly kind: 'blob'; readonly name: string; readonly digest: string }
  /** Where uploads begin. */
  | { readonly kind: 'uploads'; readonly name: string }
  | { readonly kind: 'upload'; readonly name: string; readonly id: string }
  | { readonly kind: 'manifest'; readonly name: string; readonly reference: string }
  | { readonly kind: 'tags'; readonly name: string }
  | { readonly kind: 'referrers'; readonly name: string; readonly digest: string }
  | { readonly kind: 'unknown' };

export type RouteKind = Route['kind'];

const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** The path of the URL, still percent-encoded. The parts of the route are decoded, but not checked. */
export function parseRoute(path: string): Route {
  const text = decode(path);
  if (text === '/v2' || text === '/v2/') return { kind: 'base' };
  if (!text?.startsWith('/v2/')) return { kind: 'unknown' };
  const rest = text.slice('/v2/'.length);
  // The last match counts: a repository may be called `tags` or `blobs`.
  const [, name = '', endpoint = '', last = ''] =
    /^(.+)\/(blobs\/uploads)\/?$/.exec(rest) ??
    /^(.+)\/(blobs\/uploads|blobs|manifests|referrers)\/([^/]*)$/.exec(rest) ??
    /^(.+)\/(tags)\/list$/.exec(rest) ??
    [];
  switch (endpoint) {
    case 'blobs':
      return { kind: 'blob', name, digest: last };
    case 'blobs/uploads':
      return last === '' ? { kind: 'uploads', name } : { kind: 'upload', name, id: last };
    case 'manifests':
      return { kind: 'manifest', name, reference: last };
    case 'referrers':
      return { kind: 'referrers', name, digest: last };
    case 'tags':
      return { kind: 'tags', name };
    default:
      return { kind: 'unknown' };
  }
}

export function isRepositoryName(name: string): boolean {
  return name.length <= LIMITS.repositoryNameCharacters && REPOSITORY.test(name);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
