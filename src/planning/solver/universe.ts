// The packages of one architecture as the solver sees them: one Candidate for each record that somebody asked about.
// Names resolve in the reference's nameMap order (apk-format.md 6): packages of the name, then packages providing it.

import { type Dependency, parseDependency } from '../../formats/apk/dependency.ts';
import type { IndexRecord } from '../../formats/apk/index-record.ts';
import { parseVersion, type Version } from '../../formats/apk/version.ts';
import type { ArchitectureIndexes, IndexedRepository } from './architecture-indexes.ts';

/** A package that could be installed. Everything about it is read on demand. */
export class Candidate {
  readonly repository: IndexedRepository;
  private readonly number: number;
  private parsedProvides: readonly Dependency[] | undefined;

  constructor(repository: IndexedRepository, number: number) {
    this.repository = repository;
    this.number = number;
  }

  get record(): IndexRecord {
    return this.repository.index.record(this.number);
  }

  get name(): string {
    return this.record.name;
  }

  /** `name-version`, for people. */
  get label(): string {
    return `${this.record.name}-${this.record.version}`;
  }

  /** `name=version`, as in a lock or world. */
  get pin(): string {
    return `${this.record.name}=${this.record.version}`;
  }

  /** In the reference's dialect; undefined where it cannot parse it. */
  get version(): Version | undefined {
    return parseVersion(this.record.version);
  }

  get provides(): readonly Dependency[] {
    this.parsedProvides ??= this.record.provides.map(parseDependency);
    return this.parsedProvides;
  }
}

export class Universe {
  readonly architecture: ArchitectureIndexes;
  /** Candidates by repository and record number, so that each record has one Candidate. */
  private readonly candidates: Map<number, Candidate>[];
  private readonly byName = new Map<string, readonly Candidate[]>();

  constructor(architecture: ArchitectureIndexes) {
    this.architecture = architecture;
    this.candidates = architecture.repositories.map(() => new Map<number, Candidate>());
  }

  get arch(): string {
    return this.architecture.arch;
  }

  /** All packages with that name, then all that provide it. */
  providers(name: string): readonly Candidate[] {
    let found = this.byName.get(name);
    if (found === undefined) {
      found = [
        ...this.collect((repository) => repository.index.named(name)),
        ...this.collect((repository) => repository.index.providing(name)),
      ];
      this.byName.set(name, found);
    }
    return found;
  }

  /** Packages with exactly this text among their install_if items. */
  installIfOf(item: string): readonly Candidate[] {
    return this.collect((repository) => repository.index.installIfOf(item));
  }

  has(name: string, version: string): boolean {
    return this.architecture.repositories.some((repository) => repository.index.find(name, version) !== undefined);
  }

  private collect(numbersIn: (repository: IndexedRepository) => Iterable<number>): Candidate[] {
    const found: Candidate[] = [];
    this.architecture.repositories.forEach((repository, at) => {
      const known = this.candidates[at]!;
      for (const number of numbersIn(repository)) {
        let candidate = known.get(number);
        if (candidate === undefined) {
          candidate = new Candidate(repository, number);
          known.set(number, candidate);
        }
        found.push(candidate);
      }
    });
    return found;
  }
}
