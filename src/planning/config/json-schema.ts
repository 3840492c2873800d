// The JSON Schema (draft-07, which editors' YAML servers know best) of a shape. It accepts what the parser accepts, seen
// through YAML 1.2's own types: an unquoted 1 may stand where a text is wanted, and nothing at all wherever it is allowed.

import { FALSE_WORDS, TRUE_WORDS } from './scalar.ts';
import type { Shape, TextShape } from './shape.ts';

type JsonSchema = { readonly [keyword: string]: unknown };

/** The text of the schema file. `title` names what it describes. */
export function printJsonSchema(shape: Shape, title: string): string {
  const schema: JsonSchema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    ...schemaOf(shape),
    // Nothing but a map makes a file.
    type: 'object',
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** `isNeeded`: a value must be there, so that null is none. */
function schemaOf(shape: Shape, isNeeded = false): JsonSchema {
  const described = shape.doc === '' ? {} : { description: shape.doc };
  switch (shape.kind) {
    case 'text':
      return { ...described, ...textSchema(shape, isNeeded) };
    case 'number':
      return {
        ...described,
        type: isNeeded ? 'integer' : ['integer', 'null'],
        minimum: shape.minimum,
        maximum: shape.maximum,
      };
    case 'boolean':
      return { ...described, enum: [true, false, ...TRUE_WORDS, ...FALSE_WORDS, null] };
    case 'list':
      return { ...described, type: ['array', 'null'], items: schemaOf(shape.of) };
    case 'text-map':
      return {
        ...described,
        type: ['object', 'null'],
        ...(shape.keyPattern !== undefined && { propertyNames: { pattern: shape.keyPattern.source } }),
        additionalProperties: { type: ['string', 'number', 'boolean', 'null'] },
      };
    case 'texts': {
      const one = { type: ['string', 'number', 'boolean', 'null'] };
      return { ...described, anyOf: [one, { type: 'array', items: one }] };
    }
    case 'record-map':
      return {
        ...described,
        type: ['object', 'null'],
        propertyNames: { pattern: shape.keyPattern.source },
        additionalProperties: schemaOf(shape.of),
      };
    case 'record': {
      const fields = Object.entries(shape.fields);
      const needed = fields.filter(([, field]) => isRequired(field)).map(([key]) => key);
      return {
        ...described,
        type: ['object', 'null'],
        properties: Object.fromEntries(fields.map(([key, field]) => [key, schemaOf(field, isRequired(field))])),
        ...(needed.length > 0 && { required: needed }),
        additionalProperties: false,
      };
    }
  }
}

function isRequired(shape: Shape): boolean {
  return 'required' in shape && shape.required === true;
}

function textSchema(shape: TextShape, isNeeded: boolean): JsonSchema {
  const isEmptyAllowed = shape.required !== true;
  if (shape.values !== undefined) {
    // Architecture 386 is a number for YAML; the parser takes its text.
    const numbers = shape.values.filter((value) => /^[1-9][0-9]*$/.test(value)).map(Number);
    return { enum: [...shape.values, ...numbers, ...(isEmptyAllowed ? [''] : []), ...(isNeeded ? [] : [null])] };
  }
  // An empty text passes the parser's patterns unless the text is required.
  const pattern = shape.pattern && (isEmptyAllowed ? `^$|${shape.pattern.source}` : shape.pattern.source);
  return {
    type: ['string', 'number', 'boolean', ...(isNeeded ? [] : ['null'])],
    ...(!isEmptyAllowed && { minLength: 1 }),
    ...(pattern !== undefined && { pattern }),
    ...(shape.examples !== undefined && { examples: shape.examples }),
  };
}
