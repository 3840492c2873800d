// JSON objects of OCI documents (layer-and-oci.md 12): tolerant, bounded reading of foreign ones, and printing of ours.
// Printing joins texts itself because a JavaScript object would move keys like "10" to the front.

import { printJson } from '../../base/canonical-json.ts';
import { type Digest, isDigest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

export type TextMap = Readonly<Record<string, string>>;

/**
 * One object of a foreign document. An absent, null or empty field is the same as the type's empty value or `undefined`;
 * a field of the wrong type is Failure IMAGE_INVALID naming the document and the path of the field.
 */
export class JsonObject {
  readonly #fields: ReadonlyMap<string, JsonValue>;
  readonly #document: string;
  readonly #path: string;

  /** `document` names the whole in messages, `path` this object in it; '' is the document itself. */
  constructor(value: JsonValue, document: string, path = '') {
    this.#document = document;
    this.#path = path;
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw this.#wrong(path, 'an object');
    // A map, since names like `__proto__` are data here.
    this.#fields = new Map(Object.entries(value as Record<string, JsonValue>));
  }

  /** Failure IMAGE_INVALID about a field of this object. */
  invalid(key: string, problem: string, hint?: string): Failure {
    return new Failure('IMAGE_INVALID', `${this.#document}: ${this.#pathOf(key)} ${problem}`, withoutAbsent({ hint }));
  }

  has(key: string): boolean {
    return (this.#fields.get(key) ?? null) !== null;
  }

  entries(): Iterable<[string, JsonValue]> {
    return this.#fields;
  }

  text(key: string): string | undefined {
    const value = this.#fields.get(key) ?? undefined;
    if (value !== undefined && typeof value !== 'string') throw this.#wrong(this.#pathOf(key), 'a text');
    return value === '' ? undefined : value;
  }

  requiredText(key: string): string {
    const value = this.text(key);
    if (value === undefined) throw this.invalid(key, 'is missing');
    return value;
  }

  digest(key: string): Digest {
    return this.#digest(this.requiredText(key), this.#pathOf(key));
  }

  digests(key: string): Digest[] {
    return this.texts(key).map((text, i) => this.#digest(text, `${this.#pathOf(key)}[${i}]`));
  }

  flag(key: string): boolean {
    const value = this.#fields.get(key) ?? false;
    if (typeof value !== 'boolean') throw this.#wrong(this.#pathOf(key), 'true or false');
    return value;
  }

  /** A whole number from 0 up; there is no default. */
  count(key: string): number {
    const value = this.#fields.get(key);
    if (!Number.isSafeInteger(value) || (value as number) < 0) throw this.#wrong(this.#pathOf(key), 'a whole number');
    return value as number;
  }

  object(key: string): JsonObject | undefined {
    const value = this.#fields.get(key) ?? undefined;
    return value === undefined ? undefined : new JsonObject(value, this.#document, this.#pathOf(key));
  }

  requiredObject(key: string): JsonObject {
    const value = this.object(key);
    if (value === undefined) throw this.invalid(key, 'is missing');
    return value;
  }

  objects(key: string): JsonObject[] {
    return this.#list(key).map((value, i) => new JsonObject(value, this.#document, `${this.#pathOf(key)}[${i}]`));
  }

  texts(key: string): string[] {
    return this.#list(key).map((value, i) => {
      if (typeof value !== 'string') throw this.#wrong(`${this.#pathOf(key)}[${i}]`, 'a text');
      return value;
    });
  }

  textMap(key: string): TextMap {
    const object = this.object(key);
    if (object === undefined) return {};
    return Object.fromEntries(
      Array.from(object.entries(), ([name, value]) => {
        if (typeof value !== 'string') throw object.#wrong(object.#pathOf(name), 'a text');
        return [name, value];
      }),
    );
  }

  #list(key: string): readonly JsonValue[] {
    const value = this.#fields.get(key) ?? [];
    if (!Array.isArray(value)) throw this.#wrong(this.#pathOf(key), 'a list');
    return value;
  }

  #digest(text: string, path: string): Digest {
    if (!isDigest(text)) throw this.#wrong(path, 'a sha256 digest');
    return text;
  }

  #pathOf(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }

  #wrong(path: string, expected: string): Failure {
    return new Failure('IMAGE_INVALID', `${this.#document}${path && `: ${path}`} is not ${expected}`);
  }
}

/** The document as an object. `document` names it in messages: `image manifest sha256:...`. */
export function parseJsonObject(bytes: Uint8Array, document: string, mostBytes: number): JsonObject {
  if (bytes.length > mostBytes) {
    throw new Failure('IMAGE_INVALID', `${document} has ${bytes.length} bytes; we read at most ${mostBytes}`);
  }
  let value: JsonValue;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) as JsonValue;
  } catch (cause) {
    throw new Failure('IMAGE_INVALID', `${document} is not JSON text in UTF-8`, { cause });
  }
  return new JsonObject(value, document);
}

/** A field's key and its value as JSON text; `undefined` leaves the field out. */
export type PrintedField = readonly [key: string, json: string | undefined];

export function printFields(fields: readonly PrintedField[]): string {
  const present = fields.filter(([, json]) => json !== undefined);
  return `{${present.map(([key, json]) => `${printJson(key)}:${json}`).join(',')}}`;
}

/** The texts of a list in brackets, or undefined for an empty list. */
export function printList(items: readonly string[]): string | undefined {
  return items.length === 0 ? undefined : `[${items.join(',')}]`;
}

/** Keys in byte order; undefined for an empty map. */
export function printTextMap(map: TextMap): string | undefined {
  const entries = Object.entries(map).sort(([a], [b]) => compareBytes(a, b));
  return entries.length === 0 ? undefined : printFields(entries.map(([key, value]) => [key, printJson(value)]));
}

/** The value as JSON, or undefined where it is absent, false, '' or an empty list. */
export function printPresent(value: string | boolean | readonly string[] | undefined): string | undefined {
  if (value === undefined || value === false || (typeof value !== 'boolean' && value.length === 0)) return undefined;
  return printJson(value);
}

type WithoutAbsent<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** A copy without the fields that are undefined. */
export function withoutAbsent<T extends object>(value: T): WithoutAbsent<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as WithoutAbsent<T>;
}
