// Which installed package fulfils which dependency (apk-format.md 4): the edges of SBOMs, `dot` and `why`.
// Linear in the dependencies: every name is looked up once in an index of names and provides.

import { type Dependency, parseDependency } from '../../formats/apk/dependency.ts';
import { parseVersion, satisfies } from '../../formats/apk/version.ts';

export interface PackageRelations {
  readonly name: string;
  readonly version: string;
  readonly depends: readonly string[];
  readonly provides: readonly string[];
}

/** A package that has a name, itself or by a provide; the version it has *for that name*, '' = none. */
interface Provider {
  readonly index: number;
  readonly version: string;
}

/**
 * For each package the indexes of those that fulfil its dependencies, in the order of the dependencies, each once, never
 * itself. Of several that would do, the one of that very name counts, else the first installed. Conflicts (`!name`) and
 * dependencies that nothing here fulfils (a base image may) give no edge.
 */
export function dependencyEdges(packages: readonly PackageRelations[]): number[][] {
  const providers = providersByName(packages);
  // Many packages have the same dependencies (`so:libc...`): each text is resolved once.
  const resolved = new Map<string, number | undefined>();
  const resolve = (text: string): number | undefined => {
    if (!resolved.has(text)) resolved.set(text, fulfil(parseDependency(text), providers));
    return resolved.get(text);
  };
  return packages.map((pkg, self) => {
    const edges = new Set<number>();
    for (const text of pkg.depends) {
      const index = resolve(text);
      if (index !== undefined && index !== self) edges.add(index);
    }
    return [...edges];
  });
}

function providersByName(packages: readonly PackageRelations[]): Map<string, Provider[]> {
  const providers = new Map<string, Provider[]>();
  const add = (name: string, provider: Provider) => {
    const known = providers.get(name);
    if (known === undefined) providers.set(name, [provider]);
    else known.push(provider);
  };
  for (const [index, pkg] of packages.entries()) add(pkg.name, { index, version: pkg.version });
  for (const [index, pkg] of packages.entries()) {
    for (const provide of pkg.provides) {
      const { name, version } = parseDependency(provide);
      add(name, { index, version });
    }
  }
  return providers;
}

function fulfil(dependency: Dependency, providers: ReadonlyMap<string, readonly Provider[]>): number | undefined {
  if (dependency.negated) return undefined;
  return providers.get(dependency.name)?.find((provider) => isFulfilledBy(dependency, provider))?.index;
}

function isFulfilledBy(dependency: Dependency, provider: Provider): boolean {
  if (dependency.operator === '') return true;
  const actual = parseVersion(provider.version);
  const required = parseVersion(dependency.version);
  return actual !== undefined && required !== undefined && satisfies(actual, dependency.operator, required);
}
