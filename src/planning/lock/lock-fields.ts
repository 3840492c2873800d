// Typed access to a lock file's JSON: known keys must have the right type, unknown ones are ignored.

import { Failure } from '../../base/failure.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** Typed access to parsed JSON; every complaint names the file and the path in it. */
export class LockFields {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  object(value: unknown, path: string): JsonObject {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
    throw this.#wrong(path, 'an object');
  }

  /** The objects of a list with their paths; none where the list is absent or null. */
  list(parent: JsonObject, key: string, above = 'contents'): readonly (readonly [entry: JsonObject, path: string])[] {
    const value = parent[key] ?? [];
    if (!Array.isArray(value)) throw this.#wrong(`${above}.${key}`, 'a list');
    return value.map((entry: unknown, index) => {
      const path = `${above}.${key}[${index}]`;
      return [this.object(entry, path), path] as const;
    });
  }

  text(parent: JsonObject, key: string, path: string): string {
    const value = parent[key] ?? '';
    if (typeof value === 'string') return value;
    throw this.#wrong(`${path}.${key}`, 'a text');
  }

  count(parent: JsonObject, key: string, path: string): number {
    const value = parent[key];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#wrong(`${path}.${key}`, 'a count');
  }

  needed(parent: JsonObject, key: string, path: string): string {
    const value = this.text(parent, key, path);
    if (value !== '') return value;
    throw new Failure('LOCK_INVALID', `the lock file ${this.#file} has no ${path}.${key}`);
  }

  #wrong(path: string, kind: string): Failure {
    return new Failure('LOCK_INVALID', `${path} must be ${kind} in the lock file ${this.#file}`);
  }
}
