// Shapes: what a YAML file may hold, said once. The parser's checks (shape-check.ts), the typed value (shape-value.ts), the
// include merge (include-merge.ts) and the JSON Schema for editors (json-schema.ts) all come from the same shape.
// Our own small vocabulary and not a schema library: a check must see how a scalar was written ("0755" in quotes is not a
// number), report every mistake with its place, and the library would cost 458 KB.

/** How a field of an included file meets the same field of the including one (image-config.md 1), where not by its kind. */
type IncludeRule = 'whole' | 'never';

interface Described {
  /** For people: the hover text in editors and the table in the docs. */
  readonly doc: string;
  readonly include?: IncludeRule;
  /** Only we understand it: `--strict-apko` refuses it. */
  readonly ours?: true;
}

export interface TextShape extends Described {
  readonly kind: 'text';
  /** Must be there and not be empty. */
  readonly required?: boolean;
  /** Absent is something else than empty. */
  readonly optional?: boolean;
  readonly values?: readonly string[];
  /** What one of the values is called: `architecture`. */
  readonly noun?: string;
  /** The document that lists the values, where they are too many for a sentence. */
  readonly listedIn?: string;
  /** The values are checked by whoever builds, not when the file is read: locking a wrong one is harmless. */
  readonly checkedLater?: boolean;
  /** In the common subset of JavaScript and JSON Schema expressions; an empty text always passes. */
  readonly pattern?: RegExp;
  /** What the pattern asks for, after "must be": `a name without colons`. */
  readonly patternMeaning?: string;
  /** Texts that people try and what to do instead. */
  readonly advice?: Readonly<Record<string, string>>;
  readonly examples?: readonly string[];
}

export interface NumberShape extends Described {
  readonly kind: 'number';
  readonly required?: boolean;
  /** Absent is something else than 0. */
  readonly optional?: boolean;
  readonly minimum: number;
  readonly maximum: number;
  /** Shown where a number is too small. */
  readonly minimumHint?: string;
}

interface BooleanShape extends Described {
  readonly kind: 'boolean';
}

export interface ListShape<Item extends Shape = Shape> extends Described {
  readonly kind: 'list';
  readonly of: Item;
}

/** Keys chosen by the user, texts as values. */
export interface TextMapShape extends Described {
  readonly kind: 'text-map';
  readonly keyPattern?: RegExp;
  readonly keyMeaning?: string;
}

export interface RecordShape<Fields extends ShapeFields = ShapeFields> extends Described {
  readonly kind: 'record';
  readonly fields: Fields;
  /** Absent is something else than empty. */
  readonly optional?: boolean;
}

/** One text or a list of them. */
interface TextsShape extends Described {
  readonly kind: 'texts';
}

/** Keys chosen by the user, records as values. Read by whoever knows what they overlay, not by `shapeValue`. */
export interface RecordMapShape<Item extends RecordShape = RecordShape> extends Described {
  readonly kind: 'record-map';
  readonly of: Item;
  readonly keyPattern: RegExp;
  readonly keyMeaning: string;
}

export type Shape =
  | TextShape
  | NumberShape
  | BooleanShape
  | ListShape
  | TextMapShape
  | RecordShape
  | TextsShape
  | RecordMapShape;
export type ShapeFields = { readonly [key: string]: Shape };

/** The plain value of a shape: '' / 0 / false / [] / {} where the file says nothing, undefined for `optional` shapes; a record-map: its keys. */
export type ShapeValue<S> = S extends TextShape
  ? S extends { readonly optional: true }
    ? string | undefined
    : string
  : S extends NumberShape
    ? S extends { readonly optional: true }
      ? number | undefined
      : number
    : S extends BooleanShape
      ? boolean
      : S extends ListShape<infer Item>
        ? readonly ShapeValue<Item>[]
        : S extends TextMapShape
          ? Readonly<Record<string, string>>
          : S extends RecordShape<infer Fields>
            ? S extends { readonly optional: true }
              ? RecordValue<Fields> | undefined
              : RecordValue<Fields>
            : S extends TextsShape
              ? readonly string[]
              : S extends RecordMapShape
                ? readonly string[]
                : never;

type RecordValue<Fields> = { readonly [Key in keyof Fields]: ShapeValue<Fields[Key]> };

/** What a value of this kind is called in a sentence. */
export function kindInWords(shape: Shape): string {
  switch (shape.kind) {
    case 'text':
      return 'a text';
    case 'number':
      return 'a whole number';
    case 'boolean':
      return 'true or false';
    case 'list':
      return 'a list';
    case 'texts':
      return 'a text or a list of texts';
    case 'text-map':
    case 'record':
    case 'record-map':
      return 'a map';
  }
}
