// One repository of one registry, as the files beside this one need it, and how messages name what is in it.

import { isDigest } from '../../../base/digest.ts';
import { type Action, repositoryScope } from '../auth/scope.ts';
import type { RegistryConnection } from './registry-connection.ts';

export interface Repository {
  readonly connection: RegistryConnection;
  /** `team/app`. */
  readonly name: string;
}

export function isTag(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(text);
}

/** `registry.example/team/app:1.0`, or with `@sha256:...`. */
export function nameOf({ connection, name }: Repository, tagOrDigest?: string): string {
  const place = `${connection.base.host}/${name}`;
  if (tagOrDigest === undefined) return place;
  return isDigest(tagOrDigest) ? `${place}@${tagOrDigest}` : `${place}:${tagOrDigest}`;
}

export function scopesOf({ name }: Repository, ...actions: readonly Action[]): string[] {
  return [repositoryScope(name, ...actions)];
}
