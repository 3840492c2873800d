// Scopes of registry tokens: `repository:team/app:pull,push` (signing.md 12, token flow). Pure text.

import { sortedUnique } from '../../../base/order.ts';

/** What a request does in a repository; `delete` is what registries ask for before they remove something. */
export type Action = 'pull' | 'push' | 'delete';

export function repositoryScope(repository: string, ...actions: readonly Action[]): string {
  return `repository:${repository}:${actions.join(',')}`;
}

/** The scopes with those about the same resource joined; resources and actions in byte order. */
export function mergeScopes(scopes: readonly string[]): string[] {
  const byResource = new Map<string, string[]>();
  for (const scope of scopes) {
    const { resource, actions } = parseScope(scope);
    byResource.set(resource, [...(byResource.get(resource) ?? []), ...actions]);
  }
  return sortedUnique(byResource.keys()).map(
    (resource) => `${resource}:${sortedUnique(byResource.get(resource) ?? []).join(',')}`,
  );
}

/** Whether who may do all of `have` may do all of `want`. */
export function coversScopes(have: readonly string[], want: readonly string[]): boolean {
  const granted = new Map(
    mergeScopes(have)
      .map(parseScope)
      .map(({ resource, actions }) => [resource, actions] as const),
  );
  return mergeScopes(want)
    .map(parseScope)
    .every(({ resource, actions }) => actions.every((action) => granted.get(resource)?.includes(action)));
}

/** Names may hold colons, actions never do. */
function parseScope(scope: string): { readonly resource: string; readonly actions: readonly string[] } {
  const colon = scope.lastIndexOf(':');
  if (colon === -1) return { resource: scope, actions: [] };
  return {
    resource: scope.slice(0, colon),
    actions: scope
      .slice(colon + 1)
      .split(',')
      .filter(Boolean),
  };
}
